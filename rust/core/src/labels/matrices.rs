//! Encoded words and their labels as padded matrices.

use super::align::RowAligner;
use super::rows::check_counts;
use super::{LabelRows, LabelVocab};
use crate::columns::check_splits;
use crate::encoding::{Encodings, PaddingSide};
use crate::memory::{self, Filled, Unwritten};
use crate::parallel::as_they_come;
use crate::wordpiece::{EncodeOptions, Texts, WordPiece};
use crate::{Error, Result};

/// How rows become matrices.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Least number of columns; that of the longest row where it is more.
    pub width: usize,
    /// What the number of columns is rounded up to a multiple of.
    pub multiple: usize,
    /// Where padding goes.
    pub side: PaddingSide,
    /// Id of padding.
    pub pad_id: i64,
    /// Label of padding.
    pub pad_label: i64,
}

/// Matrices of the same shape, `(rows, width)`, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrices {
    /// Token ids, then the attention mask (1 for tokens, 0 for padding), then label ids.
    pub cells: Vec<i64>,
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub width: usize,
}

/// Below this many cells one thread is as quick as several.
const PARALLEL_CELLS: usize = 1 << 15;

/// Three matrices of 32 GB.
const MOST_CELLS: usize = 1 << 32;

/// Samples as words, and a label for each word.
pub trait LabelledWords {
    /// The words of each sample.
    fn words(&self) -> Texts<'_>;

    /// The labels of each sample.
    fn labels(&self) -> LabelRows<'_>;
}

/// Encodes words and writes them, and their labels (see [`super::align`]), padded to one width: a row a sample.
///
/// Blocks of samples follow each other. One is encoded on other threads while the next is read, and where there is more
/// than one. Rows go from where they were encoded straight to the matrices, which are one block of memory: no column is
/// joined or copied in between.
///
/// # Errors
///
/// Those of [`WordPiece::encode`] and [`super::align`], of the first block that has one; texts that are not split into
/// words; a matrix that no memory holds.
pub fn encode_labelled<B: LabelledWords + Send + Sync>(
    tokenizer: &WordPiece,
    blocks: impl Iterator<Item = B>,
    options: &EncodeOptions,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
    shape: Shape,
) -> Result<Matrices> {
    let options = EncodeOptions {
        align: true,
        overflow: false,
        ..*options
    };
    let mut samples = 0;
    let numbered = blocks.map(|block| {
        let first = samples;
        samples += block.words().len();
        (first, block)
    });
    let parts = as_they_come(numbered, |(first, block)| {
        check(&block, first)?;
        let rows = tokenizer.encode(block.words(), None, &options)?;
        Ok(Part { first, block, rows })
    });
    let parts = parts.into_iter().collect::<Result<Vec<_>>>()?;
    write(&parts, continuing, ignore_index, shape)
}

/// A block of samples and what it was encoded to.
struct Part<B> {
    /// The number of its first sample.
    first: usize,
    block: B,
    rows: Encodings,
}

/// Checks that there is a label for each word.
fn check(block: &impl LabelledWords, first: usize) -> Result<()> {
    let (Texts::Words(_, splits), labels) = (block.words(), block.labels()) else {
        return Err(Error::NotWords);
    };
    check_splits(labels.splits, labels.ids.len())?;
    let samples = splits.len().saturating_sub(1);
    if labels.splits.len() - 1 != samples {
        return Err(Error::LabelRows {
            labels: first + labels.splits.len() - 1,
            samples: first + samples,
        });
    }
    let given = labels.splits.windows(2).map(|ends| ends[1] - ends[0]);
    let counts = splits.windows(2).map(|ends| (ends[1] - ends[0]) as i64);
    check_counts(given, counts).map_err(|error| match error {
        Error::LabelCount { row, labels, words } => Error::LabelCount {
            row: first + row,
            labels,
            words,
        },
        error => error,
    })
}

/// Rows of parts, of checked labels.
fn write<B: LabelledWords + Sync>(
    parts: &[Part<B>],
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
    shape: Shape,
) -> Result<Matrices> {
    let longest = |part: &Part<B>| {
        let lengths = part.rows.row_splits.windows(2);
        lengths.map(|ends| ends[1] - ends[0]).max().unwrap_or(0)
    };
    let longest = parts.iter().map(longest).max().unwrap_or(0) as usize;
    let rows = parts.iter().map(|part| part.rows.sample_ids.len()).sum();
    let multiple = shape.multiple.max(1);
    let width = longest.max(shape.width).div_ceil(multiple);
    let width = width.saturating_mul(multiple);
    let cells = usize::checked_mul(rows, width)
        .filter(|&cells| cells <= MOST_CELLS)
        .ok_or(Error::MatrixTooLarge { rows, width })?;
    let cells = memory::filled(3 * cells, |mut matrices| {
        let mut columns = [(); 3].map(|()| matrices.take(cells));
        let jobs: Vec<_> = parts
            .iter()
            .map(|part| {
                let cells = part.rows.sample_ids.len() * width;
                (part, columns.each_mut().map(|column| column.take(cells)))
            })
            .collect();
        let write_part =
            |(part, columns)| Part::write(part, columns, width, continuing, ignore_index, shape);
        let parts: Vec<Result<_>> = if cells < PARALLEL_CELLS {
            jobs.into_iter().map(write_part).collect()
        } else {
            as_they_come(jobs.into_iter(), write_part)
        };
        let mut written = Filled::none();
        for part in parts {
            written.add(part?);
        }
        Ok(written)
    })?;
    Ok(Matrices { cells, rows, width })
}

