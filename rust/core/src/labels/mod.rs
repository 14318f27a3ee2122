//! Labels of words and spans of characters, written as labels of subwords.

mod tag;

pub use tag::{Place, Scheme, Tag};
