//! The tokens of a run, packed as the table of words keeps them.

use super::key::Key;

/// Most tokens of a run in the table: 999 of 1000 runs of English text have no more, 78 of 100 in many languages.
pub(super) const MAX_TOKENS: usize = 4;
/// Set in every entry: the slot that holds it can be read.
pub(super) const READY: u64 = 1 << 63;

/// A token of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunToken {
    pub(super) id: u32,
    /// First character, counted from the start of the run.
    pub(super) start: u32,
    /// Behind its last character.
    pub(super) end: u32,
    /// Whether a word begins here.
    pub(super) starts_word: bool,
}

/// The tokens of a run as the table has them: 32 bits each, two in a number.
///
/// From below: the id (21 bits), where the token starts and ends (4 bits each), and whether a word begins there. The two
/// bits that are left of each token are used for the whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Tokens 0 and 1; [`PLAIN`](Self::PLAIN); last, the number of tokens less one.
    pub(super) first: u64,
    /// Tokens 2 and 3; last, [`READY`], below which the table marks slots that are being written.
    pub(super) last: u64,
}

impl Entry {
    const ID_BITS: u32 = 21;
    const ID: u32 = (1 << Self::ID_BITS) - 1;
    /// The run is one token of one word, and its characters are bytes.
    const PLAIN: u64 = 1 << 30;
    const COUNT_SHIFT: u32 = 62;

    /// `None` where the tokens do not fit.
    pub(super) fn new(key: Key, tokens: &[RunToken]) -> Option<Self> {
        let count = tokens.len().checked_sub(1)?;
        if count >= MAX_TOKENS {
            return None;
        }
        let mut words = [0; MAX_TOKENS];
        for (index, token) in tokens.iter().enumerate() {
            if token.start > 15 || token.end > 15 || token.id > Self::ID {
                return None;
            }
            let place = token.start | token.end << 4 | u32::from(token.starts_word) << 8;
            *words.get_mut(index)? = u64::from(token.id | place << Self::ID_BITS);
        }
        let [a, b, c, d] = words;
        let is_plain = count == 0 && tokens[0].starts_word && key.continuing_bytes() == 0;
        let plain = if is_plain { Self::PLAIN } else { 0 };
        Some(Self {
            first: a | b << 32 | plain | (count as u64) << Self::COUNT_SHIFT,
            last: c | d << 32 | READY,
        })
    }

    /// Number of tokens: 1 to [`MAX_TOKENS`].
    #[inline]
    pub(super) fn len(self) -> usize {
        (self.first >> Self::COUNT_SHIFT) as usize + 1
    }

    #[inline]
    fn tokens(self) -> [u32; MAX_TOKENS] {
        let Self { first, last } = self;
        [first, first >> 32, last, last >> 32].map(|token| token as u32)
    }

    /// The ids; those behind the tokens mean nothing.
    #[inline]
    pub(super) fn ids(self) -> [i32; MAX_TOKENS] {
        // Two at once.
        const IDS: u64 = (Entry::ID as u64) << 32 | Entry::ID as u64;
        let ids = Self {
            first: self.first & IDS,
            last: self.last & IDS,
        };
        ids.tokens().map(|id| id as i32)
    }

    /// The only token of the run, if its characters are bytes: start and end where the run starts at character `first`.
    #[inline]
    pub(super) fn plain_from(self, first: u32) -> Option<[i32; 2]> {
        let token = self.first as u32;
        (self.first & Self::PLAIN != 0).then(|| Self::offsets(token, first))
    }

    /// Start and end of each token of a run that starts at character `first`, and whether a word begins there. Behind the
    /// tokens these mean nothing, but that no word begins.
    #[inline]
    pub(super) fn places_from(self, first: u32) -> [([i32; 2], bool); MAX_TOKENS] {
        let starts_word = 1 << (Self::ID_BITS + 8);
        self.tokens()
            .map(|token| (Self::offsets(token, first), token & starts_word != 0))
    }

    #[inline]
    fn offsets(token: u32, first: u32) -> [i32; 2] {
        let place = token >> Self::ID_BITS;
        [first + (place & 15), first + (place >> 4 & 15)].map(|position| position as i32)
    }
}
