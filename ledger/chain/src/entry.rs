// SPDX-License-Identifier: Apache-2.0
//! Entries: one event each on the ledger.

use crate::{EntryHash, EventId, PayloadDigest, Suite, Tag};

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
    /// What kind of resource; a word of the writer's, opaque here, at most 32 bytes.
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
