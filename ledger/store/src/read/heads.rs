// SPDX-License-Identifier: Apache-2.0
//! The newest versions, as the file holds them.

use rusqlite::Connection;
use silsila_chain::{Head, Heads, Tag};

use crate::StoreError;
use crate::file::versions;
use crate::read::Reading;

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
            let entry = self.reading.locate(self.conn, seq)?.entry;
            let record = entry.entry.record();
            Ok((record.resource_tag == *resource).then(|| Head::of(record, entry.hash)))
        })
    }
}
