// SPDX-License-Identifier: Apache-2.0
//! `pipe_source` and `pipe_mapping`: how far the passes have come.

use rusqlite::{Connection, params};
use silsila_source::{Key, Value};

use super::rows::signed;
use super::{STAGE_DONE, STAGE_WAITING};
use crate::row_state::Tally;
use crate::{PipelineError, Question};

/// A source's line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceRow {
    pub id: i64,
    /// Digest of the pack that the running or last sweep began with.
    pub pack: Option<Vec<u8>>,
    pub sweep: u64,
    /// The last sweep that is no longer running, whether it reached its end or was given up.
    pub sweep_over: u64,
    pub sweep_done: u64,
    pub sweep_wanted: u64,
    pub sweep_started: Option<i64>,
    /// The sweep for which a person has accepted any loss.
    pub confirmed: u64,
    pub asking: bool,
    /// Whether row states may say other than the ledger.
    pub repair: bool,
}

/// A mapping's line.
#[derive(Clone)]
pub(crate) struct MappingRow {
    pub id: i64,
    pub name: String,
    pub resource_type: String,
    pub sweep: u64,
    pub stage: i64,
    pub cursor: Option<Key>,
    pub swept: u64,
    pub forced: bool,
    /// The last keys that a complete sweep saw, in the table's order.
    pub tail: Vec<Key>,
    pub watermark: Option<Value>,
    /// Rows known to be in the table.
    pub rows: u64,
    /// The same when the running sweep began.
    pub known: u64,
    pub resources: u64,
}

pub(crate) fn source(conn: &Connection, name: &str) -> Result<SourceRow, PipelineError> {
    Ok(conn.query_row(
        "SELECT id, pack, sweep, sweep_done, sweep_wanted, sweep_started, confirmed, asked_code IS NOT NULL, sweep_over,
           repair
         FROM pipe_source WHERE name = ?1",
        [name],
        |row| {
            let number = |i| row.get::<_, i64>(i).map(i64::unsigned_abs);
            Ok(SourceRow {
                id: row.get(0)?,
                pack: row.get(1)?,
                sweep: number(2)?,
                sweep_done: number(3)?,
                sweep_wanted: number(4)?,
                sweep_started: row.get(5)?,
                confirmed: number(6)?,
                asking: row.get(7)?,
                sweep_over: number(8)?,
                repair: row.get(9)?,
            })
        },
    )?)
}

/// Makes a source known.
pub(crate) fn add_source(conn: &Connection, name: &str) -> Result<(), PipelineError> {
    conn.execute(
        "INSERT INTO pipe_source (name) VALUES (?1) ON CONFLICT (name) DO NOTHING",
        [name],
    )?;
    Ok(())
}

/// Makes a mapping known.
pub(crate) fn add_mapping(
    conn: &Connection,
    source: i64,
    name: &str,
    resource_type: &str,
    table: &str,
) -> Result<(), PipelineError> {
    conn.execute(
        "INSERT INTO pipe_mapping (source, name, resource_type, main_table) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (source, name) DO UPDATE SET main_table = ?4",
        params![source, name, resource_type, table],
    )?;
    Ok(())
}

/// Every mapping that was ever met in a source.
pub(crate) fn mappings(conn: &Connection, source: i64) -> Result<Vec<MappingRow>, PipelineError> {
    let mut statement = conn.prepare(&format!("{MAPPING} WHERE source = ?1 ORDER BY id"))?;
    let mut rows = statement.query([source])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(mapping_row(row)?);
    }
    Ok(found)
}

const MAPPING: &str =
    "SELECT id, name, resource_type, sweep, stage, cursor, swept, forced, tail, watermark,
  produced + empty + not_shared + quarantined, resources, known FROM pipe_mapping";

fn mapping_row(row: &rusqlite::Row<'_>) -> Result<MappingRow, PipelineError> {
    let damaged = |what| PipelineError::Damaged {
        table: "pipe_mapping",
        what,
    };
    let number = |i| row.get::<_, i64>(i).map(i64::unsigned_abs);
    let cursor: Option<Vec<u8>> = row.get(5)?;
    let tail: Option<Vec<u8>> = row.get(8)?;
    let watermark: Option<Vec<u8>> = row.get(9)?;
    Ok(MappingRow {
        id: row.get(0)?,
        name: row.get(1)?,
        resource_type: row.get(2)?,
        sweep: number(3)?,
        stage: row.get(4)?,
        cursor: match cursor {
            None => None,
            Some(bytes) => Some(Key::decode(&bytes).ok_or_else(|| damaged("a cursor"))?),
        },
        swept: number(6)?,
        forced: row.get(7)?,
        tail: decode_keys(&tail.unwrap_or_default()).ok_or_else(|| damaged("the newest keys"))?,
        watermark: match watermark {
            None => None,
            Some(bytes) => {
                Some(Value::decode_from(&mut &*bytes).ok_or_else(|| damaged("a watermark"))?)
            }
        },
        rows: number(10)?,
        resources: number(11)?,
        known: number(12)?,
    })
}

/// Begins a sweep: every mapping of the source waits for its turn.
pub(crate) fn begin_sweep(
    conn: &Connection,
    source: i64,
    number: u64,
    pack: &[u8],
    now_ms: i64,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET sweep = ?2, pack = ?3, sweep_started = ?4 WHERE id = ?1",
        params![source, signed(number), pack, now_ms],
    )?;
    conn.execute(
        "UPDATE pipe_mapping SET sweep = ?2, stage = ?3, cursor = NULL, swept = 0,
           known = produced + empty + not_shared + quarantined WHERE source = ?1",
        params![source, signed(number), STAGE_WAITING],
    )?;
    Ok(())
}

