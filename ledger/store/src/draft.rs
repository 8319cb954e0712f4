// SPDX-License-Identifier: Apache-2.0
//! What goes in (drafts) and what comes out (committed entries).

use std::fmt;

use silsila_chain::{BlockHash, EntryHash, Height, Op, Record};

/// The plaintext of one version: the canonical bytes and the mapping that made them.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The resource's canonical bytes; opaque to the ledger.
    pub body: Vec<u8>,
    /// Name of the mapping, empty where none was involved.
    pub mapping: String,
    /// SHA-256 of the mapping and its code tables.
    pub mapping_digest: [u8; 32],
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Payload({} bytes by {:?})",
            self.body.len(),
            self.mapping
        )
    }
}

/// One change that a caller wants committed.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// Put or delete.
    pub op: Op,
    /// The resource's name, such as `Patient/` and its id; only its tag reaches the chain.
    pub resource: String,
    /// The name of the subject's resource; only its tag reaches the chain.
    pub subject: String,
    /// A word for the kind of resource, at most 32 bytes; it reaches the chain.
    pub kind: String,
    /// The compartment; 0 is normal.
    pub label_class: u8,
    /// The content of a put; `None` for a delete.
    pub payload: Option<Payload>,
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Draft({:?} of {})", self.op, self.kind)
    }
}

/// What this member can say of a record's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// The plaintext.
    Open(Payload),
    /// The record deletes; there is no payload.
    Deleted,
    /// The bytes are here, and this member was given no key for them.
    Sealed,
    /// The bytes have not arrived yet.
    Missing,
}

/// An entry that was found on the chain and checked against it. Only the store can make one.
#[derive(Clone)]
pub struct CommittedEntry {
    pub(crate) seq: u64,
    pub(crate) record: Record,
    pub(crate) entry_hash: EntryHash,
    pub(crate) height: Height,
    pub(crate) block_hash: BlockHash,
    pub(crate) time_ms: u64,
    pub(crate) content: Content,
}

impl CommittedEntry {
    /// The entry's number in the chain, from 0.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// The entry itself.
    #[must_use]
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// The entry's hash.
    #[must_use]
    pub const fn entry_hash(&self) -> EntryHash {
        self.entry_hash
    }

    /// The block that holds it.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// The hash of that block.
    #[must_use]
    pub const fn block_hash(&self) -> BlockHash {
        self.block_hash
    }

    /// The time of that block, in milliseconds since 1970.
    #[must_use]
    pub const fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// The payload, or why it cannot be read here.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The plaintext; `None` for a delete, and where this member cannot open it.
    #[must_use]
    pub const fn payload(&self) -> Option<&Payload> {
        match &self.content {
            Content::Open(payload) => Some(payload),
            _ => None,
        }
    }

    /// Takes the plaintext out.
    #[must_use]
    pub fn into_payload(self) -> Option<Payload> {
        match self.content {
            Content::Open(payload) => Some(payload),
            _ => None,
        }
    }
}

impl fmt::Debug for CommittedEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommittedEntry({} at height {})", self.seq, self.height)
    }
}
