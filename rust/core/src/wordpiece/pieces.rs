//! Greedy longest-match-first WordPiece in one pass over the word.
//!
//! The pieces are two tries, one of those that start a word and one of those that continue it, with a failure
//! link at each node: what to emit, and where to go on, when no longer piece follows. Each byte is read once.
//! Song et al. 2021, Fast WordPiece Tokenization (LinMaxMatch). The tries are a double array: Aoe 1989.

use super::slots::Slots;
use crate::error::{Error, Result};
use crate::vocab::Vocab;
use std::ops::Range;

const NONE: u32 = u32::MAX;
/// Root of the pieces that start a word.
const INITIAL: u32 = 0;
/// Root of the pieces that continue a word (without their prefix).
const CONTINUING: u32 = 1;
/// Children of a node lie in one block of the array, as many as a byte has values.
const BLOCK: usize = 256;
/// Free places that are tried for the children of a node before a new block is taken.
const TRIALS: usize = 64;

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
            automaton: Automaton::new(vocab, prefix),
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

/// A node of the tries; 16 bytes, four in a cache line.
#[derive(Debug, Clone, Copy)]
struct Node {
    /// The child over byte b is at `base ^ b`, if that one's `parent` is this node.
    base: u32,
    parent: u32,
    /// Where to go on when no child matches; [`NONE`] where the word is then unknown.
    fail: u32,
    /// First of the pieces to emit on the way there.
    pops: u32,
}

const FREE: Node = Node {
    base: 0,
    parent: NONE,
    fail: NONE,
    pops: 0,
};

/// A piece that is emitted by a failure link.
#[derive(Debug, Clone, Copy)]
struct Pop {
    id: u32,
    bytes: u32,
}

#[derive(Debug)]
struct Automaton {
    nodes: Slots<Node>,
    /// The pieces of all failure links, each run ended by [`Pop::END`].
    pops: Slots<Pop>,
}

impl Pop {
    const END: Self = Self { id: NONE, bytes: 0 };
}

impl Automaton {
    fn new(vocab: &Vocab, prefix: &str) -> Self {
        let mut initial: Vec<(&[u8], u32)> = vocab
            .iter()
            .map(|(token, id)| (token.as_bytes(), id))
            .collect();
        let mut continuing: Vec<(&[u8], u32)> = initial
            .iter()
            .filter_map(|&(token, id)| Some((token.strip_prefix(prefix.as_bytes())?, id)))
            .collect();
        initial.retain(|(piece, _)| !piece.is_empty());
        continuing.retain(|(piece, _)| !piece.is_empty());
        initial.sort_unstable();
        continuing.sort_unstable();
        let mut builder = Builder::new();
        // Depth first: the nodes of a word that branches nowhere stand side by side, four in a cache line.
        let mut edges = Vec::new();
        let mut stack = vec![
            Subtrie::root(CONTINUING, &continuing),
            Subtrie::root(INITIAL, &initial),
        ];
        while let Some(subtrie) = stack.pop() {
            let children = subtrie.children();
            let bytes = children.iter().map(|child| child.byte(subtrie.depth));
            let base = builder.place(subtrie.node, bytes);
            for mut child in children.into_iter().rev() {
                let byte = child.byte(subtrie.depth);
                child.node = base ^ u32::from(byte);
                edges.push(Edge {
                    depth: subtrie.depth,
                    parent: subtrie.node,
                    byte,
                    child: child.node,
                    token: child.token(),
                });
                stack.push(child);
            }
        }
        // By depth in both tries: failure links lead to nodes of less depth.
        edges.sort_by_key(|edge| edge.depth);
        for edge in edges {
            builder.link(edge);
        }
        Self {
            nodes: Slots::copied(&builder.nodes),
            pops: Slots::copied(&builder.pops),
        }
    }

    #[inline]
    fn tokenize(&self, word: &[u8], emit: &mut impl FnMut(u32, usize, usize)) -> bool {
        let mut node = INITIAL;
        let mut start = 0;
        for &byte in word {
            node = loop {
                if let Some(child) = child_over(&self.nodes, node, byte) {
                    break child;
                }
                match self.follow(node, &mut start, emit) {
                    Some(next) => node = next,
                    None => return false,
                }
            };
        }
        while node != CONTINUING {
            match self.follow(node, &mut start, emit) {
                Some(next) => node = next,
                None => return false,
            }
        }
        true
    }

    /// Goes along a failure link: emits its pieces.
    #[inline]
    fn follow(
        &self,
        node: u32,
        start: &mut usize,
        emit: &mut impl FnMut(u32, usize, usize),
    ) -> Option<u32> {
        let Node { fail, pops, .. } = self.nodes[node as usize];
        if fail == NONE {
            return None;
        }
        for pop in self.pops[pops as usize..]
            .iter()
            .take_while(|pop| pop.id != NONE)
        {
            let end = *start + pop.bytes as usize;
            emit(pop.id, *start, end);
            *start = end;
        }
        Some(fail)
    }
}

