//! Logits of starts and ends -> answers: spans of a context that was read in windows.

mod candidates;
mod decoding;
mod features;
mod rows;
mod scores;

pub use crate::logit::Logit;
pub use decoding::{Answer, Answers, Decoder, Ranking};
pub use features::{CharSpans, max_contexts, positions};
pub use rows::{AnswerRows, SpanLogits};
