//! Sequences as tokens, before special tokens and truncation.

use super::column::{Column, ThreeBlocks};
use super::entry::{Entry, MAX_TOKENS};
use super::word_table::{Lookup, View};

/// Tokens of sequences, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    ids: Column<i32>,
    /// Empty, as are the word ids, where nothing is aligned.
    offsets: Column<[i32; 2]>,
    word_ids: Column<i32>,
    /// First token of the last sequence.
    start: usize,
    /// Number of the next word of the last sequence.
    next_word: i32,
}

impl Tokens {
    /// With room for `tokens`, aligned or not.
    pub(super) fn with_capacity(tokens: usize, align: bool) -> Self {
        let aligned = if align { tokens } else { 0 };
        Self {
            ids: Column::with_capacity(tokens),
            offsets: Column::with_capacity(aligned),
            word_ids: Column::with_capacity(aligned),
            ..Self::default()
        }
    }

    /// Tokens of the last sequence.
    pub(super) fn len(&self) -> usize {
        self.end() - self.start
    }

    /// Tokens of all sequences.
    pub(super) fn end(&self) -> usize {
        self.ids.as_slice().len()
    }

    /// Those of the last sequence.
    pub(super) fn ids(&self) -> &[i32] {
        &self.ids.as_slice()[self.start..]
    }

    /// Start and end in characters; empty where nothing is aligned.
    pub(super) fn offsets(&self) -> &[[i32; 2]] {
        self.offsets
            .as_slice()
            .get(self.start..)
            .unwrap_or_default()
    }

    /// Empty where nothing is aligned.
    pub(super) fn word_ids(&self) -> &[i32] {
        self.word_ids
            .as_slice()
            .get(self.start..)
            .unwrap_or_default()
    }

    /// Forgets all sequences.
    pub(super) fn clear(&mut self) {
        self.start = 0;
        self.truncate(0);
    }

    /// Begins the next sequence.
    pub(super) fn start_sequence(&mut self) {
        self.start = self.end();
        self.next_word = 0;
    }

    /// Forgets what is behind the first `length` tokens of the last sequence.
    pub(super) fn truncate(&mut self, length: usize) {
        self.ids.truncate(self.start + length);
        self.offsets.truncate(self.start + length);
        self.word_ids.truncate(self.start + length);
    }

    /// The columns of all sequences: ids, offsets, word ids.
    pub(super) fn into_columns(self) -> (Vec<i32>, Vec<[i32; 2]>, Vec<i32>) {
        (
            self.ids.into_vec(),
            self.offsets.into_vec(),
            self.word_ids.into_vec(),
        )
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
        self.ids.push(id as i32);
        if ALIGN {
            self.offsets.push(offsets.map(|position| position as i32));
            self.word_ids.push(word);
        }
    }

    /// Appends tokens where nothing is aligned.
    #[inline]
    pub(super) fn push_run_ids(&mut self, ids: impl ExactSizeIterator<Item = u32>) {
        self.ids.extend(ids.map(|id| id as i32));
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

    /// Appends the tokens of runs that the table knows, up to the first that it does not.
    ///
    /// `starts` are the bytes where runs start, the first of them character `source`. All belong to `word` where one is
    /// given. Returns how many runs were known.
    #[inline]
    pub(super) fn push_known<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        starts: &[u32],
        source: &mut u32,
        word: Option<i32>,
    ) -> usize {
        if !ALIGN {
            return self.push_ids(table, lookups);
        }
        // Where the caller gave no word, the next one begins where a token says so.
        let counted = i32::from(word.is_none());
        let mut last = word.unwrap_or(self.next_word - 1);
        let mut first = *source;
        let mut known = 0;
        let mut tokens = self.blocks(lookups.len());
        for (&lookup, start) in lookups.iter().zip(starts) {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            let start = first.wrapping_add(*start);
            if tokens.push_plain(entry, start, last + counted) {
                last += counted;
            } else {
                last = tokens.push(entry, start, last, counted);
                first = first.wrapping_sub(lookup.continuing_bytes());
            }
            known += 1;
        }
        tokens.keep();
        *source = first;
        if word.is_none() {
            self.next_word = last + 1;
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
    ) -> usize {
        if !ALIGN {
            return self.push_ids(table, lookups);
        }
        let mut known = 0;
        let mut tokens = self.blocks(lookups.len());
        for (&lookup, word) in lookups.iter().zip(word..) {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            if !tokens.push_plain(entry, 0, word) {
                tokens.push(entry, 0, word, 0);
            }
            known += 1;
        }
        tokens.keep();
        known
    }

    /// The same where nothing is aligned.
    #[inline(always)]
    fn push_ids(&mut self, table: View<'_>, lookups: &[Lookup]) -> usize {
        let mut known = 0;
        let mut ids = self.ids.blocks(lookups.len() * MAX_TOKENS);
        for &lookup in lookups {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            ids.push_first(entry.ids(), entry.len());
            known += 1;
        }
        ids.keep();
        known
    }

    /// Room for the aligned tokens of so many runs.
    #[inline(always)]
    fn blocks(&mut self, runs: usize) -> Aligned<'_> {
        let room = runs * MAX_TOKENS;
        Aligned(ThreeBlocks::new(
            &mut self.ids,
            &mut self.offsets,
            &mut self.word_ids,
            room,
        ))
    }
}

/// Ids, offsets and word ids that are being written.
struct Aligned<'t>(ThreeBlocks<'t, i32, [i32; 2], i32>);

impl Aligned<'_> {
    /// The token of a run that starts at character `start` and belongs to `word`, if it is one token of one word, of
    /// characters that are bytes. 19 of 20 runs of English text are.
    #[inline(always)]
    fn push_plain(&mut self, entry: Entry, start: u32, word: i32) -> bool {
        let Some(offsets) = entry.plain_from(start) else {
            return false;
        };
        let [id, ..] = entry.ids();
        self.0.push_first(([id], [offsets], [word]), 1);
        true
    }

    /// The tokens of any run behind word `last`. A token that starts a word adds `counted` to its number. Returns that of
    /// the run's last word.
    #[inline(always)]
    fn push(&mut self, entry: Entry, start: u32, last: i32, counted: i32) -> i32 {
        let mut word = last;
        let places = entry.places_from(start).map(|(offsets, starts_word)| {
            // Behind the tokens, none starts a word.
            word += counted & i32::from(starts_word);
            (offsets, word)
        });
        let offsets = places.map(|(offsets, _)| offsets);
        let words = places.map(|(_, word)| word);
        self.0
            .push_first((entry.ids(), offsets, words), entry.len());
        word
    }

    fn keep(self) {
        self.0.keep();
    }
}
