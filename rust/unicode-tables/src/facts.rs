//! What the tokenizer asks of each Unicode scalar, answered by the reference's own sources.

use regex_syntax::hir::{Class, HirKind};
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

/// The number of code points, surrogates included.
pub const CODE_POINTS: u32 = 0x11_0000;

/// Rust's `char::is_whitespace`.
pub const WHITESPACE: u8 = 1;
/// Dropped when text is cleaned: U+0000, U+FFFD, and categories Cc, Cf, Co except tab, line feed, carriage return.
pub const REMOVED: u8 = 2;
/// Set apart by spaces where Chinese characters are handled.
pub const CJK: u8 = 4;
/// A word of its own: ASCII punctuation and the P categories.
pub const PUNCTUATION: u8 = 8;
/// Category Mn: dropped where accents are stripped.
pub const NONSPACING_MARK: u8 = 16;
/// The canonical decomposition differs from the character (Hangul syllables included).
pub const DECOMPOSES: u8 = 32;
/// The lower-case mapping differs from the character.
pub const LOWERCASES: u8 = 64;
/// The character, or one of its canonical decomposition, has a combining class other than 0.
pub const COMBINES: u8 = 128;

/// The flags with the names and descriptions that the generated files give them.
pub const FLAGS: [(&str, u8, &str); 8] = [
    (
        "WHITESPACE",
        WHITESPACE,
        "White space, as Rust's `char::is_whitespace` has it.",
    ),
    (
        "REMOVED",
        REMOVED,
        "Dropped when text is cleaned: U+0000, U+FFFD, and Cc, Cf, Co except tab, line feed, carriage return.",
    ),
    (
        "CJK",
        CJK,
        "Set apart by spaces; the reference starts one block at U+2B920 where Unicode says U+2B820.",
    ),
    (
        "PUNCTUATION",
        PUNCTUATION,
        "A word of its own: ASCII punctuation and the P categories.",
    ),
    (
        "NONSPACING_MARK",
        NONSPACING_MARK,
        "Category Mn: dropped where accents are stripped.",
    ),
    (
        "DECOMPOSES",
        DECOMPOSES,
        "The canonical decomposition differs from the character; Hangul syllables included.",
    ),
    (
        "LOWERCASES",
        LOWERCASES,
        "The lower-case mapping differs from the character.",
    ),
    (
        "COMBINES",
        COMBINES,
        "The character, or one of its canonical decomposition, has a combining class other than 0.",
    ),
];

/// Every fact about every code point.
pub struct Facts {
    /// Bit flags, one byte a code point; 0 for surrogates.
    pub flags: Vec<u8>,
    /// Full canonical decompositions that differ from their character, by code point, without Hangul syllables.
    pub decompositions: Vec<(u32, Vec<char>)>,
    /// Lower-case mappings that differ from their character, by code point.
    pub lowercase: Vec<(u32, Vec<char>)>,
    /// Inclusive ranges of code points that share a combining class other than 0.
    pub combining_classes: Vec<(u32, u32, u8)>,
    /// Inclusive ranges of what the regular expression `\w` matches: the neighbours that a single-word token refuses.
    pub word: Vec<(u32, u32)>,
}

impl Facts {
    /// Asks each source about each scalar.
    pub fn collect() -> Self {
        let mut facts = Self {
            flags: vec![0; CODE_POINTS as usize],
            decompositions: Vec::new(),
            lowercase: Vec::new(),
            combining_classes: Vec::new(),
            word: word_ranges(),
        };
        for character in '\0'..=char::MAX {
            let code = u32::from(character);
            let decomposed = decomposition(character);
            let lowered: Vec<char> = character.to_lowercase().collect();
            facts.flags[code as usize] = flags(character, &decomposed, &lowered);
            if decomposed != [character] && !is_hangul_syllable(character) {
                facts.decompositions.push((code, decomposed));
            }
            if lowered != [character] {
                facts.lowercase.push((code, lowered));
            }
            let class = canonical_combining_class(character);
            if class != 0 {
                match facts.combining_classes.last_mut() {
                    Some((_, last, same)) if *last + 1 == code && *same == class => *last = code,
                    _ => facts.combining_classes.push((code, code, class)),
                }
            }
        }
        facts
    }

    /// The inclusive ranges of code points that carry `flag`.
    pub fn ranges(&self, flag: u8) -> Vec<(u32, u32)> {
        let mut ranges: Vec<(u32, u32)> = Vec::new();
        for (code, flags) in (0..CODE_POINTS).zip(&self.flags) {
            if flags & flag == 0 {
                continue;
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == code => *last = code,
                _ => ranges.push((code, code)),
            }
        }
        ranges
    }
}

fn flags(character: char, decomposed: &[char], lowered: &[char]) -> u8 {
    let kept_control = matches!(character, '\t' | '\n' | '\r');
    let removed = matches!(character, '\0' | '\u{FFFD}') || (character.is_other() && !kept_control);
    let punctuation = character.is_ascii_punctuation() || character.is_punctuation();
    let combines = canonical_combining_class(character) != 0
        || decomposed
            .iter()
            .any(|&part| canonical_combining_class(part) != 0);
    [
        (character.is_whitespace(), WHITESPACE),
        (removed, REMOVED),
        (is_cjk(character), CJK),
        (punctuation, PUNCTUATION),
        (character.is_mark_nonspacing(), NONSPACING_MARK),
        (decomposed != [character], DECOMPOSES),
        (lowered != [character], LOWERCASES),
        (combines, COMBINES),
    ]
    .into_iter()
    .filter(|(holds, _)| *holds)
    .fold(0, |all, (_, flag)| all | flag)
}

fn word_ranges() -> Vec<(u32, u32)> {
    let parsed = regex_syntax::parse(r"\w").expect("a valid pattern");
    let HirKind::Class(Class::Unicode(class)) = parsed.into_kind() else {
        panic!("\\w is a Unicode class");
    };
    class
        .iter()
        .map(|range| (range.start().into(), range.end().into()))
        .collect()
}

fn decomposition(character: char) -> Vec<char> {
    let mut parts = Vec::new();
    decompose_canonical(character, |part| parts.push(part));
    parts
}

fn is_hangul_syllable(character: char) -> bool {
    ('\u{AC00}'..='\u{D7A3}').contains(&character)
}

fn is_cjk(character: char) -> bool {
    matches!(
        u32::from(character),
        0x3400..=0x4DBF
            | 0x4E00..=0x9FFF
            | 0xF900..=0xFAFF
            | 0x2_0000..=0x2_A6DF
            | 0x2_A700..=0x2_B73F
            | 0x2_B740..=0x2_B81F
            // The reference starts this block at U+2B920; Unicode says U+2B820. Parity wins.
            | 0x2_B920..=0x2_CEAF
            | 0x2_F800..=0x2_FA1F
    )
}
