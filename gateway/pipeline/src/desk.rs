// SPDX-License-Identifier: Apache-2.0
//! What an operator may ask and order, straight over the store: with or without a running pipeline.
//!
//! Orders are rows in the pipeline's tables. A running worker is woken by its handle; a gateway that is
//! started later finds them.

use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use silsila_store::Store;

use crate::PipelineError;
use crate::tables;

/// What `resync` reads again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every mapping of a source.
    Source(String),
    /// One mapping, of whichever source has it.
    Mapping(String),
}

/// Which quarantined rows are meant; an empty filter means all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QuarantineFilter {
    /// Only this source's.
    pub source: Option<String>,
    /// Only this mapping's.
    pub mapping: Option<String>,
    /// Only those with this code.
    pub code: Option<String>,
    /// Only the row of this key, as the list shows it.
    pub key: Option<String>,
}

/// One quarantined row, for the operator's eyes: the only place where a legacy key is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineEntry {
    /// The source.
    pub source: String,
    /// The mapping.
    pub mapping: String,
    /// Its main table.
    pub table: String,
    /// The row's key as the database writes it; several columns are joined by `/`.
    pub key: String,
    /// The stable code.
    pub code: String,
    /// The legacy column at fault, where one is.
    pub column: Option<String>,
    /// The FHIR element that could not be made.
    pub element: Option<String>,
    /// One sentence for people.
    pub reason: String,
    /// Whether an earlier version of the resource is still served.
    pub stale: bool,
    /// When the row first fell into quarantine, milliseconds since 1970.
    pub first_seen_ms: i64,
    /// When it was last found there.
    pub last_seen_ms: i64,
    /// How often it was tried again without a change.
    pub tries: u32,
    /// When it is tried next.
    pub next_retry_ms: i64,
}

impl std::fmt::Debug for QuarantineEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "QuarantineEntry({} of {})", self.code, self.mapping)
    }
}

/// Accepts the loss that a source asks about, and columns that are of another type now (PIP0019). Answers
/// whether there was anything to accept.
///
/// # Errors
/// [`PipelineError::UnknownSource`], or where the store fails.
pub fn confirm(store: &Store, source: &str) -> Result<bool, PipelineError> {
    store.local(|txn| {
        tables::prepare(txn)?;
        let id = source_id(txn, source)?;
        let asked = txn.execute(
            "UPDATE pipe_source SET confirmed = sweep + 1, sweep_wanted = sweep + 1, asked_code = NULL
             WHERE id = ?1 AND asked_code IS NOT NULL",
            [id],
        )?;
        let retyped = tables::schema::accept_retyped(txn, id)?;
        Ok(asked == 1 || retyped > 0)
    })
}

/// Has every row read and mapped again, changed or not, by a sweep that begins after this call.
///
/// # Errors
/// [`PipelineError::UnknownSource`], [`PipelineError::UnknownMapping`], or where the store fails.
pub fn resync(store: &Store, scope: &Scope) -> Result<(), PipelineError> {
    store.local(|txn| {
        tables::prepare(txn)?;
        let changed = match scope {
            Scope::Source(name) => {
                let id = source_id(txn, name)?;
                txn.execute("UPDATE pipe_mapping SET forced = 1 WHERE source = ?1", [id])?;
                txn.execute(
                    "UPDATE pipe_source SET sweep_wanted = sweep + 1 WHERE id = ?1",
                    [id],
                )?
            }
            Scope::Mapping(name) => {
                txn.execute("UPDATE pipe_mapping SET forced = 1 WHERE name = ?1", [name])?;
                txn.execute(
                    "UPDATE pipe_source SET sweep_wanted = sweep + 1
                     WHERE id IN (SELECT source FROM pipe_mapping WHERE name = ?1)",
                    [name],
                )?
            }
        };
        match (changed, scope) {
            (0, Scope::Mapping(name)) => Err(PipelineError::UnknownMapping { name: name.clone() }),
            _ => Ok(()),
        }
    })
}

