//! What tokenization returns: flat columns and row splits.

use crate::memory;
use crate::parallel::{in_pool, threads};
use crate::wordpiece::{Piece, Template};
use rayon::prelude::*;
use std::ops::Range;
use std::sync::Arc;

/// Where the tokens of rows come from: the same for all rows of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The templates, of which one applies.
    pub template: Arc<Template>,
    /// Whether rows are pairs.
    pub is_pair: bool,
    /// Whether the template's special tokens are there.
    pub add_special_tokens: bool,
}

/// A batch of token rows as flat columns: no padding, no object per token.
///
/// Rows are the samples of the batch or, where windows were asked for, all windows of each sample
/// in turn. Offsets are half-open positions in *characters* of the sample's original text (of the
/// word where the input was split into words).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encodings {
    /// Token ids, `(tokens,)`.
    pub ids: Vec<i32>,
    /// Start and end of each token, `(tokens, 2)`; empty where nothing was aligned.
    pub offsets: Vec<[i32; 2]>,
    /// Word of each token, -1 for added special tokens, `(tokens,)`; empty where nothing was aligned.
    pub word_ids: Vec<i32>,
    /// First token of each row, and the number of tokens, `(rows + 1,)`.
    pub row_splits: Vec<i64>,
    /// Sample of each row, `(rows,)`.
    pub sample_ids: Vec<i64>,
    /// What is left to know for the other columns, which are made when they are asked for.
    pub sequences: Sequences,
}

/// How many tokens of a text and of its pair are in each row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    layout: Layout,
    /// `(rows,)`; the highest bit tells that the window is not the sequence's first.
    lengths: Vec<[u32; 2]>,
}

const LATER_WINDOW: u32 = 1 << 31;

impl Encodings {
    /// Without rows.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            ids: Vec::new(),
            offsets: Vec::new(),
            word_ids: Vec::new(),
            row_splits: vec![0],
            sample_ids: Vec::new(),
            sequences: Sequences {
                layout,
                lengths: Vec::new(),
            },
        }
    }

    /// Without rows, but with room for the columns of `tokens`.
    pub(crate) fn with_capacity(layout: Layout, tokens: usize, align: bool) -> Self {
        let mut encodings = Self::new(layout);
        encodings.ids = memory::with_capacity(tokens);
        if align {
            encodings.offsets = memory::with_capacity(tokens);
            encodings.word_ids = memory::with_capacity(tokens);
        }
        encodings
    }

    /// Ends a row before token `end`; of each sequence, its tokens in the row and whether the window is a later one.
    pub(crate) fn end_row(&mut self, sample: usize, end: usize, sequences: [(usize, bool); 2]) {
        self.row_splits.push(end as i64);
        self.sample_ids.push(sample as i64);
        self.sequences.lengths.push(
            sequences
                .map(|(tokens, is_later)| tokens as u32 | if is_later { LATER_WINDOW } else { 0 }),
        );
    }

    /// Joins batches, column by column on all cores; O(tokens).
    pub(crate) fn concat(mut parts: Vec<Self>, layout: Layout) -> Self {
        let mut joined = Self::new(layout);
        joined.ids = concat(&mut parts, |part| &mut part.ids);
        joined.offsets = concat(&mut parts, |part| &mut part.offsets);
        joined.word_ids = concat(&mut parts, |part| &mut part.word_ids);
        joined.sample_ids = concat(&mut parts, |part| &mut part.sample_ids);
        joined.sequences.lengths = concat(&mut parts, |part| &mut part.sequences.lengths);
        joined.row_splits.reserve(joined.sample_ids.len());
        let mut first = 0;
        for part in &parts {
            joined
                .row_splits
                .extend(part.row_splits[1..].iter().map(|end| first + end));
            first += part.row_splits.last().copied().unwrap_or(0);
        }
        joined
    }
}

