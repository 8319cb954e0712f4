// SPDX-License-Identifier: Apache-2.0
//! A whole sweep: every mapping of a source in order, and the doubts that stop it before anything is
//! withdrawn.

use std::collections::HashMap;
use std::time::Instant;

use silsila_mapping::Mapping;
use silsila_source::{Key, Scan, Value};

use crate::connect::{Connected, has_done};
use crate::intake::Intake;
use crate::sweep::SweepRun;
use crate::tables::{STAGE_DELETING, progress};
use crate::{PipelineError, Question};

/// A loss that is not believed without a person.
struct Doubt {
    code: &'static str,
    known: u64,
    vanished: u64,
    message: String,
}

impl Intake {
    /// Begins the next sweep, unless the tables look as if a wrong file, an empty share or an old backup
    /// had taken their place: that is found out before a single row of it is mapped.
    pub fn begin_sweep(
        &self,
        source: &progress::SourceRow,
        connected: &Connected,
    ) -> Result<(), PipelineError> {
        let number = source.sweep + 1;
        if source.confirmed < number {
            let known = self.store.read(|conn| progress::mappings(conn, self.id))?;
            let mut counted = HashMap::new();
            for (mapping, id) in self.mappings() {
                let Some(row) = known.iter().find(|m| m.id == id) else {
                    continue;
                };
                if let Some(doubt) = self.look_ahead(mapping, row, &mut counted)? {
                    return self.ask(mapping, doubt);
                }
            }
        }
        let now = self.now_ms();
        self.store
            .local(|txn| progress::begin_sweep(txn, self.id, number, &connected.pack, now))?;
        self.board.update(|status| {
            status.sweep = number;
            status.sweep_started_ms = Some(now);
            for mapping in &mut status.mappings {
                mapping.swept = 0;
            }
        });
        tracing::info!(source = self.name(), sweep = number, "sweep begins");
        Ok(())
    }

    /// Two cheap questions about a table before it is read: how many rows, and is the end still there?
    fn look_ahead(
        &self,
        mapping: &Mapping,
        known: &progress::MappingRow,
        counted: &mut HashMap<String, u64>,
    ) -> Result<Option<Doubt>, PipelineError> {
        if known.rows == 0 || mapping.grouped() {
            return Ok(None);
        }
        let count = match counted.get(mapping.table()) {
            Some(count) => *count,
            None => {
                let count = self.wait(self.options.source.count(mapping.table()))?;
                counted.insert(mapping.table().to_owned(), count);
                count
            }
        };
        let vanished = known.rows.saturating_sub(count);
        if !self.options.guard.believes(known.rows, vanished) {
            return Ok(Some(too_many(mapping, known.rows, vanished)));
        }
        if known.tail.len() == self.tail_length() && self.end_is_missing(mapping, &known.tail)? {
            return Ok(Some(Doubt {
                code: "PIP0003",
                known: known.rows,
                vanished: known.tail.len() as u64,
                message: format!(
                    "table {:?}: the newest {} rows are no longer there and none is newer, as in an old copy of \
                     the database",
                    mapping.table(),
                    known.tail.len()
                ),
            }));
        }
        Ok(None)
    }

    /// Whether all of the last keys have vanished and nothing follows them.
    fn end_is_missing(&self, mapping: &Mapping, tail: &[Key]) -> Result<bool, PipelineError> {
        let rising = |key: &Key| matches!(key.0.first(), Some(Value::Int(_) | Value::UInt(_)));
        let Some(newest) = tail.last().filter(|key| rising(key)) else {
            return Ok(false);
        };
        let newer = self.wait(self.options.source.scan(Scan {
            table: mapping.table(),
            columns: mapping.key(),
            key: mapping.key(),
            after: Some(newest),
            limit: 1,
        }))?;
        if !newer.is_empty() {
            return Ok(false);
        }
        let left = self.fetch(mapping.table(), mapping.key(), mapping.key(), tail)?;
        Ok(left.is_empty())
    }

    fn ask(&self, mapping: &Mapping, doubt: Doubt) -> Result<(), PipelineError> {
        self.ask_question(&Question {
            code: doubt.code.to_owned(),
            message: doubt.message,
            mapping: mapping.name().to_owned(),
            table: mapping.table().to_owned(),
            known: doubt.known,
            vanished: doubt.vanished,
            since_ms: self.now_ms(),
        })
    }

