//! A vocabulary -> the tries and their failure links.

use super::super::slots::Slots;
use super::automaton::{Automaton, CONTINUING, INITIAL, Link, NONE, Node, Pop, Pops, child_over};
use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// Children of a node lie in one block of the array, as many as a byte has values.
const BLOCK: usize = 256;
/// The base of nodes without children: that of a block where nothing is.
const NOWHERE: u32 = BLOCK as u32;
/// Free places that are tried for the children of a node before a new block is taken.
const TRIALS: usize = 64;

const FREE: Node = Node::new(NOWHERE, Node::NO_BYTE);

const UNKNOWN: Link = Link {
    fail: NONE,
    pops: Pops::NOTHING,
};

impl Automaton {
    /// O(bytes of the vocabulary).
    pub(super) fn new(vocab: &Vocab, prefix: &str) -> Result<Self> {
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
        // Depth first: the nodes of a word that branches nowhere stand side by side, 16 in a cache line.
        let mut edges = Vec::new();
        let mut stack = vec![
            Subtrie::root(CONTINUING, &continuing),
            Subtrie::root(INITIAL, &initial),
        ];
        while let Some(subtrie) = stack.pop() {
            let children = subtrie.children();
            let bytes = children.iter().map(|child| child.byte(subtrie.depth));
            let base = builder.place(subtrie.node, bytes)?;
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
        Ok(Self {
            nodes: Slots::copied(&builder.nodes),
            links: Slots::copied(&builder.links),
            pops: Slots::copied(&builder.pops),
        })
    }
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
    links: Vec<Link>,
    pops: Vec<Pop>,
    /// Places where a node is.
    used: Vec<bool>,
    /// Bases that a node has.
    bases: Vec<bool>,
    /// Places before are used, or were tried in vain.
    first_free: usize,
}

impl Builder {
    fn new() -> Self {
        let mut builder = Self {
            nodes: Vec::new(),
            links: Vec::new(),
            pops: vec![Pop::END],
            used: Vec::new(),
            bases: Vec::new(),
            first_free: 2,
        };
        builder.add_block();
        builder.used[..2].fill(true);
        let nowhere = builder.add_block();
        builder.used[nowhere..].fill(true);
        builder
    }

    /// More places; the first of them.
    fn add_block(&mut self) -> usize {
        let start = self.used.len();
        let end = start + BLOCK;
        self.nodes.resize(end, FREE);
        self.links.resize(end, UNKNOWN);
        self.used.resize(end, false);
        self.bases.resize(end, false);
        start
    }

    /// Finds a base for a node, so that the places of all of its children are free, and takes them.
    fn place(&mut self, node: u32, bytes: impl Iterator<Item = u8> + Clone) -> Result<u32> {
        let Some(first) = bytes.clone().next() else {
            return Ok(NOWHERE);
        };
        while self.used.get(self.first_free) == Some(&true) {
            self.first_free += 1;
        }
        let is_free = |base: usize| {
            let mut places = bytes.clone().map(|byte| base ^ usize::from(byte));
            !self.bases[base] && places.all(|place| !self.used[place])
        };
        let free = (self.first_free..self.used.len())
            .filter(|&place| !self.used[place])
            .take(TRIALS)
            .map(|place| place ^ usize::from(first))
            .find(|&base| is_free(base));
        let base = free.unwrap_or_else(|| {
            let block = self.add_block();
            // What could not be used here is left: its places are too few in a row.
            self.first_free = self.first_free.max(block.saturating_sub(8 * BLOCK));
            block
        });
        if self.nodes.len() > Node::MAX {
            return Err(Error::VocabTooLarge { max: Node::MAX });
        }
        self.bases[base] = true;
        let leading = self.nodes[node as usize].byte();
        self.nodes[node as usize] = Node::new(base as u32, leading);
        for byte in bytes {
            let child = base ^ usize::from(byte);
            self.used[child] = true;
            self.nodes[child] = Node::new(NOWHERE, byte);
        }
        Ok(base as u32)
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
                    let Link { fail, pops: before } = self.links[node as usize];
                    if fail == NONE {
                        break NONE;
                    }
                    before.each(&self.pops, |pop| pops.push(pop));
                    if let Some(next) = child_over(&self.nodes, fail, byte) {
                        break next;
                    }
                    node = fail;
                };
                (fail, pops)
            }
        };
        let pops = match *pops {
            // Nothing is emitted on the way to an unknown word.
            _ if fail == NONE => Pops::NOTHING,
            [] => Pops::NOTHING,
            [pop] => Pops::of_one(pop).unwrap_or_else(|| self.list(&pops)),
            _ => self.list(&pops),
        };
        self.links[child as usize] = Link { fail, pops };
    }

    fn list(&mut self, pops: &[Pop]) -> Pops {
        let first = self.pops.len();
        self.pops.extend(pops);
        self.pops.push(Pop::END);
        Pops::listed(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_places_than_a_base_can_name_are_refused() {
        let mut builder = Builder::new();
        while builder.nodes.len() < Node::MAX {
            builder.add_block();
        }
        builder.used.fill(true);
        builder.first_free = builder.used.len();
        let error = builder.place(INITIAL, [b'a'].into_iter());
        assert_eq!(error, Err(Error::VocabTooLarge { max: Node::MAX }));
    }
}
