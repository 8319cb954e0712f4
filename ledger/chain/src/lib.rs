// SPDX-License-Identifier: Apache-2.0
//! Formats, hashing, proofs and verification of the ledger.
//!
//! Pure: no clock, no input or output, no async, no database. An auditor's verifier builds on this
//! crate alone. Nothing here keeps state between calls, so a crash has nothing to lose.

mod entry;
mod id;
mod key;

pub use entry::{Entry, Op, PayloadCommitment, Record};
pub use id::{
    BlockHash, ChannelId, EntryHash, EventId, Height, HexError, PayloadDigest, Scheme, Suite, Tag,
    TxId,
};
pub use key::{CustodianKey, MemberKey, PublicKey};
