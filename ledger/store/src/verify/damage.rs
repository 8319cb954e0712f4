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
    /// From whom the good bytes came: a member's key, or [`OWN`].
    pub repaired_from: Option<String>,
}

/// What was repaired without asking anybody.
pub const OWN: &str = "its own whole parts";

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
            // A file of an earlier version that is only read lacks the last column.
            let mut column = conn.prepare_cached(
                "SELECT 1 FROM pragma_table_info('ledger_damage') WHERE name = 'repaired_from'",
            )?;
            let from = if column.exists([])? {
                "repaired_from"
            } else {
                "NULL"
            };
            let mut statement = conn.prepare_cached(&format!(
                "SELECT number, found_ms, code, part, height, entry, what, repaired_ms, {from}
                 FROM ledger_damage ORDER BY number DESC LIMIT ?1"
            ))?;
            let rows = statement.query_map([limit], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// How much of it waits to be repaired.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn unrepaired(&self) -> Result<u64, StoreError> {
        self.count("repaired_ms IS NULL")
    }

    /// How much of it was repaired, as far as the list goes back.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn repaired(&self) -> Result<u64, StoreError> {
        self.count("repaired_ms IS NOT NULL")
    }

    fn count(&self, which: &str) -> Result<u64, StoreError> {
        self.read(|conn| {
            if !has_table(conn, "ledger_damage")? {
                return Ok(0);
            }
            let count = format!("SELECT count(*) FROM ledger_damage WHERE {which}");
            Ok(number(conn.query_row(&count, [], |row| row.get(0))?))
        })
    }
}

/// Whether something waits to be repaired.
pub(crate) fn is_damaged(conn: &Connection) -> Result<bool, StoreError> {
    let mut any =
        conn.prepare_cached("SELECT 1 FROM ledger_damage WHERE repaired_ms IS NULL LIMIT 1")?;
    Ok(any.exists([])?)
}

/// Whether the payload of an entry was found damaged, and not repaired.
pub(crate) fn is_listed(conn: &Connection, entry: u64) -> Result<bool, StoreError> {
    if !has_table(conn, "ledger_damage")? {
        return Ok(false);
    }
    let mut listed = conn.prepare_cached(
        "SELECT 1 FROM ledger_damage
         WHERE repaired_ms IS NULL AND part = 'ledger_payload' AND entry = ?1",
    )?;
    Ok(listed.exists([int(entry)])?)
}

/// A file that was made by an earlier version and is only read has none of the newer tables.
pub(crate) fn has_table(conn: &Connection, table: &str) -> Result<bool, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")?;
    Ok(statement.exists([table])?)
}

/// When something was repaired, and with whose bytes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) now_ms: u64,
    pub(crate) from: &'a str,
}

/// Marks what lies in a block, or is about one entry of it, as repaired.
pub(crate) fn repaired(
    conn: &Connection,
    height: Option<Height>,
    entries: (u64, u64),
    by: By<'_>,
) -> Result<(), StoreError> {
    conn.execute(
        "UPDATE ledger_damage SET repaired_ms = ?1, repaired_from = ?5 WHERE repaired_ms IS NULL
         AND (height = ?2 OR (entry >= ?3 AND entry < ?4))",
        params![
            int(by.now_ms),
            height.map(|height| int(height.0)),
            int(entries.0),
            int(entries.1),
            by.from
        ],
    )?;
    Ok(())
}

/// Marks what is about the file itself or the index as repaired: both were made anew.
pub(crate) fn repaired_file(conn: &Connection, by: By<'_>) -> Result<(), StoreError> {
    conn.execute(
        "UPDATE ledger_damage SET repaired_ms = ?1, repaired_from = ?2 WHERE repaired_ms IS NULL
         AND part != 'ledger_payload'",
        params![int(by.now_ms), by.from],
    )?;
    Ok(())
}

pub(crate) fn insert(conn: &Connection, fault: &Fault, now_ms: u64) -> Result<(), StoreError> {
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
        repaired_from: row.get(8)?,
    })
}
