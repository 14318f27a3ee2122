//! What masking knows of a vocabulary.

use super::MaskingOptions;
use crate::{Error, Result};

/// How a token meets its neighbours: it continues the word of the token before it where `first` is not 0
/// and equals that token's `last`.
///
/// In a WordPiece vocabulary, tokens that begin with `##` have `first` 1, the rest 0, and all have `last` 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WordClass {
    /// Class of the token's beginning, 0 where it always begins a word.
    pub first: u8,
    /// Class of the token's end.
    pub last: u8,
}

/// Ids as ranges, first and number: the special tokens of BERT, `RoBERTa` and ALBERT lie in one or two, and so a block of
/// ids is compared with all of them at once. A range that is not needed is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SpecialRanges([(i64, u64); 2]);

impl SpecialRanges {
    /// The ranges of marked ids; `None` where there are more of them.
    fn of(marks: &[bool]) -> Option<Self> {
        let (mut ranges, mut found) = ([(0, 0); 2], 0);
        let mut id = 0;
        for run in marks.chunk_by(|one, next| one == next) {
            if run[0] {
                *ranges.get_mut(found)? = (id, run.len() as u64);
                found += 1;
            }
            id += run.len() as i64;
        }
        Some(Self(ranges))
    }

    #[inline(always)]
    pub(super) fn contains(self, id: i64) -> bool {
        self.0.iter().fold(false, |any, &(first, number)| {
            any | ((id.wrapping_sub(first) as u64) < number)
        })
    }
}

/// What masking knows of a vocabulary: its size, the mask token, which ids are special, which
/// may be drawn, and how words begin.
#[derive(Debug, Clone)]
pub struct MaskingVocab {
    pub(super) size: usize,
    pub(super) mask_id: i64,
    has_mask: bool,
    /// A bit an id: 4 kB for 30,000 tokens, which the nearest cache keeps.
    special: Vec<u64>,
    /// The same as ranges, where they are few.
    pub(super) special_ranges: Option<SpecialRanges>,
    word_classes: Option<Vec<WordClass>>,
    pub(super) random_ids: Vec<u32>,
}

impl MaskingVocab {
    /// A vocabulary of ids `0..size`.
    ///
    /// `special_ids` are never selected nor drawn, `not_drawn` (unused places, say) are not drawn.
    /// `word_classes` are those of all ids, where ids tell words.
    ///
    /// # Errors
    ///
    /// An id outside of the vocabulary; another number of word classes than ids.
    pub fn new(
        size: usize,
        mask_id: Option<u32>,
        special_ids: &[u32],
        not_drawn: &[u32],
        word_classes: Option<Vec<WordClass>>,
    ) -> Result<Self> {
        let marked = |ids: &[u32]| {
            let mut marks = vec![false; size];
            for &id in ids {
                *marks.get_mut(id as usize).ok_or(Error::VocabId {
                    id: id.into(),
                    size,
                })? = true;
            }
            Ok(marks)
        };
        if let Some(id) = mask_id.filter(|&id| id as usize >= size) {
            return Err(Error::VocabId {
                id: id.into(),
                size,
            });
        }
        if let Some(given) = word_classes
            .as_ref()
            .map(Vec::len)
            .filter(|&given| given != size)
        {
            return Err(Error::ColumnLengths {
                column: "word classes",
                given,
                expected: size,
            });
        }
        let (special, kept_out) = (marked(special_ids)?, marked(not_drawn)?);
        Ok(Self {
            size,
            mask_id: mask_id.unwrap_or_default().into(),
            has_mask: mask_id.is_some(),
            random_ids: (0..size)
                .filter(|&id| !special[id] && !kept_out[id])
                .map(|id| id as u32)
                .collect(),
            special_ranges: SpecialRanges::of(&special),
            special: special
                .chunks(64)
                .map(|ids| {
                    (0..)
                        .zip(ids)
                        .fold(0, |bits, (bit, &special)| bits | u64::from(special) << bit)
                })
                .collect(),
            word_classes,
        })
    }

    pub(super) fn validate(&self, options: &MaskingOptions) -> Result<()> {
        if !self.has_mask {
            return Err(Error::NoMaskToken);
        }
        if options.random_replace_prob > 0.0 && self.random_ids.is_empty() {
            return Err(Error::NothingToDraw { size: self.size });
        }
        Ok(())
    }

    /// Whether ids tell which tokens continue a word.
    pub(super) fn knows_words(&self) -> bool {
        self.word_classes.is_some()
    }

    /// The first of `ids` outside of the vocabulary.
    #[inline(always)]
    pub(super) fn stranger(&self, ids: impl Iterator<Item = i64> + Clone) -> Option<(usize, i64)> {
        let last = self.size as i64 - 1;
        // Negative where an id is, or is above the last: no early end, so that vectors do it.
        let strangers = ids
            .clone()
            .fold(0, |any, id| any | id | last.wrapping_sub(id));
        if strangers >= 0 {
            return None;
        }
        ids.enumerate().find(|&(_, id)| id < 0 || id > last)
    }

    /// One of the tokens that may be drawn.
    #[inline(always)]
    pub(super) fn random_id(&self, place: usize) -> i64 {
        self.random_ids
            .get(place)
            .map_or(self.mask_id, |&id| id.into())
    }

    /// Whether an id of the vocabulary is special.
    #[inline(always)]
    pub(super) fn is_special(&self, id: i64) -> bool {
        let bits = self.special.get(id as usize / 64);
        bits.is_none_or(|bits| bits >> (id as usize % 64) & 1 == 1)
    }

    /// Whether a token continues the word of the token before it.
    pub(super) fn continues(&self, before: i64, id: i64) -> bool {
        let class = |id: i64| self.word_classes.as_ref()?.get(id as usize);
        match (class(before), class(id)) {
            (Some(before), Some(class)) => class.first != 0 && class.first == before.last,
            _ => false,
        }
    }
}
