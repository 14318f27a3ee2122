//! Rows of tokens to batches under a budget of tokens: which rows, and their tokens together or padded.

use crate::columns::check_splits;
use crate::{Error, Result};

/// Lengths up to this many times the rows are sorted by counting.
const COUNTED: usize = 8;

/// Batches of rows, the longest rows first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batches {
    /// Positions of the rows of all batches.
    pub rows: Vec<i64>,
    /// Where batches begin, and the number of rows, `(batches + 1,)`.
    pub splits: Vec<i64>,
}

/// Splits rows into batches of similar length: a batch's longest row times its rows stays within the budget.
///
/// Rows of one length keep their order. A row longer than the budget is a batch of its own. Cost: O(rows + longest).
///
/// # Errors
///
/// A length below 0; a budget or a most of rows of 0.
pub fn token_batches(
    lengths: &[i64],
    batch_tokens: usize,
    max_rows: Option<usize>,
) -> Result<Batches> {
    for (name, given) in [("batch_tokens", Some(batch_tokens)), ("max_rows", max_rows)] {
        if given == Some(0) {
            return Err(Error::BatchLimit { name });
        }
    }
    let rows = longest_first(lengths)?;
    let mut splits = vec![0];
    let mut start = 0;
    while start < rows.len() {
        let longest = lengths[rows[start] as usize].max(1) as usize;
        let most = (batch_tokens / longest).clamp(1, max_rows.unwrap_or(usize::MAX));
        start = rows.len().min(start.saturating_add(most));
        splits.push(start as i64);
    }
    Ok(Batches { rows, splits })
}

/// Positions of rows by their lengths, the longest first; of equals the earlier.
fn longest_first(lengths: &[i64]) -> Result<Vec<i64>> {
    if let Some((row, &length)) = (0..).zip(lengths).find(|&(_, &length)| length < 0) {
        return Err(Error::RowLength { row, length });
    }
    let longest = lengths.iter().copied().max().unwrap_or(0) as usize;
    if longest > COUNTED.saturating_mul(lengths.len()) {
        let mut rows: Vec<i64> = (0..lengths.len() as i64).collect();
        rows.sort_by_key(|&row| std::cmp::Reverse(lengths[row as usize]));
        return Ok(rows);
    }
    // The place of the next row of each length.
    let mut places = vec![0_usize; longest + 1];
    for &length in lengths {
        places[length as usize] += 1;
    }
    let mut before = 0;
    for place in places.iter_mut().rev() {
        before += std::mem::replace(place, before);
    }
    let mut rows = vec![0; lengths.len()];
    for (row, &length) in (0..).zip(lengths) {
        let place = &mut places[length as usize];
        rows[*place] = row;
        *place += 1;
    }
    Ok(rows)
}

/// Values of tokens, in rows.
#[derive(Debug, Clone, Copy)]
pub struct TokenColumn<'a, T> {
    /// Of all tokens.
    pub values: &'a [T],
    /// Where rows begin, and the number of tokens, `(rows + 1,)`.
    pub row_splits: &'a [i64],
}

impl<'a, T: Copy + Into<i64>> TokenColumn<'a, T> {
    /// Some of the rows, each a slice.
    fn picked(&self, rows: &[i64]) -> Result<Vec<&'a [T]>> {
        check_splits(self.row_splits, self.values.len())?;
        let number = self.row_splits.len() - 1;
        let picked = rows.iter().map(|&row| {
            let place = usize::try_from(row).ok().filter(|&place| place < number);
            let place = place.ok_or(Error::NoSuchRow { row, rows: number })?;
            let ends = (self.row_splits[place], self.row_splits[place + 1]);
            Ok(&self.values[ends.0 as usize..ends.1 as usize])
        });
        picked.collect()
    }

    /// The values of some rows, one row behind the other.
    ///
    /// # Errors
    ///
    /// Splits that are not those of the values; a row that is not there.
    pub fn gather(&self, rows: &[i64]) -> Result<Vec<i64>> {
        let picked = self.picked(rows)?;
        let mut made = Vec::with_capacity(picked.iter().map(|row| row.len()).sum());
        for row in picked {
            made.extend(row.iter().map(|&value| value.into()));
        }
        Ok(made)
    }

    /// The values of some rows as a matrix, padded on the right, and its width.
    ///
    /// # Errors
    ///
    /// Splits that are not those of the values; a row that is not there.
    pub fn pad(&self, rows: &[i64], padding: i64) -> Result<(Vec<i64>, usize)> {
        let picked = self.picked(rows)?;
        let width = picked.iter().map(|row| row.len()).max().unwrap_or(0);
        let mut made = Vec::with_capacity(width * picked.len());
        for row in picked {
            made.extend(row.iter().map(|&value| value.into()));
            made.resize(made.len() + width - row.len(), padding);
        }
        Ok((made, width))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    fn batches(lengths: &[i64], tokens: usize, rows: Option<usize>) -> Vec<Vec<i64>> {
        let made = token_batches(lengths, tokens, rows).unwrap();
        let ends = made.splits.windows(2);
        ends.map(|ends| made.rows[ends[0] as usize..ends[1] as usize].to_vec())
            .collect()
    }

    #[test]
    fn batches_stay_within_the_budget() {
        assert_eq!(
            batches(&[3, 9, 4, 3], 9, None),
            [vec![1], vec![2, 0], vec![3]]
        );
        assert_eq!(batches(&[20, 1, 0, 1], 4, None), [vec![0], vec![1, 3, 2]]);
        assert_eq!(
            batches(&[2; 5], 100, Some(2)),
            [vec![0, 1], vec![2, 3], vec![4]]
        );
        assert!(batches(&[], 5, None).is_empty());
    }

    #[test]
    fn few_long_rows_are_sorted_as_many_are() {
        let lengths = [5, 1_000_000, 5, 7, 1_000_000];
        assert_eq!(longest_first(&lengths).unwrap(), [1, 4, 3, 0, 2]);
        let lengths: Vec<i64> = (0..500).map(|row| row * 37 % 11).collect();
        let mut sorted: Vec<i64> = (0..500).collect();
        sorted.sort_by_key(|&row| -lengths[row as usize]);
        assert_eq!(longest_first(&lengths).unwrap(), sorted);
    }

    #[test]
    fn rows_come_together_or_padded() {
        let column = TokenColumn {
            values: &[1_i32, 2, 3, 4, 5, 6],
            row_splits: &[0, 2, 2, 6],
        };
        assert_eq!(column.gather(&[2, 1, 0]).unwrap(), [3, 4, 5, 6, 1, 2]);
        assert_eq!(column.pad(&[0, 1], 9).unwrap(), (vec![1, 2, 9, 9], 2));
        assert_eq!(column.pad(&[], 9).unwrap(), (vec![], 0));
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let column = TokenColumn {
            values: &[1_i64, 2],
            row_splits: &[0, 2],
        };
        for row in [-1, 1, i64::MAX] {
            assert_eq!(
                column.gather(&[0, row]),
                Err(Error::NoSuchRow { row, rows: 1 })
            );
        }
        let broken = TokenColumn {
            row_splits: &[0, 3],
            ..column
        };
        assert!(broken.pad(&[0], 0).is_err());
        let none = TokenColumn {
            row_splits: &[],
            ..column
        };
        assert!(none.pad(&[], 0).is_err());
        assert!(token_batches(&[1, -1], 4, None).is_err());
        assert!(token_batches(&[1], 0, None).is_err());
        assert!(token_batches(&[1], 4, Some(0)).is_err());
    }
}
