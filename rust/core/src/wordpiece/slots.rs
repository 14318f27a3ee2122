//! Memory for tables that are read all over: in large pages, where the system has them.
//!
//! With small pages most look-ups would wait for the address translation, whose cache covers a few MB at best.
#![allow(
    unsafe_code,
    reason = "the system wants to be told before the memory is touched"
)]

use crate::memory::{LARGE_PAGE, ask_for_large_pages};
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ops::Deref;
use std::ptr::NonNull;

/// Smaller tables are not worth a page of their own.
const LARGE_TABLE: usize = 1 << 19;

/// A type of which all bytes may be zero, and which needs no drop.
///
/// # Safety
/// That is for who implements it to say.
pub(super) unsafe trait Zeroed {}

/// A slice in memory of its own.
#[derive(Debug)]
pub(super) struct Slots<T> {
    first: NonNull<T>,
    length: usize,
}

// SAFETY: it owns its elements, as a Box of a slice does.
unsafe impl<T: Send> Send for Slots<T> {}
// SAFETY: shared, it gives out shared references only.
unsafe impl<T: Sync> Sync for Slots<T> {}

impl<T: Zeroed> Slots<T> {
    /// Zeros. `length` is not 0, and T is no type of size 0.
    pub(super) fn zeroed(length: usize) -> Self {
        let slots = Self::allocated(length);
        // SAFETY: there is memory for so many elements.
        unsafe { slots.first.write_bytes(0, length) };
        slots
    }
}

impl<T: Copy> Slots<T> {
    /// The same elements. There is at least one, and T is no type of size 0.
    pub(super) fn copied(elements: &[T]) -> Self {
        let slots = Self::allocated(elements.len());
        let source = NonNull::from(elements).cast();
        // SAFETY: there is memory for so many elements, and it is not that of `elements`.
        unsafe { slots.first.copy_from_nonoverlapping(source, elements.len()) };
        slots
    }
}

impl<T> Slots<T> {
    /// Memory that is not initialized yet.
    fn allocated(length: usize) -> Self {
        let layout = Self::layout(length);
        assert!(layout.size() > 0, "a table has slots");
        // SAFETY: the size is not 0.
        let Some(first) = NonNull::new(unsafe { alloc(layout) }) else {
            handle_alloc_error(layout);
        };
        if layout.align() == LARGE_PAGE {
            ask_for_large_pages(first, layout.size());
        }
        Self {
            first: first.cast(),
            length,
        }
    }

    fn layout(length: usize) -> Layout {
        let size = length * size_of::<T>();
        let (size, align) = if size >= LARGE_TABLE {
            (size.next_multiple_of(LARGE_PAGE), LARGE_PAGE)
        } else {
            (size, align_of::<T>())
        };
        // Neither is near the end of the address space: tables have at most some MB.
        Layout::from_size_align(size, align).unwrap_or(Layout::new::<T>())
    }
}

impl<T> Deref for Slots<T> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        // SAFETY: there are `length` elements, initialized by `zeroed`, and they live as long as `self`.
        unsafe { std::slice::from_raw_parts(self.first.as_ptr(), self.length) }
    }
}

impl<T> Drop for Slots<T> {
    fn drop(&mut self) {
        // SAFETY: allocated by `zeroed` with this layout.
        unsafe { dealloc(self.first.as_ptr().cast(), Self::layout(self.length)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    // SAFETY: an atomic number of zero bytes is 0.
    unsafe impl Zeroed for AtomicU64 {}

    #[test]
    fn memory_is_zero_and_its_own() {
        let lengths = [1, 1000, LARGE_TABLE / 8, LARGE_PAGE / 4 + 3];
        // Miri takes a minute for the last.
        for &length in &lengths[..if cfg!(miri) { 3 } else { 4 }] {
            let slots = Slots::<AtomicU64>::zeroed(length);
            assert_eq!(slots.len(), length);
            assert!(slots.iter().all(|slot| slot.load(Ordering::Relaxed) == 0));
            slots[length - 1].store(7, Ordering::Relaxed);
            assert_eq!(slots[length - 1].load(Ordering::Relaxed), 7);
        }
    }

    #[test]
    fn elements_are_copied() {
        let bytes = if cfg!(miri) { LARGE_TABLE } else { LARGE_PAGE };
        let elements: Vec<u32> = (0..bytes as u32 / 3).collect();
        assert_eq!(*Slots::copied(&elements), elements);
        assert_eq!(*Slots::copied(&elements[..5]), elements[..5]);
    }
}
