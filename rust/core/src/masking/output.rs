//! Where masked ids and labels go: one after the other, or into matrices.

use super::{IGNORED, Rows};
use crate::encoding::PaddingSide;
use crate::{Error, Result, memory};
use std::ops::Range;

/// Masked ids and labels, both as long as the ids, or as the cells of the matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// What the model sees.
    pub ids: Vec<i64>,
    /// The ids before masking where a token is to be predicted, [`IGNORED`] elsewhere.
    pub labels: Vec<i64>,
}

impl Masked {
    pub(super) fn with_capacity(cells: usize) -> Self {
        Self {
            ids: memory::with_capacity(cells),
            labels: memory::with_capacity(cells),
        }
    }

    pub(super) fn zeros(cells: usize) -> Self {
        Self {
            ids: vec![0; cells],
            labels: vec![0; cells],
        }
    }

    /// Adds a row of `cells` that are all padding, and gives them.
    pub(super) fn append(&mut self, cells: usize, pad_id: i64) -> (&mut [i64], &mut [i64]) {
        let first = self.ids.len();
        self.ids.resize(first + cells, pad_id);
        self.labels.resize(first + cells, IGNORED);
        (&mut self.ids[first..], &mut self.labels[first..])
    }
}

/// How ragged rows become a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matrix {
    /// Columns.
    pub width: usize,
    /// What fills the ids of short rows.
    pub pad_id: i64,
    /// Where short rows are filled.
    pub side: PaddingSide,
}

/// The cells of each row, and where its tokens are among them.
pub(super) struct Places<'a> {
    row_splits: &'a [i64],
    matrix: Option<Matrix>,
}

impl<'a> Places<'a> {
    /// Places of validated rows.
    pub(super) fn new<T>(rows: &Rows<'a, T>, matrix: Option<Matrix>) -> Result<Self> {
        let places = Self {
            row_splits: rows.row_splits,
            matrix,
        };
        if let Some(Matrix { width, .. }) = matrix {
            let mut lengths = (0..rows.sample_ids.len()).map(|row| (row, places.length(row)));
            if let Some((row, length)) = lengths.find(|&(_, length)| length > width) {
                return Err(Error::RowTooLong { row, length, width });
            }
        }
        Ok(places)
    }

    fn length(&self, row: usize) -> usize {
        (self.row_splits[row + 1] - self.row_splits[row]) as usize
    }

    pub(super) fn cells(&self) -> usize {
        match self.matrix {
            Some(matrix) => (self.row_splits.len() - 1) * matrix.width,
            None => self.row_splits.last().map_or(0, |&last| last as usize),
        }
    }

    /// Cells of a row.
    pub(super) fn cells_of(&self, row: usize) -> usize {
        self.matrix.map_or(self.length(row), |matrix| matrix.width)
    }

    /// Its tokens among them.
    pub(super) fn tokens_of(&self, row: usize) -> Range<usize> {
        let (cells, length) = (self.cells_of(row), self.length(row));
        match self.matrix.map(|matrix| matrix.side) {
            Some(PaddingSide::Left) => cells - length..cells,
            _ => 0..length,
        }
    }

    pub(super) fn pad_id(&self) -> i64 {
        self.matrix.map_or(0, |matrix| matrix.pad_id)
    }
}
