// SPDX-License-Identifier: Apache-2.0
//! What a read or a write meets that is damaged, noticed wherever the error passes.
//!
//! Whoever reads may turn an error into one of his own; so it is written down, for the thread that reads, at the
//! one place where it is made. A connection that met a page that cannot be authenticated is of no further use:
//! SQLCipher answers every page with zeros from then on, lest something wrong be kept in its cache.

use std::cell::RefCell;
use std::mem::take;

use crate::Fault;

/// So many faults of one read are kept.
const KEPT: usize = 8;

/// What was met.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Whether a page of the file could not be read.
    pub(crate) page: bool,
    /// Stored bytes that are not those committed.
    pub(crate) faults: Vec<Fault>,
}

impl Seen {
    pub(crate) const fn is_empty(&self) -> bool {
        !self.page && self.faults.is_empty()
    }
}

thread_local! {
    static SEEN: RefCell<Seen> = RefCell::default();
}

/// Notes that a page could not be read.
pub(crate) fn page() {
    SEEN.with_borrow_mut(|seen| seen.page = true);
}

/// Notes a fault.
pub(crate) fn fault(fault: &Fault) {
    SEEN.with_borrow_mut(|seen| {
        if seen.faults.len() < KEPT {
            seen.faults.push(fault.clone());
        }
    });
}

/// Does something, and gives what this thread met while it did.
pub(crate) fn during<T>(work: impl FnOnce() -> T) -> (T, Seen) {
    let before = SEEN.with_borrow_mut(take);
    let done = work();
    (done, SEEN.replace(before))
}