impl<B: LabelledWords> Part<B> {
    /// Writes the rows' ids, attention masks and labels.
    fn write<'m>(
        &self,
        columns: [Unwritten<'m, i64>; 3],
        width: usize,
        continuing: Option<&LabelVocab>,
        ignore_index: i64,
        shape: Shape,
    ) -> Result<Filled<'m>> {
        let [mut ids, mut masks, mut targets] = columns;
        let mut written = Filled::none();
        let labels = self.block.labels();
        let mut aligner = RowAligner::new(continuing, ignore_index);
        for (row, ends) in self.rows.row_splits.windows(2).enumerate() {
            let place = ends[0] as usize..ends[1] as usize;
            let tokens = match shape.side {
                PaddingSide::Right => 0..place.len(),
                PaddingSide::Left => width - place.len()..width,
            };
            let mut next = |column: &mut Unwritten<'m, i64>, padding| {
                let (cells, filled) = column.take(width).fill(padding);
                written.add(filled);
                &mut cells[tokens.clone()]
            };
            let own_ids = next(&mut ids, shape.pad_id);
            for (cell, &id) in own_ids.iter_mut().zip(&self.rows.ids[place.clone()]) {
                *cell = i64::from(id);
            }
            next(&mut masks, 0).fill(1);
            let aligned = next(&mut targets, shape.pad_label);
            let given = labels.of_sample(row);
            let words = &self.rows.word_ids[place];
            aligner
                .align(words, given, aligned)
                .map_err(|word| Error::WordWithoutLabel {
                    row: self.first + row,
                    sample: self.first + row,
                    word,
                    labels: given.len(),
                })?;
        }
        Ok(written)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;
    use crate::encoding::Layout;
    use crate::wordpiece::Template;
    use std::sync::Arc;

    /// A row of four tokens, and one of three in another part.
    fn parts() -> Vec<Part<Labels>> {
        let layout = Layout {
            template: Arc::new(Template {
                single: Vec::new(),
                pair: Vec::new(),
            }),
            is_pair: false,
            add_special_tokens: true,
        };
        let part = |first, ids: &[i32], word_ids: &[i32], label| {
            let mut rows = Encodings::new(layout.clone());
            rows.ids = ids.to_vec();
            rows.word_ids = word_ids.to_vec();
            rows.row_splits = vec![0, ids.len() as i64];
            rows.sample_ids = vec![0];
            let block = Labels([label]);
            Part { first, block, rows }
        };
        vec![
            part(0, &[2, 7, 8, 3], &[-1, 0, 0, -1], 5),
            part(1, &[2, 9, 3], &[-1, 0, -1], 6),
        ]
    }

    /// The label of a sample of one word.
    struct Labels([i64; 1]);

    impl LabelledWords for Labels {
        fn words(&self) -> Texts<'_> {
            Texts::Words(&["word"], &[0, 1])
        }

        fn labels(&self) -> LabelRows<'_> {
            let splits = &[0, 1];
            LabelRows {
                ids: &self.0,
                splits,
            }
        }
    }

    const SHAPE: Shape = Shape {
        width: 0,
        multiple: 1,
        side: PaddingSide::Right,
        pad_id: 9,
        pad_label: -1,
    };

    #[test]
    fn rows_are_padded_on_either_side() {
        let made = write(&parts(), None, -100, SHAPE).unwrap();
        assert_eq!((made.rows, made.width), (2, 4));
        assert_eq!(made.cells[..8], [2, 7, 8, 3, 2, 9, 3, 9]);
        assert_eq!(made.cells[8..16], [1, 1, 1, 1, 1, 1, 1, 0]);
        let labels = [-100, 5, -100, -100, -100, 6, -100, -1];
        assert_eq!(made.cells[16..], labels);
        let shape = Shape {
            side: PaddingSide::Left,
            multiple: 5,
            ..SHAPE
        };
        let made = write(&parts(), None, -100, shape).unwrap();
        assert_eq!(made.width, 5);
        assert_eq!(made.cells[..10], [9, 2, 7, 8, 3, 9, 9, 2, 9, 3]);
        assert_eq!(made.cells[25..], [-1, -1, -100, 6, -100]);
    }

    #[test]
    fn a_width_that_no_memory_holds_is_refused() {
        for width in [usize::MAX, 1 << 40] {
            let shape = Shape { width, ..SHAPE };
            assert!(write(&parts(), None, -100, shape).is_err());
        }
    }

    #[test]
    fn no_rows_are_empty_matrices() {
        let made = write::<Labels>(&[], None, -100, SHAPE).unwrap();
        assert!(made.cells.is_empty());
    }
}
