// SPDX-License-Identifier: Apache-2.0
//! The rules by which a chain grows, version 2: the same blocks give the same state everywhere.
//!
//! [`ChainState`] is everything that the rules need to know of the past except the resources' newest
//! versions, which a caller provides by [`Heads`]. A [`Judge`] takes the transactions of one block, one
//! after the other, for whoever proposes the block and for whoever verifies it.

mod judge;
mod state;
mod validators;

pub use judge::{Head, Heads, Judge, Refused};
pub use state::{Accepted, ChainState, MemoryHeads, Rejected, VerifiedBlock};
pub use validators::{CertifiedHeader, Validators};

/// The rules that this version knows.
pub const RULES_VERSION: u32 = 2;

/// The largest payload, in bytes as stored.
pub const MAX_PAYLOAD: u32 = 16 << 20;
