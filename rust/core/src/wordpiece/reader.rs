//! One sequence, read into tokens: chunk by chunk, run by run.

use super::added_tokens::Part;
use super::key::{Key, MAX_BYTES as MAX_RUN_BYTES};
use super::pieces::count_chars;
use super::scratch::Scratch;
use super::tokens::Tokens;
use super::unknown_words::{find_pieces_at, find_words, span};
use super::word_table::WordTable;
use super::{Text, WordPiece};
use crate::error::{Error, Result};
use crate::normalize::{Boundary, class_at};
use std::ops::Range;

/// Bytes of text that are looked at together: what is made of them stays in the first-level cache.
const CHUNK: usize = 4096;
/// Bytes a token that is still wanted, where a text is cut: English has 4.5.
const BYTES_PER_TOKEN: usize = 5;
const MIN_CHUNK: usize = 256;

/// Look-ups after which it is asked whether the text is cut here.
const GROUP: usize = 32;

/// Longest text: character positions are signed 32-bit.
const MAX_BYTES: usize = i32::MAX as usize;

/// A number of tokens behind which tokenization may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit(usize);

impl Limit {
    pub(super) const NONE: Self = Self(usize::MAX);

    /// One token more than `room` tells that the sequence is too long.
    pub(super) fn after(room: usize) -> Self {
        Self(room.saturating_add(1))
    }

    pub(super) fn reached(self, tokens: &Tokens) -> bool {
        tokens.len() >= self.0
    }

    /// Tokens that are still wanted, if there is a limit.
    fn missing(self, tokens: &Tokens) -> Option<usize> {
        (self != Self::NONE).then(|| self.0.saturating_sub(tokens.len()))
    }

    pub(super) fn is_odd(self) -> bool {
        // `after` added one.
        self != Self::NONE && self.0.is_multiple_of(2)
    }
}

/// Reads one sequence into [`Tokens`], up to the limit (some tokens may stand behind it).
pub(super) struct Reader<'r> {
    pub(super) tokenizer: &'r WordPiece,
    pub(super) table: &'r WordTable,
    pub(super) split_special: bool,
    pub(super) limit: Limit,
    pub(super) tokens: &'r mut Tokens,
    pub(super) scratch: &'r mut Scratch,
}

