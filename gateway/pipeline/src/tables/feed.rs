// SPDX-License-Identifier: Apache-2.0
//! `pipe_feed`: how far a source's log of changes was followed.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_source::FeedPosition;

use crate::PipelineError;

/// A source's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FeedRow {
    pub position: FeedPosition,
    /// Whether a sweep is owed, because something changed that the log cannot tell row by row.
    pub owed: bool,
    /// Why the position was given up last, and when.
    pub lost: Option<(String, i64)>,
}

/// Where the feed of that name stood; one of another name has other positions.
pub(crate) fn get(
    conn: &Connection,
    source: i64,
    name: &str,
) -> Result<Option<FeedRow>, PipelineError> {
    let found = conn
        .query_row(
            "SELECT position, owed, lost_reason, lost_at FROM pipe_feed WHERE source = ?1 AND name = ?2",
            params![source, name],
            |row| {
                let position: Vec<u8> = row.get(0)?;
                let reason: Option<String> = row.get(2)?;
                let at: Option<i64> = row.get(3)?;
                Ok(FeedRow {
                    position: FeedPosition::new(position),
                    owed: row.get(1)?,
                    lost: reason.zip(at),
                })
            },
        )
        .optional()?;
    Ok(found)
}

/// Begins at a position.
pub(crate) fn begin(
    conn: &Connection,
    source: i64,
    name: &str,
    position: &FeedPosition,
) -> Result<(), PipelineError> {
    conn.execute(
        "INSERT INTO pipe_feed (source, name, position) VALUES (?1, ?2, ?3)
         ON CONFLICT (source) DO UPDATE SET name = ?2, position = ?3, owed = 0, lost_reason = NULL, lost_at = NULL",
        params![source, name, position.as_bytes()],
    )?;
    Ok(())
}

/// Moves on; `owes` adds a debt and never takes one away.
pub(crate) fn advance(
    conn: &Connection,
    source: i64,
    position: &FeedPosition,
    owes: bool,
) -> Result<(), PipelineError> {
    conn.prepare_cached(
        "UPDATE pipe_feed SET position = ?2, owed = max(owed, ?3) WHERE source = ?1",
    )?
    .execute(params![source, position.as_bytes(), owes])?;
    Ok(())
}

/// Gives the position up for the present one; everything is swept.
pub(crate) fn lose(
    conn: &Connection,
    source: i64,
    present: &FeedPosition,
    reason: &str,
    now_ms: i64,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_feed SET position = ?2, owed = 0, lost_reason = ?3, lost_at = ?4 WHERE source = ?1",
        params![source, present.as_bytes(), reason, now_ms],
    )?;
    order_sweep(conn, source)
}

/// Pays the debt: a sweep begins that sees what the log did not tell.
pub(crate) fn pay(conn: &Connection, source: i64) -> Result<(), PipelineError> {
    conn.execute("UPDATE pipe_feed SET owed = 0 WHERE source = ?1", [source])?;
    order_sweep(conn, source)
}

/// Orders a sweep that begins after this.
pub(crate) fn order_sweep(conn: &Connection, source: i64) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET sweep_wanted = sweep + 1 WHERE id = ?1",
        [source],
    )?;
    Ok(())
}
