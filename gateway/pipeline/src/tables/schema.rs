// SPDX-License-Identifier: Apache-2.0
//! `pipe_schema` and `pipe_held`: the tables as the mappings last fitted them, and the mappings that stand
//! still because they no longer do.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};
use silsila_source::{Column, ColumnKind, Table};

use crate::PipelineError;
use crate::drift::{Seen, SeenColumn};

/// Every table of a source as it was last accepted.
pub(crate) fn seen(conn: &Connection, source: i64) -> Result<Seen, PipelineError> {
    let mut statement = conn.prepare(
        "SELECT table_name, column_name, sql_type, kind, charset FROM pipe_schema
         WHERE source = ?1 ORDER BY table_name, place",
    )?;
    let lines = statement.query_map([source], |row| {
        let table: String = row.get(0)?;
        let column = SeenColumn {
            name: row.get(1)?,
            sql_type: row.get(2)?,
            kind: row.get(3)?,
            charset: row.get(4)?,
        };
        Ok((table, column))
    })?;
    let mut tables: Seen = BTreeMap::new();
    for line in lines {
        let (table, column) = line?;
        tables.entry(table).or_default().push(column);
    }
    Ok(tables)
}

/// Accepts a table as it is now.
pub(crate) fn accept(conn: &Connection, source: i64, table: &Table) -> Result<(), PipelineError> {
    conn.execute(
        "DELETE FROM pipe_schema WHERE source = ?1 AND table_name = ?2",
        params![source, table.name],
    )?;
    let mut insert = conn.prepare_cached(
        "INSERT INTO pipe_schema (source, table_name, place, column_name, sql_type, kind, charset)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (place, column) in (0_i64..).zip(&table.columns) {
        let SeenColumn {
            name,
            sql_type,
            kind,
            charset,
        } = SeenColumn::of(column);
        insert.execute(params![
            source, table.name, place, name, sql_type, kind, charset
        ])?;
    }
    Ok(())
}

impl SeenColumn {
    pub fn of(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            sql_type: column.sql_type.clone(),
            kind: kind_word(column.kind).to_owned(),
            charset: column.charset.clone(),
        }
    }
}

/// The kind as it is written into the file.
fn kind_word(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool => "boolean",
        ColumnKind::Integer => "integer",
        ColumnKind::Decimal => "decimal",
        ColumnKind::Float => "float",
        ColumnKind::Text => "text",
        ColumnKind::Bytes => "bytes",
        ColumnKind::Date => "date",
        ColumnKind::DateTime => "datetime",
        ColumnKind::Time => "time",
        ColumnKind::Unsupported => "unsupported",
    }
}

/// A mapping that stands still.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeldRow {
    pub code: String,
    /// One sentence per line.
    pub difference: String,
    pub since_ms: i64,
    /// Whether a person has accepted this very difference.
    pub accepted: bool,
}

/// The mappings of a source that stand still.
pub(crate) fn held(
    conn: &Connection,
    source: i64,
) -> Result<BTreeMap<i64, HeldRow>, PipelineError> {
    let mut statement = conn.prepare(
        "SELECT h.mapping, h.code, h.difference, h.since, h.accepted
         FROM pipe_held h JOIN pipe_mapping m ON m.id = h.mapping WHERE m.source = ?1",
    )?;
    let lines = statement.query_map([source], |row| {
        let held = HeldRow {
            code: row.get(1)?,
            difference: row.get(2)?,
            since_ms: row.get(3)?,
            accepted: row.get(4)?,
        };
        Ok((row.get(0)?, held))
    })?;
    Ok(lines.collect::<Result<_, _>>()?)
}

/// Holds a mapping; an earlier difference, and its acceptance, are forgotten.
pub(crate) fn hold(conn: &Connection, mapping: i64, held: &HeldRow) -> Result<(), PipelineError> {
    conn.execute(
        "INSERT INTO pipe_held (mapping, code, difference, since, accepted) VALUES (?1, ?2, ?3, ?4, 0)
         ON CONFLICT (mapping) DO UPDATE SET code = ?2, difference = ?3, since = ?4, accepted = 0",
        params![mapping, held.code, held.difference, held.since_ms],
    )?;
    Ok(())
}

/// Lets a mapping go on.
pub(crate) fn release(conn: &Connection, mapping: i64) -> Result<(), PipelineError> {
    conn.execute("DELETE FROM pipe_held WHERE mapping = ?1", [mapping])?;
    Ok(())
}

/// Accepts the differences that a person may accept; answers how many mappings that concerns.
pub(crate) fn accept_retyped(conn: &Connection, source: i64) -> Result<usize, PipelineError> {
    Ok(conn.execute(
        "UPDATE pipe_held SET accepted = 1
         WHERE code = 'PIP0019' AND accepted = 0
           AND mapping IN (SELECT id FROM pipe_mapping WHERE source = ?1)",
        [source],
    )?)
}
