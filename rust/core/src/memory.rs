//! Large pages: the system zeroes and maps 2 MB at a time instead of 4 KB.
#![allow(unsafe_code, reason = "advice to the system is a call of C")]

use std::ptr::NonNull;

/// The large page of x86-64, and the usual one of aarch64.
pub(crate) const LARGE_PAGE: usize = 1 << 21;

/// An empty vector with room for `capacity` elements, in large pages where that is worth it and the system has them.
///
/// Writing 50 MB of fresh memory took 10 ms so, and 30 ms with small pages.
pub(crate) fn with_capacity<T>(capacity: usize) -> Vec<T> {
    let mut elements = Vec::with_capacity(capacity);
    if let Some(first) = NonNull::new(elements.as_mut_ptr()) {
        ask_for_large_pages(first.cast(), capacity * size_of::<T>());
    }
    elements
}

/// Zeros, in large pages likewise; the system makes them where they are first written.
pub(crate) fn zeros(length: usize) -> Vec<i64> {
    let mut zeros = vec![0; length];
    if let Some(first) = NonNull::new(zeros.as_mut_ptr()) {
        ask_for_large_pages(first.cast(), length * size_of::<i64>());
    }
    zeros
}

/// A hint: where it is not followed, everything works with small pages.
#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) fn ask_for_large_pages(first: NonNull<u8>, bytes: usize) {
    const PAGE: usize = 1 << 12;
    if bytes < LARGE_PAGE {
        return;
    }
    let skipped = first.as_ptr().align_offset(PAGE).min(bytes);
    // SAFETY: the range starts at a page and ends inside of `bytes`; what is in it stays as it is.
    unsafe {
        let first = first.as_ptr().add(skipped);
        libc::madvise(
            first.cast(),
            (bytes - skipped) / PAGE * PAGE,
            libc::MADV_HUGEPAGE,
        );
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) fn ask_for_large_pages(_first: NonNull<u8>, _bytes: usize) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_grow_as_any() {
        // Miri takes a minute for a million elements.
        let large = if cfg!(miri) { 100 } else { LARGE_PAGE };
        for capacity in [0, 5, large, 3 * large + 5] {
            let mut elements = with_capacity(capacity);
            assert!(elements.capacity() >= capacity);
            elements.extend((0..capacity + 10).map(|number| number as u16));
            assert_eq!(elements.last(), Some(&((capacity + 9) as u16)));
        }
    }
}
