//! Encoded words and their labels as padded matrices.

use super::align::align_row;
use super::{LabelRows, LabelVocab, WordCounts, WordRows};
use crate::encoding::{Encodings, PaddingSide};
use crate::parallel::{in_pool, threads};
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
    /// Token ids.
    pub ids: Vec<i64>,
    /// 1 for tokens, 0 for padding.
    pub attention_mask: Vec<i64>,
    /// Label ids.
    pub labels: Vec<i64>,
    /// Number of columns.
    pub width: usize,
}

/// Below this many cells one thread is as quick as several.
const PARALLEL_CELLS: usize = 1 << 15;

/// Three matrices of 32 GB.
const MOST_CELLS: usize = 1 << 32;

/// Rows of encoded words, of which sample `i` has `counts[i]`, and their labels (see [`super::align`]), padded to one
/// width. One pass over the tokens, on all threads where there are many.
///
/// # Errors
///
/// Those of [`super::align`]; columns of encodings that do not fit each other; a matrix that no memory holds.
pub fn matrices(
    encodings: &Encodings,
    counts: &[i64],
    labels: LabelRows<'_>,
    continuing: Option<&LabelVocab>,
    ignore_index: i64,
    shape: Shape,
) -> Result<Matrices> {
    let rows = WordRows {
        word_ids: &encodings.word_ids,
        row_splits: &encodings.row_splits,
        sample_ids: &encodings.sample_ids,
        samples: counts.len(),
        counts: WordCounts::Given(counts),
    };
    rows.validate()?;
    labels.validate(&rows)?;
    if encodings.ids.len() != encodings.word_ids.len() {
        return Err(Error::ColumnLengths {
            column: "word_ids",
            given: encodings.word_ids.len(),
            expected: encodings.ids.len(),
        });
    }
    let number = encodings.sample_ids.len();
    let longest = rows.iter().map(|(_, place, _)| place.len()).max();
    let width = longest.unwrap_or(0).max(shape.width);
    let width = width
        .div_ceil(shape.multiple.max(1))
        .checked_mul(shape.multiple.max(1));
    let width = width.unwrap_or(usize::MAX);
    let cells = number
        .checked_mul(width)
        .filter(|&cells| cells <= MOST_CELLS)
        .ok_or(Error::MatrixTooLarge {
            rows: number,
            width,
        })?;
    let mut made = Matrices {
        ids: vec![0; cells],
        attention_mask: vec![0; cells],
        labels: vec![0; cells],
        width,
    };
    if cells == 0 {
        return Ok(made);
    }
    let write = |(row, ((ids, mask), targets)): (usize, ((&mut [i64], &mut [i64]), &mut [i64]))| {
        let place = encodings.row_splits[row] as usize..encodings.row_splits[row + 1] as usize;
        let columns = match shape.side {
            PaddingSide::Right => 0..place.len(),
            PaddingSide::Left => width - place.len()..width,
        };
        for padding in [0..columns.start, columns.end..width] {
            ids[padding.clone()].fill(shape.pad_id);
            targets[padding].fill(shape.pad_label);
        }
        mask[columns.clone()].fill(1);
        let tokens = &encodings.ids[place.clone()];
        for (target, &id) in ids[columns.clone()].iter_mut().zip(tokens) {
            *target = i64::from(id);
        }
        let sample = encodings.sample_ids[row] as usize;
        let given = labels.of_sample(sample);
        let words = &encodings.word_ids[place];
        align_row(
            words,
            given,
            continuing,
            ignore_index,
            &mut targets[columns],
        )
        .map_err(|word| Error::WordWithoutLabel {
            row,
            sample,
            word,
            labels: given.len(),
        })
    };
    let Matrices {
        ids,
        attention_mask,
        labels: targets,
        ..
    } = &mut made;
    if cells < PARALLEL_CELLS || threads() == 1 {
        let rows = ids.chunks_mut(width).zip(attention_mask.chunks_mut(width));
        rows.zip(targets.chunks_mut(width))
            .enumerate()
            .try_for_each(write)?;
    } else {
        in_pool(|| {
            let rows = ids
                .par_chunks_mut(width)
                .zip(attention_mask.par_chunks_mut(width));
            let rows = rows.zip(targets.par_chunks_mut(width)).enumerate();
            rows.with_min_len(64).try_for_each(write)
        })?;
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::Layout;
    use crate::wordpiece::Template;
    use std::sync::Arc;

    fn encodings() -> Encodings {
        let layout = Layout {
            template: Arc::new(Template {
                single: Vec::new(),
                pair: Vec::new(),
            }),
            is_pair: false,
            add_special_tokens: true,
        };
        let mut encodings = Encodings::new(layout);
        encodings.ids = vec![2, 7, 8, 3, 2, 9, 3];
        encodings.word_ids = vec![-1, 0, 0, -1, -1, 0, -1];
        encodings.row_splits = vec![0, 4, 7];
        encodings.sample_ids = vec![0, 1];
        encodings
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
        let made = matrices(&encodings(), &[1, 1], LABELS, None, -100, SHAPE).unwrap();
        assert_eq!(made.ids, [2, 7, 8, 3, 2, 9, 3, 9]);
        assert_eq!(made.attention_mask, [1, 1, 1, 1, 1, 1, 1, 0]);
        assert_eq!(made.labels, [-100, 5, -100, -100, -100, 6, -100, -1]);
        let shape = Shape {
            side: PaddingSide::Left,
            multiple: 5,
            ..SHAPE
        };
        let made = matrices(&encodings(), &[1, 1], LABELS, None, -100, shape).unwrap();
        assert_eq!(made.ids, [9, 2, 7, 8, 3, 9, 9, 2, 9, 3]);
        assert_eq!(made.labels[5..], [-1, -1, -100, 6, -100]);
        assert_eq!(made.width, 5);
    }

    #[test]
    fn a_width_that_no_memory_holds_is_refused() {
        let shape = Shape {
            width: usize::MAX / 16,
            ..SHAPE
        };
        assert!(matrices(&encodings(), &[1, 1], LABELS, None, -100, shape).is_err());
    }

    #[test]
    fn labels_that_do_not_fit_are_refused() {
        assert!(matrices(&encodings(), &[1, 2], LABELS, None, -100, SHAPE).is_err());
        assert!(matrices(&encodings(), &[1], LABELS, None, -100, SHAPE).is_err());
    }
}
