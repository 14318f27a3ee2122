//! Labels of words -> labels of tokens, and back.

use crate::arrow::Column;
use crate::encoding::parse_side;
use crate::errors::{catch_panic, config_error, run, text_type_error, to_exception};
use crate::label_reader::{LabelReader, read_labels};
use crate::texts::{Batch, TextColumn, list_of, words_of};
use crate::wordpiece::{WordPiece, parse_truncation};
use ferrobert_core::Error;
use ferrobert_core::labels::{
    self, LabelRows, Place, Scheme, Shape, SpanLabels, SpanRows, Tag, WordCounts,
};
use ferrobert_core::wordpiece::{EncodeOptions, Texts};
use numpy::{IntoPyArray, PyArray1, PyArray3, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::collections::HashMap;
use std::ops::Range;

/// Labels and their ids; see `ferrobert_core::labels::LabelVocab`.
#[pyclass(frozen, module = "ferrobert._core")]
pub(crate) struct LabelVocab(labels::LabelVocab);

#[pymethods]
impl LabelVocab {
    #[new]
    fn new(labels: Vec<(String, i64)>) -> PyResult<Self> {
        labels::LabelVocab::new(labels)
            .map(Self)
            .map_err(|error| to_exception(&error))
    }

    /// Checks that each id is one of a label.
    fn check_ids(
        &self,
        py: Python<'_>,
        ids: PyReadonlyArray1<'_, i64>,
        row_splits: PyReadonlyArray1<'_, i64>,
        ignore_index: i64,
    ) -> PyResult<()> {
        let labels = LabelRows {
            ids: ids.as_slice()?,
            splits: row_splits.as_slice()?,
        };
        run(py, || self.0.check_ids(labels, ignore_index))
    }

    /// Checks that either all labels belong to a scheme or none does.
    fn check_scheme(&self) -> PyResult<()> {
        self.0.check_scheme().map_err(|error| to_exception(&error))
    }
}

type Ints<'py> = Bound<'py, PyArray1<i64>>;

/// The words of tokens: word ids, row splits, sample ids, number of samples, their words, whether rows hold all words.
#[derive(FromPyObject)]
pub(crate) struct WordRows<'py>(
    PyReadonlyArray1<'py, i32>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    usize,
    Option<PyReadonlyArray1<'py, i64>>,
    bool,
);

impl WordRows<'_> {
    fn view(&self) -> PyResult<labels::WordRows<'_>> {
        let Self(word_ids, row_splits, sample_ids, samples, counts, whole) = self;
        Ok(labels::WordRows {
            word_ids: word_ids.as_slice()?,
            row_splits: row_splits.as_slice()?,
            sample_ids: sample_ids.as_slice()?,
            samples: *samples,
            counts: match counts {
                Some(counts) => WordCounts::Given(counts.as_slice()?),
                None if *whole => WordCounts::All,
                None => WordCounts::AtLeast,
            },
        })
    }
}

/// The number of words of each row of a column of words.
#[pyfunction]
pub(crate) fn word_counts<'py>(py: Python<'py>, column: &TextColumn) -> Ints<'py> {
    let splits = column.word_splits().unwrap_or_default();
    let counts = splits.windows(2).map(|ends| (ends[1] - ends[0]) as i64);
    counts.collect::<Vec<_>>().into_pyarray(py)
}

/// Rows of labels, strings or ints, as one column of ids and row splits.
#[pyfunction]
pub(crate) fn flatten_labels<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyAny>,
    vocab: Option<&LabelVocab>,
    ignore_index: i64,
    name: &str,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let (ids, splits) = read_labels(rows, vocab.map(|vocab| &vocab.0), ignore_index, name)?;
    Ok((ids.into_pyarray(py), splits.into_pyarray(py)))
}

/// Label ids of tokens.
#[pyfunction]
pub(crate) fn align_labels<'py>(
    py: Python<'py>,
    rows: WordRows<'py>,
    label_ids: PyReadonlyArray1<'py, i64>,
    label_splits: PyReadonlyArray1<'py, i64>,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
) -> PyResult<Ints<'py>> {
    let (rows, continuing) = (rows.view()?, continuing.map(|vocab| &vocab.0));
    let labels = LabelRows {
        ids: label_ids.as_slice()?,
        splits: label_splits.as_slice()?,
    };
    let aligned = run(py, || {
        labels::align(&rows, labels, continuing, ignore_index)
    })?;
    Ok(aligned.into_pyarray(py))
}

