// SPDX-License-Identifier: Apache-2.0
//! Proof bundles: the file that shows somebody outside what a hospital committed, and when.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::PayloadCommitment;
use crate::genesis::MAX_GENESIS;
use crate::{ChannelId, Epochs, Genesis, Proof, ProofFault, Proven, sha256};

/// The longest proof in a bundle, in bytes: the boundaries of epochs take the most where there are many.
pub const MAX_PROOF: usize = MAX_GENESIS + (16 << 20);
/// The longest bundle, in bytes.
pub const MAX_BUNDLE: usize = MAX_PROOF + crate::MAX_PAYLOAD as usize + 64;

const LABEL: &str = "silsila/bundle/1";

/// A [`Proof`] with, on request, the payload to which its entry commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// From the entry to the channel's fingerprint.
    pub proof: Proof,
    /// The payload's bytes as stored.
    pub payload: Option<Vec<u8>>,
}

/// What a bundle shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenBundle {
    /// What the proof shows.
    pub proven: Proven,
    /// The channel's beginning: its name, network, members.
    pub genesis: Genesis,
    /// Who certified which blocks, up to the latest one shown.
    pub epochs: Epochs,
    /// What is shown of the payload.
    pub payload: PayloadShown,
}

/// What a bundle shows of the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PayloadShown {
    /// The entry has none: a deletion, or an entry about the channel itself.
    None,
    /// The entry commits to this one, whose bytes are not in the bundle.
    Committed(PayloadCommitment),
    /// The bundle's bytes are those to which the entry commits.
    Matches(PayloadCommitment),
}

/// Why a bundle shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    /// The proof does not hold.
    #[error(transparent)]
    Proof(ProofFault),
    /// The payload is not that of the entry.
    #[error("the payload is not the one to which the entry commits")]
    Payload,
}

impl Bundle {
    /// Checks the bundle against the channel's fingerprint.
    ///
    /// # Errors
    /// Names what it fails to show.
    pub fn verify(&self, fingerprint: &ChannelId) -> Result<ProvenBundle, BundleFault> {
        let proven = self.proof.verify(fingerprint).map_err(BundleFault::Proof)?;
        let payload = match (proven.entry.payload(), &self.payload) {
            (None, None) => PayloadShown::None,
            (Some(commitment), None) => PayloadShown::Committed(*commitment),
            (Some(commitment), Some(bytes)) if commits(commitment, bytes) => {
                PayloadShown::Matches(*commitment)
            }
            _ => return Err(BundleFault::Payload),
        };
        let genesis = Genesis::decode(&self.proof.genesis).map_err(|error| {
            BundleFault::Proof(ProofFault::Encoding {
                part: "genesis",
                error,
            })
        })?;
        let epochs = Epochs::follow(&genesis, &self.proof.handovers);
        Ok(ProvenBundle {
            proven,
            epochs: epochs.map_err(|_| BundleFault::Proof(ProofFault::Epochs))?,
            genesis,
            payload,
        })
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        // The array is from before there were boundaries; they are in the proof.
        writer
            .array(4)
            .text(LABEL)
            .bytes(&self.proof.encode())
            .array(0);
        match &self.payload {
            Some(payload) => writer.bytes(payload),
            None => writer.null(),
        };
        writer.into_bytes()
    }

    /// Reads a bundle; what it shows is for [`Bundle::verify`].
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(4)?;
        reader.label(LABEL)?;
        let proof = reader.bytes(MAX_PROOF)?;
        let start = reader.offset() - proof.len();
        let proof = Proof::decode(proof).map_err(|error| DecodeError {
            offset: start + error.offset,
            ..error
        })?;
        let epochs = reader.error("headers of epochs, which belong into the proof");
        if reader.array(u64::MAX)? != 0 {
            return Err(epochs);
        }
        let payload = if reader.is_null() {
            None
        } else {
            Some(reader.bytes(crate::MAX_PAYLOAD as usize)?.to_vec())
        };
        reader.finish()?;
        Ok(Self { proof, payload })
    }
}

/// Whether a commitment is to these bytes.
pub(crate) fn commits(commitment: &PayloadCommitment, bytes: &[u8]) -> bool {
    bytes.len() as u64 == u64::from(commitment.size)
        && bytes.first() == Some(&commitment.suite.0)
        && sha256(bytes) == commitment.digest.0
}
