// SPDX-License-Identifier: Apache-2.0
//! Why a proposal or a vote is not taken.

use silsila_chain::Reason;

/// Why a proposal or a vote is not taken. The codes have pages under `docs/errors/`.
#[derive(Debug, thiserror::Error)]
pub enum VoteFault {
    /// The gateway runs no channel.
    #[error("VOT0001 this gateway takes part in no channel")]
    NoChannel,
    /// No proposal, or more than one, has an id that begins so.
    #[error(
        "VOT0002 not one proposal has an id that begins with {id:?}: silsila channel proposals"
    )]
    NoProposal {
        /// As it was named.
        id: String,
    },
    /// The chain would never take it.
    #[error("VOT0003 this cannot be proposed now: {reason} ({})", reason.code())]
    Never {
        /// Why.
        reason: Reason,
    },
    /// It was decided before.
    #[error("VOT0004 this proposal is decided: {outcome}")]
    Decided {
        /// How.
        outcome: String,
    },
    /// An endorsement cannot be taken back.
    #[error(
        "VOT0005 this gateway has endorsed the proposal, and an endorsement cannot be taken back"
    )]
    Endorsed,
    /// No member, or more than one, has a key that begins so.
    #[error("VOT0006 not one member has a key that begins with {key:?}: silsila channel members")]
    NoMember {
        /// As it was named.
        key: String,
    },
    /// Too many of this gateway's proposals are open.
    #[error(
        "VOT0007 {open} proposals of this gateway are open; no more are taken until one is decided"
    )]
    TooMany {
        /// How many.
        open: usize,
    },
    /// The same is open already.
    #[error("VOT0008 the same is proposed already: silsila channel endorse {id}")]
    Open {
        /// The open proposal's id, shortened.
        id: String,
    },
    /// What was given is not what can be proposed.
    #[error("VOT0009 {what} cannot be used: {reason}")]
    Unusable {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// The ledger could not be read or written.
    #[error("{} {}", .0.code(), .0)]
    Store(#[from] silsila_store::StoreError),
}
