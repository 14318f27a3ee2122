//! One text in, lists out: for calls whose own cost is what counts.

use crate::errors::{catch_panic, to_exception};
use ferrobert_core::encoding::Encodings;
use ferrobert_core::wordpiece::{EncodeOptions, Texts, WordPiece};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};
use std::sync::Arc;

/// Texts of up to this many bytes are encoded in a few microseconds: letting other threads run would take as long.
const SHORT: usize = 4096;

/// Encodes single texts, always with the same options.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct TextEncoder {
    pub(crate) tokenizer: Arc<WordPiece>,
    pub(crate) options: EncodeOptions,
    pub(crate) token_type_ids: bool,
    pub(crate) attention_mask: bool,
}

#[pymethods]
impl TextEncoder {
    /// The lists of one text, by name.
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        text: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let text = text.to_str()?;
        let encode = || {
            self.tokenizer
                .encode(Texts::Plain(&[text]), None, &self.options)
        };
        let row = if text.len() <= SHORT {
            catch_panic(encode)?
        } else {
            py.detach(|| catch_panic(encode))?
        }
        .map_err(|error| to_exception(&error))?;
        self.lists(py, &row)
    }
}

impl TextEncoder {
    fn lists<'py>(&self, py: Python<'py>, row: &Encodings) -> PyResult<Bound<'py, PyDict>> {
        let lists = PyDict::new(py);
        let tokens = row.ids.len();
        lists.set_item(intern!(py, "input_ids"), PyList::new(py, &row.ids)?)?;
        if self.token_type_ids {
            let types = if row.sequences.all_types_are_zero() {
                PyList::new(py, std::iter::repeat_n(0, tokens))?
            } else {
                PyList::new(py, row.sequences.type_ids())?
            };
            lists.set_item(intern!(py, "token_type_ids"), types)?;
        }
        if self.attention_mask {
            let mask = PyList::new(py, std::iter::repeat_n(1, tokens))?;
            lists.set_item(intern!(py, "attention_mask"), mask)?;
        }
        Ok(lists)
    }
}
