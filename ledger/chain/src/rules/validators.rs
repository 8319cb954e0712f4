// SPDX-License-Identifier: Apache-2.0
//! Who certifies blocks.

use crate::merkle::Hash;
use crate::{BlockHash, BlockHeader, Certificate, Genesis, Identity, Reason};

/// Who certifies a channel's blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validators {
    identities: Vec<Identity>,
    hash: Hash,
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
        Self {
            identities: genesis.validators.clone(),
            hash: genesis.validators_hash(),
        }
    }

    /// The hash that headers carry for them.
    #[must_use]
    pub const fn hash(&self) -> Hash {
        self.hash
    }

    /// Checks that a certificate is theirs over this header.
    ///
    /// # Errors
    /// Names the reason.
    pub fn certify(&self, header: &[u8], certificate: &[u8]) -> Result<CertifiedHeader, Reason> {
        let hash = BlockHeader::hash(header);
        let header = BlockHeader::decode(header).map_err(Reason::Encoding)?;
        let certificate = Certificate::decode(certificate).map_err(|_| Reason::Certificate)?;
        if certificate.certifies(&header, &hash, &self.identities) {
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
