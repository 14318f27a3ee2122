//! Random draws that can be named: each is a pure function of (seed, epoch, purpose, sample, number).
//!
//! The generator is ChaCha with 8 rounds, which computes any part of its stream on its own. So the
//! same draws come out for any order of the samples, any number of threads and processes, on every
//! platform, and after a resume.

use chacha20::ChaCha8Rng;
use chacha20::rand_core::{Rng, SeedableRng};

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

/// Uniform 32-bit draws of one seed, epoch and purpose; one stream a sample.
///
/// The key of the cipher is seed, epoch and purpose as three little-endian 64-bit words and a zero;
/// its stream is the sample, and draw n is word n of the stream.
pub(crate) struct Draws(ChaCha8Rng);

impl Draws {
    /// Draws of sample 0, from its first on.
    pub(crate) fn new(seed: u64, epoch: u64, purpose: Purpose) -> Self {
        let mut key = [0; 32];
        for (place, word) in key
            .chunks_exact_mut(8)
            .zip([seed, epoch, purpose as u64, 0])
        {
            place.copy_from_slice(&word.to_le_bytes());
        }
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Goes to the first draw of a sample.
    pub(crate) fn start(&mut self, sample: u64) {
        self.0.set_stream(sample);
    }

    /// The next draws.
    pub(crate) fn fill(&mut self, draws: &mut [u32]) {
        for chunk in draws.chunks_mut(64) {
            let mut bytes = [0; 256];
            let bytes = &mut bytes[..4 * chunk.len()];
            self.0.fill_bytes(bytes);
            for (draw, word) in chunk.iter_mut().zip(bytes.as_chunks().0) {
                *draw = u32::from_le_bytes(*word);
            }
        }
    }

    /// The next draw.
    pub(crate) fn next(&mut self) -> u32 {
        self.0.next_u32()
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
    fn the_generator_is_chacha_with_8_rounds() {
        // Key and nonce of zeros: draft-strombergson-chacha-test-vectors-01, TC1, 256-bit key, 8 rounds.
        let mut rng = ChaCha8Rng::from_seed([0; 32]);
        let mut stream = [0; 16];
        rng.fill_bytes(&mut stream);
        assert_eq!(
            stream,
            [
                0x3e, 0x00, 0xef, 0x2f, 0x89, 0x5f, 0x40, 0xd6, 0x7f, 0x5b, 0xb8, 0xe8, 0x1f, 0x09,
                0xa5, 0xa1
            ]
        );
    }

    #[test]
    fn seed_epoch_purpose_and_sample_each_change_the_draws() {
        let base = first(1, 2, Purpose::Masking, 3);
        assert_eq!(base, first(1, 2, Purpose::Masking, 3));
        assert_ne!(base, first(2, 2, Purpose::Masking, 3));
        assert_ne!(base, first(1, 3, Purpose::Masking, 3));
        assert_ne!(base, first(1, 2, Purpose::Pairs, 3));
        assert_ne!(base, first(1, 2, Purpose::Masking, 4));
    }

    #[test]
    fn many_draws_at_once_are_the_same_as_one_by_one() {
        let mut draws = Draws::new(7, 0, Purpose::Pairs);
        draws.start(9);
        let mut many = [0; 300];
        draws.fill(&mut many[..3]);
        draws.fill(&mut many[3..200]);
        draws.fill(&mut many[200..]);
        draws.start(9);
        assert!(many.iter().all(|&draw| draw == draws.next()));
    }

    #[test]
    fn probabilities_0_and_1_are_exact() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(1.0), 1 << 32);
        assert_eq!(scale(u32::MAX, 5), 4);
        assert_eq!(scale(0, 5), 0);
    }
}
