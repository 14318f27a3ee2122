//! Rows of questions and contexts, and the logits of their tokens.

use crate::columns::{check_lengths, check_splits};
use crate::logit::Logit;
use crate::{Error, Result};
use std::ops::Range;

/// Rows of a question and a window of its context: flat columns without padding.
#[derive(Debug, Clone, Copy)]
pub struct AnswerRows<'a> {
    /// Half-open spans of characters of the context, `(tokens, 2)`; those of other tokens are not read.
    pub offsets: &'a [[i32; 2]],
    /// Word of each token, `(tokens,)`.
    pub word_ids: &'a [i32],
    /// First token of each row and, last, the number of tokens, `(rows + 1,)`.
    pub row_splits: &'a [i64],
    /// First token of the context in each row, and the one behind its last, `(rows, 2)`.
    pub contexts: &'a [[i64; 2]],
    /// The sample that each row is a window of, `(rows,)`.
    pub sample_ids: &'a [i64],
    /// Number of samples.
    pub samples: usize,
}

impl AnswerRows<'_> {
    /// Checks that the columns fit each other; O(rows).
    pub(super) fn validate(&self) -> Result<()> {
        let tokens = self.offsets.len();
        check_splits(self.row_splits, tokens)?;
        let rows = self.row_splits.len() - 1;
        check_lengths([
            ("word_ids", self.word_ids.len(), tokens),
            ("contexts", self.contexts.len(), rows),
            ("sample_ids", self.sample_ids.len(), rows),
        ])?;
        for (row, (ends, &[first, end])) in
            self.row_splits.windows(2).zip(self.contexts).enumerate()
        {
            let length = ends[1] - ends[0];
            if first < 0 || first > end || end > length {
                return Err(Error::ContextOutside {
                    row,
                    first,
                    end,
                    length,
                });
            }
        }
        Ok(())
    }

    /// The tokens of a row, of validated rows.
    pub(super) fn row(&self, row: usize) -> Range<usize> {
        self.row_splits[row] as usize..self.row_splits[row + 1] as usize
    }

    /// The context's tokens within a row, of validated rows.
    pub(super) fn context(&self, row: usize) -> Range<usize> {
        let [first, end] = self.contexts[row];
        first as usize..end as usize
    }
}

/// How likely a token is the first, and the last, of the answer.
#[derive(Debug, Clone, Copy)]
pub struct SpanLogits<'a, T> {
    /// `(tokens,)`, padding or not.
    pub starts: &'a [T],
    /// Likewise.
    pub ends: &'a [T],
    /// Where the first token of each row stands among them, `(rows,)`.
    pub row_starts: &'a [i64],
}

impl<'a, T: Logit> SpanLogits<'a, T> {
    /// Checks that each row is there, and every logit of its tokens a number.
    pub(super) fn validate(&self, rows: &AnswerRows<'_>) -> Result<()> {
        check_lengths([("row_starts", self.row_starts.len(), rows.sample_ids.len())])?;
        for (name, values) in [("start", self.starts), ("end", self.ends)] {
            for (row, &start) in self.row_starts.iter().enumerate() {
                let tokens = rows.row(row).len();
                let logits = usize::try_from(start)
                    .ok()
                    .and_then(|start| values.get(start..start.checked_add(tokens)?))
                    .ok_or(Error::ColumnLengths {
                        column: "logits",
                        given: values.len(),
                        expected: rows.offsets.len(),
                    })?;
                // NaN is between nothing. No early end, so that vectors do it.
                let is_number = |&logit: &T| (logit < T::INFINITY) & (logit > T::NEGATIVE_INFINITY);
                let numbers = logits
                    .iter()
                    .fold(true, |all, logit| all & is_number(logit));
                if !numbers {
                    let token = logits.iter().position(|logit| !is_number(logit));
                    return Err(Error::SpanLogitsNotFinite {
                        name,
                        row,
                        token: token.unwrap_or(0),
                    });
                }
            }
        }
        Ok(())
    }

    /// The logits of starts and ends of some tokens of a row, of validated logits.
    pub(super) fn of(&self, row: usize, tokens: Range<usize>) -> (&'a [T], &'a [T]) {
        let first = self.row_starts[row] as usize;
        let place = first + tokens.start..first + tokens.end;
        (&self.starts[place.clone()], &self.ends[place])
    }
}
