//! Logits of tokens to entities.

use crate::errors::{config_error, decode_error, run, to_exception};
use ferrobert_core::entities::{self, Entity, LabelSet, Logits, Strategy, TokenRows, trimmed};
use numpy::{
    IntoPyArray, PyArray1, PyArrayDescrMethods, PyReadonlyArray1, PyReadonlyArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// Decodes logits of tokens; see `ferrobert_core::entities::Decoder`.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct EntityDecoder {
    decoder: entities::Decoder,
    /// What an entity of each label is called.
    names: Vec<Py<PyString>>,
    /// An entity without values: a copy has room for all keys, where a new dictionary grows at the sixth.
    blank: Py<PyDict>,
}

/// Logits of float32 or float64, `(tokens, labels)`.
enum Values<'py> {
    Single(PyReadonlyArray2<'py, f32>),
    Double(PyReadonlyArray2<'py, f64>),
}

impl<'py> FromPyObject<'_, 'py> for Values<'py> {
    type Error = PyErr;

    fn extract(values: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        // To try one after the other would write an error, with numpy's name of the type, on every call.
        let is_double = values
            .cast::<PyUntypedArray>()
            .is_ok_and(|array| array.dtype().is_equiv_to(&numpy::dtype::<f64>(values.py())));
        Ok(if is_double {
            Self::Double(values.extract()?)
        } else {
            Self::Single(values.extract()?)
        })
    }
}

/// The columns beside the logits: row starts in the logits, row splits, sample ids, word ids, offsets.
type Columns<'py> = (
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i32>,
    PyReadonlyArray2<'py, i32>,
);

/// Entities of each sample; the tokens of all of them, and how many each has.
type Found<'py> = (
    Bound<'py, PyList>,
    Option<(Bound<'py, PyArray1<i64>>, Bound<'py, PyArray1<i64>>)>,
);

/// Words, their labels, and where samples begin.
type Words<'py> = (
    Bound<'py, PyArray1<i32>>,
    Bound<'py, PyArray1<u32>>,
    Bound<'py, PyArray1<i64>>,
);

fn rows<'a>(columns: &'a Columns<'_>, samples: usize) -> PyResult<TokenRows<'a>> {
    let (_, row_splits, sample_ids, word_ids, offsets) = columns;
    Ok(TokenRows {
        offsets: offsets.as_slice()?.as_chunks().0,
        word_ids: word_ids.as_slice()?,
        row_splits: row_splits.as_slice()?,
        sample_ids: sample_ids.as_slice()?,
        samples,
    })
}

#[pymethods]
impl EntityDecoder {
    #[new]
    fn new(
        py: Python<'_>,
        labels: Vec<String>,
        ignore_labels: Vec<String>,
        strategy: &str,
        constrained: bool,
    ) -> PyResult<Self> {
        let names = Strategy::ALL.map(|strategy| format!("{:?}", strategy.name()));
        let strategy = Strategy::of_name(strategy).ok_or_else(|| {
            config_error(format!(
                "aggregation_strategy must be one of {}, got {strategy:?}",
                names.join(", ")
            ))
        })?;
        let labels = LabelSet::new(labels);
        let decoder = entities::Decoder::new(labels, &ignore_labels, strategy, constrained)
            .map_err(|error| to_exception(&error))?;
        let labels = decoder.labels();
        let names = (0..labels.len() as u32)
            .map(|label| {
                let name = if decoder.groups() {
                    labels.group(label)
                } else {
                    labels.name(label)
                };
                PyString::intern(py, name).unbind()
            })
            .collect();
        let blank = PyDict::new(py);
        let keys: &[&str] = if decoder.groups() {
            &["entity_group", "score", "word", "start", "end"]
        } else {
            &["entity", "score", "index", "word", "start", "end"]
        };
        for key in keys {
            blank.set_item(PyString::intern(py, key), py.None())?;
        }
        Ok(Self {
            decoder,
            names,
            blank: blank.unbind(),
        })
    }

