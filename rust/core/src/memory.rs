//! Large pages: the system zeroes and maps 2 MB at a time instead of 4 KB.
#![allow(
    unsafe_code,
    reason = "advice to the system is a call of C; memory that is not set to zero holds nothing yet"
)]

use std::marker::PhantomData;
use std::mem::MaybeUninit;
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

/// Elements that are written one part after the other, in large pages likewise: memory that the process has had before is
/// not set to zero first, which costs as much as writing it.
///
/// `write` takes what it gets apart, fills all parts, and proves it.
///
/// # Panics
///
/// Where a part was not filled.
pub(crate) fn filled<T: Copy, E>(
    length: usize,
    write: impl for<'a> FnOnce(Unwritten<'a, T>) -> Result<Filled<'a>, E>,
) -> Result<Vec<T>, E> {
    let mut elements = with_capacity(length);
    let spare = &mut elements.spare_capacity_mut()[..length];
    let filled = write(Unwritten(spare, PhantomData))?;
    assert_eq!(filled.0, length, "all elements are written");
    // SAFETY: parts do not overlap, each is given up when it is filled, and their lengths add up to `length`; parts of other
    // vectors have another lifetime.
    unsafe { elements.set_len(length) };
    Ok(elements)
}

/// The `'a` of one call of [`filled`], which no other one has.
type Brand<'a> = PhantomData<fn(&'a ()) -> &'a ()>;

/// Memory that holds nothing yet.
pub(crate) struct Unwritten<'a, T>(&'a mut [MaybeUninit<T>], Brand<'a>);

/// Proof that so many elements of a vector were filled.
pub(crate) struct Filled<'a>(usize, Brand<'a>);

impl<'a, T: Copy> Unwritten<'a, T> {
    /// Takes the first elements away, of at least as many.
    pub(crate) fn take(&mut self, number: usize) -> Self {
        let (first, others) = std::mem::take(&mut self.0).split_at_mut(number);
        self.0 = others;
        Self(first, PhantomData)
    }

    /// All elements, set to one value.
    pub(crate) fn fill(self, value: T) -> (&'a mut [T], Filled<'a>) {
        for element in &mut *self.0 {
            element.write(value);
        }
        let filled = Filled(self.0.len(), PhantomData);
        // SAFETY: all elements were just written.
        let elements = unsafe { &mut *(std::ptr::from_mut(self.0) as *mut [T]) };
        (elements, filled)
    }
}

impl Filled<'_> {
    /// Proof of nothing.
    pub(crate) fn none() -> Self {
        Self(0, PhantomData)
    }

    /// Adds proof of other elements.
    pub(crate) fn add(&mut self, other: Self) {
        self.0 += other.0;
    }
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

    #[test]
    fn parts_are_filled_in_their_places() {
        let made: Result<Vec<i64>, ()> = filled(5, |mut all| {
            let mut written = Filled::none();
            for (number, value) in [(2, 7), (0, 9), (3, 8)] {
                let (part, proof) = all.take(number).fill(value);
                part.iter_mut().skip(1).for_each(|element| *element += 1);
                written.add(proof);
            }
            Ok(written)
        });
        assert_eq!(made, Ok(vec![7, 8, 8, 9, 9]));
        assert_eq!(filled::<i64, _>(5, |_| Err("stopped")), Err("stopped"));
    }

    #[test]
    #[should_panic(expected = "all elements are written")]
    fn a_part_that_is_left_out_is_seen() {
        let _: Result<Vec<i64>, ()> = filled(3, |mut all| Ok(all.take(2).fill(0).1));
    }
}
