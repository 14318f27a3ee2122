//! Numbers that models give.

/// A number that logits may be.
pub trait Logit: Copy + Into<f64> + PartialOrd + Send + Sync {
    /// Above every logit.
    const INFINITY: Self;
    /// What no label of a token may be the best with.
    const NEGATIVE_INFINITY: Self;
}

impl Logit for f32 {
    const INFINITY: Self = Self::INFINITY;
    const NEGATIVE_INFINITY: Self = Self::NEG_INFINITY;
}

impl Logit for f64 {
    const INFINITY: Self = Self::INFINITY;
    const NEGATIVE_INFINITY: Self = Self::NEG_INFINITY;
}
