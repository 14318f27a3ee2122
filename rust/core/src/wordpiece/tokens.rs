//! One sequence as tokens, before special tokens and truncation.

use super::added_tokens::Part;
use super::{EncodeOptions, Text, WordPiece};
use crate::error::{Error, Result};
use crate::normalize::{Normalized, class_at, is_punctuation, is_whitespace};

/// Bytes of text that are normalized at a time: they stay in the first-level cache, and a text that
/// is cut at `max_length` is not normalized to its end.
const CHUNK: usize = 4096;

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

    pub(super) fn is_odd(self) -> bool {
        // `after` added one.
        self != Self::NONE && self.0 % 2 == 0
    }
}

/// Tokens of one sequence, with the buffers that their making needs.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    pub(super) ids: Vec<i32>,
    /// Start and end in characters; empty where nothing is aligned.
    pub(super) offsets: Vec<[i32; 2]>,
    /// Empty where nothing is aligned.
    pub(super) word_ids: Vec<i32>,
    normalized: Normalized,
    next_word: i32,
}

impl Tokens {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Replaces the tokens by those of `text`, up to `limit` (some may stand behind it).
    pub(super) fn read(
        &mut self,
        tokenizer: &WordPiece,
        text: Text<'_>,
        options: &EncodeOptions,
        limit: Limit,
        sample: usize,
    ) -> Result<()> {
        self.ids.clear();
        self.offsets.clear();
        self.word_ids.clear();
        self.next_word = 0;
        let mut reader = Reader {
            tokenizer,
            split_special: options.split_special_tokens,
            limit,
            tokens: self,
        };
        let mut read = |text: &str, word| {
            if text.len() > MAX_BYTES {
                return Err(Error::TextTooLong {
                    sample,
                    bytes: text.len(),
                    max: MAX_BYTES,
                });
            }
            if options.align {
                reader.read::<true>(text, word)?;
            } else {
                reader.read::<false>(text, word)?;
            }
            Ok(limit.reached(reader.tokens))
        };
        match text {
            Text::Plain(text) => {
                read(text, None)?;
            }
            Text::Words(words) => {
                for (word, text) in (0..).zip(words) {
                    if read(text, Some(word))? {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn push<const ALIGN: bool>(&mut self, id: u32, offsets: [u32; 2], word: i32) {
        self.ids.push(id as i32);
        if ALIGN {
            self.offsets.push(offsets.map(|position| position as i32));
            self.word_ids.push(word);
        }
    }

    fn truncate(&mut self, length: usize) {
        self.ids.truncate(length);
        self.offsets.truncate(length);
        self.word_ids.truncate(length);
    }
}

/// Reads one string into [`Tokens`].
struct Reader<'r> {
    tokenizer: &'r WordPiece,
    split_special: bool,
    limit: Limit,
    tokens: &'r mut Tokens,
}

impl Reader<'_> {
    /// Tokens of `text`; all belong to `word` where one is given, else words are counted.
    fn read<const ALIGN: bool>(&mut self, text: &str, word: Option<i32>) -> Result<()> {
        let mut byte = 0;
        let mut source = 0;
        let mut inside = Ok(());
        let around =
            self.tokenizer
                .added
                .split_raw(text, self.split_special, |Part { id, start, end }| {
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
                        let word = self.next_word(word);
                        self.tokens.push::<ALIGN>(id, [first, source], word);
                    } else {
                        match self.read_text::<ALIGN>(&text[start..end], source, word) {
                            Ok(behind) => source = behind,
                            Err(error) => inside = Err(error),
                        }
                    }
                    byte = end;
                });
        around.and(inside)
    }

    /// Text between the tokens that are matched before normalization. Returns the source behind it.
    fn read_text<const ALIGN: bool>(
        &mut self,
        text: &str,
        first: u32,
        word: Option<i32>,
    ) -> Result<u32> {
        let mut normalized = std::mem::take(&mut self.tokens.normalized);
        let mut source = first;
        let mut split = Ok(());
        if self.tokenizer.added.matches_normalized() {
            normalized.clear();
            source = self
                .tokenizer
                .normalizer
                .normalize::<ALIGN>(text, source, &mut normalized);
            // Normalized text is UTF-8: it is made of whole characters only.
            let view = std::str::from_utf8(&normalized.text).unwrap_or_default();
            split = self.tokenizer.added.split_normalized(
                view,
                self.split_special,
                |Part { id, start, end }| {
                    if let Some(id) = id {
                        let word = self.next_word(word);
                        let offsets = if ALIGN {
                            span(&normalized, start, end)
                        } else {
                            [0, 0]
                        };
                        self.tokens.push::<ALIGN>(id, offsets, word);
                    } else {
                        self.read_words::<ALIGN>(&normalized, start, end, word);
                    }
                },
            );
        } else {
            let mut rest = text;
            while !rest.is_empty() && !self.limit.reached(self.tokens) {
                let (chunk, behind) = rest.split_at(chunk_end(rest));
                normalized.clear();
                source =
                    self.tokenizer
                        .normalizer
                        .normalize::<ALIGN>(chunk, source, &mut normalized);
                self.read_words::<ALIGN>(&normalized, 0, normalized.text.len(), word);
                rest = behind;
            }
        }
        self.tokens.normalized = normalized;
        split.map(|()| source)
    }

    /// Words of normalized text: white space separates them, punctuation is a word a character.
    fn read_words<const ALIGN: bool>(
        &mut self,
        normalized: &Normalized,
        start: usize,
        end: usize,
        word: Option<i32>,
    ) {
        let mut word_start = start;
        let mut position = start;
        while position < end {
            let (class, length) = class_at(&normalized.text[position..end]);
            if is_whitespace(class) || is_punctuation(class) {
                if word_start < position {
                    self.read_word::<ALIGN>(normalized, word_start, position, word);
                    if self.limit.reached(self.tokens) {
                        return;
                    }
                }
                word_start = position + length;
                if is_punctuation(class) {
                    self.read_word::<ALIGN>(normalized, position, word_start, word);
                }
            }
            position += length;
        }
        if word_start < end {
            self.read_word::<ALIGN>(normalized, word_start, end, word);
        }
    }

    #[inline]
    fn read_word<const ALIGN: bool>(
        &mut self,
        normalized: &Normalized,
        start: usize,
        end: usize,
        word: Option<i32>,
    ) {
        let word = self.next_word(word);
        let before = self.tokens.len();
        let tokens = &mut *self.tokens;
        let mut push = |id, first: usize, last: usize| {
            let offsets = if ALIGN {
                span(normalized, start + first, start + last)
            } else {
                [0, 0]
            };
            tokens.push::<ALIGN>(id, offsets, word);
        };
        if !self
            .tokenizer
            .pieces
            .tokenize(&normalized.text[start..end], &mut push)
        {
            self.tokens.truncate(before);
            let offsets = if ALIGN {
                span(normalized, start, end)
            } else {
                [0, 0]
            };
            self.tokens
                .push::<ALIGN>(self.tokenizer.pieces.unk(), offsets, word);
        }
    }

    fn next_word(&mut self, word: Option<i32>) -> i32 {
        word.unwrap_or_else(|| {
            self.tokens.next_word += 1;
            self.tokens.next_word - 1
        })
    }
}

/// Characters of the original text behind bytes `start..end` of the normalized text.
fn span(normalized: &Normalized, start: usize, end: usize) -> [u32; 2] {
    [normalized.sources[start], normalized.sources[end - 1] + 1]
}

/// Character index of byte `to`, from that of byte `from`. An added token that swallowed the white
/// space on its right may end behind the start of the next one, so `to` may lie before `from`.
fn move_to(text: &str, from: usize, source: u32, to: usize) -> u32 {
    if from <= to {
        source + text[from..to].chars().count() as u32
    } else {
        source - text[to..from].chars().count() as u32
    }
}

/// Where the next chunk of `text` ends: behind ASCII white space, which separates words and never
/// takes part in a combining sequence, or at the end of the text.
fn chunk_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
    if bytes.len() <= CHUNK {
        return bytes.len();
    }
    if let Some(last) = bytes[..CHUNK].iter().rposition(is_space) {
        return last + 1;
    }
    bytes[CHUNK..]
        .iter()
        .position(is_space)
        .map_or(bytes.len(), |next| CHUNK + next + 1)
}
