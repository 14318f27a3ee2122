//! Features: where answers stand in windows of their contexts, and which window shows most of what is around a token.

use super::rows::AnswerRows;
use crate::columns::check_lengths;
use crate::{Error, Result};

/// Start and end of answers in characters of their contexts, half-open, one a sample; `None` where there is none.
pub type CharSpans<'a> = &'a [Option<[i32; 2]>];

/// First and last token of each row's answer, `(rows, 2)`, counted in the row.
///
/// They are the fewest tokens that hold the characters of the answer, also where it begins or ends inside of a token. A row
/// that does not hold all of it, or whose sample has none, has its first token (`[CLS]`) for both. O(rows x log(tokens)).
///
/// # Errors
///
/// Columns that do not fit each other.
pub fn positions(rows: &AnswerRows<'_>, answers: CharSpans<'_>) -> Result<Vec<[i64; 2]>> {
    rows.validate()?;
    check_lengths([("answers", answers.len(), rows.samples)])?;
    let mut found = Vec::with_capacity(rows.sample_ids.len());
    for (row, &sample) in rows.sample_ids.iter().enumerate() {
        let answer = usize::try_from(sample)
            .ok()
            .and_then(|sample| answers.get(sample))
            .ok_or(Error::NoSuchSample {
                row,
                sample,
                samples: rows.samples,
            })?;
        let context = rows.context(row);
        let first = rows.row(row).start + context.start;
        let offsets = &rows.offsets[first..first + context.len()];
        let tokens = answer.and_then(|chars| tokens_of(offsets, chars));
        found.push(tokens.map_or([0, 0], |[start, end]| {
            [context.start + start, context.start + end].map(|token| token as i64)
        }));
    }
    Ok(found)
}

/// The fewest tokens that hold characters, both inclusive; `None` where the window does not hold all of them.
///
/// Tokens may overlap (`▁` and `8%` of `8%`) and share a character (bytes of one). Of those that begin with the answer it
/// is the longest, and of equals the first; of those that end with it the shortest, and of equals the last.
fn tokens_of(offsets: &[[i32; 2]], [first, end]: [i32; 2]) -> Option<[usize; 2]> {
    let holds = offsets.first()?[0] <= first && offsets.last()?[1] >= end;
    let stop = offsets.get(offsets.partition_point(|token| token[1] < end))?[1];
    let last = offsets.partition_point(|token| token[1] <= stop);
    let last = last.min(offsets.partition_point(|token| token[0] < end));
    let offsets = &offsets[..last];
    let touches = offsets.partition_point(|token| token[1] <= first);
    let begins = offsets.partition_point(|token| token[0] <= first);
    let [begin, reach] = offsets[begins.checked_sub(1)?];
    let start = offsets.partition_point(|token| token[0] < begin || token[1] < reach);
    let start = start.max(touches);
    (holds && start < last).then_some([start, last - 1])
}

/// Whether each token of a context has its maximal context in its row, `(tokens,)`; `false` for other tokens.
///
/// BERT's rule: of the windows that show a token the one with the most tokens on the side that has fewer, and of these the
/// longest (each token counts a hundredth); of equals the first. Rows of a sample follow each other and share `stride`
/// tokens of the context.
///
/// # Errors
///
/// Columns that do not fit each other.
pub fn max_contexts(rows: &AnswerRows<'_>, stride: usize) -> Result<Vec<bool>> {
    rows.validate()?;
    let mut shown = vec![false; rows.offsets.len()];
    let mut begin = 0;
    // The best row of each token of a context, and what it shows.
    let mut best: Vec<(i64, usize)> = Vec::new();
    for windows in rows.sample_ids.chunk_by(|one, other| one == other) {
        best.clear();
        let mut start = 0;
        let mut starts = Vec::with_capacity(windows.len());
        for row in begin..begin + windows.len() {
            let length = rows.context(row).len();
            starts.push(start);
            best.resize(best.len().max(start + length), (-1, row));
            for (place, best) in best[start..start + length].iter_mut().enumerate() {
                let score = 100 * place.min(length - 1 - place) as i64 + length as i64;
                if score > best.0 {
                    *best = (score, row);
                }
            }
            start += length.saturating_sub(stride);
        }
        for (row, start) in (begin..).zip(starts) {
            let context = rows.context(row);
            let first = rows.row(row).start + context.start;
            for (place, shown) in shown[first..first + context.len()].iter_mut().enumerate() {
                *shown = best[start + place].1 == row;
            }
        }
        begin += windows.len();
    }
    Ok(shown)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    /// `[CLS] ? [SEP]` and a window of `ab cd ef gh`, twice.
    const OFFSETS: [[i32; 2]; 14] = [
        [0, 0],
        [0, 1],
        [0, 0],
        [0, 2],
        [3, 5],
        [6, 8],
        [0, 0],
        [0, 0],
        [0, 1],
        [0, 0],
        [3, 5],
        [6, 8],
        [9, 11],
        [0, 0],
    ];

    const ROWS: AnswerRows<'static> = AnswerRows {
        offsets: &OFFSETS,
        word_ids: &[0; 14],
        row_splits: &[0, 7, 14],
        contexts: &[[3, 6], [3, 6]],
        sample_ids: &[0, 0],
        samples: 1,
    };

    #[test]
    fn answers_are_the_tokens_that_they_touch() {
        for (chars, expected) in [
            (Some([0, 2]), [[3, 3], [0, 0]]),
            (Some([4, 7]), [[4, 5], [3, 4]]),
            (Some([3, 11]), [[0, 0], [3, 5]]),
            (Some([2, 5]), [[4, 4], [0, 0]]),
            (Some([2, 3]), [[0, 0], [0, 0]]),
            (None, [[0, 0], [0, 0]]),
        ] {
            assert_eq!(positions(&ROWS, &[chars]).unwrap(), expected, "{chars:?}");
        }
        assert!(positions(&ROWS, &[]).is_err());
    }

    #[test]
    fn tokens_may_overlap_and_share_characters() {
        let offsets = [[0, 1], [1, 2], [1, 3], [3, 4], [3, 4], [4, 6]];
        for (chars, expected) in [
            ([0, 2], Some([0, 1])),
            ([0, 3], Some([0, 2])),
            ([1, 2], Some([1, 1])),
            ([1, 4], Some([2, 4])),
            ([3, 4], Some([3, 4])),
            ([3, 5], Some([3, 5])),
            ([5, 6], Some([5, 5])),
            ([5, 7], None),
        ] {
            assert_eq!(tokens_of(&offsets, chars), expected, "{chars:?}");
        }
    }

    #[test]
    fn a_token_has_its_maximal_context_in_one_window() {
        let shown = max_contexts(&ROWS, 2).unwrap();
        let of = |row: usize| &shown[row * 7 + 3..row * 7 + 6];
        assert_eq!(of(0), [true, true, false]);
        assert_eq!(of(1), [false, true, true]);
    }
}
