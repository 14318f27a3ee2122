//! One row: an exact number of tokens, as tokens, words or spans of words.

use super::row::{Row, Scratch as RowScratch};
use super::{Masker, TokenId};
use crate::random::threshold;
use std::ops::Range;

/// How likely a span of one word more is not to go on: SpanBERT's.
const STOP: f64 = 0.2;

/// What a thread keeps from row to row.
#[derive(Default)]
pub(super) struct Scratch {
    /// The units of a row, in the order of the text.
    units: Vec<Range<usize>>,
    /// Draw and number of each unit, one above the other; as far as they are needed in the order of the draws.
    order: Vec<u64>,
    /// Units that are selected.
    taken: Vec<bool>,
}

/// Lengths of spans, geometric up to a maximum.
#[derive(Debug)]
pub(super) struct SpanLengths {
    /// Draws below entry n give at most n + 1 words.
    up_to: Vec<u64>,
}

impl SpanLengths {
    /// Lengths 1 to `max`: length n has weight `0.2 * 0.8^(n-1)`.
    pub(super) fn geometric(max: usize) -> Self {
        // From 200 words on weights are below 2^-64; longer spans do not occur.
        let max = max.min(200);
        let (mut weight, mut total) = (STOP, 0.0);
        let sums: Vec<f64> = (0..max)
            .map(|_| {
                total += weight;
                weight *= 1.0 - STOP;
                total
            })
            .collect();
        Self {
            up_to: sums.iter().map(|sum| threshold(sum / total)).collect(),
        }
    }

    fn of(&self, draw: u32) -> usize {
        1 + self
            .up_to
            .partition_point(|&cut| cut <= u64::from(draw))
            .min(self.up_to.len().saturating_sub(1))
    }
}

impl Masker {
    /// How many of the tokens that may be selected are: at least one.
    fn exact_number(&self, tokens: usize) -> usize {
        let asked = (tokens as f64 * self.options.mlm_probability).round_ties_even() as usize;
        asked.max(1)
    }

    /// Selects `max(1, round(mlm_probability * tokens that may be selected))` tokens of a row: those of the least draws.
    pub(super) fn mask_least<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut RowScratch,
    ) {
        let keys = &mut scratch.ranked.order;
        keys.clear();
        keys.extend(
            (0..)
                .zip(scratch.masking.get())
                .filter(|&(position, _)| row.may_be_selected(position as usize, &self.vocab))
                .map(|(position, &draw)| key(draw, position)),
        );
        let wanted = self.exact_number(keys.len());
        if wanted < keys.len() {
            keys.select_nth_unstable(wanted);
            keys.truncate(wanted);
        }
        scratch.replacement.draw(row);
        let draws = scratch.replacement.get();
        for position in keys.iter().map(|&key| number_of(key)) {
            let id = row.ids[position].wide();
            labels[position] = id;
            masked[position] = self.by_rank.apply(draws[position], id, &self.vocab);
        }
    }

    /// Selects words, or spans of words, of `max(1, round(mlm_probability * tokens that may be selected))`
    /// tokens of a row.
    ///
    /// Units (tokens or words) are taken in the order of their draws as long as they fit the number.
    /// Spans grow from a unit over those that follow it. Where no unit fits, the first one is taken.
    pub(super) fn mask_by_rank<T: TokenId>(
        &self,
        row: &Row<'_, T>,
        masked: &mut [i64],
        labels: &mut [i64],
        scratch: &mut RowScratch,
    ) {
        let RowScratch {
            masking,
            replacement,
            span_length,
            ranked:
                Scratch {
                    units,
                    order,
                    taken,
                },
        } = scratch;
        units.clear();
        let mut position = 0;
        while position < row.ids.len() {
            let unit = row.word_at(position, &self.vocab);
            position = unit.as_ref().map_or(position + 1, |unit| unit.end);
            units.extend(unit);
        }
        let tokens: usize = units.iter().map(Range::len).sum();
        let mut left = self.exact_number(tokens);
        order.clear();
        let numbers = (0..).zip(units.iter());
        order.extend(numbers.map(|(number, unit)| key(masking.get()[unit.start], number)));
        taken.clear();
        taken.resize(units.len(), false);
        replacement.draw(row);
        if self.span_lengths.is_some() {
            span_length.draw(row);
        }
        let mut any = false;
        let mut sorted = 0;
        for place in 0..order.len() {
            if left == 0 {
                break;
            }
            if place == sorted {
                sorted = sort_more(order, sorted, left);
            }
            let first = number_of(order[place]);
            let start = units[first].start;
            let words = match &self.span_lengths {
                Some(lengths) => lengths.of(span_length.get()[start]),
                None => 1,
            };
            let mut end = start;
            for number in (first..units.len()).take(words) {
                let unit = &units[number];
                if taken[number] || unit.start != end || unit.len() > left {
                    break;
                }
                taken[number] = true;
                left -= unit.len();
                end = unit.end;
            }
            if end > start {
                any = true;
                let fate = self.by_rank.fate(replacement.get()[start]);
                row.replace(
                    start..end,
                    fate,
                    replacement.get(),
                    &self.vocab,
                    (masked, labels),
                );
            }
        }
        if let (false, Some(&first)) = (any, order.first()) {
            let unit = units[number_of(first)].clone();
            let fate = self.by_rank.fate(replacement.get()[unit.start]);
            row.replace(unit, fate, replacement.get(), &self.vocab, (masked, labels));
        }
    }
}

/// What units are ordered by: the draw, then the number.
fn key(draw: u32, number: u64) -> u64 {
    u64::from(draw) << 32 | number
}

fn number_of(key: u64) -> usize {
    (key & u64::from(u32::MAX)) as usize
}

/// Puts the next `wanted` keys, and as many as there are already, into their order behind the `sorted` ones: few of all
/// are needed. Returns how many are sorted then.
fn sort_more(keys: &mut [u64], sorted: usize, wanted: usize) -> usize {
    let rest = &mut keys[sorted..];
    let more = wanted.max(sorted).min(rest.len());
    if more < rest.len() {
        rest.select_nth_unstable(more);
    }
    rest[..more].sort_unstable();
    sorted + more
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn span_lengths_are_geometric() {
        let lengths = SpanLengths::geometric(10);
        assert_eq!(lengths.of(0), 1);
        assert_eq!(lengths.of(u32::MAX), 10);
        // Of ten lengths with p = 0.2 the mean is 3.8 words (SpanBERT, section 3.1).
        let mean = (0..1000u32)
            .map(|step| lengths.of(step * 4_294_967) as f64)
            .sum::<f64>()
            / 1000.0;
        assert!((mean - 3.8).abs() < 0.02, "{mean}");
        assert_eq!(SpanLengths::geometric(1).of(u32::MAX), 1);
    }
}
