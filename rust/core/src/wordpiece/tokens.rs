//! One sequence as tokens, before special tokens and truncation.

use super::added_tokens::Part;
use super::pieces::count_chars;
use super::scan::Scan;
use super::word_table::{
    Entry, Key, Lookup, MAX_BYTES as MAX_RUN_BYTES, MAX_TOKENS, RunToken, View, WordTable,
};
use super::{EncodeOptions, Text, WordPiece};
use crate::error::{Error, Result};
use crate::memory;
use crate::normalize::{Boundary, Normalized, class_at, is_punctuation, is_whitespace};
use std::cell::Cell;
use std::ops::Range;

/// Bytes of text that are looked at together: what is made of them stays in the first-level cache.
const CHUNK: usize = 4096;
/// Bytes a token that is still wanted, where a text is cut: English has 4.5.
const BYTES_PER_TOKEN: usize = 5;
const MIN_CHUNK: usize = 256;

/// Look-ups after which it is asked whether the text is cut here.
const GROUP: usize = 16;

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

thread_local! {
    /// Buffers of the thread's last texts: to make them costs as much as a short text.
    static SPARE: Cell<Option<Box<Tokens>>> = const { Cell::new(None) };
}

/// Largest scan whose buffers are kept for the thread.
const SPARE_BYTES: usize = 4 * CHUNK;

/// Tokens of sequences, one behind the other, with the buffers that their making needs.
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
    next_word: i32,
    scan: Scan,
    lookups: Vec<Lookup>,
    normalized: Normalized,
    /// Tokens of one run.
    run: Vec<RunToken>,
}

impl Tokens {
    /// With room for `tokens`, aligned or not.
    pub(super) fn with_capacity(tokens: usize, align: bool) -> Box<Self> {
        let aligned = if align { tokens } else { 0 };
        let mut made = SPARE.take().unwrap_or_default();
        made.ids = memory::with_capacity(tokens);
        made.offsets = memory::with_capacity(aligned);
        made.word_ids = memory::with_capacity(aligned);
        (made.start, made.length) = (0, 0);
        made
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

    /// Forgets what is behind the first `length` tokens of the last sequence.
    pub(super) fn truncate(&mut self, length: usize) {
        self.length = self.length.min(self.start + length);
    }

    /// Appends a token that stands for no text.
    pub(super) fn push_special(&mut self, id: u32, align: bool) {
        if align {
            self.push::<true>(id, [0, 0], -1);
        } else {
            self.push::<false>(id, [0, 0], -1);
        }
    }

    /// The columns of all sequences: ids, offsets, word ids. The buffers are kept for the thread's next texts.
    pub(super) fn into_columns(mut self: Box<Self>) -> (Vec<i32>, Vec<[i32; 2]>, Vec<i32>) {
        let mut ids = std::mem::take(&mut self.ids);
        let mut offsets = std::mem::take(&mut self.offsets);
        let mut word_ids = std::mem::take(&mut self.word_ids);
        ids.truncate(self.length);
        offsets.truncate(self.length);
        word_ids.truncate(self.length);
        if self.scan.text().len() <= SPARE_BYTES {
            SPARE.set(Some(self));
        }
        (ids, offsets, word_ids)
    }

    /// Appends the tokens of a sequence, up to `limit` (some may stand behind it).
    pub(super) fn read(
        &mut self,
        tokenizer: &WordPiece,
        table: &WordTable,
        text: Text<'_>,
        options: &EncodeOptions,
        limit: Limit,
        sample: usize,
    ) -> Result<()> {
        self.start = self.length;
        self.next_word = 0;
        let mut reader = Reader {
            tokenizer,
            table,
            split_special: options.split_special_tokens,
            limit,
            tokens: self,
        };
        if options.align {
            reader.read_sequence::<true>(text, sample)
        } else {
            reader.read_sequence::<false>(text, sample)
        }
    }

    /// Makes room for `count` more tokens.
    #[inline]
    fn make_room<const ALIGN: bool>(&mut self, count: usize) {
        // A little at a time: what is zeroed here is written while it is in the cache.
        let needed = self.length + count;
        if self.ids.len() < needed {
            self.ids.resize(needed, 0);
        }
        if ALIGN && self.offsets.len() < needed {
            self.offsets.resize(needed, [0; 2]);
            self.word_ids.resize(needed, 0);
        }
    }

    fn push<const ALIGN: bool>(&mut self, id: u32, offsets: [u32; 2], word: i32) {
        self.make_room::<ALIGN>(1);
        self.ids[self.length] = id as i32;
        if ALIGN {
            self.offsets[self.length] = offsets.map(|position| position as i32);
            self.word_ids[self.length] = word;
        }
        self.length += 1;
    }

    /// Appends the tokens of runs that the table knows, up to the first that it does not. There is room for them.
    ///
    /// `starts` are the bytes where runs start, the first of them character `source`. Returns how many were known.
    #[inline]
    fn push_known<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        starts: &[u32],
        source: &mut u32,
        word: Option<i32>,
    ) -> usize {
        // Where the caller gave no word, the next one begins where a token says so.
        let counted = i32::from(word.is_none());
        let mut word = word.unwrap_or(self.next_word - 1);
        let mut known = 0;
        for (&lookup, start) in lookups.iter().zip(starts) {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            let first = source.wrapping_add(*start);
            self.push_entry::<ALIGN>(entry, first, &mut word, counted);
            if ALIGN {
                *source = source.wrapping_sub(lookup.continuing_bytes());
            }
            known += 1;
        }
        if counted == 1 {
            self.next_word = word + 1;
        }
        known
    }

