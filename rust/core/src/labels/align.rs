//! Labels of words -> labels of tokens.

use super::{LabelRows, LabelVocab, WordRows};
use crate::memory::{self, Filled};
use crate::{Error, Result};
use std::hint::select_unpredictable;

/// Label ids of tokens, `(tokens,)`: that of its word for a word's first token in a row, `ignore_index` for all others.
///
/// With `continuing`, the other tokens of a word have its label too, `B-` as `I-` where the vocabulary has it. What is
/// first is seen row by row: of a word that two windows share, each window labels the first token that it has. Labels of
/// words that were cut off are not used. Cost: O(tokens).
///
/// # Errors
///
/// [`Error::LabelRows`], [`Error::LabelCount`], [`Error::WordWithoutLabel`]; columns that do not fit each other.
///
/// # Examples
///
/// ```
/// use ferrobert_core::labels::{LabelRows, WordCounts, WordRows, align};
///
/// let rows = WordRows {
///     word_ids: &[-1, 0, 0, 1, -1],
///     row_splits: &[0, 5],
///     sample_ids: &[0],
///     samples: 1,
///     counts: WordCounts::Given(&[2]),
/// };
/// let labels = LabelRows { ids: &[3, 0], splits: &[0, 2] };
/// assert_eq!(align(&rows, labels, None, -100)?, [-100, 3, -100, 0, -100]);
/// # Ok::<(), ferrobert_core::Error>(())
/// ```
pub fn align(
    rows: &WordRows<'_>,
    labels: LabelRows<'_>,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
) -> Result<Vec<i64>> {
    rows.validate()?;
    labels.validate(rows)?;
    memory::filled(rows.word_ids.len(), |mut aligned| {
        let mut written = Filled::none();
        let mut aligner = RowAligner::new(continuing, ignore_index);
        for (row, (sample, place, words)) in rows.iter().enumerate() {
            let given = labels.of_sample(sample);
            let (aligned, filled) = aligned.take(place.len()).fill(ignore_index);
            written.add(filled);
            aligner
                .align(words, given, aligned)
                .map_err(|word| Error::WordWithoutLabel {
                    row,
                    sample,
                    word,
                    labels: given.len(),
                })?;
        }
        Ok(written)
    })
}

/// Aligns labels row by row.
pub(super) struct RowAligner<'v> {
    continuing: Option<&'v LabelVocab>,
    ignore_index: i64,
    /// `ignore_index`, then the labels of a row of few words.
    near: [i64; NEAR],
}

impl<'v> RowAligner<'v> {
    pub(super) fn new(continuing: Option<&'v LabelVocab>, ignore_index: i64) -> Self {
        Self {
            continuing,
            ignore_index,
            near: [ignore_index; NEAR],
        }
    }

    /// Labels of the tokens of a row, each written; fails with the word that has none.
    #[inline]
    pub(super) fn align(
        &mut self,
        words: &[i32],
        labels: &[i64],
        aligned: &mut [i64],
    ) -> std::result::Result<(), i32> {
        let last = words.iter().fold(-1, |last: i32, &word| last.max(word));
        if last >= 0 && last as usize >= labels.len() {
            let missing = |&&word: &&i32| word >= 0 && word as usize >= labels.len();
            return Err(words.iter().find(missing).copied().unwrap_or(last));
        }
        let ignored = self.ignore_index;
        let mut previous = -1;
        match self.continuing {
            None if labels.len() < NEAR => {
                // The label of no word stands before the others, so that no token needs a branch, which would be
                // guessed wrong for every third.
                self.near[1..=labels.len()].copy_from_slice(labels);
                for (aligned, &word) in aligned.iter_mut().zip(words) {
                    let label = self.near[(word.max(-1) + 1) as usize % NEAR];
                    *aligned = select_unpredictable(word != previous, label, ignored);
                    previous = word;
                }
            }
            continuing => {
                for (aligned, &word) in aligned.iter_mut().zip(words) {
                    *aligned = match (word, continuing) {
                        (..0, _) => ignored,
                        _ if word != previous => labels[word as usize],
                        (_, Some(vocab)) => vocab.continuing(labels[word as usize]),
                        (_, None) => ignored,
                    };
                    previous = word;
                }
            }
        }
        Ok(())
    }
}

/// Labels of rows that are shorter are copied to where they are found without a branch.
const NEAR: usize = 128;

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::super::WordCounts;
    use super::*;

    const ROWS: WordRows<'static> = WordRows {
        word_ids: &[-1, 0, 1, 1, -1, -1, 1, 2, -1],
        row_splits: &[0, 5, 9],
        sample_ids: &[0, 0],
        samples: 1,
        counts: WordCounts::Given(&[3]),
    };

    fn labels<'a>(ids: &'a [i64], splits: &'a [i64]) -> LabelRows<'a> {
        LabelRows { ids, splits }
    }

    #[test]
    fn each_window_labels_the_first_token_that_it_has_of_a_word() {
        let aligned = align(&ROWS, labels(&[5, 6, 7], &[0, 3]), None, -100);
        assert_eq!(aligned, Ok(vec![-100, 5, 6, -100, -100, -100, 6, 7, -100]));
    }

    #[test]
    fn all_tokens_continue_an_entity() {
        let vocab = LabelVocab::new([("O", 0), ("B-PER", 1), ("I-PER", 2)]).unwrap();
        let aligned = align(&ROWS, labels(&[0, 1, 2], &[0, 3]), Some(&vocab), -1);
        assert_eq!(aligned, Ok(vec![-1, 0, 1, 2, -1, -1, 1, 2, -1]));
    }

    #[test]
    fn a_label_too_few_is_told() {
        let aligned = align(&ROWS, labels(&[5, 6], &[0, 2]), None, -100);
        let (row, labels_given, words) = (0, 2, 3);
        let expected = Error::LabelCount {
            row,
            labels: labels_given,
            words,
        };
        assert_eq!(aligned, Err(expected));
        let cut = WordRows {
            counts: WordCounts::AtLeast,
            ..ROWS
        };
        let aligned = align(&cut, labels(&[5, 6], &[0, 2]), None, -100);
        let expected = Error::WordWithoutLabel {
            row: 1,
            sample: 0,
            word: 2,
            labels: 2,
        };
        assert_eq!(aligned, Err(expected));
    }

    #[test]
    fn words_without_tokens_count_where_they_are_known() {
        let rows = WordRows {
            counts: WordCounts::Given(&[5]),
            ..ROWS
        };
        assert!(align(&rows, labels(&[0; 5], &[0, 5]), None, -100).is_ok());
        let rows = WordRows {
            counts: WordCounts::All,
            ..ROWS
        };
        assert!(align(&rows, labels(&[0; 5], &[0, 5]), None, -100).is_err());
    }

    #[test]
    fn columns_that_do_not_fit_are_refused() {
        let given = labels(&[0; 3], &[0, 3]);
        for rows in [
            WordRows {
                row_splits: &[0, 4],
                ..ROWS
            },
            WordRows {
                row_splits: &[],
                ..ROWS
            },
            WordRows {
                sample_ids: &[0],
                ..ROWS
            },
            WordRows {
                sample_ids: &[0, 1],
                ..ROWS
            },
            WordRows {
                counts: WordCounts::Given(&[]),
                ..ROWS
            },
        ] {
            assert!(align(&rows, given, None, -100).is_err(), "{rows:?}");
        }
        assert!(align(&ROWS, labels(&[0; 3], &[0, 2]), None, -100).is_err());
        assert!(align(&ROWS, labels(&[0; 3], &[0, 1, 3]), None, -100).is_err());
    }
}
