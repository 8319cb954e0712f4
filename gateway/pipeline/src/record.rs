// SPDX-License-Identifier: Apache-2.0
//! What the tables say of sources and mappings: the status of a gateway that does not run, and the beginning of
//! one that does.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension};
use silsila_store::Store;

use crate::tables;
use crate::{
    Counters, MappingStatus, PipelineError, Question, SourceState, SourceStatus, Status,
    WarningCount,
};

/// What the tables say of every source, for `status` while no gateway runs. Works on a store that was
/// opened read-only.
///
/// # Errors
/// Where the store fails.
pub fn recorded_status(store: &Store) -> Result<Status, PipelineError> {
    store.read(|conn| {
        if !tables::exist(conn)? {
            return Ok(Status::default());
        }
        let mut statement = conn.prepare("SELECT id, name FROM pipe_source ORDER BY id")?;
        let sources = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<Vec<(i64, String)>, _>>()?;
        let sources = sources
            .into_iter()
            .map(|(id, name)| recorded_source(conn, id, name))
            .collect::<Result<_, _>>()?;
        Ok(Status { sources })
    })
}

fn recorded_source(
    conn: &Connection,
    id: i64,
    name: String,
) -> Result<SourceStatus, PipelineError> {
    let mut status = SourceStatus {
        name,
        state: SourceState::Stopped,
        ..SourceStatus::default()
    };
    conn.query_row(
        "SELECT sweep, sweep_done, sweep_started, sweep_ended FROM pipe_source WHERE id = ?1",
        [id],
        |row| {
            status.sweep = row.get::<_, i64>(0)?.unsigned_abs();
            status.sweep_completed = row.get::<_, i64>(1)?.unsigned_abs();
            status.sweep_started_ms = row.get(2)?;
            status.sweep_ended_ms = row.get(3)?;
            Ok(())
        },
    )?;
    status.question = question(conn, id)?;
    if status.question.is_some() {
        status.state = SourceState::NeedsConfirmation;
    }
    status.mappings = mappings(conn, id)?;
    Ok(status)
}

/// What a source asks a person, if it does.
pub(crate) fn question(conn: &Connection, id: i64) -> Result<Option<Question>, PipelineError> {
    let question = conn
        .query_row(
            "SELECT asked_code, asked_text, asked_mapping, asked_table, asked_known, asked_vanished, asked_at
             FROM pipe_source WHERE id = ?1 AND asked_code IS NOT NULL",
            [id],
            |row| {
                Ok(Question {
                    code: row.get(0)?,
                    message: row.get(1)?,
                    mapping: row.get(2)?,
                    table: row.get(3)?,
                    known: row.get::<_, i64>(4)?.unsigned_abs(),
                    vanished: row.get::<_, i64>(5)?.unsigned_abs(),
                    since_ms: row.get(6)?,
                })
            },
        )
        .optional()?;
    Ok(question)
}

/// Every mapping of a source that the tables know, in the order in which they were first met.
pub(crate) fn mappings(
    conn: &Connection,
    source: i64,
) -> Result<Vec<MappingStatus>, PipelineError> {
    let mut statement = conn.prepare(
        "SELECT id, name, resource_type, main_table, produced, empty, not_shared, quarantined, resources,
                versions, swept, sweep, stage, swept_at, watermark
         FROM pipe_mapping WHERE source = ?1 ORDER BY id",
    )?;
    let found = statement
        .query_map([source], |row| {
            let count = |i| row.get::<_, i64>(i).map(i64::unsigned_abs);
            let mut counters = Counters {
                rows: 0,
                produced: count(4)?,
                empty: count(5)?,
                not_shared: count(6)?,
                quarantined: count(7)?,
                resources: count(8)?,
                versions: count(9)?,
            };
            counters.rows =
                counters.produced + counters.empty + counters.not_shared + counters.quarantined;
            let done = row.get::<_, i64>(12)? == tables::STAGE_DONE;
            let sweep = count(11)?;
            let watermark: Option<Vec<u8>> = row.get(14)?;
            let status = MappingStatus {
                name: row.get(1)?,
                resource_type: row.get(2)?,
                table: row.get(3)?,
                counters,
                swept: count(10)?,
                sweep_completed: if done { sweep } else { sweep.saturating_sub(1) },
                sweep_ended_ms: row.get(13)?,
                watermark: watermark
                    .and_then(|bytes| silsila_source::Key::decode(&bytes))
                    .map(|key| crate::key_text::key_text(&key)),
                warnings: Vec::new(),
                held: None,
            };
            Ok((row.get::<_, i64>(0)?, status))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let held = if tables::has(conn, "pipe_held")? {
        tables::schema::held(conn, source)?
    } else {
        BTreeMap::new()
    };
    found
        .into_iter()
        .map(|(id, mut status)| {
            status.warnings = warnings(conn, id)?;
            let row = held.get(&id).filter(|row| !row.accepted);
            status.held = row.map(tables::schema::HeldRow::shown);
            Ok(status)
        })
        .collect()
}

/// How many rows of a mapping bear each kind of warning now.
pub(crate) fn warnings(
    conn: &Connection,
    mapping: i64,
) -> Result<Vec<WarningCount>, PipelineError> {
    let mut statement = conn.prepare_cached(
        "SELECT code, column_name, element, rows FROM pipe_warning WHERE mapping = ?1 AND rows > 0
         ORDER BY code, column_name, element",
    )?;
    let found = statement.query_map([mapping], |row| {
        Ok(WarningCount {
            code: row.get(0)?,
            column: row.get(1)?,
            element: row.get(2)?,
            rows: row.get::<_, i64>(3)?.unsigned_abs(),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
