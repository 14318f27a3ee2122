//! Token <-> id, both ways, immutable.

use crate::error::{Error, Result};
use rustc_hash::FxHashMap;

/// Largest id that a vocabulary may hold: the columns of an encoding are signed 32-bit.
pub const MAX_ID: u32 = i32::MAX as u32;

/// A vocabulary: every token has one id; ids need not be dense.
///
/// Lookup is O(len(token)) and O(1). Memory: the tokens twice.
#[derive(Debug, Clone)]
pub struct Vocab {
    ids: FxHashMap<Box<str>, u32>,
    tokens: FxHashMap<u32, Box<str>>,
    last_id: u32,
}

impl Vocab {
    /// Builds a vocabulary from (token, id) pairs; where a token is given twice the last id counts.
    ///
    /// # Errors
    /// [`Error::EmptyVocab`] without tokens, [`Error::IdTooLarge`] above [`MAX_ID`].
    pub fn new(entries: impl IntoIterator<Item = (String, u32)>) -> Result<Self> {
        let mut ids = FxHashMap::default();
        for (token, id) in entries {
            if id > MAX_ID {
                return Err(Error::IdTooLarge {
                    token,
                    id,
                    max: MAX_ID,
                });
            }
            ids.insert(token.into_boxed_str(), id);
        }
        let tokens: FxHashMap<u32, Box<str>> =
            ids.iter().map(|(token, &id)| (id, token.clone())).collect();
        let last_id = *tokens.keys().max().ok_or(Error::EmptyVocab)?;
        Ok(Self {
            ids,
            tokens,
            last_id,
        })
    }

    /// Id of a token.
    #[must_use]
    pub fn id(&self, token: &str) -> Option<u32> {
        self.ids.get(token).copied()
    }

    /// Token of an id.
    #[must_use]
    pub fn token(&self, id: u32) -> Option<&str> {
        self.tokens.get(&id).map(AsRef::as_ref)
    }

    /// Number of different tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Always `false`: an empty vocabulary cannot be built.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The largest id.
    #[must_use]
    pub fn last_id(&self) -> u32 {
        self.last_id
    }

    /// All tokens with their ids, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.ids.iter().map(|(token, &id)| (token.as_ref(), id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_two_equal_tokens_counts() -> Result<()> {
        let vocab = Vocab::new([("a".into(), 0), ("b".into(), 1), ("a".into(), 2)])?;
        assert_eq!(vocab.id("a"), Some(2));
        assert_eq!(vocab.token(0), None);
        assert_eq!((vocab.len(), vocab.last_id()), (2, 2));
        Ok(())
    }

    #[test]
    fn an_empty_vocabulary_is_an_error() {
        assert_eq!(Vocab::new([]).err(), Some(Error::EmptyVocab));
    }

    #[test]
    fn an_id_above_the_columns_is_an_error() {
        assert!(matches!(
            Vocab::new([("a".into(), u32::MAX)]),
            Err(Error::IdTooLarge { .. })
        ));
    }
}