impl Reader<'_> {
    /// Offsets and word ids are made too if `align`.
    pub(super) fn read_sequence(
        mut self,
        text: Text<'_>,
        sample: usize,
        align: bool,
    ) -> Result<()> {
        self.tokens.start_sequence();
        match (text, align) {
            (Text::Plain(text), false) => self.read::<false>(text, None, sample),
            (Text::Plain(text), true) => self.read::<true>(text, None, sample),
            (Text::Words(words), false) => self.read_words::<false>(words, sample),
            (Text::Words(words), true) => self.read_words::<true>(words, sample),
        }
    }

    /// Words that the caller has told apart, each a string of any kind. Short ones are known as a whole, or from now on.
    fn read_words<const ALIGN: bool>(&mut self, words: &[&str], sample: usize) -> Result<()> {
        let view = self.table.view();
        let mut lookups = std::mem::take(&mut self.scratch.lookups);
        for (group, words) in words.chunks(GROUP).enumerate() {
            lookups.clear();
            lookups.extend(words.iter().map(|word| {
                let lookup = view.lookup(self.key_of_word(word));
                view.prefetch(lookup);
                lookup
            }));
            let first = group * GROUP;
            let mut next = 0;
            while next < words.len() {
                let word = (first + next) as i32;
                next += self
                    .tokens
                    .push_known_words::<ALIGN>(view, &lookups[next..], word);
                if let Some(text) = words.get(next) {
                    let word = Some((first + next) as i32);
                    let key = self.key_of_word(text);
                    if key == Key::default() {
                        self.read::<ALIGN>(text, word, sample)?;
                    } else {
                        self.find_tokens(text);
                        self.table.insert(key, &self.scratch.run);
                        self.push_run::<ALIGN>(0, word);
                    }
                    next += 1;
                }
            }
            if self.limit.reached(self.tokens) {
                break;
            }
        }
        self.scratch.lookups = lookups;
        Ok(())
    }

    /// The key of a word that the table may know; that of long runs for all others.
    #[inline]
    fn key_of_word(&self, word: &str) -> Key {
        let Self { tokenizer, .. } = self;
        let key = Key::of(word.as_bytes());
        // What the table knows of an added token is what it would be as text.
        if tokenizer.added.matches_normalized() || tokenizer.added.may_start_in_run(key) {
            Key::default()
        } else if tokenizer.normalizer.lowercases() {
            key.lowercase()
        } else {
            key
        }
    }

    /// Tokens of `text`; all belong to `word` where one is given, else words are counted.
    #[inline]
    fn read<const ALIGN: bool>(
        &mut self,
        text: &str,
        word: Option<i32>,
        sample: usize,
    ) -> Result<()> {
        if text.len() > MAX_BYTES {
            return Err(Error::TextTooLong {
                sample,
                bytes: text.len(),
                max: MAX_BYTES,
            });
        }
        let added = &self.tokenizer.added;
        let mut byte = 0;
        let mut source = 0;
        while !added.matches_normalized() && byte < text.len() {
            if self.limit.reached(self.tokens) {
                return Ok(());
            }
            let end = byte + self.chunk_end(&text[byte..]);
            if added.may_start_in(&text[byte..end]) {
                break;
            }
            source = self.read_text::<ALIGN>(&text[byte..end], source, word)?;
            byte = end;
        }
        self.read_around_added::<ALIGN>(text, byte, source, word)
    }

    /// The tokens behind byte `byte`, character `source`, which no added token spans.
    fn read_around_added<const ALIGN: bool>(
        &mut self,
        text: &str,
        mut byte: usize,
        mut source: u32,
        word: Option<i32>,
    ) -> Result<()> {
        if byte == text.len() {
            return Ok(());
        }
        let mut inside = Ok(());
        let around = self.tokenizer.added.split_raw(
            text,
            byte,
            self.split_special,
            |Part { id, start, end }| {
                if inside.is_err() || self.limit.reached(self.tokens) {
                    return;
                }
                if ALIGN {
                    source = move_to(text, byte, source, start);
                }
                if let Some(id) = id {
                    let first = source;
                    if ALIGN {
                        source = move_to(text, start, source, end);
                    }
                    let word = self.tokens.number_word(word);
                    self.tokens.push::<ALIGN>(id, [first, source], word);
                } else {
                    match self.read_text::<ALIGN>(&text[start..end], source, word) {
                        Ok(behind) => source = behind,
                        Err(error) => inside = Err(error),
                    }
                }
                byte = end;
            },
        );
        around.and(inside)
    }

    /// Text between the tokens that are matched before normalization. Returns the source behind it, if aligned.
    fn read_text<const ALIGN: bool>(
        &mut self,
        text: &str,
        first: u32,
        word: Option<i32>,
    ) -> Result<u32> {
        let tokenizer = self.tokenizer;
        let mut source = first;
        if !tokenizer.added.matches_normalized() {
            let mut rest = text;
            while !rest.is_empty() && !self.limit.reached(self.tokens) {
                let (chunk, behind) = rest.split_at(self.chunk_end(rest));
                source = if tokenizer.normalizer.cleans_text() {
                    self.read_chunk::<ALIGN>(chunk, source, word)
                } else {
                    self.read_run::<ALIGN>(chunk, source, word);
                    source + count_chars(chunk.as_bytes()) as u32
                };
                rest = behind;
            }
            return Ok(source);
        }
        let mut normalized = std::mem::take(&mut self.scratch.normalized);
        normalized.clear();
        source = tokenizer
            .normalizer
            .normalize::<ALIGN>(text, source, &mut normalized);
        // Normalized text is UTF-8: it is made of whole characters only.
        let view = std::str::from_utf8(&normalized.text).unwrap_or_default();
        let split = tokenizer.added.split_normalized(
            view,
            self.split_special,
            |Part { id, start, end }| {
                if let Some(id) = id {
                    let word = self.tokens.number_word(word);
                    let offsets = if ALIGN {
                        span(&normalized, start, end)
                    } else {
                        [0, 0]
                    };
                    self.tokens.push::<ALIGN>(id, offsets, word);
                } else {
                    self.scratch.run.clear();
                    find_words::<ALIGN>(tokenizer, &normalized, start..end, &mut self.scratch.run);
                    self.push_run::<ALIGN>(0, word);
                }
            },
        );
        self.scratch.normalized = normalized;
        split.map(|()| source)
    }

    /// Text that starts at character `first`, run by run. Returns the character behind it, if aligned and not cut.
    fn read_chunk<const ALIGN: bool>(&mut self, chunk: &str, first: u32, word: Option<i32>) -> u32 {
        let mut scan = std::mem::take(&mut self.scratch.scan);
        scan.scan(chunk.as_bytes(), self.tokenizer.normalizer.lowercases());
        let view = self.table.view();
        let (text, starts, ends) = (scan.text(), scan.starts(), scan.ends());
        // All of them at once: while the last ones are made, the memory that the first ones need arrives.
        let mut lookups = std::mem::take(&mut self.scratch.lookups);
        lookups.clear();
        lookups.extend(starts.iter().zip(ends).map(|(&start, &end)| {
            let lookup = view.lookup(Key::at(text, start as usize, (end - start) as usize));
            view.prefetch(lookup);
            lookup
        }));
        let group = if self.limit == Limit::NONE {
            usize::MAX
        } else {
            GROUP
        };
        // The character of byte 0, if all characters so far were bytes: it goes down with each that is not.
        let mut source = first;
        let mut next = 0;
        while next < starts.len() && !self.limit.reached(self.tokens) {
            let behind = starts.len().min(next.saturating_add(group));
            let (lookups, starts) = (&lookups[next..behind], &starts[next..behind]);
            let known = self
                .tokens
                .push_known::<ALIGN>(view, lookups, starts, &mut source, word);
            if let Some(&start) = starts.get(known) {
                let (start, end) = (start as usize, ends[next + known] as usize);
                let first = source.wrapping_add(start as u32);
                let continuing = self.read_unknown::<ALIGN>(chunk, text, start..end, first, word);
                source = source.wrapping_sub(continuing);
                next += 1;
            }
            next += known;
        }
        self.scratch.lookups = lookups;
        self.scratch.scan = scan;
        source.wrapping_add(chunk.len() as u32)
    }

    #[inline]
    fn push_if_known<const ALIGN: bool>(
        &mut self,
        key: Key,
        mut source: u32,
        word: Option<i32>,
    ) -> bool {
        let view = self.table.view();
        let lookups = [view.lookup(key)];
        self.tokens
            .push_known::<ALIGN>(view, &lookups, &[0], &mut source, word)
            == 1
    }

    /// A run that the table does not know. Returns how many of its bytes continue a character.
    #[cold]
    #[inline(never)]
    fn read_unknown<const ALIGN: bool>(
        &mut self,
        chunk: &str,
        scanned: &[u8],
        run: Range<usize>,
        source: u32,
        word: Option<i32>,
    ) -> u32 {
        let text = &chunk[run.clone()];
        let scanned_run = &scanned[run.clone()];
        let is_long = run.len() > MAX_RUN_BYTES;
        if is_long && !scanned_run.is_ascii() {
            return self.read_parts::<ALIGN>(text, &scanned[run.start..], source, word);
        }
        let key = Key::at(scanned, run.start, run.len());
        // Long runs have an empty key, which says what is true of them: those that are left are ASCII.
        if key.is_ascii() || self.tokenizer.normalizer.keeps_as_word(text) {
            self.find_pieces(scanned_run, key.is_ascii());
        } else {
            self.find_tokens(text);
        }
        self.table.insert(key, &self.scratch.run);
        self.push_run::<ALIGN>(source, word);
        key.continuing_bytes()
    }

    /// A long run with characters that are not ASCII: part by part, as those that are words of their own divide it.
    fn read_parts<const ALIGN: bool>(
        &mut self,
        run: &str,
        scanned: &[u8],
        first: u32,
        word: Option<i32>,
    ) -> u32 {
        let normalizer = &self.tokenizer.normalizer;
        let bytes = run.as_bytes();
        let (mut start, mut end, mut source, mut chars) = (0, 0, first, 0);
        let mut is_kept = true;
        while end < bytes.len() {
            let (class, length) = class_at(&bytes[end..]);
            let boundary = normalizer.boundary(class);
            if boundary == Boundary::None {
                is_kept &= normalizer.keeps(class);
                chars += 1;
            } else {
                self.read_part::<ALIGN>(&run[start..end], &scanned[start..], is_kept, source, word);
                source += chars;
                if boundary == Boundary::Word {
                    let part = &run[end..end + length];
                    self.read_part::<ALIGN>(part, &scanned[end..], true, source, word);
                }
                source += 1;
                (chars, is_kept) = (0, true);
                start = end + length;
                if self.limit.reached(self.tokens) {
                    return 0;
                }
            }
            end += length;
        }
        self.read_part::<ALIGN>(&run[start..], &scanned[start..], is_kept, source, word);
        bytes.len() as u32 - (source + chars - first)
    }

    /// A part of a run; whether it is a word that normalization keeps as it is has been seen.
    #[inline]
    fn read_part<const ALIGN: bool>(
        &mut self,
        part: &str,
        scanned: &[u8],
        is_kept: bool,
        source: u32,
        word: Option<i32>,
    ) {
        if part.is_empty() {
            return;
        }
        let key = Key::at(scanned, 0, part.len());
        if part.len() <= MAX_RUN_BYTES && self.push_if_known::<ALIGN>(key, source, word) {
            return;
        }
        if is_kept {
            self.find_pieces(&scanned[..part.len()], part.is_ascii());
        } else {
            self.find_tokens(part);
        }
        self.table.insert(key, &self.scratch.run);
        self.push_run::<ALIGN>(source, word);
    }

    /// A text that starts at character `source`, by normalization of the whole.
    fn read_run<const ALIGN: bool>(&mut self, text: &str, source: u32, word: Option<i32>) {
        self.find_tokens(text);
        self.push_run::<ALIGN>(source, word);
    }

    /// The tokens of a text on its own, as `self.tokens.run`.
    fn find_tokens(&mut self, text: &str) {
        let tokenizer = self.tokenizer;
        let Scratch {
            normalized, run, ..
        } = &mut *self.scratch;
        normalized.clear();
        run.clear();
        tokenizer.normalizer.normalize::<true>(text, 0, normalized);
        find_words::<true>(tokenizer, normalized, 0..normalized.text.len(), run);
    }

    /// The tokens of a word that is normalized, as `self.tokens.run`.
    #[inline]
    fn find_pieces(&mut self, word: &[u8], is_ascii: bool) {
        let run = &mut self.scratch.run;
        run.clear();
        find_pieces_at(self.tokenizer, word, run, |first, last| {
            [first as u32, last as u32]
        });
        if !is_ascii {
            // From bytes to characters. The tokens stand side by side.
            let mut start = 0;
            for token in run {
                let bytes = token.start as usize..token.end as usize;
                token.start = start;
                start += count_chars(&word[bytes]) as u32;
                token.end = start;
            }
        }
    }

    fn push_run<const ALIGN: bool>(&mut self, source: u32, word: Option<i32>) {
        if !ALIGN {
            let ids = self.scratch.run.iter().map(|token| token.id);
            return self.tokens.push_run_ids(ids);
        }
        for token in &self.scratch.run {
            let offsets = [source + token.start, source + token.end];
            let word = self.tokens.number_piece(word, token.starts_word);
            self.tokens.push::<ALIGN>(token.id, offsets, word);
        }
    }

    /// Where the next chunk of `text` ends: behind ASCII white space, which separates words and never takes part
    /// in a combining sequence, or at the end of the text. A text that is cut is not read to its end.
    fn chunk_end(&self, text: &str) -> usize {
        let bytes = text.as_bytes();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        let size = self.limit.missing(self.tokens).map_or(CHUNK, |tokens| {
            tokens
                .saturating_mul(BYTES_PER_TOKEN)
                .clamp(MIN_CHUNK, CHUNK)
        });
        if bytes.len() <= size {
            return bytes.len();
        }
        if let Some(last) = bytes[..size].iter().rposition(is_space) {
            return last + 1;
        }
        bytes[size..]
            .iter()
            .position(is_space)
            .map_or(bytes.len(), |next| size + next + 1)
    }
}

/// Character index of byte `to`, from that of byte `from`. An added token that swallowed the white
/// space on its right may end behind the start of the next one, so `to` may lie before `from`.
fn move_to(text: &str, from: usize, source: u32, to: usize) -> u32 {
    if from <= to {
        source + count_chars(&text.as_bytes()[from..to]) as u32
    } else {
        source - count_chars(&text.as_bytes()[to..from]) as u32
    }
}
