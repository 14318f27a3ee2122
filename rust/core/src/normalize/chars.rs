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
    let [leading, vowel, trailing] = jamo(u32::from(c))?;
    let trailing = (trailing != T_BASE).then_some(trailing);
    Some([Some(leading), Some(vowel), trailing].map(|code| char::from_u32(code?)))
}

/// UTF-8 of the decomposition of a Hangul syllable, and how many of the bytes it is. O(1).
#[inline]
pub(super) fn hangul_utf8(code: u32) -> Option<([u8; 9], usize)> {
    let [leading, vowel, trailing] = jamo(code)?;
    let utf8 = |code: u32| {
        let low = |shift: u32| 0x80 | (code >> shift) as u8 & 0x3F;
        [0xE0 | (code >> 12) as u8, low(6), low(0)]
    };
    let ([a, b, c], [d, e, f], [g, h, i]) = (utf8(leading), utf8(vowel), utf8(trailing));
    let length = if trailing == T_BASE { 6 } else { 9 };
    Some(([a, b, c, d, e, f, g, h, i], length))
}

const T_BASE: u32 = 0x11A7;

/// Leading consonant, vowel and trailing consonant of a Hangul syllable; the last is [`T_BASE`] where there is none.
#[inline]
fn jamo(code: u32) -> Option<[u32; 3]> {
    const S_BASE: u32 = 0xAC00;
    const L_BASE: u32 = 0x1100;
    const V_BASE: u32 = 0x1161;
    const V_COUNT: u32 = 21;
    const T_COUNT: u32 = 28;
    const S_COUNT: u32 = 19 * V_COUNT * T_COUNT;
    let index = code.checked_sub(S_BASE).filter(|&index| index < S_COUNT)?;
    Some([
        L_BASE + index / (V_COUNT * T_COUNT),
        V_BASE + index % (V_COUNT * T_COUNT) / T_COUNT,
        T_BASE + index % T_COUNT,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalize::tables::{LOWERCASES, NONSPACING_MARK, REMOVED};

    #[test]
    fn hangul_in_one_piece_is_hangul_jamo_by_jamo() {
        for code in (0..=0x1_0000).chain([0x10_FFFF]) {
            let mut jamo = Vec::new();
            let syllable = char::from_u32(code).filter(|&c| {
                decompose(c, |part| jamo.push(part));
                ('\u{ac00}'..='\u{d7a3}').contains(&c)
            });
            let expected = syllable.map(|_| jamo.iter().collect::<String>().into_bytes());
            let utf8 = hangul_utf8(code).map(|(utf8, length)| utf8[..length].to_vec());
            assert_eq!(utf8, expected, "{code:x}");
            // What the normalizer counts on when it writes them as they are.
            let changes = REMOVED | LOWERCASES | NONSPACING_MARK;
            assert!(utf8.is_none() || jamo.iter().all(|&part| class_of(part) & changes == 0));
        }
    }
}
