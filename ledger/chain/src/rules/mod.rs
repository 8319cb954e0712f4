// SPDX-License-Identifier: Apache-2.0
//! The rules by which a chain grows, version 2: the same blocks give the same state everywhere.
//!
//! [`ChainState`] is everything that the rules need to know of the past except the resources' newest
//! versions, which a caller provides by [`Heads`]. A [`Judge`] takes the transactions of one block, one
//! after the other, for whoever proposes the block and for whoever verifies it.

mod agreement;
mod epochs;
mod judge;
mod members;
mod policy;
mod state;
mod validators;
mod weigh;

pub use agreement::Agreement;
pub use epochs::{EPOCH_NOTICE, Epoch, Epochs, Handover, MAX_EPOCHS};
pub use judge::{Head, Heads, Judge, Refused};
pub use members::{Member, Members, Standing};
pub use policy::{Action, Alone, AsCertified, Claim, Policy, Question, judge_founding};
pub use state::{Accepted, ChainState, Judged, MemoryHeads, Rejected, VerifiedBlock};
pub use validators::{CertifiedHeader, Validators};
pub use weigh::Weighed;

/// The rules that this version knows.
pub const RULES_VERSION: u32 = 2;

/// The largest payload, in bytes as stored.
pub const MAX_PAYLOAD: u32 = 16 << 20;
