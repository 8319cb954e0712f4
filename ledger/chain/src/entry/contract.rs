// SPDX-License-Identifier: Apache-2.0
//! The contract: who may do what on a channel, as text of a policy language that is opaque here, and a
//! few limits that are not.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::Proposal;
use crate::merkle::{self, Hash};
use crate::{Height, MAX_ENTRIES, MAX_ENTRIES_BYTES, Reason};

/// The longest text of policies, in bytes.
pub const MAX_POLICIES: usize = 128 << 10;

const LABEL: &str = "silsila/contract/1";

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contract {
    /// The policies as they were written; empty on the channel of a gateway alone, where nobody has to be
    /// told what the only member may do.
    pub policies: String,
    /// Limits that hold for every transaction.
    pub limits: Limits,
}

/// Limits that a contract sets, within those of the formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most entries of one transaction.
    pub entries: u64,
    /// The most bytes of entries of one transaction.
    pub bytes: u64,
    /// How many blocks ahead of the chain a transaction's `valid_until` may lie.
    pub horizon: u64,
    /// The age in milliseconds at which a member's last block is too old to read by.
    pub max_staleness_ms: u64,
}

impl Default for Limits {
    /// The limits of the formats alone.
    fn default() -> Self {
        Self {
            entries: MAX_ENTRIES,
            bytes: MAX_ENTRIES_BYTES as u64,
            horizon: u64::MAX,
            max_staleness_ms: u64::MAX,
        }
    }
}

impl Contract {
    /// The contract of a gateway alone.
    #[must_use]
    pub fn none() -> Self {
        Self {
            policies: String::new(),
            limits: Limits::default(),
        }
    }

    /// Whether nothing is agreed, because there is nobody to agree with.
    #[must_use]
    pub const fn is_none(&self) -> bool {
        self.policies.is_empty()
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.into_bytes()
    }

    /// Names the contract: the RFC 9162 leaf hash of its bytes.
    #[must_use]
    pub fn hash(&self) -> Hash {
        merkle::leaf_hash(&self.encode())
    }

    /// Checks that the limits leave room for something.
    ///
    /// # Errors
    /// [`Reason::Contract`].
    pub const fn check(&self) -> Result<(), Reason> {
        let limits = &self.limits;
        let within = limits.entries >= 1
            && limits.entries <= MAX_ENTRIES
            && limits.bytes >= 1
            && limits.bytes <= MAX_ENTRIES_BYTES as u64
            && limits.horizon >= 1
            && limits.max_staleness_ms >= 1;
        if within {
            Ok(())
        } else {
            Err(Reason::Contract)
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        let limits = &self.limits;
        writer.array(3).text(LABEL).text(&self.policies);
        writer
            .array(4)
            .uint(limits.entries)
            .uint(limits.bytes)
            .uint(limits.horizon)
            .uint(limits.max_staleness_ms);
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        reader.label(LABEL)?;
        let policies = reader.text(MAX_POLICIES)?.to_owned();
        reader.tuple(4)?;
        let limits = Limits {
            entries: reader.uint()?,
            bytes: reader.uint()?,
            horizon: reader.uint()?,
            max_staleness_ms: reader.uint()?,
        };
        Ok(Self { policies, limits })
    }
}

/// Another contract from the next transaction on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractChange {
    /// The contract's number: one above the present one's; the founding contract is 1.
    pub number: u64,
    /// The last block that may hold the change.
    pub until: Height,
    /// The contract.
    pub contract: Contract,
}

impl ContractChange {
    pub(super) fn check(&self) -> Result<(), Reason> {
        if self.contract.is_none() {
            return Err(Reason::Contract);
        }
        self.contract.check()
    }
}

impl Proposal for ContractChange {
    const KIND: u64 = 8;

    fn write(&self, writer: &mut Writer) {
        writer.array(3).uint(self.number).uint(self.until.0);
        self.contract.write(writer);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        Ok(Self {
            number: reader.uint()?,
            until: Height(reader.uint()?),
            contract: Contract::read(reader)?,
        })
    }
}
