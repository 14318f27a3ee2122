//! Full sentences, packed into rows.

use super::documents::Documents;
use super::write_row;
use crate::encoding::{Encodings, Layout};
use crate::error::{Error, Result};
use crate::wordpiece::Template;
use std::sync::Arc;

/// How sentences are packed.
#[derive(Debug, Clone)]
pub struct PackOptions {
    /// Where special tokens go.
    pub template: Arc<Template>,
    /// Most tokens of a row, special ones included.
    pub max_length: usize,
    /// What stands between two documents in a row; without it a row ends with its document.
    pub separator: Option<u32>,
}

/// Rows of full sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The rows that are done; the sample id is the number of the row.
    pub rows: Encodings,
    /// The tokens of the row that is not.
    pub open: Vec<i32>,
}

/// Packs sentences into rows, in their order; O(tokens), on the calling thread: it copies memory.
///
/// A row takes sentences as long as they fit. One that is longer than a whole row is cut into rows; its last part
/// goes on with the next sentence. No token is lost.
///
/// # Arguments
/// * `open`: tokens of the row that was not done when the documents before these ended.
/// * `first_row`: rows that were done by then.
/// * `is_last`: whether no more documents come; no row stays open then.
///
/// # Errors
/// [`Error::NoRoomForSentences`] where `max_length` leaves no token.
pub fn pack_sentences(
    documents: &Documents<'_>,
    options: &PackOptions,
    open: Vec<i32>,
    first_row: u64,
    is_last: bool,
) -> Result<Packed> {
    let special = options.template.special_tokens(false);
    let room = options.max_length.saturating_sub(special);
    if room == 0 {
        return Err(Error::NoRoomForSentences {
            max_length: options.max_length,
            special,
        });
    }
    let layout = Layout {
        template: Arc::clone(&options.template),
        is_pair: false,
        add_special_tokens: true,
    };
    let tokens = open.len() + documents.ids.len();
    let mut packer = Packer {
        options,
        rows: Encodings::with_capacity(layout, tokens + tokens / room * special, false),
        open,
        row: first_row,
    };
    for document in &documents.documents {
        for sentence in document.sentences.clone() {
            let sentence_ids = &documents.ids[documents.tokens(sentence..sentence + 1)];
            let separator = options
                .separator
                .filter(|_| sentence == document.sentences.start && !packer.open.is_empty());
            let between = usize::from(separator.is_some());
            if packer.open.len() + between + sentence_ids.len() > room {
                packer.end_row();
            } else if let Some(separator) = separator {
                packer.open.push(separator as i32);
            }
            let mut rest = sentence_ids;
            while rest.len() > room {
                let (part, behind) = rest.split_at(room);
                packer.open.extend_from_slice(part);
                packer.end_row();
                rest = behind;
            }
            packer.open.extend_from_slice(rest);
        }
        if options.separator.is_none() {
            packer.end_row();
        }
    }
    if is_last {
        packer.end_row();
    }
    Ok(Packed {
        rows: packer.rows,
        open: packer.open,
    })
}

struct Packer<'o> {
    options: &'o PackOptions,
    rows: Encodings,
    open: Vec<i32>,
    row: u64,
}

impl Packer<'_> {
    /// Writes the open row, if it has tokens.
    fn end_row(&mut self) {
        if self.open.is_empty() {
            return;
        }
        let template = &self.options.template.single;
        write_row(&mut self.rows.ids, template, [&self.open, &[]]);
        let end = self.rows.ids.len();
        let lengths = [(self.open.len(), false), (0, false)];
        self.rows.end_row(self.row as usize, end, lengths);
        self.open.clear();
        self.row += 1;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    fn options(max_length: usize, separator: Option<u32>) -> PackOptions {
        PackOptions {
            template: Arc::new(Template::bert(101, 102)),
            max_length,
            separator,
        }
    }

    fn rows(packed: &Packed) -> Vec<&[i32]> {
        let splits = packed.rows.row_splits.windows(2);
        splits
            .map(|row| &packed.rows.ids[row[0] as usize..row[1] as usize])
            .collect()
    }

    #[test]
    fn documents_share_a_row_with_a_separator_between_them() {
        let documents = Documents::new(&[1, 2, 3, 4, 5, 6], &[0, 2, 3, 6], &[0, 2, 3], 0).unwrap();
        let packed = pack_sentences(&documents, &options(9, Some(102)), vec![], 4, true).unwrap();
        assert_eq!(rows(&packed), [[101, 1, 2, 3, 102, 4, 5, 6, 102]]);
        assert_eq!(packed.rows.sample_ids, [4]);
        let packed = pack_sentences(&documents, &options(8, Some(102)), vec![], 0, true).unwrap();
        assert_eq!(rows(&packed), [[101, 1, 2, 3, 102], [101, 4, 5, 6, 102]]);
    }

    #[test]
    fn a_row_ends_with_its_document_without_a_separator() {
        let documents = Documents::new(&[1, 2, 3], &[0, 2, 3], &[0, 1, 2], 0).unwrap();
        let packed = pack_sentences(&documents, &options(9, None), vec![], 0, false).unwrap();
        assert_eq!(rows(&packed), [&[101, 1, 2, 102][..], &[101, 3, 102]]);
        assert!(packed.open.is_empty());
    }

    #[test]
    fn a_long_sentence_is_cut_into_rows_and_the_last_part_goes_on() {
        let documents = Documents::new(&[1, 2, 3, 4, 5, 6], &[0, 5, 6], &[0, 2], 0).unwrap();
        let packed = pack_sentences(&documents, &options(4, None), vec![], 0, true).unwrap();
        let expected = [[101, 1, 2, 102], [101, 3, 4, 102], [101, 5, 6, 102]];
        assert_eq!(rows(&packed), expected);
    }

    #[test]
    fn blocks_give_the_rows_of_the_whole() {
        let ids: Vec<i32> = (0..50).collect();
        let sentences = [0, 3, 9, 10, 24, 30, 31, 40, 50];
        let options = options(10, Some(102));
        let whole = Documents::new(&ids, &sentences, &[0, 2, 5, 8], 0).unwrap();
        let whole = pack_sentences(&whole, &options, vec![], 0, true).unwrap();
        let first = Documents::new(&ids[..9], &sentences[..3], &[0, 2], 0).unwrap();
        let first = pack_sentences(&first, &options, vec![], 0, false).unwrap();
        let rest: Vec<i64> = sentences[2..].iter().map(|split| split - 9).collect();
        let rest = Documents::new(&ids[9..], &rest, &[0, 3, 6], 1).unwrap();
        let done = first.rows.sample_ids.len() as u64;
        let rest = pack_sentences(&rest, &options, first.open, done, true).unwrap();
        assert_eq!([first.rows.ids, rest.rows.ids].concat(), whole.rows.ids);
        let samples = [first.rows.sample_ids, rest.rows.sample_ids].concat();
        assert_eq!(samples, whole.rows.sample_ids);
    }

    #[test]
    fn a_row_without_room_is_refused() {
        let documents = Documents::new(&[], &[0], &[0], 0).unwrap();
        assert_eq!(
            pack_sentences(&documents, &options(2, None), vec![], 0, true),
            Err(Error::NoRoomForSentences {
                max_length: 2,
                special: 2
            })
        );
    }
}
