// SPDX-License-Identifier: Apache-2.0
//! What was committed, checked on every read.

use std::ops::RangeInclusive;

use rusqlite::Connection;
use silsila_chain::Proof;

use super::Store;
use crate::file::versions;
use crate::read::{prove, summaries};
use crate::{BlockSummary, CommittedEntry, StoreError};

impl Store {
    /// One committed entry with its plaintext, checked against the chain: the entry's subtree of sixteen
    /// against the roots that its signed transaction makes, that against the certified block, and the
    /// payload against the entry. `conn` is that of a [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`] where the bytes are not those committed.
    pub fn committed(&self, conn: &Connection, seq: u64) -> Result<CommittedEntry, StoreError> {
        self.record(conn, seq)?
            .ok_or(StoreError::UnknownEntry { seq })
    }

    /// As [`Store::committed`], where the entry may be of another kind than a record: `None` then.
    ///
    /// # Errors
    /// As [`Store::committed`].
    pub fn record(
        &self,
        conn: &Connection,
        seq: u64,
    ) -> Result<Option<CommittedEntry>, StoreError> {
        self.0.reading.record(conn, seq)
    }

    /// The number of a resource's newest committed entry, for [`Store::committed`]. `conn` is that of a
    /// [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// Where the database fails, and [`StoreError::ReadOnly`], because tags are made with a key.
    pub fn head(&self, conn: &Connection, resource: &str) -> Result<Option<u64>, StoreError> {
        let keys = self.0.keys.as_ref().ok_or(StoreError::ReadOnly)?;
        let tag = keys.resource_tag(resource);
        versions(conn, &tag, i64::MAX.unsigned_abs(), |seq| {
            let entry = self.0.reading.locate(conn, seq)?.entry;
            let record = entry.entry.record();
            Ok(record
                .is_some_and(|record| record.resource_tag == tag)
                .then_some(seq))
        })
    }

    /// Blocks in brief; the range is cut to what exists.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn blocks(&self, heights: RangeInclusive<u64>) -> Result<Vec<BlockSummary>, StoreError> {
        self.read(|conn| summaries(conn, heights))
    }

    /// The proof that the chain holds an entry, to be verified with the channel's id alone.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`].
    pub fn proof(&self, seq: u64) -> Result<Proof, StoreError> {
        self.read(|conn| prove(&self.0.reading, conn, &self.0.genesis.encode(), seq))
    }
}
