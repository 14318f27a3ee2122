//! The tokens of a text, of one row or of several windows.

use crate::Result;
use crate::columns::{check_lengths, check_splits};
use std::ops::Range;

/// Where tokens stand: flat columns, all of the same length, and where rows begin.
#[derive(Debug, Clone, Copy)]
pub struct TokenRows<'a> {
    /// Half-open spans of characters of the text, `(tokens, 2)`.
    pub offsets: &'a [[i32; 2]],
    /// Word of each token, negative for special tokens, `(tokens,)`.
    pub word_ids: &'a [i32],
    /// First token of each row and, last, the number of tokens, `(rows + 1,)`.
    pub row_splits: &'a [i64],
    /// The sample that each row is a window of, `(rows,)`.
    pub sample_ids: &'a [i64],
    /// Number of samples.
    pub samples: usize,
}

impl TokenRows<'_> {
    pub(super) fn validate(&self) -> Result<()> {
        let tokens = self.word_ids.len();
        check_splits(self.row_splits, tokens)?;
        check_lengths([
            ("offsets", self.offsets.len(), tokens),
            (
                "sample_ids",
                self.sample_ids.len(),
                self.row_splits.len() - 1,
            ),
        ])
    }

    fn row(&self, row: usize) -> Range<usize> {
        self.row_splits[row] as usize..self.row_splits[row + 1] as usize
    }
}

/// A token of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    /// Its place in the columns.
    pub(super) place: usize,
    /// Its place in the logits.
    pub(super) logits: usize,
    /// Its word.
    pub(super) word: i32,
    /// Its characters.
    pub(super) span: [i32; 2],
}

/// The tokens of a text, in order, each once.
#[derive(Debug, Default)]
pub(super) struct Sequence {
    /// Without special tokens.
    pub(super) tokens: Vec<Token>,
    /// Special tokens before the first.
    pub(super) before: u32,
    /// Tokens of all windows, and where windows end in them.
    all: Vec<Token>,
    windows: Vec<Range<usize>>,
}

/// From which window a token is read.
#[derive(Clone, Copy)]
struct Source {
    token: Token,
    /// Whether the window holds all of its word, and how many tokens it shows on the poorer side.
    context: Option<(bool, usize)>,
}

impl Sequence {
    /// The tokens of units.
    #[inline]
    pub(super) fn of(&self, tokens: &Range<u32>) -> &[Token] {
        self.tokens
            .get(tokens.start as usize..tokens.end as usize)
            .unwrap_or(&[])
    }

    /// Reads the rows of a sample; several are its windows, whichever order they are in.
    pub(super) fn read(&mut self, columns: &TokenRows<'_>, row_starts: &[i64], rows: &[u32]) {
        self.tokens.clear();
        self.before = 0;
        match rows {
            [] => {}
            [row] => {
                let tokens = &mut self.tokens;
                self.before = read_row(columns, row_starts, *row as usize, tokens);
            }
            _ => {
                self.all.clear();
                self.windows.clear();
                for &row in rows {
                    let start = self.all.len();
                    let before = read_row(columns, row_starts, row as usize, &mut self.all);
                    if self.all.len() > start {
                        self.windows.push(start..self.all.len());
                        self.before = before;
                    }
                }
                self.merge();
            }
        }
    }

    /// Joins windows: each word from the one that shows most of what is around it, the first of several.
    fn merge(&mut self) {
        let all = &self.all;
        self.windows.sort_by_key(|window| {
            let first = all[window.start];
            (first.word, first.span)
        });
        let starts = starts(all, &self.windows);
        let placed = || starts.iter().copied().zip(&self.windows);
        let length = placed()
            .map(|(start, window)| start + window.len())
            .max()
            .unwrap_or(0);
        let Some(&any) = all.first() else { return };
        let unread = Source {
            token: any,
            context: None,
        };
        let mut sources = vec![unread; length];
        for (start, window) in placed() {
            for (source, &token) in sources[start..].iter_mut().zip(&all[window.clone()]) {
                source.token = token;
            }
        }
        // The tokens of each word, which a window may hold in part.
        let mut words = vec![0..0; length];
        let mut first = 0;
        for word in sources.chunk_by(|before, source| before.token.word == source.token.word) {
            let place = first..first + word.len();
            words[place.clone()].fill(place.clone());
            first = place.end;
        }
        for (start, window) in placed() {
            let tokens = &all[window.clone()];
            let mut left = 0;
            for word in tokens.chunk_by(|before, token| before.word == token.word) {
                let place = start + left..start + left + word.len();
                let right = tokens.len() - left - word.len();
                let is_whole = words[place.start] == place;
                for (inner, (source, &token)) in sources[place].iter_mut().zip(word).enumerate() {
                    // A word that no window holds is put together of its tokens.
                    let context = if is_whole {
                        (true, left.min(right))
                    } else {
                        (false, (left + inner).min(right + word.len() - 1 - inner))
                    };
                    if source.context < Some(context) {
                        *source = Source {
                            token,
                            context: Some(context),
                        };
                    }
                }
                left += word.len();
            }
        }
        self.tokens
            .extend(sources.iter().map(|source| source.token));
    }
}

/// Adds the tokens of a row, special ones left out; how many of these come first.
fn read_row(
    columns: &TokenRows<'_>,
    row_starts: &[i64],
    row: usize,
    tokens: &mut Vec<Token>,
) -> u32 {
    let places = columns.row(row);
    let logits = row_starts[row] as usize;
    let words = &columns.word_ids[places.clone()];
    let spans = &columns.offsets[places.clone()];
    tokens.extend(
        words
            .iter()
            .zip(spans)
            .enumerate()
            .filter(|(_, (word, _))| **word >= 0)
            .map(|(token, (&word, &span))| Token {
                place: places.start + token,
                logits: logits + token,
                word,
                span,
            }),
    );
    words.iter().take_while(|&&word| word < 0).count() as u32
}

/// Where each window begins among the tokens of the text.
///
/// Windows overlap by the tokens that stand at the end of one and at the beginning of the next. Where tokens are equal
/// (several of one character) more than one overlap fits; as a tokenizer makes all windows overlap by the same number,
/// the one that fits all of them is taken.
fn starts(all: &[Token], windows: &[Range<usize>]) -> Vec<usize> {
    let pairs = || {
        windows
            .windows(2)
            .map(|pair| (&all[pair[0].clone()], &all[pair[1].clone()]))
    };
    let mut overlaps: Vec<usize> = pairs()
        .map(|(window, next)| {
            let fits = (0..=window.len())
                .rev()
                .find(|&overlap| overlap_fits(window, next, overlap));
            fits.unwrap_or(0)
        })
        .collect();
    let least = overlaps.iter().copied().min().unwrap_or(0);
    if pairs().all(|(window, next)| overlap_fits(window, next, least)) {
        overlaps.fill(least);
    }
    let mut start = 0;
    let mut starts = vec![0];
    for ((window, _), overlap) in pairs().zip(overlaps) {
        start += window.len() - overlap;
        starts.push(start);
    }
    starts
}

/// Whether a window may end with as many tokens of the next one.
fn overlap_fits(window: &[Token], next: &[Token], overlap: usize) -> bool {
    window.len().checked_sub(overlap).is_some_and(|before| {
        window[before..]
            .iter()
            .zip(next)
            .all(|(token, other)| token.word == other.word && token.span == other.span)
    })
}
