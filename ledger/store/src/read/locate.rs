// SPDX-License-Identifier: Apache-2.0
//! From an entry's number to the entry, checked.

use std::sync::Arc;

use rusqlite::Connection;
use silsila_chain::{CHUNK, OpenEntry, Policy, Record, chunk_roots, read_entries};

use crate::file::{ChunkRow, differs, is_wanted, with_payload};
use crate::read::{Anchor, Anchors, Opened, Opening, StoredEpochs};
use crate::verify::is_listed;
use crate::{CommittedEntry, Content, Fault, Place, StoreError};

/// What reading needs besides a connection.
pub(crate) struct Reading {
    pub(crate) epochs: StoredEpochs,
    pub(crate) policy: Arc<dyn Policy>,
    pub(crate) anchors: Anchors,
    pub(crate) opening: Opening,
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
        let anchor = match self.anchors.get(conn, &self.epochs, row.transaction) {
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

    /// A record with its plaintext; `None` where the entry is of another kind.
    pub(crate) fn record(
        &self,
        conn: &Connection,
        seq: u64,
    ) -> Result<Option<CommittedEntry>, StoreError> {
        let located = self.locate(conn, seq)?;
        let content = match located.entry.entry.record() {
            Some(record) => self.content(conn, &located, record, seq)?,
            None => return Ok(None),
        };
        let silsila_chain::Entry::Record(record) = located.entry.entry else {
            return Ok(None);
        };
        Ok(Some(CommittedEntry {
            seq,
            record,
            entry_hash: located.entry.hash,
            height: located.anchor.height,
            block_hash: located.anchor.block,
            time_ms: located.anchor.time_ms,
            content,
        }))
    }

    /// The stored bytes of an entry's payload, checked; `None` where it has none or it is not here.
    pub(crate) fn payload(
        &self,
        conn: &Connection,
        seq: u64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let located = self.locate(conn, seq)?;
        let Some(commitment) = located.entry.entry.payload() else {
            return Ok(None);
        };
        let stored = with_payload(conn, located.payload, |stored| {
            differs(commitment, stored).map_or_else(|| Ok(stored.to_vec()), Err)
        })?;
        stored.transpose().map_err(|what| {
            let place = Place {
                table: "ledger_payload",
                height: Some(located.anchor.height),
                entry: Some(seq),
                ..Place::default()
            };
            let what = what.to_owned();
            Fault { place, what }.into()
        })
    }

    /// What this member can say of a record's payload.
    pub(crate) fn content(
        &self,
        conn: &Connection,
        located: &Located,
        record: &Record,
        seq: u64,
    ) -> Result<Content, StoreError> {
        let Some(commitment) = &record.payload else {
            return Ok(Content::Deleted);
        };
        let (id, writer) = (located.payload, located.anchor.member.key);
        let opened = with_payload(conn, id, |stored| match differs(commitment, stored) {
            Some(what) => Ok(Opened::Damaged(what)),
            None => self.opening.open(conn, writer, record, stored),
        })?;
        let what = match opened.transpose()? {
            Some(Opened::Plain(payload)) => return Ok(Content::Open(payload)),
            Some(Opened::Sealed) => return Ok(Content::Sealed),
            None if is_wanted(conn, &commitment.digest, id)? => {
                if !is_listed(conn, seq)? {
                    return Ok(Content::Missing);
                }
                "the payload was damaged here, and no other member has sent it yet"
            }
            None => "the payload is missing",
            Some(Opened::Damaged(what)) => what,
        };
        let place = Place {
            table: "ledger_payload",
            height: Some(located.anchor.height),
            entry: Some(seq),
            ..Place::default()
        };
        Err(Fault {
            place,
            what: what.to_owned(),
        }
        .into())
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
