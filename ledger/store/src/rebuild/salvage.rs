// SPDX-License-Identifier: Apache-2.0
//! Reading what can still be read of a damaged file. A connection that met a damaged page is of no further
//! use and is replaced; what could not be read is simply not there.

use rusqlite::Connection;
use rusqlite::types::Value;
use silsila_chain::merkle::root;
use silsila_chain::{
    Block, BlockHeader, CHUNK, ChannelId, Height, OpenTransaction, PayloadCommitment, Transaction,
};

use crate::StoreError;
use crate::file::{
    ChunkRow, LedgerFile, by_digest, connect_reader, differs, held, int, is_wanted, with_payload,
};
use crate::notice::during;
use crate::read::block;

const CACHE: usize = 4 << 20;

/// Takes a row, with the names of its columns.
pub(super) type Take<'t> = dyn FnMut(&[String], Vec<Value>) -> Result<(), StoreError> + 't;

/// A damaged file, read only.
pub(super) struct Salvage {
    file: LedgerFile,
    conn: Option<Connection>,
}

/// What became of a payload.
pub(super) enum Found {
    /// The bytes to which the entry commits.
    Bytes(Vec<u8>),
    /// It never came here.
    Wanted,
    /// It was here and cannot be read any more.
    Gone,
}

/// A block that holds what its own header says, opened.
pub(super) struct Whole {
    pub(super) block: Block,
    pub(super) opened: Vec<OpenTransaction>,
    pub(super) first_entry: u64,
}

impl Whole {
    /// The block, if it is of that channel and height and its parts belong together. Whether it is certified is
    /// for whoever applies it.
    pub(super) fn of(block: Block, channel: ChannelId, height: Height) -> Option<Self> {
        let header = BlockHeader::decode(&block.header).ok()?;
        let opened = block.transactions.iter().map(Transaction::open);
        let opened: Vec<_> = opened.collect::<Result<_, _>>().ok()?;
        let fits = header.channel == channel
            && header.height == height
            && header.tx_root == root(opened.iter().map(|one| one.id().0));
        fits.then_some(Self {
            block,
            opened,
            first_entry: header.first_entry,
        })
    }

    /// Every payload that the block's entries commit to, with the entry's number, and its place among the
    /// payloads of the entries of its row.
    pub(super) fn payloads(&self) -> Vec<(u64, PayloadCommitment, i64)> {
        let (mut all, mut first) = (Vec::new(), self.first_entry);
        for open in &self.opened {
            for chunk in open.entries().chunks(CHUNK) {
                let mut place = 0;
                for (entry, seq) in chunk.iter().zip(first..) {
                    if let Some(commitment) = entry.entry.payload() {
                        all.push((seq, *commitment, place));
                        place += 1;
                    }
                }
                first += chunk.len() as u64;
            }
        }
        all
    }
}

impl Salvage {
    pub(super) const fn new(file: LedgerFile) -> Self {
        Self { file, conn: None }
    }

    /// Reads something; `None` where it cannot be read.
    pub(super) fn attempt<T>(
        &mut self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let (done, seen) = during(|| {
            let conn = match self.conn.take() {
                Some(conn) => conn,
                None => connect_reader(&self.file, CACHE)?,
            };
            read(self.conn.insert(conn))
        });
        if seen.page {
            self.conn = None;
        }
        match done {
            Ok(read) => Ok(Some(read)),
            Err(StoreError::Damaged { .. } | StoreError::Foreign { .. }) => Ok(None),
            // A value of another type than its column has.
            Err(StoreError::Sqlite {
                source:
                    rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::FromSqlConversionFailure(..),
            }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// A block that holds together; `None` where it is not there or cannot be read.
    pub(super) fn block(
        &mut self,
        channel: ChannelId,
        height: Height,
    ) -> Result<Option<Whole>, StoreError> {
        let read = self.attempt(|conn| block(conn, height))?;
        Ok(read
            .flatten()
            .and_then(|block| Whole::of(block, channel, height)))
    }

    /// The payload of an entry, by its row or by its digest.
    pub(super) fn payload(
        &mut self,
        (seq, commitment, place): &(u64, PayloadCommitment, i64),
    ) -> Result<Found, StoreError> {
        let honest = |bytes: &[u8]| differs(commitment, bytes).is_none();
        let by_row = self.attempt(|conn| {
            let Some(row) = ChunkRow::holding(conn, *seq)? else {
                return Ok(None);
            };
            let id = row.payload + place;
            let bytes = with_payload(conn, id, |bytes| honest(bytes).then(|| bytes.to_vec()))?;
            match bytes.flatten() {
                Some(bytes) => Ok(Some(Found::Bytes(bytes))),
                None if is_wanted(conn, &commitment.digest, id)? => Ok(Some(Found::Wanted)),
                None => Ok(None),
            }
        })?;
        if let Some(found) = by_row.flatten() {
            return Ok(found);
        }
        let by_name = self.attempt(|conn| match by_digest(conn, &commitment.digest)? {
            None => held(conn, &commitment.digest),
            found => Ok(found),
        })?;
        let found = by_name.flatten().filter(|bytes| honest(bytes));
        Ok(found.map_or(Found::Gone, Found::Bytes))
    }

    /// A staged payload by its place.
    pub(super) fn staged(
        &mut self,
        id: i64,
        commitment: &PayloadCommitment,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let honest = |bytes: &[u8]| differs(commitment, bytes).is_none();
        let found = self.attempt(|conn| {
            let bytes = with_payload(conn, id, |bytes| honest(bytes).then(|| bytes.to_vec()))?;
            Ok(bytes.flatten())
        })?;
        Ok(found.flatten())
    }

    /// Rows of a table in the order of its key, as long as they can be read, from both ends. Says whether some
    /// could not be.
    pub(super) fn rows(&mut self, table: &str, take: &mut Take<'_>) -> Result<bool, StoreError> {
        let mut lost = true;
        for order in ["ASC", "DESC"] {
            let whole = self.attempt(|conn| walk(conn, table, order, take))?;
            lost = whole.is_none();
            if !lost {
                break;
            }
        }
        Ok(lost)
    }
}

fn walk(
    conn: &Connection,
    table: &str,
    order: &str,
    take: &mut Take<'_>,
) -> Result<(), StoreError> {
    let mut keys =
        conn.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    let keys = keys.query_map([table], |row| row.get::<_, String>(0))?;
    let by: Vec<String> = keys
        .map(|key| Ok(format!("{} {order}", key?)))
        .collect::<Result<_, StoreError>>()?;
    let by = if by.is_empty() {
        format!("rowid {order}")
    } else {
        by.join(", ")
    };
    let mut statement = conn.prepare(&format!("SELECT * FROM {table} ORDER BY {by}"))?;
    let columns: Vec<String> = statement.column_names().map(ToOwned::to_owned).collect();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let values = (0..columns.len()).map(|at| row.get(at));
        take(&columns, values.collect::<Result<_, _>>()?)?;
    }
    Ok(())
}

/// The highest block that the file names, as far as it can be read.
pub(super) fn tip(salvage: &mut Salvage) -> Result<Option<Height>, StoreError> {
    Ok(salvage
        .attempt(crate::file::tip_height)?
        .flatten()
        .filter(|tip| int(tip.0) > 0))
}
