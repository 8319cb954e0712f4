// SPDX-License-Identifier: Apache-2.0
//! Grants: content keys of one subject, compartment and key period, enveloped to members.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::{read_identities, write_identities};
use crate::{EventId, Identity, PayloadCommitment, Reason, Suite, Tag};

/// The most recipients of one grant.
pub const MAX_RECIPIENTS: u64 = 256;

pub(super) const GRANT: u64 = 2;
pub(super) const ITEMS: u64 = 7;

/// Whoever is named can open the keys in the payload, and with them the subject's records of the
/// compartment and period that the same custodian sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Whose records.
    pub subject_tag: Tag,
    /// The compartment.
    pub label_class: u8,
    /// The period whose content key is given; from 1.
    pub key_period: u32,
    /// Names the event, so that a replay is recognized.
    pub event_id: EventId,
    /// To whom, in ascending order; at least one.
    pub recipients: Vec<Identity>,
    /// The envelopes, suite 2.
    pub payload: PayloadCommitment,
}

impl Grant {
    /// Checks what a grant says of itself, whatever the chain holds.
    ///
    /// # Errors
    /// Names the reason.
    pub fn check(&self) -> Result<(), Reason> {
        if self.payload.suite != Suite::ENVELOPES {
            return Err(Reason::PayloadSuite);
        }
        if self.recipients.is_empty() {
            return Err(Reason::Recipient);
        }
        self.payload.check(self.key_period)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer
            .array(ITEMS)
            .uint(GRANT)
            .bytes(&self.subject_tag.0)
            .uint(u64::from(self.label_class))
            .uint(u64::from(self.key_period))
            .bytes(&self.event_id.0);
        write_identities(writer, &self.recipients);
        self.payload.write(writer);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            subject_tag: Tag(reader.fixed()?),
            label_class: reader.byte()?,
            key_period: reader.uint32()?,
            event_id: EventId(reader.fixed()?),
            recipients: read_identities(reader, MAX_RECIPIENTS)?,
            payload: PayloadCommitment::read(reader)?,
        })
    }
}
