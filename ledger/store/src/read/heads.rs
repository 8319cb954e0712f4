// SPDX-License-Identifier: Apache-2.0
//! The newest versions, as the file holds them.

use rusqlite::Connection;
use silsila_chain::{Head, Heads, Members, Tag};

use crate::file::versions;
use crate::read::Reading;
use crate::{Fault, Place, StoreError};

/// The newest versions among entries below `before`.
pub(crate) struct StoredHeads<'r> {
    pub(crate) conn: &'r Connection,
    pub(crate) reading: &'r Reading,
    pub(crate) members: &'r Members,
    pub(crate) before: u64,
}

impl Heads for StoredHeads<'_> {
    type Error = StoreError;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        versions(self.conn, resource, self.before, |seq| {
            let located = match self.reading.locate(self.conn, seq) {
                Err(StoreError::UnknownEntry { .. }) => return Err(astray(seq).into()),
                other => other?,
            };
            let (entry, member) = (located.entry, &located.anchor.member);
            let record = entry.entry.record();
            let record = record.filter(|record| record.resource_tag == *resource);
            let Some(record) = record else {
                return Ok(None);
            };
            let author = self.members.get(member).ok_or_else(|| stranger(seq))?;
            Ok(Some(Head::of(record, entry.hash, author.ordinal)))
        })
    }
}

fn astray(entry: u64) -> Fault {
    fault(entry, "a version is named that the chain does not have")
}

fn stranger(entry: u64) -> Fault {
    fault(
        entry,
        "a version was written by nobody who was ever a member",
    )
}

fn fault(entry: u64, what: &str) -> Fault {
    let place = Place {
        table: "ledger_version",
        entry: Some(entry),
        ..Place::default()
    };
    Fault {
        place,
        what: what.to_owned(),
    }
}
