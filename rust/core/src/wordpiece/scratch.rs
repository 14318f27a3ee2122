//! Buffers that reading a text needs.

use super::entry::RunToken;
use super::scan::Scan;
use super::word_table::Lookup;
use crate::normalize::Normalized;
use std::cell::Cell;

/// Largest scan whose buffers are kept for the thread's next call.
const SPARE_BYTES: usize = 1 << 14;

thread_local! {
    /// Those of the thread's last call: to make them costs as much as a short text.
    static SPARE: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

/// Buffers of one call, used again for each of its texts.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) scan: Scan,
    pub(super) lookups: Vec<Lookup>,
    pub(super) normalized: Normalized,
    /// Tokens of one run.
    pub(super) run: Vec<RunToken>,
}

impl Scratch {
    /// The thread's buffers, or new ones.
    pub(super) fn take() -> Box<Self> {
        SPARE.take().unwrap_or_default()
    }

    /// Keeps them for the thread's next call, unless they are large.
    pub(super) fn keep(self: Box<Self>) {
        if self.scan.text().len() <= SPARE_BYTES {
            SPARE.set(Some(self));
        }
    }
}
