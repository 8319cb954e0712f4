// SPDX-License-Identifier: Apache-2.0
//! From an entry's number to the entry, checked.

use std::sync::Arc;

use rusqlite::Connection;
use silsila_chain::{CHUNK, OpenEntry, Policy, Record, Validators, chunk_roots, read_entries};

use crate::clear::ClearSuite;
use crate::file::{ChunkRow, differs, with_payload};
use crate::read::{Anchor, Anchors};
use crate::{CommittedEntry, Fault, Payload, Place, StoreError};

/// What reading needs besides a connection.
pub(crate) struct Reading {
    pub(crate) validators: Validators,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) anchors: Anchors,
    pub(crate) suite: ClearSuite,
}

/// An entry that was found and checked; its payload was not looked at yet.
pub(crate) struct Located {
    pub(crate) entry: OpenEntry,
    pub(crate) anchor: Arc<Anchor>,
    pub(crate) payload: i64,
}

impl Reading {
    /// The chunk that holds an entry, checked, and the entry's position in it.
    pub(crate) fn chunk(&self, conn: &Connection, seq: u64) -> Result<Chunk, StoreError> {
        let row = ChunkRow::holding(conn, seq)?.ok_or(StoreError::UnknownEntry { seq })?;
        let place = Place {
            table: "ledger_entries",
            entry: Some(seq),
            ..Place::default()
        };
        let fault = |what: String| Fault { place, what };
        let anchor = match self.anchors.get(conn, &self.validators, row.transaction) {
            Err(StoreError::Damaged { fault }) => return Err(at_entry(*fault, seq).into()),
            other => other?,
        };
        let entries = read_entries(&row.bytes).map_err(|error| fault(error.to_string()))?;
        let end = row.first.saturating_add(entries.len() as u64);
        if seq >= end && ChunkRow::collect(conn, seq, u64::MAX)?.is_empty() {
            return Err(StoreError::UnknownEntry { seq });
        }
        let offset = row
            .first
            .checked_sub(anchor.first_entry)
            .filter(|offset| offset.is_multiple_of(CHUNK as u64));
        let stored = offset.and_then(|offset| {
            anchor
                .chunk_roots
                .get(usize::try_from(offset).ok()? / CHUNK)
        });
        let found = chunk_roots(&entries);
        if seq >= end
            || stored.is_none()
            || found.as_slice() != stored.map_or(&[][..], std::slice::from_ref)
        {
            return Err(fault("the entries are not those of a certified block".to_owned()).into());
        }
        let position = usize::try_from(seq - row.first).expect("at most sixteen");
        Ok(Chunk {
            row,
            entries,
            anchor,
            position,
        })
    }

    /// An entry by its number.
    pub(crate) fn locate(&self, conn: &Connection, seq: u64) -> Result<Located, StoreError> {
        let mut chunk = self.chunk(conn, seq)?;
        let before = chunk.entries[..chunk.position].iter();
        let payloads = before
            .filter(|entry| entry.entry.payload().is_some())
            .count();
        let payload = chunk
            .row
            .payload
            .saturating_add(i64::try_from(payloads).expect("at most sixteen"));
        Ok(Located {
            entry: chunk.entries.swap_remove(chunk.position),
            anchor: chunk.anchor,
            payload,
        })
    }

    /// An entry with its plaintext.
    pub(crate) fn committed(
        &self,
        conn: &Connection,
        seq: u64,
    ) -> Result<CommittedEntry, StoreError> {
        let located = self.locate(conn, seq)?;
        let silsila_chain::Entry::Record(record) = located.entry.entry else {
            return Err(StoreError::UnknownEntry { seq });
        };
        let payload = self.payload(conn, &record, located.payload, located.anchor.height.0, seq)?;
        Ok(CommittedEntry {
            seq,
            record,
            entry_hash: located.entry.hash,
            height: located.anchor.height,
            block_hash: located.anchor.block,
            time_ms: located.anchor.time_ms,
            payload,
        })
    }

    fn payload(
        &self,
        conn: &Connection,
        record: &Record,
        id: i64,
        height: u64,
        seq: u64,
    ) -> Result<Option<Payload>, StoreError> {
        let Some(commitment) = &record.payload else {
            return Ok(None);
        };
        let opened = with_payload(conn, id, |stored| match differs(commitment, stored) {
            Some(what) => Err(what),
            None => self.suite.open(stored),
        })?;
        let place = Place {
            table: "ledger_payload",
            height: Some(silsila_chain::Height(height)),
            entry: Some(seq),
            ..Place::default()
        };
        let opened = opened.unwrap_or(Err("the payload is missing"));
        opened.map(Some).map_err(|what| {
            Fault {
                place,
                what: what.to_owned(),
            }
            .into()
        })
    }
}

/// Sixteen entries or fewer, checked against a certified block.
pub(crate) struct Chunk {
    pub(crate) row: ChunkRow,
    pub(crate) entries: Vec<OpenEntry>,
    pub(crate) anchor: Arc<Anchor>,
    pub(crate) position: usize,
}

fn at_entry(mut fault: Fault, seq: u64) -> Fault {
    fault.place.entry = Some(seq);
    fault
}
