//! Masked-language-model inputs.

use crate::encoding::parse_side;
use crate::errors::{run, to_exception};
use ferrobert_core::masking::{self, MaskingOptions, MaskingVocab, Matrix, Rows, WordClass};
use numpy::{
    IntoPyArray, PyArray1, PyArrayDescrMethods, PyReadonlyArray1, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

/// Masks rows of token ids; see `ferrobert_core::masking::Masker`.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct Masker(masking::Masker);

/// Masked ids and labels.
type Two<'py> = (Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>);

/// Ids of int32 or int64.
enum Ids<'py> {
    Narrow(PyReadonlyArray1<'py, i32>),
    Wide(PyReadonlyArray1<'py, i64>),
}

impl<'py> FromPyObject<'_, 'py> for Ids<'py> {
    type Error = PyErr;

    fn extract(ids: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        // To try one after the other would write an error, with numpy's name of the type, on every call.
        let is_narrow = ids
            .cast::<PyUntypedArray>()
            .is_ok_and(|array| array.dtype().is_equiv_to(&numpy::dtype::<i32>(ids.py())));
        Ok(if is_narrow {
            Self::Narrow(ids.extract()?)
        } else {
            Self::Wide(ids.extract()?)
        })
    }
}

/// The columns beside the ids.
struct Columns<'a> {
    row_splits: &'a [i64],
    word_ids: Option<&'a [i32]>,
    special: Option<&'a [i64]>,
    sample_ids: &'a [i64],
    pad_id: Option<i64>,
}

impl<'a> Columns<'a> {
    fn with<T>(&self, ids: &'a [T]) -> Rows<'a, T> {
        Rows {
            ids,
            row_splits: self.row_splits,
            word_ids: self.word_ids,
            special: self.special,
            sample_ids: self.sample_ids,
            pad_id: self.pad_id,
        }
    }
}

#[pymethods]
impl Masker {
    #[new]
    #[pyo3(signature = (
        vocab_size, mask_id, special_ids, not_drawn, word_classes, mlm_probability, mask_replace_prob,
        random_replace_prob, whole_word_mask, exact, max_span_length
    ))]
    #[expect(
        clippy::too_many_arguments,
        reason = "the options of the Python call, by name"
    )]
    fn new(
        vocab_size: usize,
        mask_id: Option<u32>,
        special_ids: Vec<u32>,
        not_drawn: Vec<u32>,
        word_classes: Option<(Vec<u8>, Vec<u8>)>,
        mlm_probability: f64,
        mask_replace_prob: f64,
        random_replace_prob: f64,
        whole_word_mask: bool,
        exact: bool,
        max_span_length: Option<usize>,
    ) -> PyResult<Self> {
        let options = MaskingOptions {
            mlm_probability,
            mask_replace_prob,
            random_replace_prob,
            whole_word_mask,
            exact,
            max_span_length,
        };
        let word_classes = word_classes.map(|(first, last)| {
            let classes = first.into_iter().zip(last);
            classes
                .map(|(first, last)| WordClass { first, last })
                .collect()
        });
        MaskingVocab::new(vocab_size, mask_id, &special_ids, &not_drawn, word_classes)
            .and_then(|vocab| masking::Masker::new(options, vocab))
            .map(Self)
            .map_err(|error| to_exception(&error))
    }

    /// Masked ids and labels of ragged rows: one row after the other or, where a width is given, as the cells of
    /// matrices (rows, width).
    #[pyo3(signature = (ids, row_splits, word_ids, special, sample_ids, pad_id, seed, epoch, width=None, side="right"))]
    #[expect(clippy::too_many_arguments, reason = "the columns, by name")]
    fn mask<'py>(
        &self,
        py: Python<'py>,
        ids: Ids<'py>,
        row_splits: PyReadonlyArray1<'py, i64>,
        word_ids: Option<PyReadonlyArray1<'py, i32>>,
        special: Option<PyReadonlyArray1<'py, i64>>,
        sample_ids: PyReadonlyArray1<'py, i64>,
        pad_id: Option<i64>,
        seed: u64,
        epoch: u64,
        width: Option<usize>,
        side: &str,
    ) -> PyResult<Two<'py>> {
        let columns = Columns {
            row_splits: row_splits.as_slice()?,
            word_ids: word_ids
                .as_ref()
                .map(|words| words.as_slice())
                .transpose()?,
            special: special
                .as_ref()
                .map(|special| special.as_slice())
                .transpose()?,
            sample_ids: sample_ids.as_slice()?,
            pad_id,
        };
        let side = parse_side(side)?;
        let matrix = width.map(|width| Matrix {
            width,
            pad_id: pad_id.unwrap_or_default(),
            side,
        });
        let masked = match &ids {
            Ids::Narrow(ids) => {
                let rows = columns.with(ids.as_slice()?);
                run(py, || self.0.mask(rows, seed, epoch, matrix))
            }
            Ids::Wide(ids) => {
                let rows = columns.with(ids.as_slice()?);
                run(py, || self.0.mask(rows, seed, epoch, matrix))
            }
        }?;
        Ok((masked.ids.into_pyarray(py), masked.labels.into_pyarray(py)))
    }
}
