//! What takes the place of a selected token.

use super::{MaskingOptions, MaskingVocab};
use crate::random::scale;

/// What becomes of a unit (a token, a word, a span).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Its tokens become the mask token.
    Mask,
    /// Its tokens become random tokens; the place of the first one in the list of those that may be drawn.
    Random(usize),
    /// Its tokens stay.
    Keep,
}

/// Draws below `mask` give the mask token, below `random` a random one, the rest keeps the token.
///
/// The draws are uniform in `0..selected`: where one draw selects and replaces, a selected draw is
/// still uniform below the threshold that selected it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replacement {
    mask: u64,
    random: u64,
}

impl Replacement {
    pub(super) fn new(options: &MaskingOptions, selected: u64) -> Self {
        let cut = |share: f64| ((selected as f64 * share).round_ties_even() as u64).min(selected);
        Self {
            mask: cut(options.mask_replace_prob),
            random: cut(options.mask_replace_prob + options.random_replace_prob),
        }
    }

    /// What becomes of a unit: the draw at its first token decides.
    pub(super) fn fate(self, draw: u32, vocab: &MaskingVocab) -> Fate {
        let draw = u64::from(draw);
        if draw < self.mask {
            return Fate::Mask;
        }
        if draw >= self.random {
            return Fate::Keep;
        }
        // What is left of the draw is uniform below the width of the random ones.
        let (left, width) = (draw - self.mask, self.random - self.mask);
        Fate::Random((left * vocab.random_ids.len() as u64 / width) as usize)
    }
}

/// The random token of a token that is not the first of its unit: of its own draw.
pub(super) fn random_place(draw: u32, vocab: &MaskingVocab) -> usize {
    scale(draw, vocab.random_ids.len() as u32) as usize
}