/// One column of all parts; what it was made of is freed.
fn concat<T: Copy + Default + Send>(
    parts: &mut [Encodings],
    column: impl Fn(&mut Encodings) -> &mut Vec<T>,
) -> Vec<T> {
    let columns: Vec<Vec<T>> = parts
        .iter_mut()
        .map(|part| std::mem::take(column(part)))
        .collect();
    let length = columns.iter().map(Vec::len).sum();
    let mut joined = memory::with_capacity(length);
    joined.resize(length, T::default());
    let mut rest = joined.as_mut_slice();
    let mut targets = Vec::with_capacity(columns.len());
    for column in columns {
        let (target, behind) = rest.split_at_mut(column.len());
        targets.push((target, column));
        rest = behind;
    }
    targets
        .into_par_iter()
        .for_each(|(target, column)| target.copy_from_slice(&column));
    joined
}

impl Sequences {
    /// Type of each token, `(tokens,)`.
    #[must_use]
    pub fn type_ids(&self) -> Vec<i32> {
        self.column(|piece, is_later| match *piece {
            Piece::Special { type_id, .. } => type_id as i32,
            // Only a sequence's first window takes the template's type in the reference.
            Piece::Sequence { index, .. } if is_later => index as i32,
            Piece::Sequence { type_id, .. } => type_id as i32,
        })
    }

    /// 0 for the text, 1 for its pair, -1 for special tokens that were added, `(tokens,)`.
    #[must_use]
    pub fn sequence_ids(&self) -> Vec<i32> {
        self.column(|piece, _| match *piece {
            Piece::Special { .. } => -1,
            Piece::Sequence { index, .. } => index as i32,
        })
    }

    /// Whether the type of all tokens is 0.
    #[must_use]
    pub fn all_types_are_zero(&self) -> bool {
        !self.layout.is_pair
            && self.pieces().iter().all(|piece| match *piece {
                Piece::Special { type_id, .. } => type_id == 0,
                Piece::Sequence { index, type_id } => index == 0 && type_id == 0,
            })
    }

    fn pieces(&self) -> &[Piece] {
        self.layout.template.pieces(self.layout.is_pair)
    }

    /// A column whose value is the same for all tokens of a piece of the template; of sequences, whether it is a
    /// later window is told.
    fn column(&self, value: impl Fn(&Piece, bool) -> i32) -> Vec<i32> {
        let special = if self.layout.add_special_tokens {
            self.layout.template.special_tokens(self.layout.is_pair)
        } else {
            0
        };
        let tokens = self.lengths.iter().flatten();
        let tokens: usize = tokens
            .map(|&length| (length & !LATER_WINDOW) as usize)
            .sum();
        let mut column = memory::with_capacity(tokens + special * self.lengths.len());
        for lengths in &self.lengths {
            for piece in self.pieces() {
                let (tokens, is_later) = match *piece {
                    Piece::Special { .. } => (u32::from(self.layout.add_special_tokens), false),
                    Piece::Sequence { index, .. } => {
                        let length = lengths[index.min(1)];
                        (length & !LATER_WINDOW, length & LATER_WINDOW != 0)
                    }
                };
                column.resize(column.len() + tokens as usize, value(piece, is_later));
            }
        }
        column
    }
}

/// Side of a row on which padding goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaddingSide {
    /// Before the tokens.
    Left,
    /// Behind the tokens.
    Right,
}

/// Below this many elements one thread is as quick as several: starting them costs about 10 us.
const PARALLEL_ELEMENTS: usize = 1 << 18;

/// Copies ragged rows into a matrix of `width` columns, which holds zeros: `rows * width` elements, row by row, padded
/// with `fill`. Rows are never cut.
///
/// `false`, and the matrix in no certain state, where `row_splits` do not describe `values` or the matrix.
#[must_use]
pub fn pad(
    values: &[i32],
    row_splits: &[i64],
    width: usize,
    fill: i64,
    side: PaddingSide,
    matrix: &mut [i64],
) -> bool {
    write_rows(row_splits, width, side, matrix, |row, target, padding| {
        let Some(values) = values.get(row) else {
            return false;
        };
        for (target, &value) in target.iter_mut().zip(values) {
            *target = i64::from(value);
        }
        // Memory that stays zero is not even touched.
        if fill != 0 {
            padding.fill(fill);
        }
        true
    })
}

/// The attention mask of ragged rows as a matrix of `width` columns, which holds zeros: 1 for tokens, 0 for padding.
///
/// `false`, and the matrix in no certain state, where `row_splits` do not describe the matrix.
#[must_use]
pub fn attention_mask(
    row_splits: &[i64],
    width: usize,
    side: PaddingSide,
    matrix: &mut [i64],
) -> bool {
    write_rows(row_splits, width, side, matrix, |_, target, _| {
        target.fill(1);
        true
    })
}

