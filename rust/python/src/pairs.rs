//! Documents of sentences -> rows to pretrain on.

use crate::encoding::Encodings;
use crate::errors::run;
use crate::wordpiece::{PieceTuple, pieces};
use ferrobert_core::pairs::{self as core, Documents, Objective, PackOptions, PairOptions};
use ferrobert_core::wordpiece::Template;
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use std::sync::Arc;

/// Ids, sentence splits, document splits, number of the first document.
type Columns<'py> = (
    PyReadonlyArray1<'py, i32>,
    PyReadonlyArray1<'py, i64>,
    PyReadonlyArray1<'py, i64>,
    u64,
);

/// The same, borrowed where no Python object is needed.
type Slices<'a> = (&'a [i32], &'a [i64], &'a [i64], u64);

fn slices<'a>((ids, sentences, documents, first): &'a Columns<'_>) -> PyResult<Slices<'a>> {
    Ok((
        ids.as_slice()?,
        sentences.as_slice()?,
        documents.as_slice()?,
        *first,
    ))
}

fn documents((ids, sentences, splits, first): Slices<'_>) -> ferrobert_core::Result<Documents<'_>> {
    Documents::new(ids, sentences, splits, first)
}

/// Pairs of sentences as rows, and their labels.
#[pyfunction]
#[pyo3(name = "sentence_pairs", signature = (block, others, *, template, max_length, short_seq_prob, next_sentence_prob,
    sentence_order, seed, epoch))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub(crate) fn sentence_pairs<'py>(
    py: Python<'py>,
    block: Columns<'py>,
    others: Option<Columns<'py>>,
    template: Vec<PieceTuple>,
    max_length: usize,
    short_seq_prob: f64,
    next_sentence_prob: f64,
    sentence_order: bool,
    seed: u64,
    epoch: u64,
) -> PyResult<(Encodings, Bound<'py, PyArray1<i64>>)> {
    let options = PairOptions {
        template: Arc::new(Template {
            single: Vec::new(),
            pair: pieces(template)?,
        }),
        max_length,
        short_seq_prob,
        next_sentence_prob,
        objective: if sentence_order {
            Objective::SentenceOrder
        } else {
            Objective::NextSentence
        },
        seed,
        epoch,
    };
    let block = slices(&block)?;
    let others = others.as_ref().map(slices).transpose()?;
    let made = run(py, || {
        let others = others.map(documents).transpose()?;
        core::sentence_pairs(&documents(block)?, others.as_ref(), &options)
    })?;
    let labels = made.labels.into_pyarray(py);
    Ok((Encodings::new(py, made.rows, false)?, labels))
}

/// Full sentences as rows, and the tokens of the row that is not done.
#[pyfunction]
#[pyo3(name = "pack_sentences", signature = (block, open, first_row, is_last, *, template, max_length, separator))]
#[expect(clippy::too_many_arguments, reason = "they are keywords")]
pub(crate) fn pack_sentences<'py>(
    py: Python<'py>,
    block: Columns<'py>,
    open: PyReadonlyArray1<'py, i32>,
    first_row: u64,
    is_last: bool,
    template: Vec<PieceTuple>,
    max_length: usize,
    separator: Option<u32>,
) -> PyResult<(Encodings, Bound<'py, PyArray1<i32>>)> {
    let options = PackOptions {
        template: Arc::new(Template {
            single: pieces(template)?,
            pair: Vec::new(),
        }),
        max_length,
        separator,
    };
    let block = slices(&block)?;
    let open = open.as_slice()?.to_vec();
    let packed = run(py, || {
        core::pack_sentences(&documents(block)?, &options, open, first_row, is_last)
    })?;
    let open = packed.open.into_pyarray(py);
    Ok((Encodings::new(py, packed.rows, false)?, open))
}
