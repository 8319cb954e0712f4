// SPDX-License-Identifier: Apache-2.0
//! Who certifies blocks.

use crate::cbor::Writer;
use crate::key::write_identities;
use crate::merkle::{self, Hash};
use crate::quorum::{MAX_VALIDATORS, MIN_QUORUM_VALIDATORS};
use crate::{BlockHash, BlockHeader, Certificate, Genesis, Identity, Reason};

/// Who certifies a channel's blocks for one epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    identities: Vec<Identity>,
    hash: Hash,
    epoch: u64,
}

/// A header whose certificate was checked. Whether it continues a chain is another question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertifiedHeader {
    hash: BlockHash,
    header: BlockHeader,
}

impl Validators {
    /// The validators that a genesis names.
    #[must_use]
    pub fn of(genesis: &Genesis) -> Self {
        Self::new(genesis.validators.clone(), 0)
    }

    /// Validators in ascending order, and the number of their epoch.
    #[must_use]
    pub(super) fn new(identities: Vec<Identity>, epoch: u64) -> Self {
        Self {
            hash: Self::hash_of(&identities),
            identities,
            epoch,
        }
    }

    /// Whether a channel can be ordered by so many: by one alone, or by four and more, of whom a third
    /// less one may fail. Two or three would stop at one power cut and bear no fault.
    #[must_use]
    pub const fn may_order(count: usize) -> bool {
        count == 1 || (count >= MIN_QUORUM_VALIDATORS && count <= MAX_VALIDATORS)
    }

    pub(crate) fn hash_of(identities: &[Identity]) -> Hash {
        let mut writer = Writer::new();
        writer.array(2).text("silsila/validators/1");
        write_identities(&mut writer, identities);
        merkle::leaf_hash(&writer.into_bytes())
    }

    /// The hash that headers carry for them.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Who they are, in ascending order.
    #[must_use]
    pub fn identities(&self) -> &[Identity] {
        &self.identities
    }

    /// The number of their epoch; the founding one is 0.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Checks that a certificate is theirs over this header, made in their epoch: whatever links it has
    /// are of that epoch too.
    ///
    /// # Errors
    /// Names the reason.
    pub fn certify(&self, header: &[u8], certificate: &[u8]) -> Result<CertifiedHeader, Reason> {
        let hash = BlockHeader::hash(header);
        let header = BlockHeader::decode(header).map_err(Reason::Encoding)?;
        let certificate = Certificate::decode(certificate).map_err(|_| Reason::Certificate)?;
        let in_time = match &certificate {
            Certificate::Lone { .. } => true,
            Certificate::Quorum {
                finalization,
                links,
            } => {
                let theirs = links.is_empty() || header.next_validators == self.hash;
                theirs && finalization.epoch == self.epoch
            }
        };
        if in_time && certificate.certifies(&header, &hash, &self.identities) {
            Ok(CertifiedHeader { hash, header })
        } else {
            Err(Reason::Certificate)
        }
    }
}

impl CertifiedHeader {
    /// A header that is only proposed: it never leaves this crate as certified.
    pub(super) fn foreseen(header: &[u8]) -> Result<Self, Reason> {
        Ok(Self {
            hash: BlockHeader::hash(header),
            header: BlockHeader::decode(header).map_err(Reason::Encoding)?,
        })
    }

    /// The block's hash.
    #[must_use]
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &BlockHeader {
        &self.header
    }
}