    /// The entities of each text as dictionaries, and their tokens where they are asked for.
    #[pyo3(signature = (logits, columns, texts, with_tokens=false))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        logits: Values<'py>,
        columns: Columns<'py>,
        texts: &Bound<'py, PyList>,
        with_tokens: bool,
    ) -> PyResult<Found<'py>> {
        let rows = rows(&columns, texts.len())?;
        let row_starts = columns.0.as_slice()?;
        let found = match &logits {
            Values::Single(array) => {
                let logits = view(array.as_slice()?, array.shape(), row_starts);
                run(py, || self.decoder.decode(rows, logits, with_tokens))
            }
            Values::Double(array) => {
                let logits = view(array.as_slice()?, array.shape(), row_starts);
                run(py, || self.decoder.decode(rows, logits, with_tokens))
            }
        }?;
        let samples = PyList::empty(py);
        for (text, ends) in texts.iter().zip(found.splits.windows(2)) {
            let text = text.cast_into::<PyString>()?;
            let entities = PyList::empty(py);
            for entity in &found.entities[ends[0] as usize..ends[1] as usize] {
                entities.append(self.dictionary(&text, samples.len(), entity)?)?;
            }
            samples.append(entities)?;
        }
        let tokens = with_tokens.then(|| {
            let counts = found
                .entities
                .iter()
                .map(|entity| i64::from(entity.tokens[1] - entity.tokens[0]));
            let counts: Vec<i64> = counts.collect();
            (found.tokens.into_pyarray(py), counts.into_pyarray(py))
        });
        Ok((samples, tokens))
    }

    /// The label of each word that has tokens.
    fn label_words<'py>(
        &self,
        py: Python<'py>,
        logits: Values<'py>,
        columns: Columns<'py>,
        samples: usize,
    ) -> PyResult<Words<'py>> {
        let rows = rows(&columns, samples)?;
        let row_starts = columns.0.as_slice()?;
        let found = match &logits {
            Values::Single(array) => {
                let logits = view(array.as_slice()?, array.shape(), row_starts);
                run(py, || self.decoder.label_words(rows, logits))
            }
            Values::Double(array) => {
                let logits = view(array.as_slice()?, array.shape(), row_starts);
                run(py, || self.decoder.label_words(rows, logits))
            }
        }?;
        Ok((
            found.words.into_pyarray(py),
            found.labels.into_pyarray(py),
            found.splits.into_pyarray(py),
        ))
    }
}

impl EntityDecoder {
    /// The dictionary that users know.
    fn dictionary<'py>(
        &self,
        text: &Bound<'py, PyString>,
        sample: usize,
        entity: &Entity,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = text.py();
        let (start, end) = (entity.start as isize, entity.end as isize);
        let length = text.len()?;
        if start < 0 || start > end || end as usize > length {
            return Err(decode_error(format!(
                "an entity at characters {start} to {end} lies outside of text {sample}, which has {length}: texts must \
                 be those that were encoded"
            )));
        }
        let mut word = substring(text, start, end)?;
        let (mut start, mut end) = (entity.start as usize, entity.end as usize);
        let slice = word.to_str()?;
        let (before, inner) = trimmed(slice);
        if inner.len() != slice.len() {
            start += before;
            end = start + inner.chars().count();
            word = PyString::new(py, inner);
        }
        let dictionary = self.blank.bind(py).copy()?;
        let name = self.names.get(entity.label as usize);
        if self.decoder.groups() {
            dictionary.set_item(intern!(py, "entity_group"), name)?;
        } else {
            dictionary.set_item(intern!(py, "entity"), name)?;
            dictionary.set_item(intern!(py, "index"), entity.index)?;
        }
        dictionary.set_item(intern!(py, "score"), entity.score)?;
        dictionary.set_item(intern!(py, "word"), word)?;
        dictionary.set_item(intern!(py, "start"), start)?;
        dictionary.set_item(intern!(py, "end"), end)?;
        Ok(dictionary)
    }
}

/// The characters from `start` to `end`, which lie in the text.
pub(crate) fn substring<'py>(
    text: &Bound<'py, PyString>,
    start: isize,
    end: isize,
) -> PyResult<Bound<'py, PyString>> {
    #[expect(
        unsafe_code,
        reason = "without an object for the slice: a fifth less time an entity"
    )]
    // SAFETY: Python is attached, as the text is bound; the result is a new reference, or null with an exception set.
    let slice = unsafe {
        Bound::from_owned_ptr_or_err(
            text.py(),
            ffi::PyUnicode_Substring(text.as_ptr(), start, end),
        )
    }?;
    Ok(slice.cast_into::<PyString>()?)
}

fn view<'a, T>(values: &'a [T], shape: &[usize], row_starts: &'a [i64]) -> Logits<'a, T> {
    Logits {
        values,
        labels: shape.get(1).copied().unwrap_or(0),
        row_starts,
    }
}
