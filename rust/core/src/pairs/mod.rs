//! Documents of sentences -> rows to pretrain on: sentence pairs, and full sentences packed into rows.
//!
//! Pairs are those of google-research/bert's `create_pretraining_data.py` (Devlin et al. 2018, BERT) without the
//! masking, or ALBERT's sentence order (Lan et al. 2020); rows are RoBERTa's FULL-SENTENCES (Liu et al. 2019).

mod documents;
mod packing;
mod pairing;

pub use documents::Documents;
pub use packing::{PackOptions, Packed, pack_sentences};
pub use pairing::{Objective, PairOptions, SentencePairs, sentence_pairs};

use crate::wordpiece::Piece;

/// Writes a row: the special tokens of a template around the tokens of its sequences.
fn write_row(ids: &mut Vec<i32>, template: &[Piece], sequences: [&[i32]; 2]) {
    for piece in template {
        match *piece {
            Piece::Special { id, .. } => ids.push(id as i32),
            Piece::Sequence { index, .. } => ids.extend_from_slice(sequences[index.min(1)]),
        }
    }
}