/// Ends a sweep.
pub(crate) fn end_sweep(
    conn: &Connection,
    source: i64,
    number: u64,
    now_ms: i64,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET sweep_done = ?2, sweep_over = ?2, sweep_ended = ?3 WHERE id = ?1",
        params![source, signed(number), now_ms],
    )?;
    Ok(())
}

/// Gives a sweep up; the next one begins anew.
pub(crate) fn abandon_sweep(
    conn: &Connection,
    source: i64,
    number: u64,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET sweep_over = ?2 WHERE id = ?1",
        params![source, signed(number)],
    )?;
    Ok(())
}

/// Moves a mapping's sweep to another stage.
pub(crate) fn set_stage(conn: &Connection, mapping: i64, stage: i64) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_mapping SET stage = ?2 WHERE id = ?1",
        params![mapping, stage],
    )?;
    Ok(())
}

/// Writes how far a scan has come.
pub(crate) fn set_cursor(
    conn: &Connection,
    mapping: i64,
    cursor: Option<&Key>,
    tail: &[Key],
    swept: u64,
) -> Result<(), PipelineError> {
    conn.prepare_cached(
        "UPDATE pipe_mapping SET cursor = ?2, tail = ?3, swept = ?4 WHERE id = ?1",
    )?
    .execute(params![
        mapping,
        cursor.map(Key::encode),
        encode_keys(tail),
        signed(swept)
    ])?;
    Ok(())
}

/// A mapping's part of a sweep is done. Only a sweep that mapped every row answers an order to do so.
pub(crate) fn finish_mapping(
    conn: &Connection,
    mapping: i64,
    sweep: u64,
    tail: &[Key],
    forced: bool,
    now_ms: i64,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_mapping SET sweep = ?6, stage = ?2, cursor = NULL, tail = ?3, swept_at = ?4,
           forced = CASE WHEN ?5 THEN 0 ELSE forced END WHERE id = ?1",
        params![
            mapping,
            STAGE_DONE,
            encode_keys(tail),
            now_ms,
            forced,
            signed(sweep)
        ],
    )?;
    Ok(())
}

pub(crate) fn set_watermark(
    conn: &Connection,
    mapping: i64,
    watermark: &Value,
) -> Result<(), PipelineError> {
    let mut bytes = Vec::new();
    watermark.encode_into(&mut bytes);
    conn.execute(
        "UPDATE pipe_mapping SET watermark = ?2 WHERE id = ?1",
        params![mapping, bytes],
    )?;
    Ok(())
}

/// Adds to a mapping's counters.
pub(crate) fn add_tally(
    conn: &Connection,
    mapping: i64,
    tally: &Tally,
) -> Result<(), PipelineError> {
    if *tally == Tally::default() {
        return Ok(());
    }
    conn.prepare_cached(
        "UPDATE pipe_mapping SET produced = produced + ?2, empty = empty + ?3, not_shared = not_shared + ?4,
           quarantined = quarantined + ?5, resources = resources + ?6, versions = versions + ?7 WHERE id = ?1",
    )?
    .execute(params![
        mapping,
        tally.produced,
        tally.empty,
        tally.not_shared,
        tally.quarantined,
        tally.resources,
        tally.versions
    ])?;
    Ok(())
}

/// Notes that row states may say other than the ledger, or that they no longer do.
pub(crate) fn set_repair(
    conn: &Connection,
    source: i64,
    repair: bool,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET repair = ?2 WHERE id = ?1",
        params![source, repair],
    )?;
    Ok(())
}

/// Stops a source until a person answers.
pub(crate) fn ask(
    conn: &Connection,
    source: i64,
    question: &Question,
) -> Result<(), PipelineError> {
    conn.execute(
        "UPDATE pipe_source SET asked_code = ?2, asked_text = ?3, asked_mapping = ?4, asked_table = ?5,
           asked_known = ?6, asked_vanished = ?7, asked_at = ?8 WHERE id = ?1",
        params![
            source,
            question.code,
            question.message,
            question.mapping,
            question.table,
            signed(question.known),
            signed(question.vanished),
            question.since_ms
        ],
    )?;
    Ok(())
}

/// Forgets a mapping of which nothing is left.
pub(crate) fn forget_mapping(conn: &Connection, mapping: i64) -> Result<(), PipelineError> {
    for table in ["pipe_row", "pipe_quarantine", "pipe_warning", "pipe_held"] {
        conn.execute(
            &format!("DELETE FROM {table} WHERE mapping = ?1"),
            [mapping],
        )?;
    }
    conn.execute("DELETE FROM pipe_mapping WHERE id = ?1", [mapping])?;
    Ok(())
}

fn encode_keys(keys: &[Key]) -> Vec<u8> {
    let mut out = Vec::new();
    for key in keys {
        let bytes = key.encode();
        Value::Bytes(bytes.into()).encode_into(&mut out);
    }
    out
}

fn decode_keys(bytes: &[u8]) -> Option<Vec<Key>> {
    Key::decode(bytes)?
        .0
        .into_iter()
        .map(|value| match value {
            Value::Bytes(bytes) => Key::decode(&bytes),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_keys_come_back_from_one_column() {
        let keys = vec![
            Key(vec![Value::Int(1), Value::Null]),
            Key(vec![]),
            Key(vec![Value::Text("x".into())]),
        ];
        assert!(decode_keys(&encode_keys(&keys)) == Some(keys));
        assert!(decode_keys(&[]) == Some(vec![]));
    }
}
