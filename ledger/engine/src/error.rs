// SPDX-License-Identifier: Apache-2.0
//! Everything that can go wrong when a network or a channel is started.

use crate::LedgerError;

/// Everything that can go wrong; [`EngineError::code`] is stable and has a page under `docs/errors/`.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The network's thread could not be started, or has ended.
    #[error("the network does not run: {reason}")]
    Stopped {
        /// Why.
        reason: String,
    },
    /// Two or three validators: one power cut would stop them.
    #[error("a channel has one validator, or four and more; this one has {count}")]
    Validators {
        /// How many there are.
        count: usize,
    },
    /// A peer's address that is none.
    #[error("{address:?} is not an address of the form host:port")]
    Address {
        /// What was written.
        address: String,
    },
    /// A key that is none.
    #[error("the key {key} of a peer is not an ed25519 public key")]
    Key {
        /// The key in hexadecimal.
        key: String,
    },
    /// The address to listen on is taken or not this machine's.
    #[error("the network cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The channel runs here already.
    #[error("the channel is joined already")]
    Joined,
    /// Consensus cannot use its files.
    #[error("the engine's files cannot be used: {reason}")]
    Files {
        /// Why.
        reason: String,
    },
    /// The ledger is unwell.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl EngineError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Stopped { .. } => "NET0001",
            Self::Validators { .. } => "NET0002",
            Self::Address { .. } => "NET0003",
            Self::Key { .. } => "NET0004",
            Self::Listen { .. } => "NET0005",
            Self::Joined => "NET0006",
            Self::Files { .. } => "NET0007",
            Self::Ledger(_) => "NET0008",
        }
    }
}
