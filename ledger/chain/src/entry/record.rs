// SPDX-License-Identifier: Apache-2.0
//! Records: versions of resources.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::{EntryHash, EventId, PayloadCommitment, Reason, Suite, Tag};

/// The longest kind, in bytes.
pub const MAX_KIND: usize = 32;

pub(super) const RECORD: u64 = 1;
pub(super) const ITEMS: u64 = 11;

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
    /// The period whose content key sealed the payload, from 1; 0 where nothing is sealed.
    pub key_period: u32,
    /// Names the event, so that a replay is recognized.
    pub event_id: EventId,
    /// Commits to the payload; present for a put, absent for a delete.
    pub payload: Option<PayloadCommitment>,
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
            Some(payload) if ![Suite::CLEAR, Suite::SEALED].contains(&payload.suite) => {
                Err(Reason::PayloadSuite)
            }
            Some(payload) => payload.check(self.key_period),
            None if self.key_period == 0 => Ok(()),
            None => Err(Reason::KeyPeriod),
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer
            .array(ITEMS)
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

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
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
