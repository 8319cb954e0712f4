// SPDX-License-Identifier: Apache-2.0
//! Quarantined rows, tried again: when an operator asks, and from time to time, because the day of the
//! run may matter (a birth date that was in the future).

use std::collections::BTreeMap;

use rusqlite::params;
use silsila_source::Key;

use crate::PipelineError;
use crate::dependants::ChangedRows;
use crate::intake::Intake;
use crate::plan::View;
use crate::tables::rows::signed;

/// Rows tried at once; the rest has its turn after the next poll.
const CHUNK: usize = 2_000;

impl Intake {
    /// Tries rows that are due; answers how many there were.
    pub fn retry_due(&self, sweep: u64) -> Result<usize, PipelineError> {
        let due = self.due()?;
        let count = due.values().map(Vec::len).sum();
        if count == 0 {
            return Ok(0);
        }
        let view = View {
            sweep,
            forced: true,
            retry: true,
        };
        let mut changed = ChangedRows::default();
        for (mapping, id) in self.mappings() {
            let Some(keys) = due.get(&id) else { continue };
            let rows = self.rows_of(mapping, keys)?;
            self.take(mapping, &rows, view)?;
            changed.add(mapping, rows);
            self.postpone(id, keys)?;
        }
        let view = View {
            forced: false,
            retry: false,
            ..view
        };
        self.follow(&changed, view)?;
        Ok(count)
    }

    /// Whether an operator has asked for a retry.
    pub fn retry_ordered(&self) -> Result<bool, PipelineError> {
        self.store.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM pipe_quarantine WHERE next_retry = 0)",
            )?;
            Ok(statement.query_row([], |row| row.get(0))?)
        })
    }

    fn due(&self) -> Result<BTreeMap<i64, Vec<Key>>, PipelineError> {
        let now = self.now_ms();
        self.store.read(|conn| {
            let mut statement = conn.prepare_cached(
                "SELECT q.mapping, q.key FROM pipe_quarantine q JOIN pipe_mapping m ON m.id = q.mapping
                 WHERE q.next_retry <= ?1 AND m.source = ?2 ORDER BY q.next_retry LIMIT ?3",
            )?;
            let mut rows = statement.query(params![now, self.id, signed(CHUNK as u64)])?;
            let mut due: BTreeMap<i64, Vec<Key>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let key: Vec<u8> = row.get(1)?;
                if let Some(key) = Key::decode(&key) {
                    due.entry(row.get(0)?).or_default().push(key);
                }
            }
            Ok(due)
        })
    }

    /// Rows that are no longer in their table wait for the sweep.
    fn postpone(&self, mapping: i64, keys: &[Key]) -> Result<(), PipelineError> {
        let now = self.now_ms();
        self.store.local(|txn| {
            let mut statement = txn.prepare_cached(
                "UPDATE pipe_quarantine SET next_retry = ?3 + 86400000
                 WHERE mapping = ?1 AND key = ?2 AND next_retry <= ?3",
            )?;
            for key in keys {
                statement.execute(params![mapping, key.encode(), now])?;
            }
            Ok(())
        })
    }
}
