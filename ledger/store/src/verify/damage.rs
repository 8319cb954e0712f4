// SPDX-License-Identifier: Apache-2.0
//! The durable list of what was found damaged, and of what was repaired.

use rusqlite::{Connection, OptionalExtension, Row, params};
use silsila_chain::Height;

use crate::file::{int, number};
use crate::{Fault, Place, Store, StoreError};

/// So many rows of the list are kept; the oldest repaired ones go first.
const KEPT: i64 = 10_000;
/// The code under which damage is listed: that of [`StoreError::Damaged`].
const CODE: &str = "LED0002";

/// Something that was found damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its number in the list.
    pub number: u64,
    /// When it was found, in milliseconds since 1970.
    pub found_ms: u64,
    /// The error's code.
    pub code: String,
    /// The table.
    pub table: String,
    /// The block.
    pub height: Option<u64>,
    /// The entry's number in the chain.
    pub entry: Option<u64>,
    /// What is wrong there, without content.
    pub what: String,
    /// When it was repaired, if it was.
    pub repaired_ms: Option<u64>,
}

impl Store {
    /// Puts faults on the durable list; one that is on it and not repaired is not put there again.
    ///
    /// # Errors
    /// Where the list cannot be written.
    pub fn record_damage(&self, faults: &[Fault], now_ms: u64) -> Result<(), StoreError> {
        if faults.is_empty() {
            return Ok(());
        }
        self.local(|txn| {
            faults
                .iter()
                .try_for_each(|fault| insert(txn, fault, now_ms))?;
            txn.execute(
                "DELETE FROM ledger_damage WHERE repaired_ms IS NOT NULL
                 AND number <= (SELECT max(number) FROM ledger_damage) - ?1",
                [KEPT],
            )?;
            Ok(())
        })
    }

    /// What is on the list, the newest first; at most `limit`.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn damage(&self, limit: u32) -> Result<Vec<Damage>, StoreError> {
        self.read(|conn| {
            if !has_table(conn, "ledger_damage")? {
                return Ok(Vec::new());
            }
            let mut statement = conn.prepare_cached(
                "SELECT number, found_ms, code, part, height, entry, what, repaired_ms
                 FROM ledger_damage ORDER BY number DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How much of it waits to be repaired.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn unrepaired(&self) -> Result<u64, StoreError> {
        self.read(|conn| {
            if !has_table(conn, "ledger_damage")? {
                return Ok(0);
            }
            let count = "SELECT count(*) FROM ledger_damage WHERE repaired_ms IS NULL";
            Ok(number(conn.query_row(count, [], |row| row.get(0))?))
        })
    }
}

/// A file that was made by an earlier version and is only read has none of the newer tables.
pub(super) fn has_table(conn: &Connection, table: &str) -> Result<bool, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    Ok(statement.exists([table])?)
}

/// Marks what lies in a block, or is about one entry of it, as repaired.
pub(super) fn repaired(
    conn: &Connection,
    height: Option<Height>,
    entries: (u64, u64),
    now_ms: u64,
) -> Result<(), StoreError> {
    conn.execute(
        "UPDATE ledger_damage SET repaired_ms = ?1 WHERE repaired_ms IS NULL
         AND (height = ?2 OR (entry >= ?3 AND entry < ?4))",
        params![
            int(now_ms),
            height.map(|height| int(height.0)),
            int(entries.0),
            int(entries.1)
        ],
    )?;
    Ok(())
}

fn insert(conn: &Connection, fault: &Fault, now_ms: u64) -> Result<(), StoreError> {
    let Place {
        table,
        height,
        entry,
        ..
    } = fault.place;
    let (height, entry) = (height.map(|height| int(height.0)), entry.map(int));
    let known: Option<i64> = conn
        .query_row(
            "SELECT number FROM ledger_damage WHERE repaired_ms IS NULL
             AND part = ?1 AND height IS ?2 AND entry IS ?3 AND what = ?4",
            params![table, height, entry, fault.what],
            |row| row.get(0),
        )
        .optional()?;
    if known.is_none() {
        conn.execute(
            "INSERT INTO ledger_damage (found_ms, code, part, height, entry, what)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![int(now_ms), CODE, table, height, entry, fault.what],
        )?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Damage> {
    let optional = |at| row.get::<_, Option<i64>>(at).map(|found| found.map(number));
    Ok(Damage {
        number: number(row.get(0)?),
        found_ms: number(row.get(1)?),
        code: row.get(2)?,
        table: row.get(3)?,
        height: optional(4)?,
        entry: optional(5)?,
        what: row.get(6)?,
        repaired_ms: optional(7)?,
    })
}
