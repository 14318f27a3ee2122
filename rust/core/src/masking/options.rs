//! What is selected, and how it is replaced.

use crate::random::threshold;
use crate::{Error, Result};

/// What is selected, and how it is replaced; the defaults are BERT's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaskingOptions {
    /// Share of the tokens that are selected.
    pub mlm_probability: f64,
    /// Share of the selected that become the mask token.
    pub mask_replace_prob: f64,
    /// Share of the selected that become a random token; the rest stays.
    pub random_replace_prob: f64,
    /// Select words instead of tokens; a word is replaced as one.
    pub whole_word_mask: bool,
    /// Select an exact number of tokens a row, at least one, instead of each on its own.
    pub exact: bool,
    /// Select spans of 1 to this many words, lengths geometric; the number of tokens is exact.
    pub max_span_length: Option<usize>,
}

impl Default for MaskingOptions {
    fn default() -> Self {
        Self {
            mlm_probability: 0.15,
            mask_replace_prob: 0.8,
            random_replace_prob: 0.1,
            whole_word_mask: false,
            exact: false,
            max_span_length: None,
        }
    }
}

impl MaskingOptions {
    /// Checks the options; how many of the 2^32 draws select.
    pub(super) fn validate(&self) -> Result<u64> {
        for (name, given) in [
            ("mlm_probability", self.mlm_probability),
            ("mask_replace_prob", self.mask_replace_prob),
            ("random_replace_prob", self.random_replace_prob),
        ] {
            if !(0.0..=1.0).contains(&given) {
                return Err(Error::Probability {
                    name,
                    given: given.to_string(),
                });
            }
        }
        if self.mask_replace_prob + self.random_replace_prob > 1.0 {
            return Err(Error::ReplacementSum {
                mask: self.mask_replace_prob.to_string(),
                random: self.random_replace_prob.to_string(),
            });
        }
        if self.max_span_length == Some(0) {
            return Err(Error::NoSpanLength);
        }
        Ok(threshold(self.mlm_probability))
    }

    /// Whether words are selected, not tokens.
    pub(super) fn words(&self) -> bool {
        self.whole_word_mask || self.max_span_length.is_some()
    }
}
