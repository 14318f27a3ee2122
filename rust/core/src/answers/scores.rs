//! Probabilities of spans.

/// Logarithm of the sum of the exponentials of logits, and of one more.
pub(super) fn log_sum_exp(logits: &[f64], other: f64) -> f64 {
    let highest = highest(logits);
    let highest = if other > highest { other } else { highest };
    if highest == f64::NEG_INFINITY {
        return highest;
    }
    // Lanes that do not wait for each other.
    let mut sums = [0.0; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        for (sum, logit) in sums.iter_mut().zip(chunk) {
            *sum += exp(logit - highest);
        }
    }
    let sum = rest
        .iter()
        .chain([&other])
        .fold(0.0, |sum, logit| sum + exp(logit - highest));
    highest + (sums.iter().sum::<f64>() + sum).ln()
}

const LANES: usize = 8;

/// Sums of logits further apart than this have no ratio that a number can hold.
const WIDEST: f64 = 600.0;

fn lowest(logits: &[f64]) -> f64 {
    logits.iter().copied().fold(f64::INFINITY, f64::min)
}

fn highest(logits: &[f64]) -> f64 {
    logits.iter().fold(f64::NEG_INFINITY, |highest, &logit| {
        if logit > highest { logit } else { highest }
    })
}

/// `e` to a power that is not above 0, to within 1e-12 of it: a polynomial without branches, which vectors compute.
#[inline]
fn exp(power: f64) -> f64 {
    use std::f64::consts::LOG2_E;
    // The sum's last bits are the nearest whole number.
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    // The logarithm of 2 in two parts, the first of which has room for the factor.
    const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    const LEAST: f64 = -708.0;
    let power = if power > LEAST { power } else { LEAST };
    let rounded = power * LOG2_E + ROUND;
    let twos = rounded - ROUND;
    let rest = power - twos * LN_2_HIGH - twos * LN_2_LOW;
    // 1 / n!, the highest first; the rest is at most 0.35.
    const SERIES: [f64; 11] = [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
    let series = SERIES.iter().fold(0.0, |sum, factor| sum * rest + factor);
    let scale = f64::from_bits((rounded.to_bits() << 52).wrapping_add(1023 << 52));
    series * scale
}

/// Logarithm of the sum of the exponentials of all spans of at most `longest` tokens.
///
/// Sums of ends over a growing number of tokens are put together of shorter ones: none is a difference, which would lose
/// small ones. O(tokens x log(longest)); where logits are hundreds apart, O(tokens x longest).
pub(super) fn log_sum_exp_of_spans(starts: &[f64], ends: &[f64], longest: usize) -> f64 {
    let (first, last) = (highest(starts), highest(ends));
    if first == f64::NEG_INFINITY {
        return first;
    }
    if first - lowest(starts) + (last - lowest(ends)) > WIDEST {
        return log_sum_exp_one_by_one(starts, ends, longest);
    }
    let mut powers: Vec<f64> = ends.iter().map(|&logit| exp(logit - last)).collect();
    let mut sums = vec![0.0; ends.len()];
    let longest = longest.min(ends.len());
    let (mut taken, mut length) = (0, 1);
    loop {
        // `powers[i]` is the sum of `length` ends from i on, `sums[i]` of `taken`.
        if longest & length != 0 {
            for (sum, ahead) in sums.iter_mut().zip(&powers[taken..]) {
                *sum += ahead;
            }
            taken += length;
        }
        if longest < 2 * length {
            break;
        }
        for place in length..powers.len() {
            powers[place - length] += powers[place];
        }
        length *= 2;
    }
    let sum = starts
        .iter()
        .zip(&sums)
        .fold(0.0, |sum, (&logit, &ends)| sum + exp(logit - first) * ends);
    first + last + sum.ln()
}

/// The same, where the highest start and the highest end may be too far from all spans to measure them by.
fn log_sum_exp_one_by_one(starts: &[f64], ends: &[f64], longest: usize) -> f64 {
    let spans = || {
        let starts = starts.iter().enumerate();
        starts.flat_map(|(place, start)| {
            let ends = &ends[place..ends.len().min(place.saturating_add(longest))];
            ends.iter().map(move |end| start + end)
        })
    };
    let best = spans().fold(f64::NEG_INFINITY, f64::max);
    best + spans().map(|sum| (sum - best).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_are_those_of_the_standard_library() {
        for step in 0..=700_000 {
            let power = -f64::from(step) / 1000.0;
            assert!((exp(power) / power.exp() - 1.0).abs() < 1e-12, "{power}");
        }
        assert!(exp(f64::NEG_INFINITY) < 1e-300 && exp(-1e9) < 1e-300);
        assert!((exp(0.0) - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn spans_are_counted_where_the_highest_logits_make_none() {
        // The highest start is behind the highest end.
        let starts = [0.0, 1.0, 5000.0];
        let ends = [5000.0, 2.0, 0.5];
        let found = log_sum_exp_of_spans(&starts, &ends, 3);
        // 5000.5 (the last token alone), 5000 (the first): the rest is thousands below.
        let expected = 5000.5 + (1.0 + (-0.5_f64).exp()).ln();
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        let found = log_sum_exp_of_spans(&starts[..2], &[-1e4, 2.0], 2);
        assert!((found - (3.0 + (1.0 + (-1.0_f64).exp()).ln())).abs() < 1e-9);
    }

    #[test]
    fn all_spans_are_counted_once() {
        let starts: Vec<f64> = (0..23)
            .map(|place| f64::from(place * 7 % 11) - 40.0)
            .collect();
        let ends: Vec<f64> = (0..23)
            .map(|place| f64::from(place * 5 % 13) * 2.0)
            .collect();
        for longest in [1, 2, 3, 4, 7, 22, 23, 30] {
            let mut sum = 0.0;
            for (place, start) in starts.iter().enumerate() {
                for end in ends.iter().skip(place).take(longest) {
                    sum += (start + end).exp();
                }
            }
            let found = log_sum_exp_of_spans(&starts, &ends, longest);
            assert!(
                (found - sum.ln()).abs() < 1e-12,
                "{longest}: {found} {}",
                sum.ln()
            );
        }
    }
}