/// The token that speaks for each word, -1 for none, and the splits of the samples.
#[pyfunction]
pub(crate) fn first_tokens<'py>(
    py: Python<'py>,
    rows: WordRows<'py>,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let rows = rows.view()?;
    let (tokens, splits) = run(py, || labels::first_tokens(&rows))?;
    Ok((tokens.into_pyarray(py), splits.into_pyarray(py)))
}

/// Words and their labels as padded matrices: ids, attention mask, labels in turn.
#[pyfunction]
#[pyo3(signature = (tokenizer, words, word_labels, vocab, *, label_all_tokens, ignore_index, add_special_tokens,
    truncation, max_length, truncation_side, split_special_tokens, width, multiple, side, pad_id))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub(crate) fn encode_labelled<'py>(
    py: Python<'py>,
    tokenizer: &WordPiece,
    words: &Bound<'py, PyAny>,
    word_labels: &Bound<'py, PyAny>,
    vocab: Option<&LabelVocab>,
    label_all_tokens: bool,
    ignore_index: i64,
    add_special_tokens: bool,
    truncation: Option<&str>,
    max_length: Option<usize>,
    truncation_side: &str,
    split_special_tokens: bool,
    width: usize,
    multiple: usize,
    side: &str,
    pad_id: i64,
) -> PyResult<Bound<'py, PyArray3<i64>>> {
    let vocab = vocab.map(|vocab| &vocab.0);
    let options = EncodeOptions {
        add_special_tokens,
        truncation: parse_truncation(truncation, max_length, truncation_side, 0)?,
        overflow: false,
        align: true,
        split_special_tokens,
    };
    let shape = Shape {
        width,
        multiple,
        side: parse_side(side)?,
        pad_id,
        pad_label: ignore_index,
    };
    let words = match words.cast::<TextColumn>() {
        Ok(column) if column.get().word_splits().is_some() => Rows::Column(column.clone().unbind()),
        _ => Rows::List(list_of(words)?.unbind()),
    };
    let word_labels = match word_labels.cast::<TextColumn>() {
        Ok(column) => Rows::Column(column.clone().unbind()),
        Err(_) => Rows::List(word_labels.cast::<PyList>()?.clone().unbind()),
    };
    let (samples, given) = (words.len(py), word_labels.len(py));
    if samples != given {
        let labels = given;
        return Err(to_exception(&Error::LabelRows { labels, samples }));
    }
    let continuing = vocab.filter(|_| label_all_tokens);
    let mut failed = None;
    let made = run(py, || {
        let firsts = (0..samples).step_by(ROWS_OF_BLOCK);
        let blocks = firsts.map_while(|first| {
            let rows = first..samples.min(first + ROWS_OF_BLOCK);
            let read = Python::attach(|py| {
                let mut reader = LabelReader::new(vocab, ignore_index, "word_labels");
                match &word_labels {
                    Rows::List(list) => reader.read_rows(list.bind(py), rows.clone())?,
                    Rows::Column(column) => reader.read_columns(column.get(), rows.clone())?,
                }
                let words = match &words {
                    Rows::List(list) => BlockWords::Read(words_of(list.bind(py), rows, "words")?),
                    Rows::Column(column) => BlockWords::Lent(column.get(), rows),
                };
                let (ids, splits) = (reader.ids, reader.splits);
                Ok(Block { words, ids, splits })
            });
            read.map_err(|error| failed = Some(error)).ok()
        });
        let tokenizer = &tokenizer.0;
        labels::encode_labelled(tokenizer, blocks, &options, continuing, ignore_index, shape)
    })?;
    match failed {
        Some(error) => Err(error),
        None => made
            .cells
            .into_pyarray(py)
            .reshape([3, made.rows, made.width]),
    }
}

/// Rows that are read at once.
const ROWS_OF_BLOCK: usize = 128;

/// Rows of strings, in Python's lists or in a column.
enum Rows {
    List(Py<PyList>),
    Column(Py<TextColumn>),
}

impl Rows {
    fn len(&self, py: Python<'_>) -> usize {
        match self {
            Self::List(list) => list.bind(py).len(),
            Self::Column(column) => column.get().word_row_count(),
        }
    }
}

/// Words and labels of some rows.
struct Block<'a> {
    words: BlockWords<'a>,
    ids: Vec<i64>,
    splits: Vec<i64>,
}

enum BlockWords<'a> {
    Read(Column),
    Lent(&'a TextColumn, Range<usize>),
}

