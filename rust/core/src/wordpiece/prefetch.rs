//! A hint to the processor that memory will be read soon.
#![allow(
    unsafe_code,
    reason = "the hint is an intrinsic; it never faults, whatever the address"
)]

/// Loads the cache line of `target`, where the machine can.
#[inline(always)]
pub(super) fn read<T>(target: &T) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the address is that of a reference; SSE is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(target).cast()) }
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = target;
}
