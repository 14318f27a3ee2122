//! Flat columns and the splits of their rows.

use crate::{Error, Result};

/// Checks that splits begin at 0, never fall and end at the number of tokens.
pub(crate) fn check_splits(splits: &[i64], tokens: usize) -> Result<()> {
    let rises = splits.windows(2).all(|ends| ends[0] <= ends[1]);
    let ends = splits.first() == Some(&0) && splits.last() == Some(&(tokens as i64));
    if rises && ends {
        Ok(())
    } else {
        Err(Error::RowSplits { tokens })
    }
}

/// Checks columns, each with its name, its length and the length that it must have.
pub(crate) fn check_lengths<const N: usize>(
    columns: [(&'static str, usize, usize); N],
) -> Result<()> {
    match columns
        .into_iter()
        .find(|(_, given, expected)| given != expected)
    {
        Some((column, given, expected)) => Err(Error::ColumnLengths {
            column,
            given,
            expected,
        }),
        None => Ok(()),
    }
}

/// Adds the splits of rows that follow.
pub(crate) fn join_splits(splits: &mut Vec<i64>, other: &[i64]) {
    let before = splits.last().copied().unwrap_or(0);
    splits.extend(other.iter().skip(1).map(|end| before + end));
}
