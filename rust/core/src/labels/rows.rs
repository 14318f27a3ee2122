//! What labels are aligned with: the words of tokens; and the labels of words.

use crate::columns::{check_lengths, check_splits};
use crate::{Error, Result};
use std::ops::Range;

/// How many words the samples of a batch have.
#[derive(Debug, Clone, Copy)]
pub enum WordCounts<'a> {
    /// One number a sample: they were encoded as words.
    Given(&'a [i64]),
    /// Those that have tokens: the rows hold all of the texts.
    All,
    /// At least those that have tokens: texts may have been cut.
    AtLeast,
}

/// The words that tokens belong to, in rows without padding.
#[derive(Debug, Clone, Copy)]
pub struct WordRows<'a> {
    /// Word of each token within its sample, negative for none, `(tokens,)`.
    pub word_ids: &'a [i32],
    /// First token of each row and, last, the number of tokens, `(rows + 1,)`.
    pub row_splits: &'a [i64],
    /// Sample of each row, `(rows,)`; rows of one sample are its windows.
    pub sample_ids: &'a [i64],
    /// Number of samples.
    pub samples: usize,
    /// Their words.
    pub counts: WordCounts<'a>,
}

impl<'a> WordRows<'a> {
    /// Checks that the columns fit each other; O(rows).
    pub(super) fn validate(&self) -> Result<()> {
        check_splits(self.row_splits, self.word_ids.len())?;
        let counted = match self.counts {
            WordCounts::Given(counts) => counts.len(),
            _ => self.samples,
        };
        check_lengths([
            (
                "sample_ids",
                self.sample_ids.len(),
                self.row_splits.len() - 1,
            ),
            ("word counts", counted, self.samples),
        ])?;
        let outside = |&&sample: &&i64| usize::try_from(sample).is_ok_and(|s| s < self.samples);
        match self.sample_ids.iter().find(|sample| !outside(sample)) {
            Some(&sample) => Err(Error::SampleOutOfRange {
                sample,
                samples: self.samples,
            }),
            None => Ok(()),
        }
    }

    /// Sample and word ids of each row, of validated rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, Range<usize>, &'a [i32])> + use<'a> {
        let word_ids = self.word_ids;
        let splits = self.row_splits.windows(2);
        self.sample_ids
            .iter()
            .zip(splits)
            .map(move |(&sample, ends)| {
                let place = ends[0] as usize..ends[1] as usize;
                (sample as usize, place.clone(), &word_ids[place])
            })
    }

    /// The number of words of each sample: the given one, else that of the last word that has tokens; O(tokens).
    pub(super) fn word_counts(&self) -> Vec<usize> {
        if let WordCounts::Given(counts) = self.counts {
            return counts
                .iter()
                .map(|&count| usize::try_from(count).unwrap_or(0))
                .collect();
        }
        let mut counts = vec![0; self.samples];
        for (sample, _, words) in self.iter() {
            let last = words.iter().copied().max().unwrap_or(-1);
            counts[sample] = counts[sample].max((last + 1).max(0) as usize);
        }
        counts
    }
}

/// Labels of the words of samples.
#[derive(Debug, Clone, Copy)]
pub struct LabelRows<'a> {
    /// Label ids, `(words,)`.
    pub ids: &'a [i64],
    /// First word of each sample and, last, the number of words, `(samples + 1,)`.
    pub splits: &'a [i64],
}

impl<'a> LabelRows<'a> {
    /// Checks that there is a label for each word, as far as that is known.
    pub(super) fn validate(&self, rows: &WordRows<'_>) -> Result<()> {
        check_splits(self.splits, self.ids.len())?;
        if self.splits.len() - 1 != rows.samples {
            return Err(Error::LabelRows {
                labels: self.splits.len() - 1,
                samples: rows.samples,
            });
        }
        let given = self.splits.windows(2).map(|ends| ends[1] - ends[0]);
        match rows.counts {
            WordCounts::Given(counts) => check_counts(given, counts.iter().copied()),
            WordCounts::All => check_counts(
                given,
                rows.word_counts().into_iter().map(|count| count as i64),
            ),
            WordCounts::AtLeast => Ok(()),
        }
    }

    /// The labels of a sample; of validated rows.
    pub(super) fn of_sample(&self, sample: usize) -> &'a [i64] {
        &self.ids[self.splits[sample] as usize..self.splits[sample + 1] as usize]
    }
}

pub(super) fn check_counts(
    labels: impl Iterator<Item = i64>,
    words: impl Iterator<Item = i64>,
) -> Result<()> {
    match labels
        .zip(words)
        .enumerate()
        .find(|(_, (labels, words))| labels != words)
    {
        Some((row, (labels, words))) => Err(Error::LabelCount { row, labels, words }),
        None => Ok(()),
    }
}