/// Calls `write` with each row, its place in the matrix and the padding beside it, until it says `false`.
fn write_rows(
    row_splits: &[i64],
    width: usize,
    side: PaddingSide,
    matrix: &mut [i64],
    write: impl Fn(Range<usize>, &mut [i64], &mut [i64]) -> bool + Sync,
) -> bool {
    let rows = row_splits.len().saturating_sub(1);
    if matrix.len() != rows * width {
        return false;
    }
    let write_row = |(target, ends): (&mut [i64], &[i64])| {
        let (Ok(start), Ok(end)) = (usize::try_from(ends[0]), usize::try_from(ends[1])) else {
            return false;
        };
        let Some(length) = end.checked_sub(start).filter(|&length| length <= width) else {
            return false;
        };
        match side {
            PaddingSide::Right => {
                let (target, padding) = target.split_at_mut(length);
                write(start..end, target, padding)
            }
            PaddingSide::Left => {
                let (padding, target) = target.split_at_mut(width - length);
                write(start..end, target, padding)
            }
        }
    };
    if width == 0 {
        return row_splits.windows(2).all(|ends| write_row((&mut [], ends)));
    }
    if matrix.len() < PARALLEL_ELEMENTS || threads() == 1 {
        matrix
            .chunks_mut(width)
            .zip(row_splits.windows(2))
            .all(write_row)
    } else {
        in_pool(|| {
            matrix
                .par_chunks_mut(width)
                .zip(row_splits.par_windows(2))
                .all(write_row)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn padded(
        values: &[i32],
        splits: &[i64],
        width: usize,
        fill: i64,
        side: PaddingSide,
    ) -> Option<Vec<i64>> {
        let mut matrix = vec![0; (splits.len() - 1) * width];
        pad(values, splits, width, fill, side, &mut matrix).then_some(matrix)
    }

    #[test]
    fn padding_goes_to_either_side() {
        let splits = [0, 1, 3];
        assert_eq!(
            padded(&[7, 8, 9], &splits, 2, 0, PaddingSide::Right),
            Some(vec![7, 0, 8, 9])
        );
        assert_eq!(
            padded(&[7, 8, 9], &splits, 2, 5, PaddingSide::Left),
            Some(vec![5, 7, 8, 9])
        );
        let mut mask = vec![0; 6];
        assert!(attention_mask(&splits, 3, PaddingSide::Left, &mut mask));
        assert_eq!(mask, [0, 0, 1, 0, 1, 1]);
    }

    #[test]
    fn large_matrices_are_written_by_all_threads() {
        let rows = 600;
        let splits: Vec<i64> = (0..=rows).map(|row| row * (row + 1) / 2).collect();
        let values = vec![3; splits[rows as usize] as usize];
        let expected: Vec<i64> = (1..=rows)
            .flat_map(|length| (0..rows).map(move |place| if place < length { 3 } else { 9 }))
            .collect();
        let width = rows as usize;
        assert_eq!(
            padded(&values, &splits, width, 9, PaddingSide::Right),
            Some(expected)
        );
    }

    #[test]
    fn a_row_longer_than_the_width_is_not_cut() {
        assert_eq!(
            padded(&[7, 8, 9], &[0, 1, 3], 1, 0, PaddingSide::Right),
            None
        );
        assert_eq!(padded(&[7], &[0, 1], 0, 0, PaddingSide::Right), None);
    }

    #[test]
    fn row_splits_that_do_not_fit_the_values_are_refused() {
        assert_eq!(padded(&[7], &[0, 3], 3, 0, PaddingSide::Right), None);
        assert_eq!(padded(&[7], &[-1, 1], 3, 0, PaddingSide::Right), None);
        assert_eq!(padded(&[7], &[1, 0], 3, 0, PaddingSide::Right), None);
    }

    #[test]
    fn a_matrix_of_another_size_is_refused() {
        assert!(!attention_mask(&[0, 1], 2, PaddingSide::Left, &mut [0; 3]));
    }
}