    /// The same for words that the caller has told apart, the first of them number `word`.
    #[inline]
    fn push_known_words<const ALIGN: bool>(
        &mut self,
        table: View<'_>,
        lookups: &[Lookup],
        mut word: i32,
    ) -> usize {
        let first = word;
        for &lookup in lookups {
            let Some(entry) = table.get(lookup) else {
                break;
            };
            self.push_entry::<ALIGN>(entry, 0, &mut word, 0);
            word += 1;
        }
        (word - first) as usize
    }

    /// Appends the tokens of a run that starts at character `first`. There is room for them. A token that starts a word
    /// adds `counted` to the number of the word.
    #[inline(always)]
    fn push_entry<const ALIGN: bool>(
        &mut self,
        entry: Entry,
        first: u32,
        word: &mut i32,
        counted: i32,
    ) {
        let length = self.length;
        if let Some(ids) = self.ids[length..].first_chunk_mut() {
            *ids = entry.ids();
        }
        if ALIGN
            && let Some(offsets) = self.offsets[length..].first_chunk_mut::<MAX_TOKENS>()
            && let Some(word_ids) = self.word_ids[length..].first_chunk_mut::<MAX_TOKENS>()
        {
            let mut place = |token: usize| {
                let (offset, starts_word) = entry.place_from(token, first);
                *word += starts_word & counted;
                offsets[token] = offset;
                word_ids[token] = *word;
            };
            place(0);
            // Seldom: 19 of 20 runs of English text are words of the vocabulary.
            if entry.len() != 1 {
                // Without tokens, none starts a word.
                (1..MAX_TOKENS).for_each(place);
            }
        }
        self.length += entry.len();
    }
}

/// Reads one string into [`Tokens`].
struct Reader<'r> {
    tokenizer: &'r WordPiece,
    table: &'r WordTable,
    split_special: bool,
    limit: Limit,
    tokens: &'r mut Tokens,
}

