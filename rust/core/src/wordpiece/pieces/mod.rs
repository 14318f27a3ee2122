//! Greedy longest-match-first WordPiece in one pass over the word.
//!
//! The pieces are two tries, one of those that start a word and one of those that continue it, with a failure
//! link at each node: what to emit, and where to go on, when no longer piece follows. Each byte is read once.
//! Song et al. 2021, Fast WordPiece Tokenization (LinMaxMatch). The tries are a double array: Aoe 1989.

mod automaton;
mod builder;

use crate::error::{Error, Result};
use crate::vocab::Vocab;
use automaton::Automaton;

/// The pieces of a vocabulary.
#[derive(Debug)]
pub(super) struct Pieces {
    automaton: Automaton,
    unk: u32,
    max_chars: usize,
}

impl Pieces {
    pub(super) fn new(
        vocab: &Vocab,
        unk_token: &str,
        prefix: &str,
        max_chars: usize,
    ) -> Result<Self> {
        let unk = vocab.id(unk_token).ok_or_else(|| Error::MissingUnkToken {
            unk_token: unk_token.to_owned(),
            size: vocab.len(),
        })?;
        Ok(Self {
            automaton: Automaton::new(vocab, prefix)?,
            unk,
            max_chars,
        })
    }

    /// Calls `emit` with (id, start, end) in bytes for each piece of a word of valid UTF-8. `false`
    /// where the word is unknown: too long, or without pieces at some place behind those emitted.
    ///
    /// O(n).
    #[inline]
    pub(super) fn tokenize(&self, word: &[u8], emit: &mut impl FnMut(u32, usize, usize)) -> bool {
        !self.is_too_long(word) && self.automaton.tokenize(word, emit)
    }

    /// Whether a word has more characters than are looked at.
    pub(super) fn is_too_long(&self, word: &[u8]) -> bool {
        word.len() > self.max_chars && count_chars(word) > self.max_chars
    }

    pub(super) fn unk(&self) -> u32 {
        self.unk
    }
}

/// Characters in valid UTF-8: the bytes that do not continue one.
pub(super) fn count_chars(utf8: &[u8]) -> usize {
    utf8.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of a word by the definition: the longest one first, again and again.
    fn longest_first(vocab: &Vocab, word: &str) -> Option<Vec<(u32, usize, usize)>> {
        let mut pieces = Vec::new();
        let mut start = 0;
        while start < word.len() {
            let prefix = if start == 0 { "" } else { "##" };
            let (id, end) = (start + 1..=word.len())
                .rev()
                .filter(|&end| word.is_char_boundary(end))
                .find_map(|end| {
                    Some((vocab.id(&format!("{prefix}{}", &word[start..end]))?, end))
                })?;
            pieces.push((id, start, end));
            start = end;
        }
        Some(pieces)
    }

    fn by_automaton(pieces: &Pieces, word: &str) -> Option<Vec<(u32, usize, usize)>> {
        let mut found = Vec::new();
        pieces
            .tokenize(word.as_bytes(), &mut |id, start, end| {
                found.push((id, start, end));
            })
            .then_some(found)
    }

    /// Every word of up to `length` of the letters.
    fn words(letters: &[&str], length: usize) -> Vec<String> {
        let mut words = vec![String::new()];
        let mut last = words.clone();
        for _ in 0..length {
            last = last
                .iter()
                .flat_map(|word| letters.iter().map(move |letter| format!("{word}{letter}")))
                .collect();
            words.extend(last.clone());
        }
        words.remove(0);
        words
    }

    #[test]
    fn the_automaton_finds_the_longest_pieces_of_every_word() -> Result<()> {
        let letters = ["a", "b", "\u{e9}"];
        let vocabularies: [&[&str]; 6] = [
            &["[UNK]", "a", "abab", "##b", "##ba", "##aab", "##a"],
            &["[UNK]", "ab", "abb", "##a", "##bab", "##bb"],
            &["[UNK]", "a", "##aaab", "##aa", "##b", "\u{e9}", "##\u{e9}b"],
            &["[UNK]", "##a", "##b", "aabb\u{e9}a", "a", "##abb\u{e9}b"],
            &["[UNK]", "##", "a", "##ab", "b"],
            &["[UNK]"],
        ];
        for tokens in vocabularies {
            let vocab = Vocab::new((0..).zip(tokens).map(|(id, &token)| (token.to_owned(), id)))?;
            let pieces = Pieces::new(&vocab, "[UNK]", "##", 100)?;
            for word in words(&letters, 7) {
                assert_eq!(
                    by_automaton(&pieces, &word),
                    longest_first(&vocab, &word),
                    "{word} with {tokens:?}"
                );
            }
        }
        Ok(())
    }

    #[test]
    fn a_word_of_too_many_characters_is_unknown() -> Result<()> {
        let vocab = Vocab::new(
            [("[UNK]", 0), ("\u{e9}", 1), ("##\u{e9}", 2)]
                .map(|(token, id)| (token.to_owned(), id)),
        )?;
        let pieces = Pieces::new(&vocab, "[UNK]", "##", 3)?;
        assert_eq!(
            by_automaton(&pieces, "\u{e9}\u{e9}\u{e9}").map(|found| found.len()),
            Some(3)
        );
        assert_eq!(by_automaton(&pieces, "\u{e9}\u{e9}\u{e9}\u{e9}"), None);
        Ok(())
    }
}
