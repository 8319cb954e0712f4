// SPDX-License-Identifier: Apache-2.0
//! What keeps a ledger well: verification, copies, figures, rest.

use std::path::Path;

use rusqlite::Connection;
use silsila_chain::{BlockHash, BlockHeader, Height};

use super::Store;
use super::doors::READER_CACHE;
use crate::file::{BlockRow, connect_reader, copy_to, damaged_pages, fold_log, tip_height};
use crate::read::entries_through;
use crate::verify::{check_outbox, verify_whole};
use crate::writer::{Checkpoint, Writer};
use crate::{Fault, Health, Place, Progress, StoreError, VerifyReport};

impl Store {
    /// Verifies everything: blocks, signatures, entries, payloads, versions, trees, the outbox, and the
    /// index as far as it can tell. Uses all processors; blocks that are committed meanwhile are left
    /// out.
    ///
    /// # Errors
    /// Where the database cannot be read at all; damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, StoreError> {
        let tip = self.read(tip_height)?.unwrap_or_default();
        let mut report = verify_whole(
            &self.0.file,
            &self.0.genesis,
            tip,
            &self.0.reading,
            progress,
        )?;
        report.faults.extend(self.read(check_outbox)?);
        report.faults.extend(self.damaged_pages()?);
        if self.0.writer.is_some() {
            report.faults.extend(self.0.write(verify_index)?);
        }
        Ok(report)
    }

    /// Compares the index with the chain, as far as the index can tell.
    ///
    /// # Errors
    /// Where the database cannot be read at all.
    pub fn verify_index(&self) -> Result<Vec<Fault>, StoreError> {
        self.0.write(verify_index)
    }

    /// Copies the ledger as it is at one moment into a new file, encrypted with the same key, while it goes on
    /// being written.
    ///
    /// # Errors
    /// [`StoreError::Full`], or where the copy cannot be made.
    pub fn copy_to(&self, copy: &Path) -> Result<(), StoreError> {
        let conn = connect_reader(&self.0.file, READER_CACHE)?;
        copy_to(&self.0.file, &conn, copy)
    }

    /// How the store is.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn health(&self) -> Result<Health, StoreError> {
        let size = |suffix: &str| {
            let mut name = self.0.file.path.as_os_str().to_owned();
            name.push(suffix);
            std::fs::metadata(name).map_or(0, |file| file.len())
        };
        self.read(|conn| {
            let (tip, hash, header) = tip(conn)?;
            let pending: i64 =
                conn.query_row("SELECT count(*) FROM ledger_outbox", [], |row| row.get(0))?;
            Ok(Health {
                height: tip,
                hash,
                time_ms: header.time_ms,
                entries: entries_through(conn, tip)?,
                pending: crate::file::number(pending),
                file_bytes: size(""),
                wal_bytes: size("-wal"),
                checkpoint: Checkpoint::height(conn, &self.0.genesis)?,
                failing: *self.0.failing(),
            })
        })
    }

    /// Gives back what writing took: memory of the page cache, and the log, which is copied into the file.
    /// For a pause in which nothing is committed; the next write is a little slower.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn rest(&self) -> Result<(), StoreError> {
        self.0.write(|writer| {
            fold_log(&writer.conn);
            Ok(writer.conn.execute_batch("PRAGMA shrink_memory")?)
        })
    }

    /// Gives back what reading took: memory of the readers' page caches. For a pause in which nobody reads.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn rest_readers(&self) -> Result<(), StoreError> {
        self.0.pool.rest()
    }

    pub(crate) fn damaged_pages(&self) -> Result<Vec<Fault>, StoreError> {
        let place = Place {
            table: "sqlite",
            ..Place::default()
        };
        let pages = self.read(|conn| damaged_pages(&self.0.file, conn))?;
        let faults = pages.into_iter().map(|what| Fault { place, what });
        Ok(faults.collect())
    }
}

fn verify_index(writer: &mut Writer) -> Result<Vec<Fault>, StoreError> {
    let (tip, conn) = (writer.tip(), &writer.conn);
    let records: i64 =
        conn.query_row("SELECT count(*) FROM ledger_version", [], |row| row.get(0))?;
    let records = crate::file::number(records);
    let faults = writer.index.verify(conn, &tip, records)?;
    let place = Place {
        table: "index",
        ..Place::default()
    };
    Ok(faults
        .into_iter()
        .map(|what| Fault { place, what })
        .collect())
}

fn tip(conn: &Connection) -> Result<(Height, BlockHash, BlockHeader), StoreError> {
    let height = tip_height(conn)?.unwrap_or_default();
    let place = Place {
        table: "ledger_block",
        height: Some(height),
        ..Place::default()
    };
    let row = BlockRow::at(conn, height)?;
    let row = row.ok_or_else(|| Fault {
        place,
        what: "a block is missing".to_owned(),
    })?;
    let header = BlockHeader::decode(&row.header).map_err(|error| Fault {
        place,
        what: error.to_string(),
    })?;
    Ok((height, BlockHeader::hash(&row.header), header))
}
