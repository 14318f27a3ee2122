//! Ids back to text.

use super::WordPiece;
use crate::error::{Error, Result};
use crate::normalize::Normalized;

/// Spaces that WordPiece's decoder removes, in this order, within each token and its leading space.
const CLEANUP: [(&str, &str); 11] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" do not", " don't"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

impl WordPiece {
    /// The text of token ids. Ids without a token (holes in the vocabulary) are skipped.
    ///
    /// # Errors
    /// [`Error::IdOutOfRange`] for an id below 0 or behind the vocabulary.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool) -> Result<String> {
        let mut tokens = Vec::with_capacity(ids.len());
        for (position, &id) in ids.iter().enumerate() {
            let known = u32::try_from(id).ok().filter(|&id| id <= self.last_id());
            let known = known.ok_or(Error::IdOutOfRange {
                id,
                position,
                last: self.last_id(),
            })?;
            if let Some(token) = self.id_to_token(known)
                && !(skip_special_tokens && self.added.is_special(token))
            {
                tokens.push(token);
            }
        }
        Ok(self.convert_tokens_to_string(&tokens))
    }

    /// Joins tokens to text: pieces that continue a word lose their prefix, others get a space.
    #[must_use]
    pub fn convert_tokens_to_string(&self, tokens: &[&str]) -> String {
        let mut text = String::new();
        for (index, token) in tokens.iter().enumerate() {
            let mut piece = match token.strip_prefix(self.decoder_prefix.as_str()) {
                _ if index == 0 => (*token).to_owned(),
                Some(continuing) => continuing.to_owned(),
                None => format!(" {token}"),
            };
            if self.decoder_cleanup {
                for (spaced, joined) in CLEANUP {
                    if piece.contains(spaced) {
                        piece = piece.replace(spaced, joined);
                    }
                }
            }
            text.push_str(&piece);
        }
        text
    }

    /// The text as it is matched against the vocabulary: cleaned, spaced, stripped, lower-cased.
    #[must_use]
    pub fn normalize(&self, text: &str) -> String {
        let mut normalized = Normalized::default();
        self.normalizer.normalize::<false>(text, 0, &mut normalized);
        String::from_utf8_lossy(&normalized.text).into_owned()
    }

    /// The largest id that has a token.
    #[must_use]
    pub fn last_id(&self) -> u32 {
        self.added
            .iter()
            .map(|token| token.id)
            .max()
            .unwrap_or(0)
            .max(self.vocab.last_id())
    }
}
