// SPDX-License-Identifier: Apache-2.0
//! The seam through which a search index follows the chain.

use silsila_chain::{BlockHash, EntryHash, Height, Record};

use crate::Payload;

/// An index could not follow a block.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The database refused.
    #[error("the index could not be written: {source}")]
    Sqlite {
        /// What SQLite said.
        #[from]
        source: rusqlite::Error,
    },
    /// The index itself refused; the text names no patient data.
    #[error("the index refused a block: {reason}")]
    Refused {
        /// Why.
        reason: String,
    },
}

/// The block that is being applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockInfo {
    /// Its height.
    pub height: Height,
    /// Its time in milliseconds since 1970, above that of every earlier block.
    pub time_ms: u64,
    /// Its hash.
    pub hash: BlockHash,
    /// The number of its first entry, of whatever kind.
    pub first_entry: u64,
    /// How many entries of all kinds it has; only records are handed to an index.
    pub entries: u64,
}

/// One committed entry, on its way into the index.
#[derive(Debug, Clone, Copy)]
pub struct Applied<'a> {
    /// The entry's number in the chain, from 0, without gaps; what [`crate::Store::committed`] takes.
    pub seq: u64,
    /// The entry.
    pub record: &'a Record,
    /// The entry's hash.
    pub entry_hash: EntryHash,
    /// The plaintext of a put, where this member can open it.
    pub plaintext: Option<&'a Payload>,
}

/// Follows the chain inside the store's own transaction: either a block and its index rows are both
/// there, or neither is.
pub trait Index: Send {
    /// Creates the index's tables; called at each open, before anything else.
    ///
    /// # Errors
    /// Where the tables cannot be made.
    fn prepare(&mut self, conn: &rusqlite::Connection) -> Result<(), IndexError>;

    /// Adds one block's records, in order. Called once per block; a failure undoes the block.
    ///
    /// # Errors
    /// Where the rows cannot be written.
    fn apply(
        &mut self,
        txn: &rusqlite::Transaction<'_>,
        block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError>;

    /// Adds what could not be opened when its block was applied, and can be now that its key or its bytes
    /// have come: records of earlier blocks, in order, each once. `block` is the last block; a failure
    /// undoes what brought the key. An index that keeps nothing of plaintexts need not care.
    ///
    /// # Errors
    /// Where the rows cannot be written.
    fn reveal(
        &mut self,
        txn: &rusqlite::Transaction<'_>,
        block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        let _ = (txn, block, records);
        Ok(())
    }

    /// Another index of this kind, for a file that takes the place of this one: whatever was handed out that depends
    /// on its secrets stays valid. `None` where there cannot be one; then a damaged file is not made anew.
    fn again(&self) -> Option<Box<dyn Index>> {
        None
    }

    /// Its tables, all of which follow from the chain.
    fn tables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Compares the index with the chain, as far as row counts and heights can tell; each string is
    /// one fault and names no patient data. `records` is how many records the chain holds.
    ///
    /// # Errors
    /// Where the tables cannot be read.
    fn verify(
        &mut self,
        conn: &rusqlite::Connection,
        tip: &BlockInfo,
        records: u64,
    ) -> Result<Vec<String>, IndexError> {
        let _ = (conn, tip, records);
        Ok(Vec::new())
    }
}

/// No index at all.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoIndex;

impl Index for NoIndex {
    fn again(&self) -> Option<Box<dyn Index>> {
        Some(Box::new(Self))
    }

    fn prepare(&mut self, _: &rusqlite::Connection) -> Result<(), IndexError> {
        Ok(())
    }

    fn apply(
        &mut self,
        _: &rusqlite::Transaction<'_>,
        _: &BlockInfo,
        _: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        Ok(())
    }
}