impl Reader<'_> {
    fn read_sequence<const ALIGN: bool>(&mut self, text: Text<'_>, sample: usize) -> Result<()> {
        match text {
            Text::Plain(text) => self.read::<ALIGN>(text, None, sample),
            Text::Words(words) => self.read_words::<ALIGN>(words, sample),
        }
    }

    /// Words that the caller has told apart, each a string of any kind. Short ones are known as a whole, or from now on.
    fn read_words<const ALIGN: bool>(&mut self, words: &[&str], sample: usize) -> Result<()> {
        let view = self.table.view();
        let mut lookups = std::mem::take(&mut self.tokens.lookups);
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
                self.tokens.make_room::<ALIGN>(GROUP * MAX_TOKENS);
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
                        self.table.insert(key, &self.tokens.run);
                        self.push_run::<ALIGN>(0, word);
                    }
                    next += 1;
                }
            }
            if self.limit.reached(self.tokens) {
                break;
            }
        }
        self.tokens.lookups = lookups;
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
                    let word = self.next_word(word);
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
        let mut normalized = std::mem::take(&mut self.tokens.normalized);
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
                    let word = self.next_word(word);
                    let offsets = if ALIGN {
                        span(&normalized, start, end)
                    } else {
                        [0, 0]
                    };
                    self.tokens.push::<ALIGN>(id, offsets, word);
                } else {
                    self.tokens.run.clear();
                    find_words::<ALIGN>(tokenizer, &normalized, start..end, &mut self.tokens.run);
                    self.push_run::<ALIGN>(0, word);
                }
            },
        );
        self.tokens.normalized = normalized;
        split.map(|()| source)
    }

    /// Text that starts at character `first`, run by run. Returns the character behind it, if aligned and not cut.
    fn read_chunk<const ALIGN: bool>(&mut self, chunk: &str, first: u32, word: Option<i32>) -> u32 {
        let mut scan = std::mem::take(&mut self.tokens.scan);
        scan.scan(chunk.as_bytes(), self.tokenizer.normalizer.lowercases());
        let view = self.table.view();
        let (text, starts, ends) = (scan.text(), scan.starts(), scan.ends());
        // All of them at once: while the last ones are made, the memory that the first ones need arrives.
        let mut lookups = std::mem::take(&mut self.tokens.lookups);
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
            self.tokens.make_room::<ALIGN>((behind - next) * MAX_TOKENS);
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
        self.tokens.lookups = lookups;
        self.tokens.scan = scan;
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
        self.tokens.make_room::<ALIGN>(MAX_TOKENS);
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
        let is_ascii = scanned_run.is_ascii();
        if !is_ascii && text.len() > MAX_RUN_BYTES {
            return self.read_parts::<ALIGN>(text, &scanned[run.start..], source, word);
        }
        if is_ascii || self.tokenizer.normalizer.keeps_as_word(text) {
            self.find_pieces(scanned_run);
        } else {
            self.find_tokens(text);
        }
        let key = Key::at(scanned, run.start, run.len());
        self.table.insert(key, &self.tokens.run);
        self.push_run::<ALIGN>(source, word);
        (text.len() - count_chars(text.as_bytes())) as u32
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
            self.find_pieces(&scanned[..part.len()]);
        } else {
            self.find_tokens(part);
        }
        self.table.insert(key, &self.tokens.run);
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
        let Tokens {
            normalized, run, ..
        } = &mut *self.tokens;
        normalized.clear();
        run.clear();
        tokenizer.normalizer.normalize::<true>(text, 0, normalized);
        find_words::<true>(tokenizer, normalized, 0..normalized.text.len(), run);
    }

    /// The tokens of a word that is normalized, as `self.tokens.run`.
    fn find_pieces(&mut self, word: &[u8]) {
        let run = &mut self.tokens.run;
        run.clear();
        find_pieces_at(self.tokenizer, word, run, |first, last| {
            [first as u32, last as u32]
        });
        if !word.is_ascii() {
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
        let tokens = &mut *self.tokens;
        let run = std::mem::take(&mut tokens.run);
        for token in &run {
            tokens.next_word += i32::from(token.starts_word);
            let offsets = [source + token.start, source + token.end];
            let word = word.unwrap_or(tokens.next_word - 1);
            tokens.push::<ALIGN>(token.id, offsets, word);
        }
        tokens.run = run;
    }

    fn next_word(&mut self, word: Option<i32>) -> i32 {
        word.unwrap_or_else(|| {
            self.tokens.next_word += 1;
            self.tokens.next_word - 1
        })
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

/// Words of normalized text: white space separates them, punctuation is a word a character.
fn find_words<const ALIGN: bool>(
    tokenizer: &WordPiece,
    normalized: &Normalized,
    range: Range<usize>,
    tokens: &mut Vec<RunToken>,
) {
    let mut find = |start, end| find_word::<ALIGN>(tokenizer, normalized, start, end, tokens);
    let mut word_start = range.start;
    let mut position = range.start;
    while position < range.end {
        let (class, length) = class_at(&normalized.text[position..range.end]);
        if is_whitespace(class) || is_punctuation(class) {
            if word_start < position {
                find(word_start, position);
            }
            word_start = position + length;
            if is_punctuation(class) {
                find(position, word_start);
            }
        }
        position += length;
    }
    if word_start < range.end {
        find(word_start, range.end);
    }
}

fn find_word<const ALIGN: bool>(
    tokenizer: &WordPiece,
    normalized: &Normalized,
    start: usize,
    end: usize,
    tokens: &mut Vec<RunToken>,
) {
    let word = &normalized.text[start..end];
    find_pieces_at(tokenizer, word, tokens, |first, last| {
        if ALIGN {
            span(normalized, start + first, start + last)
        } else {
            [0, 0]
        }
    });
}

/// Appends the pieces of a word, or the unknown token; `span` turns bytes of the word into characters of the text.
#[inline]
fn find_pieces_at(
    tokenizer: &WordPiece,
    word: &[u8],
    tokens: &mut Vec<RunToken>,
    span: impl Fn(usize, usize) -> [u32; 2],
) {
    let before = tokens.len();
    let token = |id, first, last| {
        let [start, end] = span(first, last);
        RunToken {
            id,
            start,
            end,
            starts_word: first == 0,
        }
    };
    let mut push = |id, first, last| tokens.push(token(id, first, last));
    if !tokenizer.pieces.tokenize(word, &mut push) {
        tokens.truncate(before);
        tokens.push(token(tokenizer.pieces.unk(), 0, word.len()));
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
        source + count_chars(&text.as_bytes()[from..to]) as u32
    } else {
        source - count_chars(&text.as_bytes()[to..from]) as u32
    }
}
