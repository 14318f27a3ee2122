//! BERT's text normalization with alignment: clean text, space out CJK, strip accents, lower-case.
//!
//! Equal to `BertNormalizer` of tokenizers 0.23 on every input, its frozen Unicode tables included
//! (docs/parity.md). Only combining marks that stand out of canonical order need more than one
//! character at a time: they are gathered into runs; everything else is mapped character by character.

mod chars;
mod folded;
mod tables;

pub(crate) use chars::{class_at, is_punctuation, is_whitespace, is_word};

use chars::{class_of, class_of_code, code_at, combining_class, decompose, hangul_utf8, lowercase};
use folded::Folded;
use tables::{
    CJK, COMBINES, DECOMPOSES, LOWERCASES, NONSPACING_MARK, PUNCTUATION, REMOVED, WHITESPACE,
};

/// Marks an ASCII byte that is dropped; no ASCII output has this value.
const DROPPED: u8 = 0xFF;

/// Normalized text with the source character of each of its bytes.
#[derive(Debug, Default)]
pub(crate) struct Normalized {
    /// UTF-8.
    pub(crate) text: Vec<u8>,
    /// Index of the original character behind each byte of `text`; empty where nothing was aligned.
    pub(crate) sources: Vec<u32>,
}

impl Normalized {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.sources.clear();
    }

    fn push<const ALIGN: bool>(&mut self, c: char, source: u32) {
        let mut utf8 = [0; 4];
        self.push_utf8::<ALIGN>(c.encode_utf8(&mut utf8).as_bytes(), source);
    }

    /// What became of character `source`: the first `length` bytes, written as a block of a fixed size.
    #[inline]
    fn push_first<const ALIGN: bool>(&mut self, utf8: [u8; 9], length: usize, source: u32) {
        self.text.extend_from_slice(&utf8);
        self.text.truncate(self.text.len() - (utf8.len() - length));
        if ALIGN {
            self.sources.extend_from_slice(&[source; 9]);
            self.sources.truncate(self.text.len());
        }
    }

    /// What became of character `source`: few bytes, for which a loop is quicker than a copy.
    #[inline]
    fn push_utf8<const ALIGN: bool>(&mut self, utf8: &[u8], source: u32) {
        for &byte in utf8 {
            self.text.push(byte);
            if ALIGN {
                self.sources.push(source);
            }
        }
    }
}

/// What a [`Normalizer`] does to a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NormalizerConfig {
    /// Remove control characters, U+0000 and U+FFFD; turn all white space into spaces.
    pub clean_text: bool,
    /// Put spaces around CJK ideographs.
    pub handle_chinese_chars: bool,
    /// Decompose (NFD) and remove nonspacing marks; `None` follows `lowercase`, as BERT did.
    pub strip_accents: Option<bool>,
    /// Lower-case character by character (no final sigma).
    pub lowercase: bool,
}

impl Default for NormalizerConfig {
    fn default() -> Self {
        Self {
            clean_text: true,
            handle_chinese_chars: true,
            strip_accents: None,
            lowercase: true,
        }
    }
}

/// What a character is to the words around it, before anything is normalized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Boundary {
    /// White space: words end here.
    Space,
    /// Punctuation or an ideograph that is set apart: a word of its own, which stays as it is.
    Word,
    /// Anything else, and what normalization may make a boundary.
    None,
}

/// BERT's normalizer, ready to run.
#[derive(Debug, Clone)]
pub(crate) struct Normalizer {
    clean_text: bool,
    handle_chinese_chars: bool,
    strip_accents: bool,
    lowercase: bool,
    /// What each ASCII byte becomes, or [`DROPPED`].
    ascii: [u8; 128],
    /// What other common characters become.
    folded: Folded,
    /// Classes of characters that are not simply kept as a part of a word.
    special: u8,
}

