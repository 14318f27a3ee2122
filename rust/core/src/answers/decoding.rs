//! The best answers of samples.

use super::candidates::{Candidates, Span};
use super::rows::{AnswerRows, SpanLogits};
use super::scores::{log_sum_exp, log_sum_exp_of_spans};
use crate::Result;
use crate::columns::join_splits;
use crate::logit::Logit;
use crate::parallel::in_ranges;
use crate::samples::Samples;
use std::collections::HashSet;
use std::ops::Range;

/// Below this many logits one thread is as quick as several.
const LOGITS_FOR_THREADS: usize = 1 << 14;

/// So many answers are looked through one by one.
const FEW: usize = 64;

/// What makes one span better than another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranking {
    /// The sum of its logits, whichever window it is of.
    Logits,
    /// The product of the probabilities of its start and end in its window.
    Probability,
}

/// Decodes logits to answers: the exact best spans of the context, over all windows.
#[derive(Debug, Clone, Copy)]
pub struct Decoder {
    /// Answers of a sample, at least 1.
    pub top_k: usize,
    /// Answers that share `n_best_probability`, where details are asked for; `top_k` where that is more.
    pub n_best: usize,
    /// Most tokens of an answer, at least 1.
    pub max_answer_length: usize,
    /// What makes one span better than another.
    pub ranking: Ranking,
    /// Whether a sample may have no answer: how much more than the best answer that has to reach.
    pub null_threshold: Option<f64>,
    /// Widen answers to whole words.
    pub align_to_words: bool,
    /// Compute all of an [`Answer`].
    pub details: bool,
}

/// A span of a context, or none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// Characters of the context, half-open; 0 and 0 for no answer.
    pub chars: [i32; 2],
    /// The row that shows it.
    pub row: usize,
    /// The probability of its start in the row, times that of its end.
    pub score: f64,
    /// Logit of its start.
    pub start_logit: f64,
    /// Logit of its end.
    pub end_logit: f64,
    /// Details: its share among all spans of all rows of the sample.
    pub probability: f64,
    /// Details: its share among the `n_best` best.
    pub n_best_probability: f64,
}

/// The answers of samples, the best first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// Of all samples.
    pub answers: Vec<Answer>,
    /// Where samples begin, and the number of answers, `(samples + 1,)`.
    pub splits: Vec<i64>,
    /// How much higher the logits of no answer are than those of the best, `(samples,)`; without a threshold empty.
    pub null_differences: Vec<f64>,
}

#[derive(Default)]
struct Scratch {
    candidates: Candidates,
    /// Logits of no answer, of each window.
    nulls: Vec<(f64, f64)>,
    /// Logarithms of what probabilities of starts and ends are divided by, of each window.
    norms: Vec<Option<(f64, f64)>>,
    found: Vec<Found>,
    /// Characters of what is found, where it is many.
    seen: HashSet<[i32; 2]>,
}

/// An answer before its scores.
#[derive(Clone, Copy)]
struct Found {
    chars: [i32; 2],
    window: usize,
    logits: (f64, f64),
    /// What it is ranked by.
    value: f64,
}

impl Decoder {
    /// The answers of samples, on all threads where there is enough to do.
    ///
    /// An answer comes once, as the best of the spans of tokens that have its characters. Ties: the earlier window, then
    /// the earlier start, then the earlier end. No answer stands before the answers that it exceeds by more than the
    /// threshold. A sample whose rows hold nothing of its context has no answers.
    ///
    /// Cost: O(tokens x log(longest answer)) and, for each further answer, O(longest answer + log(tokens)).
    ///
    /// # Errors
    ///
    /// A logit that is NaN or infinite; columns that do not fit each other.
    pub fn decode<T: Logit>(
        &self,
        rows: AnswerRows<'_>,
        logits: SpanLogits<'_, T>,
    ) -> Result<Answers> {
        rows.validate()?;
        logits.validate(&rows)?;
        let samples = Samples::new(rows.sample_ids, rows.samples)?;
        let empty = || Answers {
            splits: vec![0],
            ..Answers::default()
        };
        let part = |range: Range<usize>| {
            let mut scratch = Scratch::default();
            let mut made = empty();
            for sample in range {
                self.answer(
                    &rows,
                    &logits,
                    samples.rows(sample),
                    &mut scratch,
                    &mut made,
                );
                made.splits.push(made.answers.len() as i64);
            }
            made
        };
        let is_small = logits.starts.len() < LOGITS_FOR_THREADS;
        let mut made = empty();
        for part in in_ranges(rows.samples, is_small, part) {
            made.answers.extend(part.answers);
            join_splits(&mut made.splits, &part.splits);
            made.null_differences.extend(part.null_differences);
        }
        Ok(made)
    }

