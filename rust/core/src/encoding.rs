//! What tokenization returns: flat columns and row splits.

use crate::parallel::in_pool;
use rayon::prelude::*;
use std::ops::Range;

/// A batch of token rows as flat columns: no padding, no object per token.
///
/// Rows are the samples of the batch or, where windows were asked for, all windows of each sample
/// in turn. Offsets are half-open positions in *characters* of the sample's original text (of the
/// word where the input was split into words).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Encodings {
    /// Token ids, `(tokens,)`.
    pub ids: Vec<i32>,
    /// Token type ids, `(tokens,)`.
    pub type_ids: Vec<i32>,
    /// 0 for the text, 1 for its pair, -1 for special tokens that were added, `(tokens,)`.
    pub sequence_ids: Vec<i32>,
    /// Start and end of each token, `(tokens, 2)`; empty where nothing was aligned.
    pub offsets: Vec<[i32; 2]>,
    /// Word of each token, -1 for added special tokens, `(tokens,)`; empty where nothing was aligned.
    pub word_ids: Vec<i32>,
    /// First token of each row, and the number of tokens, `(rows + 1,)`.
    pub row_splits: Vec<i64>,
    /// Sample of each row, `(rows,)`.
    pub sample_ids: Vec<i64>,
}

impl Encodings {
    /// Without rows.
    #[must_use]
    pub fn new() -> Self {
        Self {
            row_splits: vec![0],
            ..Self::default()
        }
    }

    /// Ends a row.
    pub(crate) fn end_row(&mut self, sample: usize) {
        self.row_splits.push(self.ids.len() as i64);
        self.sample_ids.push(sample as i64);
    }

    /// Joins batches; O(tokens).
    pub(crate) fn concat(parts: Vec<Self>) -> Self {
        if parts.len() == 1 {
            return parts.into_iter().next().unwrap_or_default();
        }
        let mut joined = Self::new();
        joined.ids = concat(&parts, |part| &part.ids);
        joined.type_ids = concat(&parts, |part| &part.type_ids);
        joined.sequence_ids = concat(&parts, |part| &part.sequence_ids);
        joined.offsets = concat(&parts, |part| &part.offsets);
        joined.word_ids = concat(&parts, |part| &part.word_ids);
        joined.sample_ids = concat(&parts, |part| &part.sample_ids);
        joined.row_splits.reserve(joined.sample_ids.len());
        let mut first = 0;
        for part in &parts {
            joined
                .row_splits
                .extend(part.row_splits[1..].iter().map(|end| first + end));
            first += part.ids.len() as i64;
        }
        joined
    }
}

fn concat<T: Copy>(parts: &[Encodings], column: impl Fn(&Encodings) -> &Vec<T>) -> Vec<T> {
    let mut joined = Vec::with_capacity(parts.iter().map(|part| column(part).len()).sum());
    for part in parts {
        joined.extend_from_slice(column(part));
    }
    joined
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
const PARALLEL_ELEMENTS: usize = 1 << 15;

/// Copies ragged rows into a matrix of `width` columns, padded with `fill`: `rows * width` elements,
/// row by row. Rows are never cut.
///
/// `None` where `row_splits` do not describe `values` or a row is longer than `width`.
#[must_use]
pub fn pad(
    values: &[i32],
    row_splits: &[i64],
    width: usize,
    fill: i64,
    side: PaddingSide,
) -> Option<Vec<i64>> {
    let rows = row_ranges(row_splits, width)?;
    if rows.last().is_some_and(|row| row.end > values.len()) {
        return None;
    }
    Some(matrix(&rows, width, fill, side, |row, target| {
        for (target, &value) in target.iter_mut().zip(&values[row]) {
            *target = i64::from(value);
        }
    }))
}

/// The attention mask of ragged rows in a matrix of `width` columns: 1 for tokens, 0 for padding.
///
/// `None` where `row_splits` decrease or a row is longer than `width`.
#[must_use]
pub fn attention_mask(row_splits: &[i64], width: usize, side: PaddingSide) -> Option<Vec<i64>> {
    let rows = row_ranges(row_splits, width)?;
    Some(matrix(&rows, width, 0, side, |_, target| target.fill(1)))
}

/// Rows as ranges, if they are in order and at most `width` long.
fn row_ranges(row_splits: &[i64], width: usize) -> Option<Vec<Range<usize>>> {
    row_splits
        .windows(2)
        .map(|ends| {
            let row = usize::try_from(ends[0]).ok()?..usize::try_from(ends[1]).ok()?;
            (row.start <= row.end && row.len() <= width).then_some(row)
        })
        .collect()
}

fn matrix(
    rows: &[Range<usize>],
    width: usize,
    fill: i64,
    side: PaddingSide,
    write: impl Fn(Range<usize>, &mut [i64]) + Sync,
) -> Vec<i64> {
    let mut matrix = vec![fill; rows.len() * width];
    if width == 0 {
        return matrix;
    }
    let write_row = |(target, row): (&mut [i64], &Range<usize>)| match side {
        PaddingSide::Right => write(row.clone(), &mut target[..row.len()]),
        PaddingSide::Left => write(row.clone(), &mut target[width - row.len()..]),
    };
    if matrix.len() < PARALLEL_ELEMENTS {
        matrix.chunks_mut(width).zip(rows).for_each(write_row);
    } else {
        in_pool(|| matrix.par_chunks_mut(width).zip(rows).for_each(write_row));
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_goes_to_either_side() {
        let splits = [0, 1, 3];
        assert_eq!(
            pad(&[7, 8, 9], &splits, 2, 0, PaddingSide::Right),
            Some(vec![7, 0, 8, 9])
        );
        assert_eq!(
            pad(&[7, 8, 9], &splits, 2, 5, PaddingSide::Left),
            Some(vec![5, 7, 8, 9])
        );
        assert_eq!(
            attention_mask(&splits, 3, PaddingSide::Left),
            Some(vec![0, 0, 1, 0, 1, 1])
        );
    }

    #[test]
    fn a_row_longer_than_the_width_is_not_cut() {
        assert_eq!(pad(&[7, 8, 9], &[0, 1, 3], 1, 0, PaddingSide::Right), None);
    }

    #[test]
    fn row_splits_that_do_not_fit_the_values_are_refused() {
        assert_eq!(pad(&[7], &[0, 3], 3, 0, PaddingSide::Right), None);
        assert_eq!(pad(&[7], &[-1, 1], 3, 0, PaddingSide::Right), None);
    }
}