impl Normalizer {
    pub(crate) fn new(config: NormalizerConfig) -> Self {
        let mut ascii = [0; 128];
        for (byte, output) in (0_u8..).zip(&mut ascii) {
            *output = match byte {
                b'\t' | b'\n' | b'\r' if config.clean_text => b' ',
                0..=0x1F | 0x7F if config.clean_text => DROPPED,
                _ if config.lowercase => byte.to_ascii_lowercase(),
                _ => byte,
            };
        }
        let strip_accents = config.strip_accents.unwrap_or(config.lowercase);
        let mut special = WHITESPACE | PUNCTUATION;
        for (applies, classes) in [
            (config.clean_text, REMOVED),
            (config.handle_chinese_chars, CJK),
            (strip_accents, DECOMPOSES | COMBINES | NONSPACING_MARK),
            (config.lowercase, LOWERCASES),
        ] {
            if applies {
                special |= classes;
            }
        }
        let mut normalizer = Self {
            clean_text: config.clean_text,
            handle_chinese_chars: config.handle_chinese_chars,
            strip_accents,
            lowercase: config.lowercase,
            ascii,
            folded: Folded::default(),
            special,
        };
        normalizer.folded = Folded::new(|c| {
            let mut out = Normalized::default();
            normalizer.normalize_char::<false>(c, class_of(c), 0, &mut out);
            out.text
        });
        normalizer
    }

    /// Whether ASCII is cleaned, as BERT does it.
    pub(crate) fn cleans_text(&self) -> bool {
        self.clean_text
    }

    /// Whether letters are lower-cased.
    pub(crate) fn lowercases(&self) -> bool {
        self.lowercase
    }

    /// What the character of this class is to the words around it. Nothing is reordered across a boundary.
    #[inline]
    pub(crate) fn boundary(&self, class: u8) -> Boundary {
        match class & self.special {
            WHITESPACE => Boundary::Space,
            PUNCTUATION | CJK => Boundary::Word,
            _ => Boundary::None,
        }
    }

    /// Whether a character of this class is a part of a word, and stays as it is.
    #[inline]
    pub(crate) fn keeps(&self, class: u8) -> bool {
        class & self.special == 0
    }

    /// Whether a text is a single word, which normalization leaves as it is.
    pub(crate) fn keeps_as_word(&self, text: &str) -> bool {
        let mut chars = text.chars().map(|c| self.boundary_or_change(c));
        match (chars.next(), chars.next()) {
            (Some(first), None) => matches!(first, None | Some(Boundary::Word)),
            (Some(None), Some(None)) => chars.all(|kind| kind.is_none()),
            _ => false,
        }
    }

    /// `None` for a character that is kept as a part of a word.
    fn boundary_or_change(&self, c: char) -> Option<Boundary> {
        let class = class_of(c);
        (class & self.special != 0).then(|| self.boundary(class))
    }

    /// Appends the normalized `text` to `out`. `first` is the index of its first character in the
    /// original. Returns the index behind its last one (meaningful only where `ALIGN`).
    ///
    /// O(n), but for runs of combining marks, which are sorted.
    pub(crate) fn normalize<const ALIGN: bool>(
        &self,
        text: &str,
        first: u32,
        out: &mut Normalized,
    ) -> u32 {
        let mut source = first;
        let mut rest = text;
        out.text.reserve(text.len());
        if ALIGN {
            out.sources.reserve(text.len());
        }
        while let Some(&byte) = rest.as_bytes().first() {
            if byte.is_ascii() {
                let output = self.ascii[usize::from(byte)];
                if output != DROPPED {
                    out.push_utf8::<ALIGN>(&[output], source);
                }
                rest = &rest[1..];
                source += 1;
                continue;
            }
            let (code, length) = code_at(rest.as_bytes());
            let class = class_of_code(code);
            let (first, behind) = rest.split_at(length);
            if class & self.special & !PUNCTUATION == 0 {
                // Most letters of scripts without case.
                out.push_utf8::<ALIGN>(first.as_bytes(), source);
            } else if self.combines(class) && self.goes_on(behind) {
                (rest, source) = self.normalize_marks::<ALIGN>(rest, source, out);
                continue;
            } else if let Some(output) = self.folded.get(code) {
                out.push_utf8::<ALIGN>(output, source);
            } else if self.strip_accents
                && let Some((jamo, length)) = hangul_utf8(code)
            {
                // They are neither marks nor have case.
                out.push_first::<ALIGN>(jamo, length, source);
            } else if let Some(c) = first.chars().next() {
                self.normalize_char::<ALIGN>(c, class, source, out);
            }
            rest = behind;
            source += 1;
        }
        source
    }

