//! Random draws that can be named: each is a pure function of (seed, epoch, purpose, sample, number).
//!
//! The generator is Philox4x32-10 (Salmon et al., 2011), which computes any four draws on their own. So
//! the same draws come out for any order of the samples, any number of threads and processes, on every
//! platform, and after a resume.

mod blocks;

use blocks::WORDS;

/// What draws are used for; draws of different purposes are independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Which tokens are masked and, where one draw decides both, what replaces them.
    Masking = 1,
    /// What replaces tokens that were chosen by rank.
    Replacement = 2,
    /// How many words a masked span has.
    SpanLength = 3,
    /// Sentence pairs of a document.
    Pairs = 4,
}

/// Epochs that can be told apart: purpose and epoch share a word of the counter.
pub(crate) const EPOCHS: u64 = 1 << 29;

/// Uniform 32-bit draws of one seed, epoch and purpose; one stream a sample.
///
/// The key of the generator is the seed, low word first. Draw n of a sample is word n % 4 of the block with
/// the counter `[n / 4, 8 * epoch + purpose, low word of the sample, high word of the sample]`.
pub(crate) struct Draws {
    key: [u32; 2],
    /// Counter of the next block.
    counter: [u32; 4],
    block: [u32; WORDS],
    /// Words of `block` that are used up.
    used: usize,
}

impl Draws {
    /// Draws of sample 0, from its first on. Epochs count up to [`EPOCHS`] and begin anew.
    pub(crate) fn new(seed: u64, epoch: u64, purpose: Purpose) -> Self {
        Self {
            key: halves(seed),
            counter: [0, (epoch % EPOCHS) as u32 * 8 + purpose as u32, 0, 0],
            block: [0; WORDS],
            used: WORDS,
        }
    }

    /// Goes to the first draw of a sample.
    pub(crate) fn start(&mut self, sample: u64) {
        let [low, high] = halves(sample);
        self.counter = [0, self.counter[1], low, high];
        self.used = WORDS;
    }

    /// The next draws.
    pub(crate) fn fill(&mut self, draws: &mut [u32]) {
        let begun = (WORDS - self.used).min(draws.len());
        let (begun, whole) = draws.split_at_mut(begun);
        begun.fill_with(|| self.next());
        let (whole, rest) = whole.split_at_mut(whole.len() / WORDS * WORDS);
        blocks::fill(self.key, self.counter, whole);
        self.counter[0] = self.counter[0].wrapping_add((whole.len() / WORDS) as u32);
        rest.fill_with(|| self.next());
    }

    /// The next draw.
    pub(crate) fn next(&mut self) -> u32 {
        if self.used == WORDS {
            self.block = blocks::block(self.key, self.counter);
            self.counter[0] = self.counter[0].wrapping_add(1);
            self.used = 0;
        }
        let draw = self.block[self.used % WORDS];
        self.used += 1;
        draw
    }
}

/// Draws for who takes one after the other: many are computed at once.
pub(crate) struct DrawsAhead {
    draws: Draws,
    ahead: [u32; AHEAD],
    /// Draws that are used up.
    used: usize,
}

/// A pair takes about eight draws, a document has about ten pairs.
const AHEAD: usize = 64;

impl DrawsAhead {
    /// Draws of sample 0, from its first on.
    pub(crate) fn new(seed: u64, epoch: u64, purpose: Purpose) -> Self {
        Self {
            draws: Draws::new(seed, epoch, purpose),
            ahead: [0; AHEAD],
            used: AHEAD,
        }
    }

    /// Goes to the first draw of a sample.
    pub(crate) fn start(&mut self, sample: u64) {
        self.draws.start(sample);
        self.used = AHEAD;
    }

    /// The next draw.
    pub(crate) fn next(&mut self) -> u32 {
        if self.used == AHEAD {
            self.draws.fill(&mut self.ahead);
            self.used = 0;
        }
        let draw = self.ahead[self.used % AHEAD];
        self.used += 1;
        draw
    }

    /// The next draw as a number below `n`: the high half of draw times `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        scale(self.next(), n)
    }

    /// Whether the next draw falls under a threshold, see [`threshold`].
    pub(crate) fn under(&mut self, threshold: u64) -> bool {
        u64::from(self.next()) < threshold
    }
}

fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// A draw as a number below `n`.
///
/// Without rejection: no number is more likely than another by more than n / 2^32.
pub(crate) fn scale(draw: u32, n: u32) -> u32 {
    ((u64::from(draw) * u64::from(n)) >> 32) as u32
}

/// How many of the 2^32 draws fall under a probability: `round(probability * 2^32)`.
pub(crate) fn threshold(probability: f64) -> u64 {
    (probability * 4_294_967_296.0).round_ties_even() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(seed: u64, epoch: u64, purpose: Purpose, sample: u64) -> [u32; 4] {
        let mut draws = Draws::new(seed, epoch, purpose);
        draws.start(sample);
        std::array::from_fn(|_| draws.next())
    }

    #[test]
    fn seed_epoch_purpose_and_sample_each_change_the_draws() {
        let base = first(1, 2, Purpose::Masking, 3);
        assert_eq!(base, first(1, 2, Purpose::Masking, 3));
        assert_ne!(base, first(2, 2, Purpose::Masking, 3));
        assert_ne!(base, first(1 << 32, 2, Purpose::Masking, 3));
        assert_ne!(base, first(1, 3, Purpose::Masking, 3));
        assert_ne!(base, first(1, 2, Purpose::Pairs, 3));
        assert_ne!(base, first(1, 2, Purpose::Masking, 4));
        assert_ne!(base, first(1, 2, Purpose::Masking, 3 << 32));
    }

    #[test]
    fn many_draws_at_once_are_the_same_as_one_by_one() {
        let mut draws = Draws::new(7, 0, Purpose::Pairs);
        for cuts in [[3, 200], [0, 4], [64, 128], [1, 299]] {
            draws.start(9);
            let mut many = [0; 300];
            draws.fill(&mut many[..cuts[0]]);
            draws.fill(&mut many[cuts[0]..cuts[1]]);
            draws.fill(&mut many[cuts[1]..]);
            draws.start(9);
            assert!(many.iter().all(|&draw| draw == draws.next()), "{cuts:?}");
            let mut ahead = DrawsAhead::new(7, 0, Purpose::Pairs);
            ahead.next();
            ahead.start(9);
            assert!(many.iter().all(|&draw| draw == ahead.next()));
        }
    }

    #[test]
    fn probabilities_0_and_1_are_exact() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(1.0), 1 << 32);
        assert_eq!(scale(u32::MAX, 5), 4);
        assert_eq!(scale(0, 5), 0);
    }
}
