// SPDX-License-Identifier: Apache-2.0
//! Why a file shows nothing.

use silsila_chain::cbor::DecodeError;
use silsila_chain::{BundleFault, EvidenceFault, ExportFault, NoteFault, ProofFault};

/// Why a file shows nothing. [`Fault::code`] is stable and has a page under `docs/errors/`. No variant
/// carries what a payload holds.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The file cannot be read, which says nothing about what it holds.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not such a file, or a damaged one.
    #[error("{what} is not in its format: {reason} at byte {offset}")]
    Format {
        /// What it should be.
        what: &'static str,
        /// Where, from the beginning of that part.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// It is about another channel.
    #[error("it is about another channel than the fingerprint names")]
    Channel,
    /// Signatures, certificate or paths do not hold.
    #[error("{0}")]
    Proof(String),
    /// The payload is another.
    #[error("{0}")]
    Payload(String),
    /// It was cut off.
    #[error("{what} ends too early, at byte {offset}")]
    Truncated {
        /// What should go on.
        what: &'static str,
        /// Where it ends.
        offset: u64,
    },
    /// A block breaks the rules.
    #[error("{reason} (frame at byte {offset} of the file)")]
    Chain {
        /// Where in the file the frame begins.
        offset: u64,
        /// Which block, and why.
        reason: String,
    },
    /// It contradicts nothing.
    #[error("{0}")]
    Evidence(String),
    /// A checkpoint says something else than the chain.
    #[error("{0}")]
    Checkpoint(String),
}

impl Fault {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "VER0001",
            Self::Format { .. } => "VER0002",
            Self::Channel => "VER0003",
            Self::Proof(_) => "VER0004",
            Self::Payload(_) => "VER0005",
            Self::Truncated { .. } => "VER0006",
            Self::Chain { .. } => "VER0007",
            Self::Evidence(_) => "VER0008",
            Self::Checkpoint(_) => "VER0009",
        }
    }

    /// Bytes that are not what they should be; where they only end too early, it says that.
    pub(crate) fn format(what: &'static str, error: DecodeError) -> Self {
        let offset = error.offset as u64;
        if error.reason == "the bytes end too early" {
            Self::Truncated { what, offset }
        } else {
            Self::Format {
                what,
                offset,
                reason: error.reason.to_owned(),
            }
        }
    }

    pub(crate) fn note(fault: NoteFault) -> Self {
        Self::Checkpoint(format!("the checkpoint does not hold: {fault}"))
    }

    pub(crate) fn bundle(fault: BundleFault) -> Self {
        match fault {
            BundleFault::Proof(ProofFault::Fingerprint) => Self::Channel,
            BundleFault::Proof(ProofFault::Encoding { part, error }) => Self::format(part, error),
            BundleFault::Proof(fault) => Self::Proof(fault.to_string()),
            BundleFault::Payload => Self::Payload(fault.to_string()),
        }
    }

    pub(crate) fn evidence(fault: EvidenceFault) -> Self {
        match fault {
            EvidenceFault::Fingerprint => Self::Channel,
            EvidenceFault::Encoding(error) => Self::format("the evidence", error),
            EvidenceFault::Note(fault) => Self::note(fault),
            other => Self::Evidence(other.to_string()),
        }
    }

    pub(crate) fn chain(offset: u64, fault: ExportFault) -> Self {
        match fault {
            ExportFault::Fingerprint => Self::Channel,
            ExportFault::Truncated => Self::Truncated {
                what: "the chain",
                offset,
            },
            ExportFault::Payload { .. } => {
                Self::Payload(format!("{fault} (frame at byte {offset})"))
            }
            other => Self::Chain {
                offset,
                reason: other.to_string(),
            },
        }
    }
}
