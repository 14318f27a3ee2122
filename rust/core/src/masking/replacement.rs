//! What takes the place of a selected token.

use super::{MaskingOptions, MaskingVocab};
use crate::random::scale;
use std::hint::select_unpredictable;

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

/// Draws below `mask` give the mask token, the next `random` draws a random one, the rest keeps the token.
///
/// The draws are uniform in `0..selected`: where one draw selects and replaces, a selected draw is
/// still uniform below the threshold that selected it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replacement {
    mask: u64,
    random: u64,
    /// Tokens that may be drawn for each random draw, times 2^32.
    choices: u64,
}

impl Replacement {
    pub(super) fn new(options: &MaskingOptions, vocab: &MaskingVocab, selected: u64) -> Self {
        let cut = |share: f64| ((selected as f64 * share).round_ties_even() as u64).min(selected);
        let mask = cut(options.mask_replace_prob);
        let random = cut(options.mask_replace_prob + options.random_replace_prob) - mask;
        Self {
            mask,
            random,
            choices: ((vocab.random_ids.len() as u64) << 32) / random.max(1),
        }
    }

    /// What becomes of a unit: the draw at its first token decides.
    pub(super) fn fate(self, draw: u32) -> Fate {
        match self.random_draw(draw) {
            _ if u64::from(draw) < self.mask => Fate::Mask,
            left if left < self.random => Fate::Random(self.place(left)),
            _ => Fate::Keep,
        }
    }

    /// Whether a draw gives the mask token, and whether a random one.
    #[inline(always)]
    pub(super) fn outcomes(self, draw: u32) -> (bool, bool) {
        (
            u64::from(draw) < self.mask,
            self.random_draw(draw) < self.random,
        )
    }

    /// The random token of a draw that gives one.
    #[inline(always)]
    pub(super) fn random_id(self, draw: u32, vocab: &MaskingVocab) -> i64 {
        vocab.random_id(self.place(self.random_draw(draw)))
    }

    /// What takes the place of a token that is a unit.
    #[inline(always)]
    pub(super) fn apply(self, draw: u32, id: i64, vocab: &MaskingVocab) -> i64 {
        // All outcomes are computed: a branch on the draw would be guessed wrong for a fifth of them.
        let left = self.random_draw(draw);
        let is_random = left < self.random;
        let random = vocab.random_id(select_unpredictable(is_random, self.place(left), 0));
        let other = select_unpredictable(u64::from(draw) < self.mask, vocab.mask_id, id);
        select_unpredictable(is_random, random, other)
    }

    /// The draw as one of the random ones; too large for one where it is none.
    #[inline(always)]
    fn random_draw(self, draw: u32) -> u64 {
        u64::from(draw).wrapping_sub(self.mask)
    }

    /// The place of a random draw among the tokens that may be drawn.
    #[inline(always)]
    fn place(self, left: u64) -> usize {
        (left.wrapping_mul(self.choices) >> 32) as usize
    }
}

/// The random token of a token that is not the first of its unit: of its own draw.
pub(super) fn random_place(draw: u32, vocab: &MaskingVocab) -> usize {
    scale(draw, vocab.random_ids.len() as u32) as usize
}
