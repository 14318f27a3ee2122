//! `ferrobert._core`: the Python face of `ferrobert-core`. Registration only.

mod answers;
mod arrow;
mod batching;
mod encoding;
mod entities;
mod errors;
mod label_reader;
mod labels;
mod masking;
mod numpy_strings;
mod pairs;
mod rows;
mod stream;
mod text_encoder;
mod texts;
mod wordpiece;

use pyo3::prelude::*;

#[pymodule]
fn _core(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    m.add("DEBUG_BUILD", cfg!(debug_assertions))?;
    m.add_class::<texts::TextColumn>()?;
    m.add_class::<wordpiece::WordPiece>()?;
    m.add_class::<encoding::Encodings>()?;
    m.add_class::<text_encoder::TextEncoder>()?;
    m.add_class::<masking::Masker>()?;
    m.add_class::<labels::LabelVocab>()?;
    m.add_class::<entities::EntityDecoder>()?;
    m.add_class::<answers::decode::AnswerDecoder>()?;
    m.add_function(wrap_pyfunction!(answers::encode::answer_positions, m)?)?;
    m.add_function(wrap_pyfunction!(answers::encode::max_contexts, m)?)?;
    m.add_function(wrap_pyfunction!(batching::token_batches, m)?)?;
    m.add_function(wrap_pyfunction!(batching::gather_rows, m)?)?;
    m.add_function(wrap_pyfunction!(batching::pad_rows, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::pad, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::attention_mask, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::lists, m)?)?;
    m.add_function(wrap_pyfunction!(encoding::row_lengths, m)?)?;
    m.add_function(wrap_pyfunction!(labels::word_counts, m)?)?;
    m.add_function(wrap_pyfunction!(labels::flatten_labels, m)?)?;
    m.add_function(wrap_pyfunction!(labels::align_labels, m)?)?;
    m.add_function(wrap_pyfunction!(labels::encode_labelled, m)?)?;
    m.add_function(wrap_pyfunction!(labels::first_tokens, m)?)?;
    m.add_function(wrap_pyfunction!(labels::label_spans, m)?)?;
    m.add_function(wrap_pyfunction!(labels::convert_scheme, m)?)?;
    m.add_function(wrap_pyfunction!(pairs::sentence_pairs, m)?)?;
    m.add_function(wrap_pyfunction!(pairs::pack_sentences, m)?)?;
    m.add_function(wrap_pyfunction!(rows::flatten, m)?)?;
    m.add_function(wrap_pyfunction!(rows::matrix_of_rows, m)?)?;
    m.add_function(wrap_pyfunction!(errors::panic_for_test, m)?)
}
