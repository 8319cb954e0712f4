// SPDX-License-Identifier: Apache-2.0
//! Entries: one event each on the ledger. The shapes are drawn in `docs/ledger/formats.md`.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::{EntryHash, EventId, PayloadDigest, Reason, Suite, Tag, merkle};

/// The longest kind, in bytes.
pub const MAX_KIND: usize = 32;
/// The longest entry, in bytes.
pub const MAX_ENTRY: usize = 1024;

/// The first number of an entry says what follows. Numbers 2 to 11 are reserved, in this order, for
/// grant, revoke, patient key, access, break-glass, member, contract, epoch, erase, and receipt.
const RECORD: u64 = 1;
const RECORD_ITEMS: u64 = 11;

/// One event on the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A resource version put, or a resource deleted.
    Record(Record),
}

/// What a [`Record`] does to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Op {
    /// A new version with a payload.
    Put,
    /// The resource is gone from here on; no payload.
    Delete,
}

/// One version of one resource. The ledger knows tags, never names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Put or delete.
    pub op: Op,
    /// Which resource.
    pub resource_tag: Tag,
    /// Whose record it is; equal to nothing that other channels show.
    pub subject_tag: Tag,
    /// What kind of resource; a word of the writer's, opaque here, 1 to 32 bytes.
    pub kind: String,
    /// The compartment: 0 is normal, the others are the contract's sensitive classes.
    pub label_class: u8,
    /// From 1, rising by one with each version of the resource.
    pub version: u64,
    /// The entry of the version before; none for version 1.
    pub previous: Option<EntryHash>,
    /// The period whose content key sealed the payload; 0 under suite 0.
    pub key_period: u32,
    /// Names the event, so that a replay is recognized.
    pub event_id: EventId,
    /// Commits to the payload; present for a put, absent for a delete.
    pub payload: Option<PayloadCommitment>,
}

/// What an entry says of its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PayloadCommitment {
    /// How the payload's bytes are made.
    pub suite: Suite,
    /// SHA-256 of the bytes as stored.
    pub digest: PayloadDigest,
    /// How many bytes are stored.
    pub size: u32,
}

impl Entry {
    /// The record, where it is one.
    #[must_use]
    pub const fn record(&self) -> &Record {
        match self {
            Self::Record(record) => record,
        }
    }

    /// Writes the entry behind what `writer` holds.
    pub fn write(&self, writer: &mut Writer) {
        match self {
            Self::Record(record) => record.write(writer),
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
            (RECORD, RECORD_ITEMS) => Record::read(reader).map(Self::Record),
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

impl Record {
    /// Checks what a record says of itself, whatever the chain holds.
    ///
    /// # Errors
    /// Names the reason.
    pub fn check(&self) -> Result<(), Reason> {
        let (put, first) = (self.op == Op::Put, self.version == 1);
        let faults = [
            (
                self.kind.is_empty() || self.kind.len() > MAX_KIND,
                Reason::Kind,
            ),
            (
                self.version == 0 || first != self.previous.is_none(),
                Reason::VersionOrder,
            ),
            (put != self.payload.is_some(), Reason::Payload),
        ];
        if let Some((_, reason)) = faults.into_iter().find(|(wrong, _)| *wrong) {
            return Err(reason);
        }
        match &self.payload {
            Some(payload) => payload.check(self.key_period),
            None if self.key_period == 0 => Ok(()),
            None => Err(Reason::KeyPeriod),
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer
            .array(RECORD_ITEMS)
            .uint(RECORD)
            .uint(u64::from(self.op == Op::Delete));
        writer
            .bytes(&self.resource_tag.0)
            .bytes(&self.subject_tag.0)
            .text(&self.kind);
        writer.uint(u64::from(self.label_class)).uint(self.version);
        match &self.previous {
            Some(previous) => writer.bytes(&previous.0),
            None => writer.null(),
        };
        writer
            .uint(u64::from(self.key_period))
            .bytes(&self.event_id.0);
        match &self.payload {
            Some(payload) => payload.write(writer),
            None => _ = writer.null(),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            op: read_op(reader)?,
            resource_tag: Tag(reader.fixed()?),
            subject_tag: Tag(reader.fixed()?),
            kind: reader.text(MAX_KIND)?.to_owned(),
            label_class: reader.byte()?,
            version: reader.uint()?,
            previous: if reader.is_null() {
                None
            } else {
                Some(EntryHash(reader.fixed()?))
            },
            key_period: reader.uint32()?,
            event_id: EventId(reader.fixed()?),
            payload: if reader.is_null() {
                None
            } else {
                Some(PayloadCommitment::read(reader)?)
            },
        })
    }
}

fn read_op(reader: &mut Reader<'_>) -> Result<Op, DecodeError> {
    let before = reader.error("neither put nor delete");
    match reader.uint()? {
        0 => Ok(Op::Put),
        1 => Ok(Op::Delete),
        _ => Err(before),
    }
}

impl PayloadCommitment {
    fn check(&self, key_period: u32) -> Result<(), Reason> {
        if self.suite != Suite::CLEAR {
            return Err(Reason::PayloadSuite);
        }
        if key_period != 0 {
            return Err(Reason::KeyPeriod);
        }
        if self.size == 0 || self.size > crate::MAX_PAYLOAD {
            Err(Reason::PayloadSize)
        } else {
            Ok(())
        }
    }

    fn write(&self, writer: &mut Writer) {
        writer
            .array(3)
            .uint(u64::from(self.suite.0))
            .bytes(&self.digest.0)
            .uint(u64::from(self.size));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.tuple(3)?;
        Ok(Self {
            suite: Suite(reader.byte()?),
            digest: PayloadDigest(reader.fixed()?),
            size: reader.uint32()?,
        })
    }
}
