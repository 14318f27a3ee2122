//! Logits of starts and ends to answers.

use super::rows::{Columns, rows_of};
use crate::entities::substring;
use crate::errors::{config_error, decode_error, run};
use ferrobert_core::answers::{Answer, AnswerRows, Answers, Decoder, Logit, Ranking, SpanLogits};
use numpy::PyReadonlyArray1;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

/// Logits of starts and ends: both float32, or both float64.
#[derive(FromPyObject)]
enum Values<'py> {
    Single(PyReadonlyArray1<'py, f32>, PyReadonlyArray1<'py, f32>),
    Double(PyReadonlyArray1<'py, f64>, PyReadonlyArray1<'py, f64>),
}

/// Decodes logits to answers; see `ferrobert_core::answers::Decoder`.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct AnswerDecoder {
    decoder: Decoder,
    /// An answer without values: a copy has room for all keys.
    blank: Py<PyDict>,
}

#[pymethods]
impl AnswerDecoder {
    #[new]
    #[pyo3(signature = (top_k, n_best, max_answer_length, rank_by, null_threshold, align_to_words, details))]
    #[expect(clippy::too_many_arguments, reason = "the options of a call")]
    fn new(
        py: Python<'_>,
        top_k: usize,
        n_best: usize,
        max_answer_length: usize,
        rank_by: &str,
        null_threshold: Option<f64>,
        align_to_words: bool,
        details: bool,
    ) -> PyResult<Self> {
        let ranking = match rank_by {
            "logits" => Ranking::Logits,
            "probability" => Ranking::Probability,
            _ => {
                return Err(config_error(format!(
                    "rank_by must be \"logits\" or \"probability\", got {rank_by:?}"
                )));
            }
        };
        let mut keys = vec!["score", "start", "end", "answer"];
        if details {
            keys.extend([
                "start_logit",
                "end_logit",
                "feature",
                "probability",
                "n_best_probability",
            ]);
            if null_threshold.is_some() {
                keys.push("null_score_diff");
            }
        }
        let blank = PyDict::new(py);
        for key in keys {
            blank.set_item(PyString::intern(py, key), py.None())?;
        }
        Ok(Self {
            decoder: Decoder {
                top_k,
                n_best,
                max_answer_length,
                ranking,
                null_threshold,
                align_to_words,
                details,
            },
            blank: blank.unbind(),
        })
    }

    /// The answers of each sample as dictionaries, the best first.
    fn decode<'py>(
        &self,
        py: Python<'py>,
        logits: Values<'py>,
        row_starts: PyReadonlyArray1<'py, i64>,
        columns: Columns<'py>,
        contexts: &Bound<'py, PyList>,
    ) -> PyResult<Bound<'py, PyList>> {
        let rows = rows_of(&columns, contexts.len())?;
        let row_starts = row_starts.as_slice()?;
        let made = match &logits {
            Values::Single(starts, ends) => {
                self.answers(py, rows, starts.as_slice()?, ends.as_slice()?, row_starts)
            }
            Values::Double(starts, ends) => {
                self.answers(py, rows, starts.as_slice()?, ends.as_slice()?, row_starts)
            }
        }?;
        let samples = PyList::empty(py);
        for (sample, ends) in made.splits.windows(2).enumerate() {
            let context = contexts.get_item(sample)?.cast_into::<PyString>()?;
            let answers = PyList::empty(py);
            for answer in &made.answers[ends[0] as usize..ends[1] as usize] {
                let found = self.dictionary(&context, sample, answer)?;
                if let Some(&difference) = made.null_differences.get(sample)
                    && self.decoder.details
                {
                    found.set_item(intern!(py, "null_score_diff"), difference)?;
                }
                answers.append(found)?;
            }
            samples.append(answers)?;
        }
        Ok(samples)
    }
}

impl AnswerDecoder {
    fn answers<T: Logit>(
        &self,
        py: Python<'_>,
        rows: AnswerRows<'_>,
        starts: &[T],
        ends: &[T],
        row_starts: &[i64],
    ) -> PyResult<Answers> {
        let logits = SpanLogits {
            starts,
            ends,
            row_starts,
        };
        run(py, || self.decoder.decode(rows, logits))
    }

    /// The dictionary that users know.
    fn dictionary<'py>(
        &self,
        context: &Bound<'py, PyString>,
        sample: usize,
        answer: &Answer,
    ) -> PyResult<Bound<'py, PyDict>> {
        let py = context.py();
        let [start, end] = answer.chars.map(|char| char as isize);
        let length = context.len()?;
        if start < 0 || start > end || end as usize > length {
            return Err(decode_error(format!(
                "an answer at characters {start} to {end} lies outside of context {sample}, which has {length}: \
                 contexts must be those that were encoded"
            )));
        }
        let dictionary = self.blank.bind(py).copy()?;
        dictionary.set_item(intern!(py, "score"), answer.score)?;
        dictionary.set_item(intern!(py, "start"), start)?;
        dictionary.set_item(intern!(py, "end"), end)?;
        dictionary.set_item(intern!(py, "answer"), substring(context, start, end)?)?;
        if self.decoder.details {
            dictionary.set_item(intern!(py, "start_logit"), answer.start_logit)?;
            dictionary.set_item(intern!(py, "end_logit"), answer.end_logit)?;
            dictionary.set_item(intern!(py, "feature"), answer.row)?;
            dictionary.set_item(intern!(py, "probability"), answer.probability)?;
            dictionary.set_item(intern!(py, "n_best_probability"), answer.n_best_probability)?;
        }
        Ok(dictionary)
    }
}
