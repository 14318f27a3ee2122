//! Rows of tokens to batches.

use crate::errors::run;
use ferrobert_core::batching::{self as core, TokenColumn};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

/// Values of tokens: ids as the core has them, or as Python's lists become.
#[derive(FromPyObject)]
pub(crate) enum Values<'py> {
    Short(PyReadonlyArray1<'py, i32>),
    Long(PyReadonlyArray1<'py, i64>),
}

type Positions<'py> = Bound<'py, PyArray1<i64>>;

/// Positions of the rows of all batches, and where batches begin.
#[pyfunction]
pub(crate) fn token_batches<'py>(
    py: Python<'py>,
    lengths: PyReadonlyArray1<'py, i64>,
    batch_tokens: usize,
    max_rows: Option<usize>,
) -> PyResult<(Positions<'py>, Positions<'py>)> {
    let lengths = lengths.as_slice()?;
    let made = run(py, || core::token_batches(lengths, batch_tokens, max_rows))?;
    Ok((made.rows.into_pyarray(py), made.splits.into_pyarray(py)))
}

/// The values of some rows, one row behind the other.
#[pyfunction]
pub(crate) fn gather_rows<'py>(
    py: Python<'py>,
    values: Values<'py>,
    row_splits: PyReadonlyArray1<'py, i64>,
    rows: PyReadonlyArray1<'py, i64>,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (row_splits, rows) = (row_splits.as_slice()?, rows.as_slice()?);
    let made = match &values {
        Values::Short(values) => {
            let values = values.as_slice()?;
            run(py, || TokenColumn { values, row_splits }.gather(rows))
        }
        Values::Long(values) => {
            let values = values.as_slice()?;
            run(py, || TokenColumn { values, row_splits }.gather(rows))
        }
    }?;
    Ok(made.into_pyarray(py))
}

/// The values of some rows as a matrix, padded on the right.
#[pyfunction]
pub(crate) fn pad_rows<'py>(
    py: Python<'py>,
    values: Values<'py>,
    row_splits: PyReadonlyArray1<'py, i64>,
    rows: PyReadonlyArray1<'py, i64>,
    padding: i64,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let (row_splits, rows) = (row_splits.as_slice()?, rows.as_slice()?);
    let (made, width) = match &values {
        Values::Short(values) => {
            let values = values.as_slice()?;
            run(py, || TokenColumn { values, row_splits }.pad(rows, padding))
        }
        Values::Long(values) => {
            let values = values.as_slice()?;
            run(py, || TokenColumn { values, row_splits }.pad(rows, padding))
        }
    }?;
    made.into_pyarray(py).reshape([rows.len(), width])
}
