// SPDX-License-Identifier: Apache-2.0
//! The newest versions, as the file holds them.

use rusqlite::Connection;
use silsila_chain::{Head, Heads, Tag};

use crate::file::versions;
use crate::read::Reading;
use crate::{Fault, Place, StoreError};

/// The newest versions among entries below `before`.
pub(crate) struct StoredHeads<'r> {
    pub(crate) conn: &'r Connection,
    pub(crate) reading: &'r Reading,
    pub(crate) before: u64,
}

impl Heads for StoredHeads<'_> {
    type Error = StoreError;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, StoreError> {
        versions(self.conn, resource, self.before, |seq| {
            let entry = match self.reading.locate(self.conn, seq) {
                Err(StoreError::UnknownEntry { .. }) => return Err(astray(seq).into()),
                other => other?.entry,
            };
            let record = entry.entry.record();
            let record = record.filter(|record| record.resource_tag == *resource);
            Ok(record.map(|record| Head::of(record, entry.hash)))
        })
    }
}

fn astray(entry: u64) -> Fault {
    let place = Place {
        table: "ledger_version",
        entry: Some(entry),
        ..Place::default()
    };
    Fault {
        place,
        what: "a version is named that the chain does not have".to_owned(),
    }
}
