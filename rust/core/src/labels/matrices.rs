//! Encoded words and their labels as padded matrices.

use super::align::align_row;
use super::rows::{check_counts, check_splits};
use super::{LabelRows, LabelVocab};
use crate::encoding::{Encodings, PaddingSide};
use crate::memory;
use crate::parallel::{in_pool, threads};
use crate::wordpiece::{EncodeOptions, Texts, WordPiece};
use crate::{Error, Result};
use rayon::prelude::*;

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

/// Encodes words and writes them, and their labels (see [`super::align`]), padded to one width: a row a sample.
///
/// Rows go from where they were encoded straight to the matrices, which are one block of memory: no column is joined or
/// copied in between. On all threads where there is enough to do.
///
/// # Errors
///
/// Those of [`WordPiece::encode`] and [`super::align`]; texts that are not split into words or of which windows are asked
/// for; a matrix that no memory holds.
pub fn encode_labelled(
    tokenizer: &WordPiece,
    words: Texts<'_>,
    options: &EncodeOptions,
    labels: LabelRows<'_>,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
    shape: Shape,
) -> Result<Matrices> {
    let Texts::Words(_, splits) = words else {
        return Err(Error::NotWords);
    };
    check_splits(labels.splits, labels.ids.len())?;
    let samples = splits.len().saturating_sub(1);
    if labels.splits.len() - 1 != samples {
        return Err(Error::LabelRows {
            labels: labels.splits.len() - 1,
            samples,
        });
    }
    let given = labels.splits.windows(2).map(|ends| ends[1] - ends[0]);
    let counts = splits.windows(2).map(|ends| (ends[1] - ends[0]) as i64);
    check_counts(given, counts)?;
    let options = EncodeOptions {
        align: true,
        overflow: false,
        ..*options
    };
    let (parts, _) = tokenizer.encode_parts(words, None, &options)?;
    write(&parts, labels, continuing, ignore_index, shape)
}

/// Rows of parts, of checked labels.
fn write(
    parts: &[Encodings],
    labels: LabelRows<'_>,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
    shape: Shape,
) -> Result<Matrices> {
    let lengths = |part: &Encodings| {
        let lengths = part.row_splits.windows(2).map(|ends| ends[1] - ends[0]);
        lengths.max().unwrap_or(0)
    };
    let longest = parts.iter().map(lengths).max().unwrap_or(0) as usize;
    let rows = parts.iter().map(|part| part.sample_ids.len()).sum();
    let multiple = shape.multiple.max(1);
    let width = longest.max(shape.width).div_ceil(multiple);
    let width = width.saturating_mul(multiple);
    let cells = usize::checked_mul(rows, width)
        .filter(|&cells| cells <= MOST_CELLS)
        .ok_or(Error::MatrixTooLarge { rows, width })?;
    let mut made = Matrices {
        cells: memory::zeros(3 * cells),
        rows,
        width,
    };
    let (mut ids, rest) = made.cells.split_at_mut(cells);
    let (mut masks, mut targets) = rest.split_at_mut(cells);
    let mut jobs = Vec::with_capacity(parts.len());
    let mut first = 0;
    for part in parts {
        let cells = part.sample_ids.len() * width;
        let (job, after) = ids.split_at_mut(cells);
        let (mask, after_masks) = masks.split_at_mut(cells);
        let (target, after_targets) = targets.split_at_mut(cells);
        (ids, masks, targets) = (after, after_masks, after_targets);
        jobs.push((first, part, job, mask, target));
        first += part.sample_ids.len();
    }
    let write_part = |(first, part, ids, masks, targets): Job<'_>| {
        if width == 0 {
            return Ok(());
        }
        let rows = part.row_splits.windows(2).enumerate();
        let cells = ids
            .chunks_mut(width)
            .zip(masks.chunks_mut(width))
            .zip(targets.chunks_mut(width));
        for ((row, ends), ((ids, mask), targets)) in rows.zip(cells) {
            let place = ends[0] as usize..ends[1] as usize;
            let columns = match shape.side {
                PaddingSide::Right => 0..place.len(),
                PaddingSide::Left => width - place.len()..width,
            };
            for padding in [0..columns.start, columns.end..width] {
                ids[padding.clone()].fill(shape.pad_id);
                targets[padding].fill(shape.pad_label);
            }
            mask[columns.clone()].fill(1);
            let tokens = &part.ids[place.clone()];
            for (target, &id) in ids[columns.clone()].iter_mut().zip(tokens) {
                *target = i64::from(id);
            }
            let sample = first + row;
            let given = labels.of_sample(sample);
            let words = &part.word_ids[place];
            let aligned = &mut targets[columns];
            align_row(words, given, continuing, ignore_index, aligned).map_err(|word| {
                Error::WordWithoutLabel {
                    row: sample,
                    sample,
                    word,
                    labels: given.len(),
                }
            })?;
        }
        Ok(())
    };
    if cells < PARALLEL_CELLS || threads() == 1 {
        jobs.into_iter().try_for_each(write_part)?;
    } else {
        in_pool(|| jobs.into_par_iter().try_for_each(write_part))?;
    }
    Ok(made)
}

/// First sample, rows, and their ids, attention masks and labels.
type Job<'a> = (
    usize,
    &'a Encodings,
    &'a mut [i64],
    &'a mut [i64],
    &'a mut [i64],
);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;
    use crate::encoding::Layout;
    use crate::wordpiece::Template;
    use std::sync::Arc;

    /// A row of four tokens, and one of three in another part.
    fn parts() -> Vec<Encodings> {
        let layout = Layout {
            template: Arc::new(Template {
                single: Vec::new(),
                pair: Vec::new(),
            }),
            is_pair: false,
            add_special_tokens: true,
        };
        let part = |ids: &[i32], word_ids: &[i32]| {
            let mut part = Encodings::new(layout.clone());
            part.ids = ids.to_vec();
            part.word_ids = word_ids.to_vec();
            part.row_splits = vec![0, ids.len() as i64];
            part.sample_ids = vec![0];
            part
        };
        vec![
            part(&[2, 7, 8, 3], &[-1, 0, 0, -1]),
            part(&[2, 9, 3], &[-1, 0, -1]),
        ]
    }

    const LABELS: LabelRows<'static> = LabelRows {
        ids: &[5, 6],
        splits: &[0, 1, 2],
    };
    const SHAPE: Shape = Shape {
        width: 0,
        multiple: 1,
        side: PaddingSide::Right,
        pad_id: 9,
        pad_label: -1,
    };

    #[test]
    fn rows_are_padded_on_either_side() {
        let made = write(&parts(), LABELS, None, -100, SHAPE).unwrap();
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
        let made = write(&parts(), LABELS, None, -100, shape).unwrap();
        assert_eq!(made.width, 5);
        assert_eq!(made.cells[..10], [9, 2, 7, 8, 3, 9, 9, 2, 9, 3]);
        assert_eq!(made.cells[25..], [-1, -1, -100, 6, -100]);
    }

    #[test]
    fn a_width_that_no_memory_holds_is_refused() {
        for width in [usize::MAX, 1 << 40] {
            let shape = Shape { width, ..SHAPE };
            assert!(write(&parts(), LABELS, None, -100, shape).is_err());
        }
    }

    #[test]
    fn no_rows_are_empty_matrices() {
        let labels = LabelRows {
            ids: &[],
            splits: &[0],
        };
        let made = write(&[], labels, None, -100, SHAPE).unwrap();
        assert!(made.cells.is_empty());
    }
}