/// The child of a node over a byte.
#[inline]
fn child_over(nodes: &[Node], node: u32, byte: u8) -> Option<u32> {
    let child = nodes[node as usize].base ^ u32::from(byte);
    (nodes[child as usize].parent == node).then_some(child)
}

/// The pieces below a node: a run of the sorted ones that have the first `depth` bytes in common.
struct Subtrie<'v> {
    node: u32,
    pieces: &'v [(&'v [u8], u32)],
    depth: usize,
}

impl<'v> Subtrie<'v> {
    fn root(node: u32, pieces: &'v [(&'v [u8], u32)]) -> Self {
        Self {
            node,
            pieces,
            depth: 0,
        }
    }

    fn byte(&self, depth: usize) -> u8 {
        self.pieces[0].0[depth]
    }

    /// The piece that ends here and its length.
    fn token(&self) -> Option<Pop> {
        let (piece, id) = self.pieces[0];
        (piece.len() == self.depth).then_some(Pop {
            id,
            bytes: self.depth as u32,
        })
    }

    fn children(&self) -> Vec<Self> {
        let longer = self
            .pieces
            .partition_point(|(piece, _)| piece.len() <= self.depth);
        self.pieces[longer..]
            .chunk_by(|(a, _), (b, _)| a[self.depth] == b[self.depth])
            .map(|pieces| Self {
                node: NONE,
                pieces,
                depth: self.depth + 1,
            })
            .collect()
    }
}

/// A step down a trie.
#[derive(Debug, Clone, Copy)]
struct Edge {
    /// Of the parent.
    depth: usize,
    parent: u32,
    byte: u8,
    child: u32,
    token: Option<Pop>,
}

struct Builder {
    nodes: Vec<Node>,
    pops: Vec<Pop>,
    used: Vec<bool>,
    /// Places before are used, or were tried in vain.
    first_free: usize,
}

impl Builder {
    fn new() -> Self {
        let mut builder = Self {
            nodes: Vec::new(),
            // The roots emit nothing: they lead nowhere.
            pops: vec![Pop::END],
            used: Vec::new(),
            first_free: 2,
        };
        builder.add_block();
        builder.used[..2].fill(true);
        builder
    }

    fn add_block(&mut self) -> Range<usize> {
        let places = self.used.len()..self.used.len() + BLOCK;
        self.nodes.resize(places.end, FREE);
        self.used.resize(places.end, false);
        places
    }

    /// Finds a base for a node, so that the places of all of its children are free, and takes them.
    fn place(&mut self, node: u32, bytes: impl Iterator<Item = u8> + Clone) -> u32 {
        let Some(first) = bytes.clone().next() else {
            return 0;
        };
        while self.used.get(self.first_free) == Some(&true) {
            self.first_free += 1;
        }
        let free = (self.first_free..self.used.len())
            .filter(|&place| !self.used[place])
            .take(TRIALS)
            .map(|place| place ^ usize::from(first))
            .find(|base| {
                bytes
                    .clone()
                    .all(|byte| !self.used[base ^ usize::from(byte)])
            });
        let base = free.unwrap_or_else(|| {
            let block = self.add_block().start;
            // What could not be used here is left: its places are too few in a row.
            self.first_free = self.first_free.max(block.saturating_sub(8 * BLOCK));
            block
        });
        self.nodes[node as usize].base = base as u32;
        for byte in bytes {
            let child = base ^ usize::from(byte);
            self.used[child] = true;
            self.nodes[child].parent = node;
        }
        base as u32
    }

    /// Sets the failure link of a child: its own piece if it is one, else what its parent would emit, as far as
    /// the byte does not follow there either.
    fn link(&mut self, edge: Edge) {
        let Edge {
            parent,
            byte,
            child,
            token,
            ..
        } = edge;
        let (fail, pops) = match token {
            Some(pop) => (CONTINUING, vec![pop]),
            None => {
                let mut pops = Vec::new();
                let mut node = parent;
                let fail = loop {
                    let Node {
                        fail, pops: first, ..
                    } = self.nodes[node as usize];
                    if fail == NONE {
                        break NONE;
                    }
                    pops.extend(
                        self.pops[first as usize..]
                            .iter()
                            .take_while(|pop| pop.id != NONE),
                    );
                    if let Some(next) = child_over(&self.nodes, fail, byte) {
                        break next;
                    }
                    node = fail;
                };
                (fail, pops)
            }
        };
        let first = self.pops.len() as u32;
        let node = &mut self.nodes[child as usize];
        node.fail = fail;
        if fail != NONE && !pops.is_empty() {
            node.pops = first;
            self.pops.extend(pops);
            self.pops.push(Pop::END);
        }
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
