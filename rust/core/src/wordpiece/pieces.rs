//! Greedy longest-match-first WordPiece over a byte trie.

use super::whole_words::WholeWords;
use crate::error::{Error, Result};
use crate::vocab::Vocab;

const NO_TOKEN: u32 = u32::MAX;
const NO_NODE: u32 = u32::MAX;
/// Root of the pieces that start a word.
const INITIAL: u32 = 0;
/// Root of the pieces that continue a word (without their prefix).
const CONTINUING: u32 = 1;

/// One edge of the trie, in an open-addressing table.
#[derive(Debug, Clone, Copy)]
struct Edge {
    parent: u32,
    byte: u8,
    child: u32,
}

const EMPTY: Edge = Edge {
    parent: NO_NODE,
    byte: 0,
    child: NO_NODE,
};

/// The pieces of a vocabulary.
#[derive(Debug, Clone)]
pub(super) struct Pieces {
    trie: Trie,
    whole: WholeWords,
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
            trie: Trie::new(vocab, prefix),
            whole: WholeWords::new(vocab),
            unk,
            max_chars,
        })
    }

    /// Calls `emit` with (id, start, end) in bytes for each piece of a word of valid UTF-8. `false`
    /// where the word is unknown: too long, or without pieces at some place behind those emitted.
    ///
    /// O(n * longest piece); the word is walked again only behind its last match.
    #[inline]
    pub(super) fn tokenize(&self, word: &[u8], emit: &mut impl FnMut(u32, usize, usize)) -> bool {
        if word.len() > self.max_chars && count_chars(word) > self.max_chars {
            return false;
        }
        if let Some(id) = self.whole.get(word) {
            emit(id, 0, word.len());
            return true;
        }
        let mut root = INITIAL;
        let mut start = 0;
        while start < word.len() {
            let Some((id, length)) = self.trie.longest(root, &word[start..]) else {
                return false;
            };
            emit(id, start, start + length);
            start += length;
            root = CONTINUING;
        }
        true
    }

    pub(super) fn unk(&self) -> u32 {
        self.unk
    }
}

/// Two tries in one table: pieces that start a word, and pieces that continue one.
///
/// Memory: 12 bytes a slot at a load of at most one half, about 6 MB for bert-base-uncased.
#[derive(Debug, Clone)]
struct Trie {
    edges: Vec<Edge>,
    shift: u32,
    tokens: Vec<u32>,
}

impl Trie {
    fn new(vocab: &Vocab, prefix: &str) -> Self {
        let bytes: usize = vocab.iter().map(|(token, _)| token.len()).sum();
        // Every byte of a token adds at most one edge to each trie.
        let mut trie = Self::with_capacity(4 * bytes + 2);
        for (token, id) in vocab.iter() {
            trie.insert(INITIAL, token.as_bytes(), id);
            if let Some(continuing) = token.strip_prefix(prefix) {
                trie.insert(CONTINUING, continuing.as_bytes(), id);
            }
        }
        trie.shrunk()
    }

    fn with_capacity(slots: usize) -> Self {
        let slots = slots.next_power_of_two();
        Self {
            edges: vec![EMPTY; slots],
            shift: 64 - slots.trailing_zeros(),
            tokens: vec![NO_TOKEN; 2],
        }
    }

    /// The same tries in the smallest table that is at most half full.
    fn shrunk(self) -> Self {
        let mut small = Self::with_capacity(2 * self.tokens.len());
        for edge in self.edges.iter().filter(|edge| edge.child != NO_NODE) {
            let slot = small.slot(edge.parent, edge.byte);
            small.edges[slot] = *edge;
        }
        small.tokens = self.tokens;
        small
    }

    fn insert(&mut self, root: u32, piece: &[u8], id: u32) {
        let mut node = root;
        for &byte in piece {
            let slot = self.slot(node, byte);
            if self.edges[slot].child == NO_NODE {
                let child = self.tokens.len() as u32;
                self.edges[slot] = Edge {
                    parent: node,
                    byte,
                    child,
                };
                self.tokens.push(NO_TOKEN);
            }
            node = self.edges[slot].child;
        }
        self.tokens[node as usize] = id;
    }

    /// The slot that holds an edge, or the free one where it would stand. The table is never full.
    #[inline]
    fn slot(&self, parent: u32, byte: u8) -> usize {
        let key = u64::from(parent) << 8 | u64::from(byte);
        // Fibonacci hashing: the multiplier is 2^64 divided by the golden ratio.
        let mut slot = (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize;
        loop {
            let edge = &self.edges[slot];
            if edge.child == NO_NODE || (edge.parent == parent && edge.byte == byte) {
                return slot;
            }
            slot = (slot + 1) & (self.edges.len() - 1);
        }
    }

    /// The longest piece that starts `rest`: its id and length in bytes.
    #[inline]
    fn longest(&self, root: u32, rest: &[u8]) -> Option<(u32, usize)> {
        let mut node = root;
        let mut found = None;
        for (length, &byte) in (1..).zip(rest) {
            node = self.edges[self.slot(node, byte)].child;
            if node == NO_NODE {
                break;
            }
            let token = self.tokens[node as usize];
            if token != NO_TOKEN {
                found = Some((token, length));
            }
        }
        found
    }
}

/// Characters in valid UTF-8: the bytes that do not continue one.
fn count_chars(utf8: &[u8]) -> usize {
    utf8.iter().filter(|&&byte| byte & 0xC0 != 0x80).count()
}
