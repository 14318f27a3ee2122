//! Words of normalized text and their pieces.

use super::WordPiece;
use super::entry::RunToken;
use crate::normalize::{Normalized, class_at, is_punctuation, is_whitespace};
use std::ops::Range;

/// Words of normalized text: white space separates them, punctuation is a word a character.
pub(super) fn find_words<const ALIGN: bool>(
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
pub(super) fn find_pieces_at(
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
pub(super) fn span(normalized: &Normalized, start: usize, end: usize) -> [u32; 2] {
    [normalized.sources[start], normalized.sources[end - 1] + 1]
}
