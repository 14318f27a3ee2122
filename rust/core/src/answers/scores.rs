//! Probabilities of spans.

/// Logarithm of the sum of the exponentials, over the context's tokens and one more.
pub(super) fn log_sum_exp(logits: &[f64], other: f64) -> f64 {
    let highest = logits.iter().fold(
        other,
        |highest: f64, &logit| {
            if logit > highest { logit } else { highest }
        },
    );
    let sum = logits.iter().fold((other - highest).exp(), |sum, &logit| {
        sum + (logit - highest).exp()
    });
    highest + sum.ln()
}

/// Logarithm of the sum of the exponentials of all spans of at most `longest` tokens.
///
/// Sums of ends over a growing number of tokens are put together of shorter ones: none is a difference, which would lose
/// small ones. O(tokens x log(longest)).
pub(super) fn log_sum_exp_of_spans(starts: &[f64], ends: &[f64], longest: usize) -> f64 {
    let highest = |logits: &[f64]| {
        logits.iter().fold(f64::NEG_INFINITY, |highest, &logit| {
            if logit > highest { logit } else { highest }
        })
    };
    let (first, last) = (highest(starts), highest(ends));
    if first == f64::NEG_INFINITY {
        return first;
    }
    let mut powers: Vec<f64> = ends.iter().map(|&logit| (logit - last).exp()).collect();
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
    let sum = starts.iter().zip(&sums).fold(0.0, |sum, (&logit, &ends)| {
        sum + (logit - first).exp() * ends
    });
    first + last + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

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
