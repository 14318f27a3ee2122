//! Ragged columns to padded matrices.

use crate::errors::{config_error, run};
use ferrobert_core::encoding::{self, PaddingSide};
use numpy::{IntoPyArray, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::prelude::*;

/// Rows of `values` as an int64 matrix of shape (rows, width), padded with `fill`.
#[pyfunction]
pub(crate) fn pad<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i32>,
    row_splits: PyReadonlyArray1<'py, i64>,
    width: usize,
    fill: i64,
    side: &str,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let (values, splits, side) = (
        values.as_slice()?,
        row_splits.as_slice()?,
        parse_side(side)?,
    );
    let matrix = run(py, || Ok(encoding::pad(values, splits, width, fill, side)))?;
    shaped(py, matrix, splits, width)
}

/// 1 for tokens and 0 for padding, as an int64 matrix of shape (rows, width).
#[pyfunction]
pub(crate) fn attention_mask<'py>(
    py: Python<'py>,
    row_splits: PyReadonlyArray1<'py, i64>,
    width: usize,
    side: &str,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let (splits, side) = (row_splits.as_slice()?, parse_side(side)?);
    let matrix = run(py, || Ok(encoding::attention_mask(splits, width, side)))?;
    shaped(py, matrix, splits, width)
}

fn shaped<'py>(
    py: Python<'py>,
    matrix: Option<Vec<i64>>,
    splits: &[i64],
    width: usize,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    matrix
        .ok_or_else(|| {
            config_error(format!(
                "rows do not fit a width of {width}, or row_splits are not in order"
            ))
        })?
        .into_pyarray(py)
        .reshape([splits.len().saturating_sub(1), width])
}

fn parse_side(side: &str) -> PyResult<PaddingSide> {
    match side {
        "left" => Ok(PaddingSide::Left),
        "right" => Ok(PaddingSide::Right),
        _ => Err(config_error(format!(
            "padding_side must be \"left\" or \"right\", got {side:?}"
        ))),
    }
}
