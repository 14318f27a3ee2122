//! Questions and contexts in, answers out.

pub(crate) mod decode;
