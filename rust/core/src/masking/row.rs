//! One row: tokens or words, each selected on its own.

use super::replacement::{Fate, random_place};
use super::{IGNORED, Masker, MaskingVocab, TokenId};
use crate::random::{Draws, Purpose};
use crate::{Error, Result};
use std::ops::Range;

/// A row of a batch, and where its outputs go.
pub(super) struct Row<'r, T> {
    pub(super) number: usize,
    pub(super) ids: &'r [T],
    pub(super) word_ids: Option<&'r [i32]>,
    pub(super) special: Option<&'r [i64]>,
    pub(super) sample_id: u64,
    pub(super) pad_id: Option<i64>,
    pub(super) masked: &'r mut [i64],
    pub(super) labels: &'r mut [i64],
}

/// What a thread keeps from row to row.
pub(super) struct Scratch {
    pub(super) masking: RowDraws,
    pub(super) replacement: RowDraws,
    pub(super) span_length: RowDraws,
    pub(super) ranked: super::ranked::Scratch,
}

impl Scratch {
    pub(super) fn new(seed: u64, epoch: u64) -> Self {
        let draws = |purpose| RowDraws {
            generator: Draws::new(seed, epoch, purpose),
            draws: Vec::new(),
        };
        Self {
            masking: draws(Purpose::Masking),
            replacement: draws(Purpose::Replacement),
            span_length: draws(Purpose::SpanLength),
            ranked: super::ranked::Scratch::default(),
        }
    }
}

/// The draws of a row, one a position.
pub(super) struct RowDraws {
    generator: Draws,
    draws: Vec<u32>,
}

impl RowDraws {
    /// Draws for a row. Padding at its ends has draws of no meaning.
    pub(super) fn draw<T: TokenId>(&mut self, row: &Row<'_, T>) {
        self.draws.resize(row.ids.len(), 0);
        self.generator.start(row.sample_id);
        self.generator.fill(&mut self.draws[row.without_padding()]);
    }

    /// One draw a position.
    pub(super) fn get(&self) -> &[u32] {
        &self.draws
    }
}

impl<T: TokenId> Row<'_, T> {
    /// Ids as they are and no labels.
    pub(super) fn start(&mut self, vocab: &MaskingVocab) -> Result<()> {
        if let Some((position, id)) = vocab.stranger(self.ids.iter().map(|id| id.wide())) {
            return Err(Error::IdOutsideVocab {
                row: self.number,
                position,
                id,
                size: vocab.size,
            });
        }
        for (masked, id) in self.masked.iter_mut().zip(self.ids) {
            *masked = id.wide();
        }
        self.labels.fill(IGNORED);
        Ok(())
    }

    /// The tokens between the padding at the ends.
    fn without_padding(&self) -> Range<usize> {
        let Some(pad_id) = self.pad_id else {
            return 0..self.ids.len();
        };
        let is_token = |id: &T| id.wide() != pad_id;
        match self.ids.iter().position(is_token) {
            Some(first) => {
                let last = self.ids.iter().rposition(is_token).unwrap_or(first);
                first..last + 1
            }
            None => 0..0,
        }
    }

    /// Whether a token may be selected.
    pub(super) fn may_be_selected(&self, position: usize, vocab: &MaskingVocab) -> bool {
        !vocab.is_special(self.ids[position].wide())
            && self.special.is_none_or(|special| special[position] == 0)
    }

    /// The word that begins at a token; `None` where the token continues one or is not to be selected.
    pub(super) fn word_at(&self, first: usize, vocab: &MaskingVocab) -> Option<Range<usize>> {
        if !self.may_be_selected(first, vocab) {
            return None;
        }
        let continues = |position: usize| match self.word_ids {
            Some(words) => words[position - 1] == words[position],
            None => vocab.continues(self.ids[position - 1].wide(), self.ids[position].wide()),
        };
        if self.word_ids.is_some_and(|words| words[first] < 0)
            || (first > 0 && continues(first) && self.may_be_selected(first - 1, vocab))
        {
            return None;
        }
        let end = (first + 1..self.ids.len())
            .find(|&position| !continues(position) || !self.may_be_selected(position, vocab));
        Some(first..end.unwrap_or(self.ids.len()))
    }

    /// Replaces a unit and labels its tokens. `draws` has a draw for each position of the row.
    pub(super) fn replace(
        &mut self,
        unit: Range<usize>,
        fate: Fate,
        draws: &[u32],
        vocab: &MaskingVocab,
    ) {
        let first = unit.start;
        for position in unit {
            self.labels[position] = self.ids[position].wide();
            self.masked[position] = match fate {
                Fate::Mask => vocab.mask_id,
                Fate::Keep => continue,
                Fate::Random(place) => {
                    let place = if position == first {
                        place
                    } else {
                        random_place(draws[position], vocab)
                    };
                    vocab
                        .random_ids
                        .get(place)
                        .map_or(vocab.mask_id, |&id| id.into())
                }
            };
        }
    }
}

/// Selects each token on its own.
pub(super) fn mask_tokens<T: TokenId>(
    row: &mut Row<'_, T>,
    masker: &Masker,
    last_selected: u32,
    scratch: &mut Scratch,
) {
    let draws = scratch.masking.get();
    for_each_selected(draws, last_selected, |position| {
        if row.may_be_selected(position, &masker.vocab) {
            let fate = masker.within_selected.fate(draws[position], &masker.vocab);
            row.replace(position..position + 1, fate, draws, &masker.vocab);
        }
    });
}

/// Selects each word on its own, by the draw at its first token.
pub(super) fn mask_words<T: TokenId>(
    row: &mut Row<'_, T>,
    masker: &Masker,
    last_selected: u32,
    scratch: &mut Scratch,
) {
    let draws = scratch.masking.get();
    for_each_selected(draws, last_selected, |position| {
        if let Some(word) = row.word_at(position, &masker.vocab) {
            let fate = masker.within_selected.fate(draws[position], &masker.vocab);
            row.replace(word, fate, draws, &masker.vocab);
        }
    });
}

/// Calls with each position whose draw is at most `last_selected`, in order.
fn for_each_selected(draws: &[u32], last_selected: u32, mut call: impl FnMut(usize)) {
    const BLOCK: usize = 64;
    for (block, draws) in draws.chunks(BLOCK).enumerate() {
        // Positions are gathered without a branch on each: 15 % of them would be guessed wrong.
        let mut selected = [0; BLOCK];
        let mut count = 0;
        for (position, &draw) in draws.iter().enumerate() {
            selected[count % BLOCK] = position;
            count += usize::from(draw <= last_selected);
        }
        for &position in &selected[..count] {
            call(block * BLOCK + position);
        }
    }
}