impl labels::LabelledWords for Block<'_> {
    fn words(&self) -> Texts<'_> {
        match &self.words {
            BlockWords::Read(column) => {
                Texts::Words(column.texts(), column.splits().unwrap_or_default())
            }
            BlockWords::Lent(column, rows) => {
                let splits = column.word_splits().unwrap_or_default();
                Texts::Words(column.texts(), &splits[rows.start..=rows.end])
            }
        }
    }

    fn labels(&self) -> LabelRows<'_> {
        LabelRows {
            ids: &self.ids,
            splits: &self.splits,
        }
    }
}

/// Spans: start and end in turn, index of the type, the types, splits of the samples.
type Spans<'py> = (
    PyReadonlyArray1<'py, i64>,
    Vec<usize>,
    Vec<String>,
    PyReadonlyArray1<'py, i64>,
);

/// Label ids of words and the splits of the samples.
#[pyfunction]
pub(crate) fn label_spans<'py>(
    py: Python<'py>,
    rows: WordRows<'py>,
    offsets: PyReadonlyArray2<'py, i32>,
    texts: Option<&Bound<'py, PyAny>>,
    spans: Spans<'py>,
    scheme: &str,
    vocab: &LabelVocab,
) -> PyResult<(Ints<'py>, Ints<'py>)> {
    let (bounds, kind_ids, kinds, splits) = spans;
    let rows = rows.view()?;
    let (offsets, _) = offsets.as_slice()?.as_chunks::<2>();
    let texts = texts
        .map(|texts| Batch::new(texts, false, "text"))
        .transpose()?;
    let texts = texts.as_ref().map(Batch::view).transpose()?;
    let texts = match texts.as_ref().map(|texts| texts.texts()) {
        Some(Texts::Plain(texts)) => Some(texts),
        _ => None,
    };
    let spans = SpanRows {
        bounds: bounds.as_slice()?.as_chunks::<2>().0,
        kind_ids: &kind_ids,
        kinds: &kinds,
        splits: splits.as_slice()?,
    };
    let labels = SpanLabels {
        scheme: parse_scheme(scheme)?,
        vocab: &vocab.0,
    };
    let (ids, splits) = run(py, || {
        labels::label_spans(&rows, offsets, texts, spans, labels)
    })?;
    Ok((ids.into_pyarray(py), splits.into_pyarray(py)))
}

/// Rows of labels in another scheme.
#[pyfunction]
pub(crate) fn convert_scheme<'py>(
    py: Python<'py>,
    rows: &Bound<'py, PyList>,
    source: &str,
    target: &str,
) -> PyResult<Bound<'py, PyList>> {
    let (source, target) = (parse_scheme(source)?, parse_scheme(target)?);
    let mut strings = Strings::default();
    let converted = PyList::empty(py);
    for (row, labels) in rows.iter().enumerate() {
        let labels: Vec<Bound<'py, PyString>> = labels
            .cast::<PyList>()?
            .iter()
            .enumerate()
            .map(|(word, label)| {
                label.cast_into::<PyString>().map_err(|error| {
                    text_type_error(&error.into_inner(), &format!("labels[{row}][{word}]"))
                })
            })
            .collect::<PyResult<_>>()?;
        let mut tags = Vec::with_capacity(labels.len());
        for (word, label) in labels.iter().enumerate() {
            let label = label.to_str()?;
            let tag = source.tag(label, row, word);
            tags.push(tag.map_err(|error| to_exception(&error))?);
        }
        let tags = catch_panic(|| labels::convert(&tags, target))?;
        let labels = tags.iter().map(|&tag| strings.of(py, tag, target));
        converted.append(PyList::new(py, labels.collect::<Vec<_>>())?)?;
    }
    Ok(converted)
}

/// A Python string for each label, made once.
#[derive(Default)]
struct Strings<'py>(HashMap<String, [Option<Bound<'py, PyString>>; 5]>);

impl<'py> Strings<'py> {
    fn of(&mut self, py: Python<'py>, tag: Tag<'_>, scheme: Scheme) -> Bound<'py, PyString> {
        if !self.0.contains_key(tag.kind) {
            self.0.insert(tag.kind.to_owned(), Default::default());
        }
        let place = match tag.place {
            Place::Outside => 0,
            Place::Begin => 1,
            Place::Inside => 2,
            Place::End => 3,
            Place::Single => 4,
        };
        let make = || PyString::new(py, &tag.label(scheme));
        match self.0.get_mut(tag.kind) {
            Some(labels) => labels[place].get_or_insert_with(make).clone(),
            None => make(),
        }
    }
}

fn parse_scheme(name: &str) -> PyResult<Scheme> {
    Scheme::of_name(name).ok_or_else(|| {
        config_error(format!(
            "scheme must be IOB1, BIO (IOB2), BIOES or BILOU, got {name:?}"
        ))
    })
}
