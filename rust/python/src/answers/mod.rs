//! Questions and contexts in, answers out.

pub(crate) mod decode;
pub(crate) mod encode;
mod rows;
