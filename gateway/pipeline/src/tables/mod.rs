// SPDX-License-Identifier: Apache-2.0
//! The pipeline's own tables, in the store's file, so that they change in the same transaction as the
//! entries they speak of.
//!
//! | table | one row per | size |
//! |---|---|---|
//! | `pipe_source` | source: number and times of its sweeps, what it asks a person | few |
//! | `pipe_mapping` | mapping: cursor, watermark, counters | few |
//! | `pipe_row` | legacy row and mapping: outcome, digests, last sweep that saw it | about 90 bytes each |
//! | `pipe_quarantine` | row in quarantine, with the reason and the key as people write it | few |
//! | `pipe_warning` | kind of warning: how many rows bear it now | few |
//! | `pipe_feed` | source whose log of changes is followed: the position, and why it was lost last | few |
//! | `pipe_schema` | column of a table that mappings read, as it was when they last fitted | few |
//! | `pipe_held` | mapping that stands still because its tables changed under it, with the difference | few |

pub(crate) mod feed;
pub(crate) mod progress;
pub(crate) mod rows;
pub(crate) mod schema;

use crate::PipelineError;

/// `pipe_mapping.stage`: the sweep named there has not come to this mapping yet.
pub(crate) const STAGE_WAITING: i64 = 0;
/// The table is being read in key order.
pub(crate) const STAGE_SCANNING: i64 = 1;
/// The table was read to its end; what vanished is being withdrawn.
pub(crate) const STAGE_DELETING: i64 = 2;
/// The sweep named there has done with this mapping.
pub(crate) const STAGE_DONE: i64 = 3;

/// Creates what is missing.
pub(crate) fn prepare(conn: &rusqlite::Connection) -> Result<(), PipelineError> {
    conn.execute_batch(SCHEMA)?;
    Ok(())
}

/// Whether the tables are there; a ledger that never had a pipeline has none.
pub(crate) fn exist(conn: &rusqlite::Connection) -> Result<bool, PipelineError> {
    has(conn, "pipe_source")
}

/// Whether that table is there; a file of an earlier version lacks the later ones until a gateway opens it.
pub(crate) fn has(conn: &rusqlite::Connection, table: &str) -> Result<bool, PipelineError> {
    let count: i64 = conn.query_row(
        "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1",
        [table],
        |row| row.get(0),
    )?;
    Ok(count == 1)
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS pipe_source (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  pack BLOB,
  sweep INTEGER NOT NULL DEFAULT 0,
  sweep_done INTEGER NOT NULL DEFAULT 0,
  sweep_over INTEGER NOT NULL DEFAULT 0,
  sweep_wanted INTEGER NOT NULL DEFAULT 0,
  sweep_started INTEGER,
  sweep_ended INTEGER,
  confirmed INTEGER NOT NULL DEFAULT 0,
  repair INTEGER NOT NULL DEFAULT 0,
  asked_code TEXT,
  asked_text TEXT,
  asked_mapping TEXT,
  asked_table TEXT,
  asked_known INTEGER,
  asked_vanished INTEGER,
  asked_at INTEGER
);
CREATE TABLE IF NOT EXISTS pipe_mapping (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES pipe_source (id),
  name TEXT NOT NULL,
  resource_type TEXT NOT NULL,
  main_table TEXT NOT NULL,
  sweep INTEGER NOT NULL DEFAULT 0,
  stage INTEGER NOT NULL DEFAULT 0,
  cursor BLOB,
  swept INTEGER NOT NULL DEFAULT 0,
  known INTEGER NOT NULL DEFAULT 0,
  swept_at INTEGER,
  forced INTEGER NOT NULL DEFAULT 0,
  tail BLOB,
  watermark BLOB,
  produced INTEGER NOT NULL DEFAULT 0,
  empty INTEGER NOT NULL DEFAULT 0,
  not_shared INTEGER NOT NULL DEFAULT 0,
  quarantined INTEGER NOT NULL DEFAULT 0,
  resources INTEGER NOT NULL DEFAULT 0,
  versions INTEGER NOT NULL DEFAULT 0,
  UNIQUE (source, name)
);
CREATE TABLE IF NOT EXISTS pipe_row (
  mapping INTEGER NOT NULL,
  key BLOB NOT NULL,
  state INTEGER NOT NULL,
  live INTEGER NOT NULL,
  hold INTEGER NOT NULL,
  sweep INTEGER NOT NULL,
  input BLOB,
  body BLOB,
  subject TEXT,
  person BLOB,
  warned BLOB,
  PRIMARY KEY (mapping, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pipe_row_subject ON pipe_row (subject) WHERE subject IS NOT NULL AND live = 1;
CREATE TABLE IF NOT EXISTS pipe_quarantine (
  mapping INTEGER NOT NULL,
  key BLOB NOT NULL,
  key_text TEXT NOT NULL,
  code TEXT NOT NULL,
  column_name TEXT,
  element TEXT,
  reason TEXT NOT NULL,
  first_seen INTEGER NOT NULL,
  last_seen INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  next_retry INTEGER NOT NULL,
  accepted INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (mapping, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pipe_quarantine_due ON pipe_quarantine (next_retry);
CREATE TABLE IF NOT EXISTS pipe_warning (
  id INTEGER PRIMARY KEY,
  mapping INTEGER NOT NULL,
  code TEXT NOT NULL,
  column_name TEXT,
  element TEXT,
  rows INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS pipe_feed (
  source INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  position BLOB NOT NULL,
  owed INTEGER NOT NULL DEFAULT 0,
  lost_reason TEXT,
  lost_at INTEGER
);
CREATE TABLE IF NOT EXISTS pipe_schema (
  source INTEGER NOT NULL,
  table_name TEXT NOT NULL,
  place INTEGER NOT NULL,
  column_name TEXT NOT NULL,
  sql_type TEXT NOT NULL,
  kind TEXT NOT NULL,
  charset TEXT,
  PRIMARY KEY (source, table_name, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pipe_held (
  mapping INTEGER PRIMARY KEY,
  code TEXT NOT NULL,
  difference TEXT NOT NULL,
  since INTEGER NOT NULL,
  accepted INTEGER NOT NULL DEFAULT 0
);
";
