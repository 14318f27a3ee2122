//! Sequences as tokens, before special tokens and truncation: columns that are written once.

use super::word_table::{Lookup, MAX_TOKENS, Places, View};
use crate::memory;

/// Tokens of sequences, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    /// Longer than the tokens, as are the other columns: what is behind them means nothing.
    ids: Vec<i32>,
    offsets: Vec<[i32; 2]>,
    word_ids: Vec<i32>,
    /// First token of the last sequence.
    start: usize,
    /// Behind its last token.
    length: usize,
    /// Number of the next word of the last sequence.
    next_word: i32,
}

impl Tokens {
    /// With room for `tokens`, aligned or not.
    pub(super) fn with_room(tokens: usize, align: bool) -> Self {
        let aligned = if align { tokens } else { 0 };
        Self {
            ids: memory::zeroed(tokens),
            offsets: memory::zeroed(aligned),
            word_ids: memory::zeroed(aligned),
            ..Self::default()
        }
    }

    /// Tokens of the last sequence.
    pub(super) fn len(&self) -> usize {
        self.length - self.start
    }

    /// Tokens of all sequences.
    pub(super) fn end(&self) -> usize {
        self.length
    }

    pub(super) fn ids(&self) -> &[i32] {
        &self.ids[self.start..self.length]
    }

    /// Start and end in characters; empty where nothing is aligned.
    pub(super) fn offsets(&self) -> &[[i32; 2]] {
        self.offsets
            .get(self.start..self.length)
            .unwrap_or_default()
    }

    /// Empty where nothing is aligned.
    pub(super) fn word_ids(&self) -> &[i32] {
        self.word_ids
            .get(self.start..self.length)
            .unwrap_or_default()
    }

    /// Forgets all sequences.
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    /// Begins the next sequence.
    pub(super) fn start_sequence(&mut self) {
        self.start = self.length;
        self.next_word = 0;
    }

    /// Forgets what is behind the first `length` tokens of the last sequence.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(self.start + length);
    }

    /// The columns of all sequences: ids, offsets, word ids.
    pub(super) fn into_columns(mut self) -> (Vec<i32>, Vec<[i32; 2]>, Vec<i32>) {
        self.ids.truncate(self.length);
        self.offsets.truncate(self.length);
        self.word_ids.truncate(self.length);
        (self.ids, self.offsets, self.word_ids)
    }

    /// Makes room for `count` more tokens.
    #[inline]
    pub(super) fn make_room<const ALIGN: bool>(&mut self, count: usize) {
        let needed = self.length + count;
        if self.ids.len() < needed {
            self.ids.resize(needed, 0);
        }
        if ALIGN && self.offsets.len() < needed {
            self.offsets.resize(needed, [0; 2]);
            self.word_ids.resize(needed, 0);
        }
    }

    /// Appends a token that stands for no text.
    pub(super) fn push_special(&mut self, id: u32, align: bool) {
        if align {
            self.push::<true>(id, [0, 0], -1);
        } else {
            self.push::<false>(id, [0, 0], -1);
        }
    }

    #[inline]
    pub(super) fn push<const ALIGN: bool>(&mut self, id: u32, offsets: [u32; 2], word: i32) {
        self.make_room::<ALIGN>(1);
        self.ids[self.length] = id as i32;
        if ALIGN {
            self.offsets[self.length] = offsets.map(|position| position as i32);
            self.word_ids[self.length] = word;
        }
        self.length += 1;
    }

    /// The number of a token's word: the given one, or that of a new word.
    pub(super) fn number_word(&mut self, given: Option<i32>) -> i32 {
        given.unwrap_or_else(|| {
            self.next_word += 1;
            self.next_word - 1
        })
    }

    /// The same for a token that may go on with the last word.
    pub(super) fn number_piece(&mut self, given: Option<i32>, starts_word: bool) -> i32 {
        self.next_word += i32::from(starts_word);
        given.unwrap_or(self.next_word - 1)
    }

    /// Appends the tokens of runs that the table knows, up to the first that it does not. There is room for them.
    ///
    /// `starts` are the bytes where runs start, the first of them character `source`. Returns how many were known.
    #[inline]
    pub(super) fn push_known<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        starts: &[u32],
        source: &mut u32,
        word: Option<i32>,
        places: &mut Vec<Places>,
    ) -> usize {
        let length = self.length;
        let known = self.push_ids::<ALIGN>(table, lookups, places);
        if ALIGN {
            let runs = places.iter().zip(starts).zip(lookups);
            let mut first = *source;
            // Where the caller gave no word, the next one begins where a token says so.
            let counted = i32::from(word.is_none());
            let before = word.unwrap_or(self.next_word - 1);
            let last = self.align(
                length,
                before,
                counted,
                runs.map(|((&places, &start), lookup)| {
                    let start = first.wrapping_add(start);
                    first = first.wrapping_sub(lookup.continuing_bytes());
                    (places, start, 0)
                }),
            );
            *source = first;
            if word.is_none() {
                self.next_word = last + 1;
            }
        }
        known
    }

    /// The same for words that the caller has told apart, the first of them number `word`.
    #[inline]
    pub(super) fn push_known_words<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        word: i32,
        places: &mut Vec<Places>,
    ) -> usize {
        let length = self.length;
        let known = self.push_ids::<ALIGN>(table, lookups, places);
        if ALIGN {
            self.align(length, word, 0, places.iter().map(|&places| (places, 0, 1)));
        }
        known
    }

    /// Appends the ids of known runs, and keeps their places if they are needed.
    #[inline(always)]
    fn push_ids<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        places: &mut Vec<Places>,
    ) -> usize {
        places.clear();
        if ALIGN {
            places.reserve(lookups.len());
        }
        let mut length = self.length;
        let ids = self.ids.as_mut_slice();
        let mut known = 0;
        for &lookup in lookups {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            // Four at a time, whether they are four or one: what is too much is written over.
            if let Some(target) = ids[length..].first_chunk_mut() {
                *target = entry.ids();
            }
            if ALIGN {
                places.push(entry.places());
            }
            length += entry.places().len();
            known += 1;
        }
        self.length = length;
        known
    }

    /// Offsets and word ids of the runs behind the first `length` tokens, whose ids are there. A run is its places,
    /// the character where it starts, and how far the number of the word goes on behind it. Returns that number.
    #[inline(always)]
    fn align(
        &mut self,
        mut length: usize,
        mut word: i32,
        counted: i32,
        runs: impl Iterator<Item = (Places, u32, i32)>,
    ) -> i32 {
        let offsets = self.offsets.as_mut_slice();
        let word_ids = self.word_ids.as_mut_slice();
        for (places, start, behind) in runs {
            if let Some(offsets) = offsets[length..].first_chunk_mut::<MAX_TOKENS>()
                && let Some(word_ids) = word_ids[length..].first_chunk_mut::<MAX_TOKENS>()
            {
                let mut place = |token: usize| {
                    let (offset, starts_word) = places.get(token, start);
                    word += starts_word & counted;
                    offsets[token] = offset;
                    word_ids[token] = word;
                };
                place(0);
                // Seldom: 19 of 20 runs of English text are words of the vocabulary.
                if places.len() != 1 {
                    // Without tokens, none starts a word.
                    (1..MAX_TOKENS).for_each(place);
                }
            }
            word += behind;
            length += places.len();
        }
        word
    }
}
