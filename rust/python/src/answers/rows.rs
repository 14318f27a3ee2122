//! Columns of features.

use ferrobert_core::answers::AnswerRows;
use numpy::{PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;

/// Row splits, sample ids, the tokens of the context in each row, word ids, offsets.
#[derive(FromPyObject)]
pub(crate) struct Columns<'py>(
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray2<'py, i64>,
    PyReadonlyArray1<'py, i32>,
    PyReadonlyArray2<'py, i32>,
);

pub(crate) fn rows_of<'a>(columns: &'a Columns<'_>, samples: usize) -> PyResult<AnswerRows<'a>> {
    let Columns(row_splits, sample_ids, contexts, word_ids, offsets) = columns;
    Ok(AnswerRows {
        offsets: offsets.as_slice()?.as_chunks().0,
        word_ids: word_ids.as_slice()?,
        row_splits: row_splits.as_slice()?,
        contexts: contexts.as_slice()?.as_chunks().0,
        sample_ids: sample_ids.as_slice()?,
        samples,
    })
}
