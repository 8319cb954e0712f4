// SPDX-License-Identifier: Apache-2.0
//! `pipe_row`, `pipe_quarantine`, `pipe_warning`: what is known of each row.

use rusqlite::{CachedStatement, Connection, Row, params};

use crate::PipelineError;
use crate::row_state::{Digest, Person, RowState, State};

/// Looks rows up by mapping and key with one prepared statement.
pub(crate) struct RowReader<'c>(CachedStatement<'c>);

impl<'c> RowReader<'c> {
    pub fn new(conn: &'c Connection) -> Result<Self, PipelineError> {
        Ok(Self(conn.prepare_cached(
            "SELECT state, live, hold, sweep, input, body, subject, person, warned
             FROM pipe_row WHERE mapping = ?1 AND key = ?2",
        )?))
    }

    pub fn get(&mut self, mapping: i64, key: &[u8]) -> Result<Option<RowState>, PipelineError> {
        let mut rows = self.0.query(params![mapping, key])?;
        match rows.next()? {
            Some(row) => Ok(Some(read(row, 0)?)),
            None => Ok(None),
        }
    }
}

/// A row of any mapping, with its place.
pub(crate) struct Placed {
    pub mapping: i64,
    pub key: Vec<u8>,
    pub row: RowState,
}

/// Every row whose newest version is a put and belongs to that patient, the patient's own row apart.
pub(crate) fn of_subject(conn: &Connection, subject: &str) -> Result<Vec<Placed>, PipelineError> {
    let mut statement = conn.prepare_cached(
        "SELECT mapping, key, state, live, hold, sweep, input, body, subject, person, warned
         FROM pipe_row WHERE subject = ?1 AND live = 1",
    )?;
    let mut rows = statement.query([subject])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(placed(row)?);
    }
    Ok(found)
}

/// Up to `limit` rows that are in their table as far as is known and that the sweep did not see.
pub(crate) fn unseen(
    conn: &Connection,
    mapping: i64,
    sweep: u64,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Placed>, PipelineError> {
    let mut statement = conn.prepare_cached(
        "SELECT mapping, key, state, live, hold, sweep, input, body, subject, person, warned
         FROM pipe_row WHERE mapping = ?1 AND state < 5 AND sweep < ?2 AND key > ?3
         ORDER BY key LIMIT ?4",
    )?;
    let mut rows = statement.query(params![
        mapping,
        signed(sweep),
        after.unwrap_or_default(),
        i64::try_from(limit).unwrap_or(i64::MAX)
    ])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(placed(row)?);
    }
    Ok(found)
}

/// How many rows [`unseen`] would find.
pub(crate) fn count_unseen(
    conn: &Connection,
    mapping: i64,
    sweep: u64,
) -> Result<u64, PipelineError> {
    let count: i64 = conn
        .prepare_cached(
            "SELECT count(*) FROM pipe_row WHERE mapping = ?1 AND state < 5 AND sweep < ?2",
        )?
        .query_row(params![mapping, signed(sweep)], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// Up to `limit` rows of a mapping in key order, whatever their state.
pub(crate) fn page(
    conn: &Connection,
    mapping: i64,
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<Placed>, PipelineError> {
    let mut statement = conn.prepare_cached(
        "SELECT mapping, key, state, live, hold, sweep, input, body, subject, person, warned
         FROM pipe_row WHERE mapping = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![mapping, after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(placed(row)?);
    }
    Ok(found)
}

/// Writes one row.
pub(crate) const WRITE_ROW: &str = "
INSERT INTO pipe_row (mapping, key, state, live, hold, sweep, input, body, subject, person, warned)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
ON CONFLICT (mapping, key) DO UPDATE SET state = ?3, live = ?4, hold = ?5, sweep = ?6, input = ?7, body = ?8,
  subject = ?9, person = ?10, warned = ?11";

/// Runs [`WRITE_ROW`].
pub(crate) fn write(
    statement: &mut rusqlite::Statement<'_>,
    mapping: i64,
    key: &[u8],
    row: &RowState,
) -> Result<(), PipelineError> {
    let person = row.person.map(|p| p.0.concat());
    let warned: Vec<u8> = row.warned.iter().flat_map(|w| w.to_le_bytes()).collect();
    statement.execute(params![
        mapping,
        key,
        row.state as i64,
        row.live,
        row.hold,
        signed(row.sweep),
        row.input.as_ref().map(<[u8; 16]>::as_slice),
        row.body.as_ref().map(<[u8; 16]>::as_slice),
        row.subject.as_deref(),
        person,
        (!warned.is_empty()).then_some(warned),
    ])?;
    Ok(())
}

/// Marks rows as seen by a sweep.
pub(crate) fn mark_seen<'k>(
    conn: &Connection,
    mapping: i64,
    sweep: u64,
    keys: impl IntoIterator<Item = &'k Vec<u8>>,
) -> Result<(), PipelineError> {
    let mut statement =
        conn.prepare_cached("UPDATE pipe_row SET sweep = ?3 WHERE mapping = ?1 AND key = ?2")?;
    for key in keys {
        statement.execute(params![mapping, key, signed(sweep)])?;
    }
    Ok(())
}

/// SQLite's integers are signed; a sweep's number never comes near the end of them.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn placed(row: &Row<'_>) -> Result<Placed, PipelineError> {
    Ok(Placed {
        mapping: row.get(0)?,
        key: row.get(1)?,
        row: read(row, 2)?,
    })
}

fn read(row: &Row<'_>, from: usize) -> Result<RowState, PipelineError> {
    let damaged = |what| PipelineError::Damaged {
        table: "pipe_row",
        what,
    };
    let blob = |i: usize| -> Result<Option<&[u8]>, PipelineError> {
        let value = row.get_ref(from + i)?;
        value
            .as_blob_or_null()
            .map_err(|_| damaged("a column's kind"))
    };
    let digest = |i: usize| -> Result<Option<Digest>, PipelineError> {
        let bytes = blob(i)?.map(TryInto::try_into).transpose();
        bytes.map_err(|_| damaged("a digest's length"))
    };
    let person = match blob(7)? {
        None => None,
        Some(bytes) => Some(person(bytes).ok_or_else(|| damaged("a person's length"))?),
    };
    let warned = blob(8)?.unwrap_or_default();
    Ok(RowState {
        state: State::from_number(row.get(from)?).ok_or_else(|| damaged("an unknown state"))?,
        live: row.get(from + 1)?,
        hold: row.get(from + 2)?,
        sweep: row.get::<_, i64>(from + 3)?.unsigned_abs(),
        input: digest(4)?,
        body: digest(5)?,
        subject: row.get(from + 6)?,
        person,
        warned: warned
            .as_chunks::<4>()
            .0
            .iter()
            .map(|w| u32::from_le_bytes(*w))
            .collect(),
    })
}

fn person(bytes: &[u8]) -> Option<Person> {
    match bytes.as_chunks::<8>() {
        ([name, birth, sex], []) => Some(Person([*name, *birth, *sex])),
        _ => None,
    }
}
