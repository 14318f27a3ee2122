//! Logits, and the probabilities that they are.

use super::sequence::TokenRows;
use crate::columns::check_lengths;
use crate::logit::Logit;
use crate::{Error, Result};

/// The logits of tokens, whichever way their rows lie.
#[derive(Debug, Clone, Copy)]
pub struct Logits<'a, T> {
    /// `(tokens, labels)`, padding or not.
    pub values: &'a [T],
    /// Labels of a token.
    pub labels: usize,
    /// Where the first token of each row stands among the tokens, `(rows,)`.
    pub row_starts: &'a [i64],
}

impl<'a, T: Logit> Logits<'a, T> {
    /// Checks that each row is there, and every logit of its tokens a number.
    pub(super) fn validate(&self, rows: &TokenRows<'_>) -> Result<()> {
        check_lengths([("row_starts", self.row_starts.len(), rows.sample_ids.len())])?;
        for (row, (&start, ends)) in self
            .row_starts
            .iter()
            .zip(rows.row_splits.windows(2))
            .enumerate()
        {
            let tokens = (ends[1] - ends[0]) as usize;
            let logits = usize::try_from(start)
                .ok()
                .and_then(|start| {
                    let first = start.checked_mul(self.labels)?;
                    let last = start.checked_add(tokens)?.checked_mul(self.labels)?;
                    self.values.get(first..last)
                })
                .ok_or(Error::ColumnLengths {
                    column: "logits",
                    given: self.values.len(),
                    expected: rows.word_ids.len().saturating_mul(self.labels),
                })?;
            // NaN is below nothing. No early end, so that vectors do it.
            let numbers = logits
                .iter()
                .fold(true, |all, &logit| all & (logit < T::INFINITY));
            let token = if numbers {
                logits
                    .chunks(self.labels.max(1))
                    .position(|token| !token.iter().any(|&logit| logit > T::NEGATIVE_INFINITY))
            } else {
                logits
                    .iter()
                    .position(|&logit| {
                        !matches!(
                            logit.partial_cmp(&T::INFINITY),
                            Some(std::cmp::Ordering::Less)
                        )
                    })
                    .map(|place| place / self.labels.max(1))
            };
            if let Some(token) = token {
                return Err(Error::LogitsNotFinite { row, token });
            }
        }
        Ok(())
    }

    /// The logits of a token.
    #[inline]
    pub(super) fn of(&self, token: usize) -> &'a [T] {
        self.values
            .get(token * self.labels..(token + 1) * self.labels)
            .unwrap_or(&[])
    }
}

/// The highest logit, the first of several.
#[inline]
pub(super) fn best<T: Logit>(logits: &[T]) -> u32 {
    let (mut best, mut highest) = (0, T::NEGATIVE_INFINITY);
    for (label, &logit) in (0..).zip(logits) {
        if logit > highest {
            (best, highest) = (label, logit);
        }
    }
    best
}

/// The highest logit, and the sum of all relative to it: `sum(exp(logit - highest))`.
#[inline]
pub(super) fn normalizer<T: Logit>(logits: &[T]) -> (f64, f64) {
    let highest = logits.iter().fold(f64::NEG_INFINITY, |highest, &logit| {
        highest.max(logit.into())
    });
    let sum = logits
        .iter()
        .fold(0.0, |sum, &logit| sum + (logit.into() - highest).exp());
    (highest, sum)
}

/// Softmax at one label.
#[inline]
pub(super) fn probability<T: Logit>(logits: &[T], label: u32) -> f64 {
    let (highest, sum) = normalizer(logits);
    logits
        .get(label as usize)
        .map_or(0.0, |&logit| (logit.into() - highest).exp() / sum)
}
