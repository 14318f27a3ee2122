//! Labels of words and spans of characters, written as labels of subwords, and back.
//!
//! A word's label goes to its first token or, where that is asked for, to all of them; what carries no label holds an
//! index that the loss ignores. Rows may be windows of long texts: each is labelled as if it were alone, as the loop over
//! `word_ids()` does that everybody copies (`run_ner.py` of transformers).

mod align;
mod entities;
mod matrices;
mod rows;
mod spans;
mod tag;
mod vocab;
mod words;

pub use align::align;
pub use entities::{convert, entities};
pub use matrices::{LabelledWords, Matrices, Shape, encode_labelled};
pub use rows::{LabelRows, WordCounts, WordRows};
pub use spans::{SpanLabels, SpanRows, label_spans};
pub use tag::{Place, Scheme, Tag};
pub use vocab::LabelVocab;
pub use words::first_tokens;
