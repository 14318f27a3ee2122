//! Words that are tokens as a whole: one look-up instead of a walk along the trie.

use crate::vocab::Vocab;

/// Longest word in the table, in bytes: with its length it fills 16 bytes.
const MAX_BYTES: usize = 15;
const FREE: u32 = u32::MAX;

/// A slot of the table: half a cache line.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
struct Slot {
    key: u128,
    id: u32,
}

/// The tokens of up to 15 bytes, in an open-addressing table at a load of at most one half.
///
/// In English text 96 of 100 words and punctuation marks are found here (2 MB for bert-base-uncased).
#[derive(Debug, Clone)]
pub(super) struct WholeWords {
    slots: Vec<Slot>,
}

impl WholeWords {
    pub(super) fn new(vocab: &Vocab) -> Self {
        let slots = (2 * vocab.len()).next_power_of_two();
        let mut words = Self {
            slots: vec![Slot { key: 0, id: FREE }; slots],
        };
        for (token, id) in vocab.iter() {
            if let Some(key) = key(token.as_bytes()) {
                let slot = words.slot(key);
                words.slots[slot] = Slot { key, id };
            }
        }
        words
    }

    /// Id of a word that is a token. O(1).
    #[inline]
    pub(super) fn get(&self, word: &[u8]) -> Option<u32> {
        let Slot { id, .. } = self.slots[self.slot(key(word)?)];
        (id != FREE).then_some(id)
    }

    /// The slot of a key, or the free one where it would stand. The table is never full.
    #[inline]
    fn slot(&self, key: u128) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) as usize & mask;
        loop {
            let Slot { key: found, id } = self.slots[slot];
            if found == key || id == FREE {
                return slot;
            }
            slot = (slot + 1) & mask;
        }
    }
}

/// The bytes of a word and their number; `None` for an empty or a longer word.
#[inline]
fn key(word: &[u8]) -> Option<u128> {
    if word.is_empty() || word.len() > MAX_BYTES {
        return None;
    }
    let mut bytes = [0; 16];
    bytes[..word.len()].copy_from_slice(word);
    bytes[MAX_BYTES] = word.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

/// Multiply and fold, twice. Only tokens of the vocabulary are ever stored, so no text can fill a chain.
#[inline]
fn hash(key: u128) -> u64 {
    let (low, high) = (key as u64, (key >> 64) as u64);
    let fold = |value: u64, factor: u64| {
        let product = u128::from(value) * u128::from(factor);
        product as u64 ^ (product >> 64) as u64
    };
    // Digits of pi: no structure that words could share.
    fold(
        low ^ 0x243F_6A88_85A3_08D3,
        fold(high ^ 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0) | 1,
    )
}
