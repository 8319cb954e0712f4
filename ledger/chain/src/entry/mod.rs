// SPDX-License-Identifier: Apache-2.0
//! Entries: one event each on the ledger. The shapes are drawn in `docs/ledger/formats.md`.

mod contract;
mod epoch;
mod grant;
mod member;
mod payload;
mod proposal;
mod record;

pub use contract::{Contract, ContractChange, Limits, MAX_POLICIES};
pub use epoch::EpochChange;
pub use grant::{Grant, MAX_RECIPIENTS};
pub use member::{
    Admission, Change, MAX_MEMBER_CERTIFICATE, MAX_ORGANIZATION, MAX_ROLE, MemberChange,
};
pub use payload::PayloadCommitment;
pub use proposal::{Endorsed, Endorsement, MAX_ENDORSEMENTS, Proposal};
pub use record::{MAX_KIND, Op, Record};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::{EntryHash, EventId, Reason, merkle};

/// The longest record, in bytes.
pub const MAX_RECORD: usize = 1024;
/// The longest entry of any kind, in bytes.
pub const MAX_ENTRY: usize = 160 << 10;

/// One event on the ledger. The first number of an entry says what follows. Numbers 3 to 6, 10
/// and 11 are reserved, in this order, for revoke, patient key, access, break-glass, erase, and receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// 1: a resource version put, or a resource deleted.
    Record(Record),
    /// 2: content keys of one subject, enveloped to members.
    Grant(Grant),
    /// 7: who is a member, and in what standing.
    Member(Box<Endorsed<MemberChange>>),
    /// 8: another contract.
    Contract(Box<Endorsed<ContractChange>>),
    /// 9: other validators.
    Epoch(Box<Endorsed<EpochChange>>),
}

impl Entry {
    /// The record, where it is one.
    #[must_use]
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The grant, where it is one.
    #[must_use]
    pub const fn grant(&self) -> Option<&Grant> {
        match self {
            Self::Grant(grant) => Some(grant),
            _ => None,
        }
    }

    /// What the entry commits to beside the chain, where it does.
    #[must_use]
    pub const fn payload(&self) -> Option<&PayloadCommitment> {
        match self {
            Self::Record(record) => record.payload.as_ref(),
            Self::Grant(grant) => Some(&grant.payload),
            Self::Member(_) | Self::Contract(_) | Self::Epoch(_) => None,
        }
    }

    /// The event that it records, where it names one.
    #[must_use]
    pub const fn event_id(&self) -> Option<&EventId> {
        match self {
            Self::Record(record) => Some(&record.event_id),
            Self::Grant(grant) => Some(&grant.event_id),
            Self::Member(_) | Self::Contract(_) | Self::Epoch(_) => None,
        }
    }

    /// How long an entry of this kind may be, in bytes.
    #[must_use]
    pub const fn max_size(&self) -> usize {
        match self {
            Self::Record(_) => MAX_RECORD,
            Self::Grant(_) | Self::Member(_) | Self::Epoch(_) => 20 << 10,
            Self::Contract(_) => MAX_ENTRY,
        }
    }

    /// Checks what an entry says of itself, whatever the chain holds.
    ///
    /// # Errors
    /// Names the reason.
    pub fn check(&self) -> Result<(), Reason> {
        match self {
            Self::Record(record) => record.check(),
            Self::Grant(grant) => grant.check(),
            Self::Member(change) => change.proposal.check(),
            Self::Contract(change) => change.proposal.check(),
            Self::Epoch(change) => change.proposal.check(),
        }
    }

    /// Writes the entry behind what `writer` holds.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Record(record) => record.write(writer),
            Self::Grant(grant) => grant.write(writer),
            Self::Member(change) => change.write(writer),
            Self::Contract(change) => change.write(writer),
            Self::Epoch(change) => change.write(writer),
        }
    }

    /// The entry's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        self.write(&mut writer);
        writer.into_bytes()
    }

    /// Reads one entry; more may follow.
    ///
    /// # Errors
    /// Where the bytes are no entry, a reserved kind, or not in the deterministic form.
    pub fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let before = reader.error("not an entry, or of a kind that this version does not know");
        let items = reader.array(u64::MAX)?;
        match (reader.uint()?, items) {
            (record::RECORD, record::ITEMS) => Record::read(reader).map(Self::Record),
            (grant::GRANT, grant::ITEMS) => Grant::read(reader).map(Self::Grant),
            (MemberChange::KIND, proposal::ITEMS) => {
                Endorsed::read(reader).map(|change| Self::Member(Box::new(change)))
            }
            (ContractChange::KIND, proposal::ITEMS) => {
                Endorsed::read(reader).map(|change| Self::Contract(Box::new(change)))
            }
            (EpochChange::KIND, proposal::ITEMS) => {
                Endorsed::read(reader).map(|change| Self::Epoch(Box::new(change)))
            }
            _ => Err(before),
        }
    }

    /// Reads exactly one entry.
    ///
    /// # Errors
    /// As [`Entry::read`], and where bytes follow.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let entry = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(entry)
    }

    /// The hash of an entry's bytes: the leaf of its transaction's tree.
    #[must_use]
    pub fn hash(bytes: &[u8]) -> EntryHash {
        EntryHash(merkle::leaf_hash(bytes))
    }
}
