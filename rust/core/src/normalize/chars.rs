//! Look-ups in the generated Unicode tables.

use super::tables::{
    CLASS_BLOCKS, CLASS_INDEX, COMBINING_CLASSES, DECOMPOSED, DECOMPOSITIONS, LOWERCASE,
    LOWERCASED, PUNCTUATION, WHITESPACE, WORD,
};
use std::cmp::Ordering;

/// Flags of a character, see the constants of the tables. O(1).
pub(super) fn class_of(c: char) -> u8 {
    class_of_code(u32::from(c))
}

#[inline]
pub(super) fn class_of_code(code: u32) -> u8 {
    CLASS_BLOCKS[usize::from(CLASS_INDEX[code as usize >> 7])][code as usize & 0x7F]
}

/// Flags of the first character of non-empty valid UTF-8, and its length in bytes.
#[inline]
pub(crate) fn class_at(utf8: &[u8]) -> (u8, usize) {
    let (code, length) = code_at(utf8);
    (class_of_code(code), length)
}

/// The first character of non-empty valid UTF-8, and its length in bytes.
#[inline]
pub(super) fn code_at(utf8: &[u8]) -> (u32, usize) {
    let bits = |byte: u8| u32::from(byte & 0x3F);
    match *utf8 {
        [a @ 0..0x80, ..] => (u32::from(a), 1),
        [a @ ..0xE0, b, ..] => (u32::from(a & 0x1F) << 6 | bits(b), 2),
        [a @ ..0xF0, b, c, ..] => (u32::from(a & 0x0F) << 12 | bits(b) << 6 | bits(c), 3),
        [a, b, c, d, ..] => {
            let high = u32::from(a & 7) << 18 | bits(b) << 12;
            (high | bits(c) << 6 | bits(d), 4)
        }
        // Not UTF-8, which is not given.
        _ => (0, utf8.len().max(1)),
    }
}

/// Whether words end here.
pub(crate) fn is_whitespace(class: u8) -> bool {
    class & WHITESPACE != 0
}

/// Whether the character is a word of its own.
pub(crate) fn is_punctuation(class: u8) -> bool {
    class & PUNCTUATION != 0
}

/// Calls `emit` with the characters of the full canonical decomposition of `c`. O(log table).
pub(super) fn decompose(c: char, mut emit: impl FnMut(char)) {
    if let Some(jamo) = decompose_hangul(c) {
        jamo.into_iter().flatten().for_each(emit);
    } else if let Some(parts) = find(DECOMPOSITIONS, DECOMPOSED, c) {
        parts.iter().copied().for_each(emit);
    } else {
        emit(c);
    }
}

/// Calls `emit` with the lower-case characters of `c`. O(log table).
pub(super) fn lowercase(c: char, mut emit: impl FnMut(char)) {
    match find(LOWERCASE, LOWERCASED, c) {
        Some(lower) => lower.iter().copied().for_each(emit),
        None => emit(c),
    }
}

/// Canonical combining class. O(log table).
pub(super) fn combining_class(c: char) -> u8 {
    COMBINING_CLASSES
        .binary_search_by(|&(first, last, _)| range_order(first, last, c))
        .map_or(0, |index| COMBINING_CLASSES[index].2)
}

/// Whether the character is part of a word in the sense of `single_word` added tokens. O(log table).
pub(crate) fn is_word(c: char) -> bool {
    WORD.binary_search_by(|&(first, last)| range_order(first, last, c))
        .is_ok()
}

fn range_order(first: u32, last: u32, c: char) -> Ordering {
    let code = u32::from(c);
    if last < code {
        Ordering::Less
    } else if first > code {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

fn find(index: &[(u32, u16, u8)], chars: &'static [char], c: char) -> Option<&'static [char]> {
    let found = index
        .binary_search_by_key(&u32::from(c), |&(code, _, _)| code)
        .ok()?;
    let (_, start, length) = index[found];
    chars.get(usize::from(start)..usize::from(start) + usize::from(length))
}

/// Hangul syllables decompose by arithmetic: The Unicode Standard, section 3.12.
fn decompose_hangul(c: char) -> Option<[Option<char>; 3]> {
    const S_BASE: u32 = 0xAC00;
    const L_BASE: u32 = 0x1100;
    const V_BASE: u32 = 0x1161;
    const T_BASE: u32 = 0x11A7;
    const V_COUNT: u32 = 21;
    const T_COUNT: u32 = 28;
    const S_COUNT: u32 = 19 * V_COUNT * T_COUNT;
    let index = u32::from(c)
        .checked_sub(S_BASE)
        .filter(|&index| index < S_COUNT)?;
    let trailing = index % T_COUNT;
    Some([
        char::from_u32(L_BASE + index / (V_COUNT * T_COUNT)),
        char::from_u32(V_BASE + index % (V_COUNT * T_COUNT) / T_COUNT),
        if trailing == 0 {
            None
        } else {
            char::from_u32(T_BASE + trailing)
        },
    ])
}
