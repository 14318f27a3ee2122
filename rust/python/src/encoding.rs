//! Flat columns, and what becomes of them: padded matrices, lists.

use crate::errors::{config_error, run};
use ferrobert_core::encoding::{self, PaddingSide, Sequences};
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

/// The rows of a batch. Columns that follow from others are made when they are asked for, each time.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct Encodings {
    #[pyo3(get)]
    ids: Py<PyArray1<i32>>,
    #[pyo3(get)]
    offsets: Option<Py<PyArray2<i32>>>,
    #[pyo3(get)]
    word_ids: Option<Py<PyArray1<i32>>>,
    #[pyo3(get)]
    row_splits: Py<PyArray1<i64>>,
    #[pyo3(get)]
    sample_ids: Py<PyArray1<i64>>,
    sequences: Sequences,
}

impl Encodings {
    /// The columns as numpy arrays over the same memory.
    pub(crate) fn new(py: Python<'_>, rows: encoding::Encodings, align: bool) -> PyResult<Self> {
        let offsets = align
            .then(|| {
                let tokens = rows.offsets.len();
                let offsets = rows.offsets.into_flattened().into_pyarray(py);
                offsets.reshape([tokens, 2]).map(Bound::unbind)
            })
            .transpose()?;
        Ok(Self {
            ids: rows.ids.into_pyarray(py).unbind(),
            offsets,
            word_ids: align.then(|| rows.word_ids.into_pyarray(py).unbind()),
            row_splits: rows.row_splits.into_pyarray(py).unbind(),
            sample_ids: rows.sample_ids.into_pyarray(py).unbind(),
            sequences: rows.sequences,
        })
    }
}

#[pymethods]
impl Encodings {
    #[getter]
    fn type_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i32>>> {
        Ok(run(py, || Ok(self.sequences.type_ids()))?.into_pyarray(py))
    }

    #[getter]
    fn sequence_ids<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyArray1<i32>>> {
        Ok(run(py, || Ok(self.sequences.sequence_ids()))?.into_pyarray(py))
    }

    #[getter]
    fn all_types_are_zero(&self) -> bool {
        self.sequences.all_types_are_zero()
    }
}

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
    matrix(py, splits, width, |matrix| {
        encoding::pad(values, splits, width, fill, side, matrix)
    })
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
    matrix(py, splits, width, |matrix| {
        encoding::attention_mask(splits, width, side, matrix)
    })
}

/// Tokens of the shortest and of the longest row; 0 and 0 without rows.
#[pyfunction]
pub(crate) fn row_lengths(row_splits: PyReadonlyArray1<'_, i64>) -> PyResult<(i64, i64)> {
    let lengths = || {
        row_splits
            .as_slice()
            .map(|splits| splits.windows(2).map(|ends| ends[1] - ends[0]))
    };
    Ok((lengths()?.min().unwrap_or(0), lengths()?.max().unwrap_or(0)))
}

/// A matrix of a row for each row of the splits. It is numpy's memory: zeros that cost nothing until they are written,
/// in large pages where the system has them.
fn matrix<'py>(
    py: Python<'py>,
    row_splits: &[i64],
    width: usize,
    write: impl FnOnce(&mut [i64]) -> bool + Send,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let rows = row_splits.len().saturating_sub(1);
    let matrix = zeros(py, (rows, width))?.cast_into::<PyArray2<i64>>()?;
    let written = {
        let mut target = matrix.try_readwrite()?;
        let target = target.as_slice_mut()?;
        run(py, || Ok(write(target)))?
    };
    if !written {
        return Err(config_error(format!(
            "rows do not fit a width of {width}, or row_splits are not in order"
        )));
    }
    Ok(matrix)
}

/// Zeros of int64. Through Python: where the memory is not there, this is a MemoryError.
pub(crate) fn zeros<'py>(
    py: Python<'py>,
    shape: impl IntoPyObject<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    static ZEROS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    ZEROS
        .import(py, "numpy", "zeros")?
        .call1((shape, numpy::dtype::<i64>(py)))
}

/// Rows of `values` as lists, each padded to `width` with `fill`; longer rows stay as they are.
#[pyfunction]
pub(crate) fn lists<'py>(
    py: Python<'py>,
    values: PyReadonlyArray1<'py, i32>,
    row_splits: PyReadonlyArray1<'py, i64>,
    width: usize,
    fill: i32,
    side: &str,
) -> PyResult<Bound<'py, PyList>> {
    let (values, splits, side) = (
        values.as_slice()?,
        row_splits.as_slice()?,
        parse_side(side)?,
    );
    let lists = PyList::empty(py);
    let mut padded = Vec::new();
    for ends in splits.windows(2) {
        let row = usize::try_from(ends[0])
            .ok()
            .zip(usize::try_from(ends[1]).ok())
            .and_then(|(start, end)| values.get(start..end))
            .ok_or_else(|| config_error("row_splits do not describe the values".to_owned()))?;
        if row.len() >= width {
            lists.append(PyList::new(py, row)?)?;
            continue;
        }
        let padding = std::iter::repeat_n(fill, width - row.len());
        padded.clear();
        padded.try_reserve_exact(width).map_err(|_| {
            PyMemoryError::new_err(format!("rows of {width} tokens do not fit the memory"))
        })?;
        match side {
            PaddingSide::Right => padded.extend(row.iter().copied().chain(padding)),
            PaddingSide::Left => padded.extend(padding.chain(row.iter().copied())),
        }
        lists.append(PyList::new(py, &padded)?)?;
    }
    Ok(lists)
}

pub(crate) fn parse_side(side: &str) -> PyResult<PaddingSide> {
    match side {
        "left" => Ok(PaddingSide::Left),
        "right" => Ok(PaddingSide::Right),
        _ => Err(config_error(format!(
            "padding_side must be \"left\" or \"right\", got {side:?}"
        ))),
    }
}
