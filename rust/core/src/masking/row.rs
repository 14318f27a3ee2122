//! One row: tokens or words, each selected on its own.

use super::replacement::{Fate, random_place};
use super::vocab::SpecialRanges;
use super::{IGNORED, Masker, MaskingVocab, TokenId};
use crate::random::{Draws, Purpose};
use crate::{Error, Result};
use std::hint::select_unpredictable;
use std::ops::Range;

/// Tokens that are selected at once: a bit each.
const BLOCK: usize = 64;

/// A row of a batch.
pub(super) struct Row<'r, T> {
    pub(super) number: usize,
    pub(super) ids: &'r [T],
    pub(super) word_ids: Option<&'r [i32]>,
    pub(super) special: Option<&'r [i64]>,
    pub(super) sample_id: u64,
    pub(super) pad_id: Option<i64>,
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

    /// One draw a position, to be changed.
    pub(super) fn get_mut(&mut self) -> &mut [u32] {
        &mut self.draws
    }

    /// One draw a position.
    pub(super) fn get(&self) -> &[u32] {
        &self.draws
    }
}

impl<T: TokenId> Row<'_, T> {
    /// Checks the ids.
    #[inline(always)]
    pub(super) fn validate(&self, vocab: &MaskingVocab) -> Result<()> {
        match vocab.stranger(self.ids.iter().map(|id| id.wide())) {
            Some((position, id)) => Err(Error::IdOutsideVocab {
                row: self.number,
                position,
                id,
                size: vocab.size,
            }),
            None => Ok(()),
        }
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
    #[inline(always)]
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
        &self,
        unit: Range<usize>,
        fate: Fate,
        draws: &[u32],
        vocab: &MaskingVocab,
        (masked, labels): (&mut [i64], &mut [i64]),
    ) {
        let first = unit.start;
        for position in unit {
            labels[position] = self.ids[position].wide();
            masked[position] = match fate {
                Fate::Mask => vocab.mask_id,
                Fate::Keep => continue,
                Fate::Random(place) if position == first => vocab.random_id(place),
                Fate::Random(_) => vocab.random_id(random_place(draws[position], vocab)),
            };
        }
    }
}

impl Masker {
    /// Selects each token on its own, a block at a time and without a branch: what is not selected is computed too.
    /// Writes all of `masked` and `labels`. `last_selected` is not the largest draw.
    #[inline(always)]
    pub(super) fn mask_blocks<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        (last_selected, ranges): (u32, SpecialRanges),
        draws: &mut [u32],
    ) {
        for (draw, &special) in draws.iter_mut().zip(row.special.unwrap_or_default()) {
            *draw = if special == 0 { *draw } else { u32::MAX };
        }
        let (masked, masked_rest) = masked.as_chunks_mut::<BLOCK>();
        let (labels, labels_rest) = labels.as_chunks_mut::<BLOCK>();
        let (ids, ids_rest) = row.ids.as_chunks::<BLOCK>();
        let (draws, draws_rest) = draws.as_chunks::<BLOCK>();
        for (((masked, labels), ids), draws) in masked.iter_mut().zip(labels).zip(ids).zip(draws) {
            self.mask_block(ids, masked, labels, (last_selected, ranges), draws);
        }
        if let Some(&first) = ids_rest.first() {
            let rest = ids_rest.len();
            let (mut ids, mut draws) = ([first; BLOCK], [u32::MAX; BLOCK]);
            ids[..rest].copy_from_slice(ids_rest);
            draws[..rest].copy_from_slice(draws_rest);
            let (mut masked, mut labels) = ([0; BLOCK], [0; BLOCK]);
            self.mask_block(
                &ids,
                &mut masked,
                &mut labels,
                (last_selected, ranges),
                &draws,
            );
            masked_rest.copy_from_slice(&masked[..rest]);
            labels_rest.copy_from_slice(&labels[..rest]);
        }
    }

    #[inline(always)]
    fn mask_block<T: TokenId>(
        &self,
        ids: &[T; BLOCK],
        masked: &mut [i64; BLOCK],
        labels: &mut [i64; BLOCK],
        (last_selected, ranges): (u32, SpecialRanges),
        draws: &[u32; BLOCK],
    ) {
        let mut random: u64 = 0;
        for position in 0..BLOCK {
            let (id, draw) = (ids[position].wide(), draws[position]);
            let selected = (draw <= last_selected) & !ranges.contains(id);
            let (is_mask, is_random) = self.within_selected.outcomes(draw);
            labels[position] = if selected { id } else { IGNORED };
            masked[position] = if selected & is_mask {
                self.vocab.mask_id
            } else {
                id
            };
            random |= u64::from(selected & is_random) << position;
        }
        // Most blocks have up to two: done without asking whether they are there.
        for _ in 0..2 {
            let position = random.trailing_zeros() as usize % BLOCK;
            let id = self.within_selected.random_id(draws[position], &self.vocab);
            masked[position] = select_unpredictable(random != 0, id, masked[position]);
            random &= random.wrapping_sub(1);
        }
        while random != 0 {
            let position = random.trailing_zeros() as usize;
            masked[position] = self.within_selected.random_id(draws[position], &self.vocab);
            random &= random - 1;
        }
    }

    /// Selects each token on its own.
    #[inline(always)]
    pub(super) fn mask_tokens<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        last_selected: u32,
        draws: &[u32],
    ) {
        let length = row.ids.len();
        let (draws, masked, labels) = (
            &draws[..length],
            &mut masked[..length],
            &mut labels[..length],
        );
        for position in Selected::new(draws, last_selected) {
            if row.may_be_selected(position, &self.vocab) {
                let id = row.ids[position].wide();
                labels[position] = id;
                masked[position] = self.within_selected.apply(draws[position], id, &self.vocab);
            }
        }
    }

    /// Selects each word on its own, by the draw at its first token.
    pub(super) fn mask_words<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        last_selected: u32,
        draws: &[u32],
    ) {
        for position in Selected::new(draws, last_selected) {
            if let Some(word) = row.word_at(position, &self.vocab) {
                let fate = self.within_selected.fate(draws[position]);
                row.replace(word, fate, draws, &self.vocab, (masked, labels));
            }
        }
    }
}

/// Positions of the draws that are at most `last_selected`, in order.
struct Selected<'d> {
    draws: std::slice::Chunks<'d, u32>,
    last_selected: u32,
    /// The position behind the block, were it full, and a bit for each of its positions that are left.
    end: usize,
    left: u64,
}

impl<'d> Selected<'d> {
    #[inline(always)]
    fn new(draws: &'d [u32], last_selected: u32) -> Self {
        Self {
            draws: draws.chunks(BLOCK),
            last_selected,
            end: 0,
            left: 0,
        }
    }
}

impl Iterator for Selected<'_> {
    type Item = usize;

    #[inline(always)]
    fn next(&mut self) -> Option<usize> {
        while self.left == 0 {
            // A bit for each draw: a branch on each would be guessed wrong for 15 %.
            self.left = (0..).zip(self.draws.next()?).fold(0, |bits, (bit, &draw)| {
                bits | u64::from(draw <= self.last_selected) << bit
            });
            self.end += BLOCK;
        }
        let position = self.end - BLOCK + self.left.trailing_zeros() as usize;
        self.left &= self.left - 1;
        Some(position)
    }
}
