//! Words: tokens of one word id, and the label that they have together.

use super::labels::Strategy;
use super::logits::{Logits, best, normalizer, probability};
use super::sequence::Token;
use crate::logit::Logit;
use std::ops::Range;

/// Logarithm of a probability of 0: finite, so that sums stay comparable.
const LOG_OF_ZERO: f64 = -1e30;

/// Words as ranges of tokens.
pub(super) fn units(tokens: &[Token], units: &mut Vec<Range<u32>>) {
    let mut first = 0;
    for word in tokens.chunk_by(|before, token| before.word == token.word) {
        let end = first + word.len() as u32;
        units.push(first..end);
        first = end;
    }
}

impl Strategy {
    /// The token that stands for all of a unit; none where their mean does.
    #[inline]
    fn speaker<T: Logit>(self, logits: Logits<'_, T>, unit: &[Token]) -> Option<usize> {
        match (self, unit) {
            (_, []) => None,
            (_, [token]) => Some(token.logits),
            (Self::Average, _) => None,
            (Self::Max, [first, others @ ..]) => {
                // The highest probability is one divided by this sum.
                let sum = |token: &Token| normalizer(logits.of(token.logits)).1;
                let (mut surest, mut least) = (first.logits, sum(first));
                for token in others {
                    let sum = sum(token);
                    if sum < least {
                        (surest, least) = (token.logits, sum);
                    }
                }
                Some(surest)
            }
            (_, [first, ..]) => Some(first.logits),
        }
    }

    /// The label of a unit.
    #[inline]
    pub(super) fn best<T: Logit>(self, logits: Logits<'_, T>, unit: &[Token]) -> u32 {
        if let Some(token) = self.speaker(logits, unit) {
            return best(logits.of(token));
        }
        let mut mean = Vec::with_capacity(logits.labels);
        means(logits, unit, &mut mean);
        best(&mean)
    }

    /// The probability of a label for a unit.
    #[inline]
    pub(super) fn score<T: Logit>(self, logits: Logits<'_, T>, unit: &[Token], label: u32) -> f64 {
        if let Some(token) = self.speaker(logits, unit) {
            return probability(logits.of(token), label);
        }
        let sum = unit.iter().fold(0.0, |sum, token| {
            sum + probability(logits.of(token.logits), label)
        });
        sum / unit.len().max(1) as f64
    }

    /// Adds the logarithms of the probabilities of all labels, up to what they have in common.
    pub(super) fn log_scores<T: Logit>(
        self,
        logits: Logits<'_, T>,
        unit: &[Token],
        scores: &mut Vec<f64>,
    ) {
        if let Some(token) = self.speaker(logits, unit) {
            let logits = logits.of(token);
            let (highest, _) = normalizer(logits);
            scores.extend(
                logits
                    .iter()
                    .map(|&logit| (logit.into() - highest).max(LOG_OF_ZERO)),
            );
            return;
        }
        let first = scores.len();
        means(logits, unit, scores);
        for score in &mut scores[first..] {
            *score = score.ln().max(LOG_OF_ZERO);
        }
    }
}

/// Adds the mean probability of each label over tokens.
fn means<T: Logit>(logits: Logits<'_, T>, unit: &[Token], means: &mut Vec<f64>) {
    let first = means.len();
    means.resize(first + logits.labels, 0.0);
    let means = &mut means[first..];
    for token in unit {
        let logits = logits.of(token.logits);
        let (highest, sum) = normalizer(logits);
        for (mean, &logit) in means.iter_mut().zip(logits) {
            *mean += (logit.into() - highest).exp() / sum;
        }
    }
    for mean in means {
        *mean /= unit.len().max(1) as f64;
    }
}
