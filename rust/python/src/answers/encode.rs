//! Where answers stand in features.

use super::rows::{Columns, rows_of};
use crate::errors::run;
use ferrobert_core::answers;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2};
use pyo3::prelude::*;

/// First and last token of the answer in each row, `(rows, 2)`; answers are characters, negative for none.
#[pyfunction]
pub(crate) fn answer_positions<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    spans: PyReadonlyArray2<'py, i32>,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let chars: Vec<Option<[i32; 2]>> = spans
        .as_slice()?
        .as_chunks()
        .0
        .iter()
        .map(|&span: &[i32; 2]| (span[0] >= 0).then_some(span))
        .collect();
    let rows = rows_of(&columns, chars.len())?;
    let positions = run(py, || answers::positions(&rows, &chars))?;
    let number = positions.len();
    positions
        .into_flattened()
        .into_pyarray(py)
        .reshape([number, 2])
}

/// Whether each token of a context has its maximal context in its row, `(tokens,)`.
#[pyfunction]
pub(crate) fn max_contexts<'py>(
    py: Python<'py>,
    columns: Columns<'py>,
    samples: usize,
    stride: usize,
) -> PyResult<Bound<'py, PyArray1<bool>>> {
    let rows = rows_of(&columns, samples)?;
    Ok(run(py, || answers::max_contexts(&rows, stride))?.into_pyarray(py))
}