    pub fn ask_question(&self, question: &Question) -> Result<(), PipelineError> {
        tracing::warn!(
            source = self.name(),
            code = question.code,
            table = question.table,
            known = question.known,
            vanished = question.vanished,
            "the source stops until it is confirmed: {}",
            question.message
        );
        self.store
            .local(|txn| progress::ask(txn, self.id, question))
    }

    /// Continues the running sweep until `until`, or until something else has to be decided first.
    pub fn sweep_slice(
        &self,
        source: &progress::SourceRow,
        until: Instant,
    ) -> Result<(), PipelineError> {
        let known = self.store.read(|conn| progress::mappings(conn, self.id))?;
        for (mapping, id) in self.mappings() {
            let Some(row) = known.iter().find(|m| m.id == id) else {
                continue;
            };
            if has_done(row, source.sweep) {
                continue;
            }
            if !self.sweep_mapping(mapping, row.clone(), source, until)? || Instant::now() >= until
            {
                return Ok(());
            }
        }
        self.end_sweep(source.sweep)
    }

    /// Continues one mapping's part. Answers whether it is done.
    fn sweep_mapping(
        &self,
        mapping: &Mapping,
        mut row: progress::MappingRow,
        source: &progress::SourceRow,
        until: Instant,
    ) -> Result<bool, PipelineError> {
        if row.sweep != source.sweep {
            // First met in the middle of a sweep: its turn is now.
            row.sweep = source.sweep;
            row.cursor = None;
        }
        let (id, deleting, known) = (row.id, row.stage == STAGE_DELETING, row.known);
        let mut run = SweepRun::resume(row);
        if !deleting {
            loop {
                let ended = self.scan_slice(mapping, &mut run, until)?;
                if ended {
                    break;
                }
                if self.stop.is_set() {
                    return Err(PipelineError::Stopped);
                }
                if Instant::now() >= until {
                    self.write_sweep(&mut run)?;
                    return Ok(false);
                }
            }
            let vanished = self.vanished(&mut run)?;
            if source.confirmed < source.sweep && !self.options.guard.believes(known, vanished) {
                self.end_early(source.sweep)?;
                self.ask(mapping, too_many(mapping, known, vanished))?;
                return Ok(false);
            }
            if vanished > 0 {
                self.store
                    .local(|txn| progress::set_stage(txn, id, STAGE_DELETING))?;
                self.sweep_deletions(mapping, id, source.sweep)?;
            }
        } else {
            self.sweep_deletions(mapping, id, source.sweep)?;
        }
        self.finish_mapping(mapping, &run)?;
        Ok(true)
    }

    fn finish_mapping(&self, mapping: &Mapping, run: &SweepRun) -> Result<(), PipelineError> {
        let now = self.now_ms();
        self.store.local(|txn| {
            progress::finish_mapping(txn, run.mapping, run.number, &run.tail(), run.forced, now)
        })?;
        self.board.update(|status| {
            if let Some(m) = status
                .mappings
                .iter_mut()
                .find(|m| m.name == mapping.name())
            {
                m.sweep_completed = run.number;
                m.sweep_ended_ms = Some(now);
            }
        });
        Ok(())
    }

    fn end_sweep(&self, number: u64) -> Result<(), PipelineError> {
        let now = self.now_ms();
        self.store
            .local(|txn| progress::end_sweep(txn, self.id, number, now))?;
        let counters = self.board.update(|status| {
            status.sweep_completed = number;
            status.sweep_ended_ms = Some(now);
            status.totals()
        });
        tracing::info!(
            source = self.name(),
            sweep = number,
            rows = counters.rows,
            resources = counters.resources,
            quarantined = counters.quarantined,
            "sweep ends"
        );
        Ok(())
    }

    /// A sweep that stopped to ask is over; what `source confirm` begins is a new one.
    fn end_early(&self, number: u64) -> Result<(), PipelineError> {
        self.store
            .local(|txn| progress::abandon_sweep(txn, self.id, number))
    }
}

fn too_many(mapping: &Mapping, known: u64, vanished: u64) -> Doubt {
    Doubt {
        code: "PIP0002",
        known,
        vanished,
        message: format!(
            "table {:?}: {vanished} of {known} known rows are no longer there",
            mapping.table()
        ),
    }
}
