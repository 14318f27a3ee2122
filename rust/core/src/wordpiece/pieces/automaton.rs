//! The tries, ready to be walked along.

use super::super::slots::Slots;

/// No id, and no node.
pub(super) const NONE: u32 = u32::MAX;
/// Root of the pieces that start a word.
pub(super) const INITIAL: u32 = 0;
/// Root of the pieces that continue a word (without their prefix).
pub(super) const CONTINUING: u32 = 1;

/// A node: its base, and below it the byte that leads to it. 16 in a cache line: on the first pass over a text most of the
/// time of a word is waiting for its nodes (with 16 bytes a node that pass took an eighth longer, with 8 a sixteenth).
///
/// The child over byte b is at `base ^ b`, if b leads to what is there. No other node has the same base.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node(u32);

impl Node {
    const BYTE_BITS: u32 = 8;
    /// Most nodes, so that the base of each fits.
    pub(super) const MAX: usize = 1 << (u32::BITS - Self::BYTE_BITS);
    /// Leads to no node: it does not occur in UTF-8.
    pub(super) const NO_BYTE: u8 = 0xFF;

    pub(super) const fn new(base: u32, byte: u8) -> Self {
        Self(base << Self::BYTE_BITS | byte as u32)
    }

    pub(super) fn byte(self) -> u8 {
        self.0 as u8
    }

    #[inline]
    fn base(self) -> u32 {
        self.0 >> Self::BYTE_BITS
    }
}

/// The child of a node over a byte of UTF-8.
#[inline]
pub(super) fn child_over(nodes: &[Node], node: u32, byte: u8) -> Option<u32> {
    let child = nodes[node as usize].base() ^ u32::from(byte);
    (nodes[child as usize].byte() == byte).then_some(child)
}

/// What to do at a node when no child matches. Apart from the nodes: most of them are walked along, not stopped at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    /// Where to go on; [`NONE`] where the word is then unknown.
    pub(super) fail: u32,
    pub(super) pops: Pops,
}

/// A piece that is emitted by a failure link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pop {
    pub(super) id: u32,
    pub(super) bytes: u32,
}

impl Pop {
    pub(super) const END: Self = Self { id: NONE, bytes: 0 };
}

/// The pieces that a failure link emits. One is stored in place (id, and bytes above it): most links have no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pops(u32);

impl Pops {
    pub(super) const NOTHING: Self = Self(0);
    /// Below it, the place of the first of them in a list.
    const LISTED: u32 = 1 << 31;
    const ID_BITS: u32 = 21;
    const BYTES_BITS: u32 = 31 - Self::ID_BITS;

    /// The piece, if it can be stored in place. A piece has bytes: it is not [`Self::NOTHING`].
    pub(super) fn of_one(pop: Pop) -> Option<Self> {
        (pop.id >> Self::ID_BITS == 0 && pop.bytes >> Self::BYTES_BITS == 0)
            .then_some(Self(pop.id | pop.bytes << Self::ID_BITS))
    }

    /// Those of a list from place `first` on.
    pub(super) fn listed(first: usize) -> Self {
        Self(Self::LISTED | first as u32)
    }

    /// Calls `emit` with each piece; `list` is that of the automaton.
    #[inline]
    pub(super) fn each(self, list: &[Pop], mut emit: impl FnMut(Pop)) {
        let Self(bits) = self;
        if bits & Self::LISTED == 0 {
            if self != Self::NOTHING {
                let id = bits & ((1 << Self::ID_BITS) - 1);
                let bytes = bits >> Self::ID_BITS;
                emit(Pop { id, bytes });
            }
            return;
        }
        let first = (bits & !Self::LISTED) as usize;
        let is_piece = |pop: &&Pop| pop.id != NONE;
        list[first..]
            .iter()
            .take_while(is_piece)
            .for_each(|&pop| emit(pop));
    }
}

#[derive(Debug)]
pub(super) struct Automaton {
    pub(super) nodes: Slots<Node>,
    /// One a node.
    pub(super) links: Slots<Link>,
    /// The pieces of links that do not store them, each run ended by [`Pop::END`].
    pub(super) pops: Slots<Pop>,
}

impl Automaton {
    #[inline]
    pub(super) fn tokenize(&self, word: &[u8], emit: &mut impl FnMut(u32, usize, usize)) -> bool {
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

    /// Goes along a failure link: emits its pieces. As a call it costs a twentieth of the time of random words.
    #[inline(always)]
    fn follow(
        &self,
        node: u32,
        start: &mut usize,
        emit: &mut impl FnMut(u32, usize, usize),
    ) -> Option<u32> {
        let Link { fail, pops } = self.links[node as usize];
        if fail == NONE {
            return None;
        }
        pops.each(&self.pops, |pop| {
            let end = *start + pop.bytes as usize;
            emit(pop.id, *start, end);
            *start = end;
        });
        Some(fail)
    }
}
