//! A vector that takes a few elements of a block at a time.
#![allow(
    unsafe_code,
    reason = "what is written behind the elements is no element yet"
)]

use crate::memory;
use std::ptr::NonNull;

/// Elements that are appended and not changed.
#[derive(Debug)]
pub(super) struct Column<T>(Vec<T>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy> Column<T> {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(memory::with_capacity(capacity))
    }

    #[inline]
    pub(super) fn as_slice(&self) -> &[T] {
        &self.0
    }

    pub(super) fn into_vec(self) -> Vec<T> {
        self.0
    }

    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    #[inline]
    pub(super) fn push(&mut self, element: T) {
        self.0.push(element);
    }

    /// Appends all: the room for them is asked for once.
    #[inline]
    pub(super) fn extend(&mut self, elements: impl ExactSizeIterator<Item = T>) {
        self.0.extend(elements);
    }

    /// Makes room for `room` elements, to be written behind those that are there.
    #[inline]
    pub(super) fn blocks(&mut self, room: usize) -> Blocks<'_, T> {
        self.0.reserve(room);
        let spare = self.0.spare_capacity_mut();
        Blocks {
            first: NonNull::from(&mut *spare).cast(),
            room: spare.len(),
            written: 0,
            column: &mut self.0,
        }
    }
}

/// The room behind the elements of a [`Column`], to be kept in the registers of a loop.
#[derive(Debug)]
pub(super) struct Blocks<'c, T> {
    /// Where the spare capacity of the column begins: for `room` elements, of which `written` are.
    first: NonNull<T>,
    room: usize,
    written: usize,
    column: &'c mut Vec<T>,
}

impl<T: Copy> Blocks<'_, T> {
    /// Appends the first `count` elements of a block for which there is room.
    ///
    /// The whole block is written, and what is too much is written over by the next: a copy of a fixed size costs less
    /// than one of so many elements as are wanted.
    ///
    /// # Panics
    /// Without room for the whole block, and where it has fewer than `count` elements.
    #[inline(always)]
    pub(super) fn push_first<const N: usize>(&mut self, block: [T; N], count: usize) {
        assert!(
            count <= N && N <= self.room - self.written,
            "there is no room for a block"
        );
        // SAFETY: `written + N` is at most `room`, for which there is memory that is this column's alone.
        unsafe { self.first.add(self.written).cast().write(block) };
        self.written += count;
    }

    /// Makes what was appended part of the column.
    #[inline]
    pub(super) fn keep(self) {
        let length = self.column.len() + self.written;
        // SAFETY: the `written` elements behind the column's length have been written, and are within its capacity.
        unsafe { self.column.set_len(length) };
    }
}

/// The room behind the elements of three columns of the same length, which are written in step: one count, one check.
#[derive(Debug)]
pub(super) struct ThreeBlocks<'c, T, U, V> {
    /// As in [`Blocks`]; there is room for `room` elements in each.
    firsts: (NonNull<T>, NonNull<U>, NonNull<V>),
    room: usize,
    written: usize,
    columns: (&'c mut Vec<T>, &'c mut Vec<U>, &'c mut Vec<V>),
}

impl<'c, T: Copy, U: Copy, V: Copy> ThreeBlocks<'c, T, U, V> {
    /// Makes room for `room` elements behind those of each column.
    #[inline]
    pub(super) fn new(
        first: &'c mut Column<T>,
        second: &'c mut Column<U>,
        third: &'c mut Column<V>,
        room: usize,
    ) -> Self {
        let (first, second, third) = (first.blocks(room), second.blocks(room), third.blocks(room));
        Self {
            firsts: (first.first, second.first, third.first),
            room: first.room.min(second.room).min(third.room),
            written: 0,
            columns: (first.column, second.column, third.column),
        }
    }