    /// Adds the answers of a sample.
    fn answer<T: Logit>(
        &self,
        rows: &AnswerRows<'_>,
        logits: &SpanLogits<'_, T>,
        of_sample: &[u32],
        scratch: &mut Scratch,
        made: &mut Answers,
    ) {
        let Scratch {
            candidates,
            nulls,
            norms,
            found,
            seen,
        } = scratch;
        candidates.clear(self.max_answer_length);
        nulls.clear();
        norms.clear();
        found.clear();
        for &row in of_sample {
            let row = row as usize;
            let (starts, ends) = logits.of(row, 0..rows.row(row).len());
            let (Some(&start), Some(&end)) = (starts.first(), ends.first()) else {
                continue;
            };
            let context = rows.context(row);
            candidates.push(row, &starts[context.clone()], &ends[context]);
            nulls.push((start.into(), end.into()));
            norms.push(None);
        }
        if nulls.is_empty() {
            made.null_differences
                .extend(self.null_threshold.map(|_| f64::INFINITY));
            return;
        }
        if self.ranking == Ranking::Probability {
            for window in 0..nulls.len() {
                let (start, end) = norm_of(candidates, nulls, norms, window);
                candidates.windows[window].norm = start + end;
            }
        }
        let wanted = if self.details {
            self.top_k.max(self.n_best)
        } else {
            self.top_k
        };
        if wanted == 1 {
            found.extend(
                candidates
                    .best()
                    .map(|span| self.found_of(rows, candidates, span)),
            );
        } else {
            candidates.begin(wanted);
            seen.clear();
            while found.len() < wanted
                && let Some(span) = candidates.pop()
            {
                let answer = self.found_of(rows, candidates, span);
                let is_new = if found.len() < FEW {
                    found.iter().all(|other| other.chars != answer.chars)
                } else {
                    if seen.is_empty() {
                        seen.extend(found.iter().map(|other| other.chars));
                    }
                    seen.insert(answer.chars)
                };
                if is_new {
                    found.push(answer);
                }
            }
        }
        let null = self.null_threshold.map(|threshold| {
            let null = null_of(candidates, nulls);
            let best = found.first().map(Found::sum);
            made.null_differences
                .push(null.sum() - best.unwrap_or(f64::NEG_INFINITY));
            let place = found.partition_point(|other| null.value - other.value <= threshold);
            found.insert(place, null);
            found.truncate(wanted);
            null
        });
        let (all, n_best) = if self.details {
            (
                self.log_sum_of_all(candidates, null),
                log_sum_of(found.iter().map(Found::sum)),
            )
        } else {
            (f64::INFINITY, f64::INFINITY)
        };
        for answer in found.iter().take(self.top_k) {
            let (start, end) = norm_of(candidates, nulls, norms, answer.window);
            made.answers.push(Answer {
                chars: answer.chars,
                row: candidates.windows[answer.window].row,
                score: (answer.logits.0 - start).exp() * (answer.logits.1 - end).exp(),
                start_logit: answer.logits.0,
                end_logit: answer.logits.1,
                probability: (answer.sum() - all).exp(),
                n_best_probability: (answer.sum() - n_best).exp(),
            });
        }
    }

    /// The characters and logits of a span.
    fn found_of(&self, rows: &AnswerRows<'_>, candidates: &Candidates, span: Span) -> Found {
        let window = span.window as usize;
        let row = candidates.windows[window].row;
        let context = rows.context(row);
        let first = rows.row(row).start + context.start;
        let offsets = &rows.offsets[first..first + context.len()];
        let words = &rows.word_ids[first..first + context.len()];
        let (mut start, mut end) = (span.start as usize, span.end as usize);
        if self.align_to_words {
            let (first, last) = (words[start], words[end]);
            while start > 0 && words[start - 1] == first {
                start -= 1;
            }
            while end + 1 < words.len() && words[end + 1] == last {
                end += 1;
            }
        }
        let (starts, ends) = candidates.logits(window);
        Found {
            chars: [offsets[start][0], offsets[end][1]],
            window,
            logits: (starts[span.start as usize], ends[span.end as usize]),
            value: span.value,
        }
    }

    /// Logarithm of the sum over all spans of all windows, and no answer.
    fn log_sum_of_all(&self, candidates: &Candidates, null: Option<Found>) -> f64 {
        let windows = (0..candidates.windows.len()).map(|window| {
            let (starts, ends) = candidates.logits(window);
            log_sum_exp_of_spans(starts, ends, self.max_answer_length)
        });
        log_sum_of(windows.chain(null.as_ref().map(Found::sum)))
    }
}

impl Found {
    /// Of its logits.
    fn sum(&self) -> f64 {
        self.logits.0 + self.logits.1
    }
}

/// No answer: of several windows the one that speaks least for it, the first of equals.
fn null_of(candidates: &Candidates, nulls: &[(f64, f64)]) -> Found {
    let windows = candidates.windows.iter().zip(nulls).enumerate();
    let found = windows.map(|(window, (of, &logits))| Found {
        chars: [0, 0],
        window,
        logits,
        value: logits.0 + logits.1 - of.norm,
    });
    let least = found.reduce(|one, other| if other.value < one.value { other } else { one });
    least.unwrap_or(Found {
        chars: [0, 0],
        window: 0,
        logits: (0.0, 0.0),
        value: 0.0,
    })
}

fn log_sum_of(values: impl Iterator<Item = f64>) -> f64 {
    let values: Vec<f64> = values.collect();
    log_sum_exp(&values, f64::NEG_INFINITY)
}

/// Logarithms of the sums over the starts and the ends of a window, that of no answer among them.
fn norm_of(
    candidates: &Candidates,
    nulls: &[(f64, f64)],
    norms: &mut [Option<(f64, f64)>],
    window: usize,
) -> (f64, f64) {
    *norms[window].get_or_insert_with(|| {
        let (starts, ends) = candidates.logits(window);
        let (start, end) = nulls[window];
        (log_sum_exp(starts, start), log_sum_exp(ends, end))
    })
}
