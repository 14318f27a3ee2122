//! Labels of tokens -> labels of words.

use super::WordRows;
use crate::Result;
use crate::columns::check_splits;

/// What a window knows of a word.
#[derive(Clone, Copy)]
struct Seen {
    /// Its first token in the window.
    token: i64,
    /// How many tokens the window has of it, and how many there are beside it, on the side that has fewer.
    rank: (usize, usize),
}

/// The token that speaks for each word, -1 where none does, `(words,)`; and where the words of samples begin,
/// `(samples + 1,)`.
///
/// It is the word's first token. Where windows overlap, it is that of the window that holds the word whole with the most
/// tokens on the side that has fewer (maximal context), the earlier one of equals. A word that no window holds whole is
/// read in the one that holds most of it. Words without tokens (empty, or of characters that are removed), and words
/// that were cut off, have none. Cost: O(tokens).
///
/// # Errors
///
/// Columns that do not fit each other; [`crate::Error::WordWithoutLabel`] for a word behind those that were counted.
pub fn first_tokens(rows: &WordRows<'_>) -> Result<(Vec<i64>, Vec<i64>)> {
    rows.validate()?;
    let counts = rows.word_counts();
    let mut splits = Vec::with_capacity(counts.len() + 1);
    splits.push(0);
    for count in counts {
        splits.push(splits.last().copied().unwrap_or(0) + count as i64);
    }
    let words = splits.last().copied().unwrap_or(0);
    let mut seen = vec![
        Seen {
            token: -1,
            rank: (0, 0)
        };
        words as usize
    ];
    check_splits(&splits, seen.len())?;
    for (row, (sample, place, ids)) in rows.iter().enumerate() {
        let of_sample = splits[sample] as usize..splits[sample + 1] as usize;
        let seen = &mut seen[of_sample];
        let labels = seen.len();
        for run in ids
            .chunk_by(|one, other| one == other)
            .scan(0, |start, run| {
                let first = *start;
                *start += run.len();
                Some((first, run))
            })
        {
            let (first, run) = run;
            let word = run[0];
            if word < 0 {
                continue;
            }
            let Some(best) = seen.get_mut(word as usize) else {
                return Err(crate::Error::WordWithoutLabel {
                    row,
                    sample,
                    word,
                    labels,
                });
            };
            let context = first.min(ids.len() - first - run.len());
            let rank = (run.len(), context);
            if best.token < 0 || rank > best.rank {
                *best = Seen {
                    token: (place.start + first) as i64,
                    rank,
                };
            }
        }
    }
    Ok((seen.into_iter().map(|seen| seen.token).collect(), splits))
}

#[cfg(test)]
mod tests {
    use super::super::WordCounts;
    use super::*;

    #[test]
    fn words_without_tokens_have_none() {
        let rows = WordRows {
            word_ids: &[-1, 0, 0, 2, -1],
            row_splits: &[0, 5],
            sample_ids: &[0],
            samples: 1,
            counts: WordCounts::Given(&[4]),
        };
        assert_eq!(first_tokens(&rows), Ok((vec![1, -1, 3, -1], vec![0, 4])));
    }

    #[test]
    fn the_window_with_the_most_context_speaks() {
        // Words 0 to 5 of one token, windows of four with two in common.
        let rows = WordRows {
            word_ids: &[-1, 0, 1, 2, 3, -1, -1, 2, 3, 4, 5, -1],
            row_splits: &[0, 6, 12],
            sample_ids: &[0, 0],
            samples: 1,
            counts: WordCounts::AtLeast,
        };
        // Word 2 has 2 tokens on its right in the first window and 1 on its left in the second; word 3 is as far from both ends.
        let expected = vec![1, 2, 3, 8, 9, 10];
        assert_eq!(first_tokens(&rows), Ok((expected, vec![0, 6])));
    }

    #[test]
    fn a_word_that_is_cut_is_read_where_most_of_it_is() {
        let rows = WordRows {
            word_ids: &[0, 0, 1, 1, 1, 2],
            row_splits: &[0, 3, 6],
            sample_ids: &[0, 0],
            samples: 1,
            counts: WordCounts::AtLeast,
        };
        assert_eq!(first_tokens(&rows), Ok((vec![0, 3, 5], vec![0, 3])));
    }
}