    /// As [`Blocks::push_first`], to each.
    ///
    /// # Panics
    /// Without room for the whole blocks, and where they have fewer than `count` elements.
    #[inline(always)]
    pub(super) fn push_first<const N: usize>(
        &mut self,
        (first, second, third): ([T; N], [U; N], [V; N]),
        count: usize,
    ) {
        assert!(
            count <= N && N <= self.room - self.written,
            "there is no room for a block"
        );
        // SAFETY: as in `Blocks::push_first`, in each column.
        unsafe {
            self.firsts.0.add(self.written).cast().write(first);
            self.firsts.1.add(self.written).cast().write(second);
            self.firsts.2.add(self.written).cast().write(third);
        }
        self.written += count;
    }

    /// Makes what was appended part of the columns.
    #[inline]
    pub(super) fn keep(self) {
        let (first, second, third) = self.columns;
        // SAFETY: as in `Blocks::keep`, in each column.
        unsafe {
            first.set_len(first.len() + self.written);
            second.set_len(second.len() + self.written);
            third.set_len(third.len() + self.written);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_each_block_stays() {
        for capacity in [0, 1, 4, 5, 100] {
            let mut column = Column::with_capacity(capacity);
            let mut expected = Vec::new();
            for counts in [&[1, 4, 0, 2][..], &[], &[3, 1, 0], &[4, 4]] {
                let mut blocks = column.blocks(4 * counts.len());
                for (first, &count) in (0_u32..).step_by(10).zip(counts) {
                    let block = [first, first + 1, first + 2, first + 3];
                    blocks.push_first(block, count);
                    expected.extend_from_slice(&block[..count]);
                }
                blocks.keep();
                assert_eq!(column.as_slice(), expected);
            }
            column.push(7);
            column.truncate(3);
            assert_eq!(column.into_vec(), expected[..3]);
        }
    }

    #[test]
    fn three_columns_are_written_in_step() {
        let mut numbers = Column::with_capacity(1);
        let mut letters = Column::with_capacity(9);
        let mut pairs = Column::default();
        numbers.push(0_u32);
        letters.push('a');
        pairs.push([0_u8; 2]);
        let mut blocks = ThreeBlocks::new(&mut numbers, &mut letters, &mut pairs, 5);
        blocks.push_first(([1], ['b'], [[1; 2]]), 1);
        blocks.push_first(([2, 3, 4], ['c', 'd', 'e'], [[2; 2], [3; 2], [4; 2]]), 2);
        blocks.push_first(([5], ['f'], [[5; 2]]), 1);
        blocks.keep();
        assert_eq!(numbers.as_slice(), [0, 1, 2, 3, 5]);
        assert_eq!(letters.as_slice(), ['a', 'b', 'c', 'd', 'f']);
        assert_eq!(pairs.as_slice(), [[0; 2], [1; 2], [2; 2], [3; 2], [5; 2]]);
    }

    #[test]
    #[should_panic(expected = "no room")]
    fn there_must_be_room_in_all_columns() {
        let mut numbers = Column::<u32>::with_capacity(100);
        let (mut letters, mut pairs) = (Column::default(), Column::with_capacity(50));
        let mut blocks = ThreeBlocks::new(&mut numbers, &mut letters, &mut pairs, 1);
        (0..=blocks.room).for_each(|_| blocks.push_first(([1], ['a'], [2]), 1));
    }

    #[test]
    fn what_is_not_kept_is_not_there() {
        let mut column = Column::with_capacity(4);
        column.push(1);
        column.blocks(4).push_first([2, 3, 4, 5], 4);
        assert_eq!(column.as_slice(), [1]);
    }

    #[test]
    #[should_panic(expected = "no room")]
    fn there_must_be_room_for_the_whole_block() {
        let mut column = Column::default();
        let mut blocks = column.blocks(5);
        (0..=blocks.room).for_each(|_| blocks.push_first([1, 2, 3, 4], 1));
    }

    #[test]
    #[should_panic(expected = "no room")]
    fn a_block_does_not_have_more_than_its_elements() {
        Column::default().blocks(9).push_first([1, 2, 3, 4], 5);
    }
}
