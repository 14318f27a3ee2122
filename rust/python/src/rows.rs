//! Rows of ints, as data sets hold them: lists, tuples, arrays, tensors.

use crate::encoding::parse_side;
use crate::errors::config_error;
use crate::texts::item_of;
use ferrobert_core::encoding::PaddingSide;
use numpy::{IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFrozenSet, PyInt, PyList, PySet, PyString,
};

/// Rows as one flat column and row splits. `none` takes the place of `None`, which is an error without it.
#[pyfunction]
#[pyo3(signature = (rows, name, none=None))]
#[expect(clippy::type_complexity, reason = "two arrays")]
pub(crate) fn flatten<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyList>,
    name: &str,
    none: Option<i64>,
) -> PyResult<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>)> {
    let (mut values, mut row_splits) = (Vec::new(), Vec::with_capacity(rows.len() + 1));
    row_splits.push(0);
    for (row, ints) in rows.iter().enumerate() {
        append(&ints, (name, row), none, &mut values)?;
        row_splits.push(values.len() as i64);
    }
    Ok((values.into_pyarray(py), row_splits.into_pyarray(py)))
}

/// Rows as an int64 matrix of shape (rows, width), padded with `fill`; lengths must be those of the row splits.
#[pyfunction]
pub(crate) fn matrix_of_rows<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyList>,
    name: &str,
    row_splits: PyReadonlyArray1<'py, i64>,
    width: usize,
    fill: i64,
    side: &str,
) -> PyResult<Bound<'py, PyArray2<i64>>> {
    let (row_splits, side) = (row_splits.as_slice()?, parse_side(side)?);
    if rows.len() + 1 != row_splits.len() {
        return Err(config_error(format!(
            "{name} has {} rows, input_ids {}",
            rows.len(),
            row_splits.len() - 1
        )));
    }
    let mut values = Vec::with_capacity(width);
    let mut padded: Vec<i64> = Vec::with_capacity(rows.len() * width);
    for (row, (ints, ends)) in rows.iter().zip(row_splits.windows(2)).enumerate() {
        values.clear();
        match repeated(&ints)? {
            Some(value) => values.resize(ints.len()?, value),
            None => append(&ints, (name, row), None, &mut values)?,
        }
        if values.len() as i64 != ends[1] - ends[0] {
            return Err(config_error(format!(
                "{name}[{row}] has {} values, input_ids[{row}] has {}",
                values.len(),
                ends[1] - ends[0]
            )));
        }
        let padding = std::iter::repeat_n(fill, width.saturating_sub(values.len()));
        match side {
            PaddingSide::Right => {
                padded.extend_from_slice(&values);
                padded.extend(padding);
            }
            PaddingSide::Left => {
                padded.extend(padding);
                padded.extend_from_slice(&values);
            }
        }
    }
    padded.into_pyarray(py).reshape([rows.len(), width])
}

/// The int that a list is made of, as masks and type ids are: Python counts it in half the time of reading each.
fn repeated(row: &Bound<'_, PyAny>) -> PyResult<Option<i64>> {
    let Ok(list) = row.cast::<PyList>() else {
        return Ok(None);
    };
    let Some(last) = list.len().checked_sub(1) else {
        return Ok(None);
    };
    let first = list.get_item(0)?;
    if !first.is(&list.get_item(last)?) || !first.is_exact_instance_of::<PyInt>() {
        return Ok(None);
    }
    let count = list.call_method1(intern!(list.py(), "count"), (&first,))?;
    Ok(int_of(&first, false).filter(|_| int_of(&count, false) == Some(last as i64 + 1)))
}

/// Adds the ints of a row to a column.
pub(crate) fn append(
    row: &Bound<'_, PyAny>,
    place: (&str, usize),
    none: Option<i64>,
    values: &mut Vec<i64>,
) -> PyResult<()> {
    if let Ok(list) = row.cast::<PyList>() {
        return append_list(list, place, none, values);
    }
    // Strided and misaligned arrays go the long way.
    if let Ok(array) = row.cast::<PyArray1<i64>>()
        && let Ok(ints) = array.try_readonly()?.as_slice()
    {
        values.extend_from_slice(ints);
        return Ok(());
    }
    if let Ok(array) = row.cast::<PyArray1<i32>>()
        && let Ok(ints) = array.try_readonly()?.as_slice()
    {
        values.extend(ints.iter().map(|&id| i64::from(id)));
        return Ok(());
    }
    let refused = || not_ints(row, &format!("{}[{}]", place.0, place.1), "a list of int");
    if is_no_sequence(row) || row.is_instance_of::<PyString>() {
        return Err(refused());
    }
    // Tuples, tensors, arrays of other integers; a list of ints is what they all can be made of.
    let list = match row.call_method0("tolist") {
        Ok(list) => list,
        Err(_) => row
            .py()
            .get_type::<PyList>()
            .call1((row,))
            .map_err(|_| refused())?,
    };
    let list = list.cast::<PyList>().map_err(|_| refused())?;
    append_list(list, place, none, values)
}

/// What has items, but is no row of them.
pub(crate) fn is_no_sequence(row: &Bound<'_, PyAny>) -> bool {
    row.is_instance_of::<PyBytes>()
        || row.is_instance_of::<PyByteArray>()
        || row.is_instance_of::<PyDict>()
        || row.is_instance_of::<PySet>()
        || row.is_instance_of::<PyFrozenSet>()
}

fn append_list(
    list: &Bound<'_, PyList>,
    (name, row): (&str, usize),
    none: Option<i64>,
    values: &mut Vec<i64>,
) -> PyResult<()> {
    // Masks and type ids repeat one object: it is read once.
    let mut last = (std::ptr::null_mut(), 0);
    let is_mask = name.ends_with("mask");
    values.reserve(list.len());
    for position in 0..list.len() {
        let item = item_of(list, position)?;
        if item.as_ptr() != last.0 {
            let value = match none {
                Some(none) if item.is_none() => Some(none),
                _ => int_of(&item, is_mask),
            };
            let value = value.ok_or_else(|| {
                not_ints(
                    &item,
                    &format!("{name}[{row}][{position}]"),
                    "an int of 64 bits",
                )
            })?;
            last = (item.as_ptr(), value);
        }
        values.push(last.1);
    }
    Ok(())
}

/// The value of an int that fits 64 bits; bools are none, but in masks.
#[inline]
fn int_of(item: &Bound<'_, PyAny>, is_mask: bool) -> Option<i64> {
    if !item.is_exact_instance_of::<PyInt>() {
        // Its `__index__` may be Python code that takes it out of the list.
        let refused = !is_mask && item.is_instance_of::<PyBool>();
        return item.clone().extract().ok().filter(|_| !refused);
    }
    #[expect(
        unsafe_code,
        reason = "without asking for the type again: a quarter less time a token"
    )]
    // SAFETY: Python is attached, as the item is bound; it is an int.
    let value = unsafe { ffi::PyLong_AsLongLong(item.as_ptr()) };
    (value != -1 || PyErr::take(item.py()).is_none()).then_some(value)
}

fn not_ints(given: &Bound<'_, PyAny>, place: &str, expected: &str) -> PyErr {
    let given = given
        .get_type()
        .qualname()
        .map_or_else(|_| "an object".to_owned(), |name| name.to_string());
    config_error(format!("{place} must be {expected}, got {given}"))
}
