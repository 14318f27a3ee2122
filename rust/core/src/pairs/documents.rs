//! Tokenized documents as flat columns.

use crate::error::{Error, Result};
use std::ops::Range;

/// Documents of sentences of token ids, borrowed. Sentences without tokens and documents without sentences are not there.
#[derive(Debug, Clone)]
pub struct Documents<'i> {
    pub(super) ids: &'i [i32],
    /// First token of each sentence, and the number of tokens; no two are equal.
    pub(super) sentences: Vec<usize>,
    pub(super) documents: Vec<Document>,
}

/// A document that has tokens.
#[derive(Debug, Clone)]
pub(super) struct Document {
    /// Its place in the corpus, empty ones counted.
    pub(super) number: u64,
    pub(super) sentences: Range<usize>,
}

impl<'i> Documents<'i> {
    /// Reads the columns; O(sentences).
    ///
    /// # Arguments
    /// * `ids`: tokens of all sentences.
    /// * `sentence_splits`: first token of each sentence, and the number of tokens, `(sentences + 1,)`.
    /// * `document_splits`: first sentence of each document, and the number of sentences, `(documents + 1,)`.
    /// * `first`: number of the first document in the corpus.
    ///
    /// # Errors
    /// [`Error::DocumentSplits`] where the splits do not describe the ids, or there are 2^32 of them.
    pub fn new(
        ids: &'i [i32],
        sentence_splits: &[i64],
        document_splits: &[i64],
        first: u64,
    ) -> Result<Self> {
        let documents = document_splits.len().saturating_sub(1);
        if !describe(sentence_splits, ids.len())
            || !describe(document_splits, sentence_splits.len() - 1)
            || u32::try_from(ids.len()).is_err()
            || first.checked_add(documents as u64).is_none()
        {
            return Err(Error::DocumentSplits { tokens: ids.len() });
        }
        let mut read = Self {
            ids,
            sentences: Vec::with_capacity(sentence_splits.len()),
            documents: Vec::with_capacity(documents),
        };
        read.sentences.push(0);
        for (number, ends) in (first..).zip(document_splits.windows(2)) {
            let start = read.sentences.len() - 1;
            let (from, to) = (ends[0] as usize, ends[1] as usize);
            for &end in &sentence_splits[from + 1..=to] {
                if read.sentences.last() != Some(&(end as usize)) {
                    read.sentences.push(end as usize);
                }
            }
            let sentences = start..read.sentences.len() - 1;
            if !sentences.is_empty() {
                read.documents.push(Document { number, sentences });
            }
        }
        Ok(read)
    }

    /// Documents that have tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.documents.len()
    }

    /// Whether no document has a token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.documents.is_empty()
    }

    /// Tokens of a range of sentences.
    pub(super) fn tokens(&self, sentences: Range<usize>) -> Range<usize> {
        self.sentences[sentences.start]..self.sentences[sentences.end]
    }
}

/// Whether splits rise from 0 to `end`.
fn describe(splits: &[i64], end: usize) -> bool {
    splits.first() == Some(&0) && splits.last() == Some(&(end as i64)) && splits.is_sorted()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    #[test]
    fn what_is_empty_is_left_out_and_counted() {
        let ids = [1, 2, 3, 4, 5];
        let sentences = [0, 0, 2, 2, 3, 5, 5];
        let read = Documents::new(&ids, &sentences, &[0, 1, 4, 5, 6], 10).unwrap();
        assert_eq!(read.len(), 2);
        assert_eq!(read.documents[0].number, 11);
        assert_eq!(read.documents[0].sentences, 0..2);
        assert_eq!(read.tokens(0..2), 0..3);
        assert_eq!(read.documents[1].number, 12);
        assert_eq!(read.tokens(read.documents[1].sentences.clone()), 3..5);
    }

    #[test]
    fn splits_that_do_not_describe_the_ids_are_refused() {
        let ids = [1, 2, 3];
        for (sentences, documents) in [
            (&[][..], &[0][..]),
            (&[0, 3], &[]),
            (&[0, 2], &[0, 1]),
            (&[1, 3], &[0, 1]),
            (&[0, 5, 3], &[0, 2]),
            (&[0, 3], &[0, 2]),
            (&[0, 3], &[0, -1, 1]),
        ] {
            assert_eq!(
                Documents::new(&ids, sentences, documents, 0).unwrap_err(),
                Error::DocumentSplits { tokens: 3 }
            );
        }
    }
}
