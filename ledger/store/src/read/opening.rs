// SPDX-License-Identifier: Apache-2.0
//! From stored payload bytes to plaintext, with the keys that this member has.

use rusqlite::Connection;
use silsila_chain::{ChannelId, Grant, PublicKey, Record, Suite, Tag};
use silsila_seal::{Compartment, ContentKey, Envelopes, SealedAs, SealingKey};

use crate::clear::ClearSuite;
use crate::file::content_key;
use crate::{Payload, StoreError};

/// What opening needs besides a connection.
pub(crate) struct Opening {
    pub(crate) suite: ClearSuite,
    pub(crate) channel: ChannelId,
    /// This member, where the store knows who it is.
    pub(crate) me: Option<PublicKey>,
    pub(crate) sealing: Option<SealingKey>,
}

/// What became of stored bytes that are those committed.
pub(crate) enum Opened {
    /// Plaintext.
    Plain(Payload),
    /// This member has no key, or the writer sealed what nobody can open.
    Sealed,
    /// Bytes that this member itself wrote, and that do not open.
    Damaged(&'static str),
}

impl Opening {
    /// The compartment of a subject's entries that `writer` signed.
    pub(crate) const fn compartment(
        &self,
        writer: PublicKey,
        subject: Tag,
        class: u8,
        period: u32,
    ) -> Compartment {
        Compartment {
            channel: self.channel,
            custodian: writer,
            subject,
            class,
            period,
        }
    }

    /// Opens a record's payload. Call it only for bytes whose digest was compared with the entry.
    pub(crate) fn open(
        &self,
        conn: &Connection,
        writer: PublicKey,
        record: &Record,
        stored: &[u8],
    ) -> Result<Opened, StoreError> {
        if stored.first() != Some(&Suite::SEALED.0) {
            return Ok(self
                .suite
                .open(stored)
                .map_or_else(Opened::Damaged, Opened::Plain));
        }
        let of = self.compartment(
            writer,
            record.subject_tag,
            record.label_class,
            record.key_period,
        );
        let Some(kept) = content_key(conn, &of)? else {
            return Ok(Opened::Sealed);
        };
        let place = SealedAs {
            compartment: of,
            resource: record.resource_tag,
            version: record.version,
        };
        let packed = place.open(&kept.key, stored);
        let plain = packed
            .map_err(|_| "a sealed payload that its key does not open")
            .and_then(|packed| self.suite.open_packed(&packed));
        Ok(match plain {
            Ok(payload) => Opened::Plain(payload),
            Err(what) if self.me == Some(writer) => Opened::Damaged(what),
            Err(what) => {
                tracing::warn!(what, "another member sealed what cannot be opened");
                Opened::Sealed
            }
        })
    }

    /// The key that a grant gives to this member, where it gives one.
    pub(crate) fn take_key(
        &self,
        writer: PublicKey,
        grant: &Grant,
        stored: &[u8],
    ) -> Option<(Compartment, ContentKey)> {
        let (me, sealing) = (self.me?, self.sealing.as_ref()?);
        let of = self.compartment(
            writer,
            grant.subject_tag,
            grant.label_class,
            grant.key_period,
        );
        let opened = Envelopes::decode(stored).and_then(|all| all.open(&of, me, sealing));
        match opened {
            Ok(key) => key.map(|key| (of, key)),
            Err(error) => {
                tracing::warn!(%error, "another member's envelope does not open");
                None
            }
        }
    }
}
