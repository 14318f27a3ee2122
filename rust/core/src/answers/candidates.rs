//! The best spans of several windows, one after the other.

use crate::logit::Logit;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

/// Logits of a window's context.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Its row.
    pub(super) row: usize,
    /// Its first token among those of all windows, and their number.
    first: usize,
    length: usize,
    /// What is taken off the sum of two logits.
    pub(super) norm: f64,
    /// Starts of a lower sum with their best end are not in the heap yet.
    least: f64,
}

impl Window {
    fn place(&self) -> Range<usize> {
        self.first..self.first + self.length
    }
}

/// A span of tokens of a window's context, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Span {
    /// Sum of its logits, less the norm of the window.
    pub(super) value: f64,
    pub(super) window: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The best span of a start whose end lies in a range, the earliest of equals.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Candidate {
    span: Span,
    /// The range, half-open.
    ends: (u32, u32),
}

impl Eq for Candidate {}

impl Ord for Candidate {
    /// The higher value, then the earlier window, start and end. Values are numbers.
    fn cmp(&self, other: &Self) -> Ordering {
        let place = |candidate: &Self| {
            let Span {
                window, start, end, ..
            } = candidate.span;
            (window, start, end)
        };
        self.span
            .value
            .partial_cmp(&other.span.value)
            .unwrap_or(Ordering::Equal)
            .then_with(|| place(other).cmp(&place(self)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Windows of a sample, and the heap of their spans.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    pub(super) windows: Vec<Window>,
    starts: Vec<f64>,
    ends: Vec<f64>,
    /// The best end of each start.
    best_ends: Vec<f64>,
    longest: usize,
    heap: BinaryHeap<Candidate>,
    /// The most that a start which is not in the heap yet can reach.
    left_out: Option<f64>,
    highest: Vec<f64>,
    scratch: Vec<f64>,
}

impl Candidates {
    /// Forgets all windows; spans have at most `longest` tokens.
    pub(super) fn clear(&mut self, longest: usize) {
        self.windows.clear();
        self.starts.clear();
        self.ends.clear();
        self.best_ends.clear();
        self.heap.clear();
        self.longest = longest;
        self.left_out = None;
    }

    /// Adds the logits of a window's context.
    pub(super) fn push<T: Logit>(&mut self, row: usize, starts: &[T], ends: &[T]) {
        let first = self.starts.len();
        self.starts.extend(starts.iter().map(|&logit| logit.into()));
        self.ends.extend(ends.iter().map(|&logit| logit.into()));
        self.windows.push(Window {
            row,
            first,
            length: self.starts.len() - first,
            norm: 0.0,
            least: f64::NEG_INFINITY,
        });
        let best = self.best_ends.len();
        self.best_ends.extend_from_slice(&self.ends[first..]);
        highest_ahead(&mut self.best_ends[best..], self.longest, &mut self.scratch);
    }

    /// Logits of starts and ends of a window's context.
    pub(super) fn logits(&self, window: usize) -> (&[f64], &[f64]) {
        let place = self.windows[window].place();
        (&self.starts[place.clone()], &self.ends[place])
    }

    /// Sums of the starts of a window with their best ends.
    fn sums(&self, window: &Window) -> impl Iterator<Item = f64> {
        let place = window.place();
        let ends = &self.best_ends[place.clone()];
        let starts = self.starts[place].iter();
        starts.zip(ends).map(|(start, end)| start + end)
    }

    /// The best span of all windows, without the heap.
    pub(super) fn best(&self) -> Option<Span> {
        let mut best: Option<Candidate> = None;
        for (number, window) in self.windows.iter().enumerate() {
            let (mut highest, mut start) = (f64::NEG_INFINITY, None);
            for (token, sum) in (0..).zip(self.sums(window)) {
                if sum > highest {
                    (highest, start) = (sum, Some(token));
                }
            }
            let candidate = start.and_then(|start| self.candidate(number, start, None));
            // Of equals the first window's.
            best = best.max(candidate);
        }
        best.map(|best| best.span)
    }

    /// Fills the heap with what the best spans begin with: `number` of them are meant to be taken.
    pub(super) fn begin(&mut self, number: usize) {
        // Others are equal to those before, in another window.
        let kept = number.saturating_mul(2).saturating_add(8);
        for number in 0..self.windows.len() {
            let window = self.windows[number];
            if window.length > kept {
                let mut highest = std::mem::take(&mut self.highest);
                highest.clear();
                for sum in self.sums(&window) {
                    if highest.len() < kept || highest.last().is_some_and(|&least| sum > least) {
                        highest.truncate(kept - 1);
                        let place = highest.partition_point(|&other| other >= sum);
                        highest.insert(place, sum);
                    }
                }
                let least = highest.last().copied().unwrap_or(f64::NEG_INFINITY);
                self.highest = highest;
                self.windows[number].least = least;
                let bound = least - window.norm;
                self.left_out = Some(self.left_out.map_or(bound, |other| other.max(bound)));
            }
            self.add_starts(number, |sum, least| sum >= least);
        }
    }

    /// The next best span.
    pub(super) fn pop(&mut self) -> Option<Span> {
        if let Some(bound) = self.left_out
            && self.heap.peek().is_none_or(|best| best.span.value <= bound)
        {
            self.left_out = None;
            for number in 0..self.windows.len() {
                self.add_starts(number, |sum, least| sum < least);
            }
        }
        let Candidate { span, ends } = self.heap.pop()?;
        for ends in [ends.0..span.end, span.end + 1..ends.1] {
            if let Some(other) = self.candidate(span.window as usize, span.start, Some(ends)) {
                self.heap.push(other);
            }
        }
        Some(span)
    }

    /// Puts starts of a window into the heap that are chosen by their sum and the window's least.
    fn add_starts(&mut self, number: usize, chosen: impl Fn(f64, f64) -> bool) {
        let window = self.windows[number];
        let mut heap = std::mem::take(&mut self.heap);
        for (start, sum) in (0..).zip(self.sums(&window)) {
            if chosen(sum, window.least)
                && let Some(candidate) = self.candidate(number, start, None)
            {
                heap.push(candidate);
            }
        }
        self.heap = heap;
    }

    /// The best end of a start, of all or in a range.
    fn candidate(&self, number: usize, start: u32, ends: Option<Range<u32>>) -> Option<Candidate> {
        let window = &self.windows[number];
        let reach = (start as usize).saturating_add(self.longest);
        let ends = ends.unwrap_or(start..reach.min(window.length) as u32);
        let logits = &self.ends[window.place()][ends.start as usize..ends.end as usize];
        let (mut highest, mut end) = (f64::NEG_INFINITY, None);
        for (token, &logit) in (ends.start..).zip(logits) {
            if logit > highest {
                (highest, end) = (logit, Some(token));
            }
        }
        let span = Span {
            value: self.starts[window.first + start as usize] + highest - window.norm,
            window: number as u32,
            start,
            end: end?,
        };
        let ends = (ends.start, ends.end);
        Some(Candidate { span, ends })
    }
}

/// Each value becomes the highest of itself and those behind it, `reach` in all. O(values x log(reach)).
fn highest_ahead(values: &mut [f64], reach: usize, scratch: &mut Vec<f64>) {
    let mut covered = 1;
    while covered < reach && covered < values.len() {
        let step = covered.min(reach - covered);
        let pairs = values.iter().zip(&values[step..]);
        scratch.clear();
        scratch.extend(pairs.map(|(&value, &ahead)| if ahead > value { ahead } else { value }));
        values[..scratch.len()].copy_from_slice(scratch);
        covered += step;
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails so")]
mod tests {
    use super::*;

    /// All spans of windows, the best first.
    fn all(windows: &[(f64, &[f64], &[f64])], longest: usize) -> Vec<(f64, u32, u32, u32)> {
        let mut spans = Vec::new();
        for (window, (norm, starts, ends)) in (0..).zip(windows) {
            for (start, first) in starts.iter().enumerate() {
                for (end, last) in ends.iter().enumerate().skip(start).take(longest) {
                    spans.push((first + last - norm, window, start as u32, end as u32));
                }
            }
        }
        spans.sort_by(|one, other| {
            other
                .0
                .total_cmp(&one.0)
                .then((one.1, one.2, one.3).cmp(&(other.1, other.2, other.3)))
        });
        spans
    }

    #[test]
    fn spans_come_in_order_whatever_was_asked_for_first() {
        let mut state = 7_u64;
        let mut draw = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            ((state >> 40) % 7) as f64 / 2.0
        };
        for length in [1, 2, 5, 40] {
            for longest in [1, 2, 3, 7, 100] {
                for number in [0, 1, 5, 100] {
                    let mut columns = || -> Vec<f64> { (0..length).map(|_| draw()).collect() };
                    let (one, two) = ([columns(), columns()], [columns(), columns()]);
                    let mut candidates = Candidates::default();
                    candidates.clear(longest);
                    for [starts, ends] in [&one, &two] {
                        candidates.push(0, starts, ends);
                    }
                    candidates.windows[1].norm = 1.0;
                    let expected =
                        all(&[(0.0, &one[0], &one[1]), (1.0, &two[0], &two[1])], longest);
                    let best = candidates.best().unwrap();
                    assert_eq!((best.value, best.window, best.start, best.end), expected[0]);
                    candidates.begin(number);
                    for expected in expected {
                        let span = candidates.pop().unwrap();
                        assert_eq!((span.value, span.window, span.start, span.end), expected);
                    }
                    assert_eq!(candidates.pop(), None);
                }
            }
        }
    }
}
