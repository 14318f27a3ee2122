//! Everything around a BERT-family model: text in, token ids with exact alignment out.
//!
//! No Python and no tensors here. One module a job; see `docs/architecture.md`.

pub mod answers;
pub mod batching;
mod columns;
pub mod encoding;
pub mod entities;
mod error;
pub mod labels;
mod logit;
pub mod masking;
mod memory;
mod normalize;
pub mod pairs;
mod parallel;
mod random;
mod samples;
pub mod vocab;
pub mod wordpiece;

pub use error::{Error, Result};
pub use normalize::NormalizerConfig;
