//! Labels of words as Python gives them -> ids.

use crate::errors::{alignment_error, text_type_error, to_exception};
use crate::rows::{append, is_no_sequence};
use crate::texts::{TextColumn, item_of};
use ferrobert_core::Error;
use ferrobert_core::labels::LabelVocab;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};
use std::ops::Range;

/// Rows of labels as ids and row splits.
pub(crate) fn read_labels(
    rows: &Bound<'_, PyAny>,
    vocab: Option<&LabelVocab>,
    ignore_index: i64,
    name: &str,
) -> PyResult<(Vec<i64>, Vec<i64>)> {
    let mut reader = LabelReader::new(vocab, ignore_index, name);
    if let Ok(column) = rows.cast::<TextColumn>() {
        let column = column.get();
        reader.read_columns(column, 0..column.word_row_count())?;
    } else {
        let rows = rows.cast::<PyList>()?;
        reader.read_rows(rows, 0..rows.len())?;
    }
    Ok((reader.ids, reader.splits))
}

/// Labels that are remembered by their objects.
const KNOWN: usize = 64;

/// Reads labels to ids.
pub(crate) struct LabelReader<'a> {
    vocab: Option<&'a LabelVocab>,
    ignore_index: i64,
    name: &'a str,
    pub(crate) ids: Vec<i64>,
    pub(crate) splits: Vec<i64>,
    /// Objects of strings that were seen, by their address, and their ids; all alive while no Python code runs.
    known: [(usize, i64); KNOWN],
}

impl<'a> LabelReader<'a> {
    pub(crate) fn new(vocab: Option<&'a LabelVocab>, ignore_index: i64, name: &'a str) -> Self {
        Self {
            vocab,
            ignore_index,
            name,
            ids: Vec::new(),
            splits: vec![0],
            known: [(0, 0); KNOWN],
        }
    }

    /// Rows of a list.
    pub(crate) fn read_rows(
        &mut self,
        rows: &Bound<'_, PyList>,
        range: Range<usize>,
    ) -> PyResult<()> {
        self.splits.reserve(range.len());
        for row in range {
            // Python code that runs in between may make the list shorter.
            let labels = item_of(rows, row)?.to_owned();
            self.read(&labels, row)?;
            self.splits.push(self.ids.len() as i64);
        }
        Ok(())
    }

    /// Rows of an Arrow column.
    pub(crate) fn read_columns(
        &mut self,
        column: &TextColumn,
        range: Range<usize>,
    ) -> PyResult<()> {
        for (row, labels) in range.clone().zip(column.word_rows(range)) {
            self.read_texts(labels, row)?;
            self.splits.push(self.ids.len() as i64);
        }
        Ok(())
    }

    fn read(&mut self, labels: &Bound<'_, PyAny>, row: usize) -> PyResult<()> {
        if let Ok(list) = labels.cast_exact::<PyList>() {
            if list.len() == 0 {
                return Ok(());
            }
            if item_of(list, 0)?.is_instance_of::<PyString>() {
                return self.read_strings(list, row);
            }
        } else {
            // Other sequences and arrays may run Python code, and their strings may be of the moment.
            self.known = [(0, 0); KNOWN];
            if let Some(list) = listed(labels) {
                let read = self.read(list.as_any(), row);
                self.known = [(0, 0); KNOWN];
                return read;
            }
        }
        let first = self.ids.len();
        append(labels, (self.name, row), None, &mut self.ids)?;
        self.known = [(0, 0); KNOWN];
        let Some(vocab) = self.vocab else {
            return Ok(());
        };
        let ids = &self.ids[first..];
        match ids
            .iter()
            .position(|&id| id != self.ignore_index && !vocab.has_id(id))
        {
            Some(word) => Err(to_exception(&Error::LabelIdUnknown {
                row,
                word,
                id: ids[word],
                listed: vocab.listed(),
            })),
            None => Ok(()),
        }
    }

    fn read_strings(&mut self, list: &Bound<'_, PyList>, row: usize) -> PyResult<()> {
        let Some(vocab) = self.vocab else {
            return Err(self.without_vocab(row));
        };
        let words = list.len();
        self.ids.reserve(words);
        // Most labels are the one before them: "O".
        let mut last = (0, 0);
        for word in 0..words {
            let item = item_of(list, word)?;
            let address = item.as_ptr() as usize;
            if address == last.0 {
                self.ids.push(last.1);
                continue;
            }
            // Objects lie 16 bytes apart.
            let slot = (address >> 4) % KNOWN;
            if self.known[slot].0 == address {
                last = self.known[slot];
                self.ids.push(last.1);
                continue;
            }
            let Ok(label) = item.cast::<PyString>() else {
                let place = format!("{}[{row}][{word}]", self.name);
                let item = item.to_owned();
                return Err(text_type_error(&item, &place));
            };
            let id = match vocab.id(label.to_str()?) {
                Some(id) => id,
                None => return Err(self.unknown(label.to_str()?, row, word)),
            };
            last = (address, id);
            self.known[slot] = last;
            self.ids.push(id);
        }
        Ok(())
    }

    /// Labels of an Arrow column.
    fn read_texts(&mut self, labels: &[&str], row: usize) -> PyResult<()> {
        let Some(vocab) = self.vocab else {
            return if labels.is_empty() {
                Ok(())
            } else {
                Err(self.without_vocab(row))
            };
        };
        for (word, label) in labels.iter().enumerate() {
            match vocab.id(label) {
                Some(id) => self.ids.push(id),
                None => return Err(self.unknown(label, row, word)),
            }
        }
        Ok(())
    }

    fn without_vocab(&self, row: usize) -> PyErr {
        alignment_error(format!(
            "{}[{row}] has labels that are strings: give label2id, which says their ids",
            self.name
        ))
    }

    fn unknown(&self, label: &str, row: usize, word: usize) -> PyErr {
        let listed = self.vocab.map(LabelVocab::listed);
        alignment_error(format!(
            "label {label:?} (row {row}, word {word}) is not in label2id; its labels are {}",
            listed.unwrap_or_default()
        ))
    }
}

/// A sequence, or an array of strings, as a list; what is no sequence, or an array of ints, is none.
fn listed<'py>(labels: &Bound<'py, PyAny>) -> Option<Bound<'py, PyList>> {
    if labels.is_instance_of::<PyString>()
        || labels.is_exact_instance_of::<PyList>()
        || is_no_sequence(labels)
    {
        return None;
    }
    let list = match labels.getattr("dtype") {
        Ok(dtype) => {
            let kind: String = dtype.getattr("kind").ok()?.extract().ok()?;
            let is_text = matches!(kind.as_str(), "U" | "O" | "T");
            is_text.then(|| labels.call_method0("tolist").ok())??
        }
        Err(_) => labels.py().get_type::<PyList>().call1((labels,)).ok()?,
    };
    list.cast_into::<PyList>().ok()
}