    fn combines(&self, class: u8) -> bool {
        self.strip_accents && class & COMBINES != 0 && !self.removes(class)
    }

    /// Whether a run of combining characters goes on with one that may go before this one, or with one that is removed.
    fn goes_on(&self, text: &str) -> bool {
        !text.is_empty() && {
            let (class, _) = class_at(text.as_bytes());
            // A letter with marks starts anew: nothing is put into order across it.
            let starts = class & DECOMPOSES != 0 && class & NONSPACING_MARK == 0;
            class & COMBINES != 0 && !starts || self.removes(class)
        }
    }

    fn removes(&self, class: u8) -> bool {
        self.clean_text && class & REMOVED != 0
    }

    #[inline]
    fn normalize_char<const ALIGN: bool>(
        &self,
        c: char,
        class: u8,
        source: u32,
        out: &mut Normalized,
    ) {
        if self.removes(class) {
            return;
        }
        if self.clean_text && class & WHITESPACE != 0 {
            out.push::<ALIGN>(' ', source);
            return;
        }
        let spaced = self.handle_chinese_chars && class & CJK != 0;
        if spaced {
            out.push::<ALIGN>(' ', source);
        }
        if self.strip_accents && class & DECOMPOSES != 0 {
            decompose(c, |part| self.push_stripped::<ALIGN>(part, source, out));
        } else {
            self.push_stripped::<ALIGN>(c, source, out);
        }
        if spaced {
            out.push::<ALIGN>(' ', source);
        }
    }

    /// Strips and lower-cases one character that is already decomposed.
    fn push_stripped<const ALIGN: bool>(&self, c: char, source: u32, out: &mut Normalized) {
        let class = class_of(c);
        if self.strip_accents && class & NONSPACING_MARK != 0 {
            return;
        }
        if self.lowercase && class & LOWERCASES != 0 {
            lowercase(c, |lower| out.push::<ALIGN>(lower, source));
        } else {
            out.push::<ALIGN>(c, source);
        }
    }

    /// A run of characters whose decompositions combine: they may have to be put into canonical order.
    ///
    /// The reference aligns by position, not by origin: the n-th character that starts a
    /// decomposition in the ordered text is aligned with the n-th original character of the run.
    fn normalize_marks<'t, const ALIGN: bool>(
        &self,
        text: &'t str,
        first: u32,
        out: &mut Normalized,
    ) -> (&'t str, u32) {
        let mut source = first;
        let mut rest = text;
        let mut sources = Vec::new();
        let mut ordered: Vec<(u8, char, bool)> = Vec::new();
        let mut pending = 0;
        for c in text.chars() {
            let class = class_of(c);
            if !self.removes(class) {
                if class & COMBINES == 0 {
                    break;
                }
                sources.push(source);
                let mut starts = true;
                decompose(c, |part| {
                    let combining = combining_class(part);
                    if combining == 0 {
                        ordered[pending..].sort_by_key(|&(class, _, _)| class);
                        pending = ordered.len();
                    }
                    ordered.push((combining, part, starts));
                    starts = false;
                });
            }
            rest = &rest[c.len_utf8()..];
            source += 1;
        }
        ordered[pending..].sort_by_key(|&(class, _, _)| class);
        let mut aligned = sources.iter().copied();
        let mut current = first;
        for (_, c, starts) in ordered {
            if starts {
                current = aligned.next().unwrap_or(current);
            }
            self.push_stripped::<ALIGN>(c, current, out);
        }
        (rest, source)
    }
}