/// Orders a sweep that begins after this call; answers with its number.
///
/// # Errors
/// [`PipelineError::UnknownSource`], or where the store fails.
pub fn sweep_now(store: &Store, source: &str) -> Result<u64, PipelineError> {
    store.local(|txn| {
        tables::prepare(txn)?;
        let id = source_id(txn, source)?;
        txn.execute(
            "UPDATE pipe_source SET sweep_wanted = sweep + 1 WHERE id = ?1",
            [id],
        )?;
        let wanted: i64 = txn.query_row(
            "SELECT sweep_wanted FROM pipe_source WHERE id = ?1",
            [id],
            |row| row.get(0),
        )?;
        Ok(wanted.unsigned_abs())
    })
}

/// Marks quarantined rows to be tried again at once; answers how many. With `accept`, a patient that
/// "may be another person" (PIP0005, PIP0006) is taken as the one it is now.
///
/// # Errors
/// Where the store fails.
pub fn retry(store: &Store, filter: &QuarantineFilter, accept: bool) -> Result<u64, PipelineError> {
    store.local(|txn| {
        tables::prepare(txn)?;
        let count = txn.execute(
            "UPDATE pipe_quarantine SET next_retry = 0,
               accepted = CASE WHEN ?5 AND code IN ('PIP0005', 'PIP0006') THEN 1 ELSE accepted END
             WHERE (?1 IS NULL OR mapping IN (SELECT m.id FROM pipe_mapping m JOIN pipe_source s ON s.id = m.source WHERE s.name = ?1))
               AND (?2 IS NULL OR mapping IN (SELECT id FROM pipe_mapping WHERE name = ?2))
               AND (?3 IS NULL OR code = ?3) AND (?4 IS NULL OR key_text = ?4)",
            params![filter.source, filter.mapping, filter.code, filter.key, accept],
        )?;
        Ok(count as u64)
    })
}

/// Quarantined rows, oldest first. Works on a store that was opened read-only.
///
/// # Errors
/// Where the store fails.
pub fn quarantine(
    store: &Store,
    filter: &QuarantineFilter,
    limit: usize,
) -> Result<Vec<QuarantineEntry>, PipelineError> {
    store.read(|conn| {
        if !tables::exist(conn)? {
            return Ok(Vec::new());
        }
        let mut statement = conn.prepare(
            "SELECT s.name, m.name, m.main_table, q.key_text, q.code, q.column_name, q.element, q.reason,
                    coalesce((SELECT live FROM pipe_row r WHERE r.mapping = q.mapping AND r.key = q.key), 0),
                    q.first_seen, q.last_seen, q.tries, q.next_retry
             FROM pipe_quarantine q JOIN pipe_mapping m ON m.id = q.mapping JOIN pipe_source s ON s.id = m.source
             WHERE (?1 IS NULL OR s.name = ?1) AND (?2 IS NULL OR m.name = ?2)
               AND (?3 IS NULL OR q.code = ?3) AND (?4 IS NULL OR q.key_text = ?4)
             ORDER BY q.first_seen, m.id, q.key LIMIT ?5",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = statement.query_map(
            params![filter.source, filter.mapping, filter.code, filter.key, limit],
            |row| {
                Ok(QuarantineEntry {
                    source: row.get(0)?,
                    mapping: row.get(1)?,
                    table: row.get(2)?,
                    key: row.get(3)?,
                    code: row.get(4)?,
                    column: row.get(5)?,
                    element: row.get(6)?,
                    reason: row.get(7)?,
                    stale: row.get(8)?,
                    first_seen_ms: row.get(9)?,
                    last_seen_ms: row.get(10)?,
                    tries: row.get(11)?,
                    next_retry_ms: row.get(12)?,
                })
            },
        )?;
        Ok(found.collect::<Result<_, _>>()?)
    })
}

fn source_id(conn: &Connection, name: &str) -> Result<i64, PipelineError> {
    let id = conn
        .query_row(
            "SELECT id FROM pipe_source WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()?;
    match id {
        Some(id) => Ok(id),
        None => {
            let mut statement = conn.prepare("SELECT name FROM pipe_source ORDER BY name")?;
            let known = statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?;
            Err(PipelineError::UnknownSource {
                name: name.to_owned(),
                known: if known.is_empty() {
                    "none yet".to_owned()
                } else {
                    known.join(", ")
                },
            })
        }
    }
}
