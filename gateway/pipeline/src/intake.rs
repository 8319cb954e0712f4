// SPDX-License-Identifier: Apache-2.0
//! What every pass of one source works with: the adapter, the mappings, the store, and the three steps
//! that each chunk goes through (joining, planning, committing).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use silsila_chain::TxId;
use silsila_mapping::{Batch, LogicalId, Mapping, Want};
use silsila_source::{Fetch, Key, Row, SourceError};
use silsila_store::{Store, TxStatus};
use tokio::runtime::Handle;

use crate::board::Board;
use crate::change::{self, Change, Sums, Warned, WarningKinds};
use crate::row_state::Tally;
use crate::stop::Stop;
use crate::{Phase, PipelineError, PipelineKeys, SourceOptions};

/// One source's workshop. Shared by the threads of a pass.
pub(crate) struct Intake {
    pub options: SourceOptions,
    pub store: Store,
    pub keys: PipelineKeys,
    pub clock: Arc<dyn silsila_store::Clock>,
    pub runtime: Handle,
    pub board: Arc<Board>,
    pub stop: Arc<Stop>,
    /// The source's line in the store.
    pub id: i64,
    /// Names of mappings and their lines in the store.
    pub ids: HashMap<String, i64>,
    pub kinds: Mutex<WarningKinds>,
    /// Mappings whose key is not their table's primary key, so that nobody promises that it tells rows apart.
    pub doubtful_keys: HashSet<String>,
    /// Mappings that stand still because their tables changed under them.
    pub held: HashSet<String>,
}

impl Intake {
    pub fn name(&self) -> &str {
        self.options.source.name()
    }

    /// Every mapping that works, in the order of the passes, with its line in the store.
    pub fn mappings(&self) -> impl Iterator<Item = (&Mapping, i64)> {
        self.all_mappings()
            .filter(|(mapping, _)| !self.held.contains(mapping.name()))
    }

    /// The same with those that stand still.
    pub fn all_mappings(&self) -> impl Iterator<Item = (&Mapping, i64)> {
        self.options
            .pack
            .mappings()
            .iter()
            .filter_map(|m| Some((m, *self.ids.get(m.name())?)))
    }

    pub fn now_ms(&self) -> i64 {
        i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX)
    }

    pub fn logical_id(&self, mapping: &str, key: &Key) -> LogicalId {
        LogicalId::derive(&self.keys.id_key, self.name(), mapping, key)
    }

    pub fn kinds(&self) -> MutexGuard<'_, WarningKinds> {
        // Numbers are only ever added, so the kinds are whole even after a panic elsewhere.
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for an answer of the source, or for the word to end.
    pub fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, SourceError>>,
    ) -> Result<T, PipelineError> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.wait() => Err(PipelineError::Stopped),
                answer = answer => Ok(answer?),
            }
        })
    }

    /// Reads rows by key.
    pub fn fetch(
        &self,
        table: &str,
        columns: &[String],
        by: &[String],
        keys: &[Key],
    ) -> Result<Vec<Row>, PipelineError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let _joining = self.board.enter(Phase::Joining);
        self.wait(self.options.source.fetch(Fetch {
            table,
            columns,
            by,
            keys,
        }))
    }

    /// Main rows with everything that mapping them needs.
    pub fn join<'m>(
        &self,
        mapping: &'m Mapping,
        rows: Vec<Row>,
    ) -> Result<Batch<'m>, PipelineError> {
        let mut batch = Batch::new(mapping, rows);
        loop {
            let wants = batch.wants();
            if wants.is_empty() {
                return Ok(batch);
            }
            for Want {
                id,
                table,
                columns,
                by,
                keys,
            } in wants
            {
                batch.supply(id, self.fetch(&table, &columns, &by, &keys)?);
            }
        }
    }

    /// Commits changes and whatever the pass wants written beside them: one local transaction, then the
    /// ledger. A set of changes that is too large for one goes in several, in order; only the last one
    /// carries `beside`.
    pub fn commit(
        &self,
        mut changes: Vec<Change>,
        beside: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        while changes.len() > LARGEST {
            let rest = changes.split_off(LARGEST);
            self.commit_together(changes, |_| Ok(()))?;
            changes = rest;
        }
        self.commit_together(changes, beside)
    }

    fn commit_together(
        &self,
        mut changes: Vec<Change>,
        beside: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<(), PipelineError>,
    ) -> Result<(), PipelineError> {
        let staging = self.board.enter(Phase::Staging);
        let Sums { tallies, warned } = Sums::of(&changes);
        let warned = self.kinds().resolve(&warned);
        let drafts: Vec<_> = changes.iter_mut().filter_map(|c| c.draft.take()).collect();
        let entries = drafts.len();
        let now = self.now_ms();
        let staged = self.store.stage(drafts, |txn| {
            change::write(txn, &changes, &tallies, &warned, now)?;
            beside(txn)
        })?;
        drop(staging);
        if let Some(id) = staged {
            self.submit(id)?;
            tracing::debug!(source = self.name(), entries, "committed");
        }
        self.post(&tallies, &warned);
        Ok(())
    }

    /// Has the ledger order and apply a staged transaction, and waits for it.
    pub fn submit(&self, id: TxId) -> Result<(), PipelineError> {
        let _committing = self.board.enter(Phase::Committing);
        let mut status = self.store.submit(id)?;
        loop {
            match status {
                TxStatus::Committed { .. } => return Ok(()),
                TxStatus::Rejected { code } => {
                    return Err(PipelineError::Rejected { reason: code });
                }
                TxStatus::Pending => {
                    self.wait(async {
                        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
                        Ok(())
                    })?;
                    status = self.store.status(id)?;
                }
            }
        }
    }

    /// Shows new sums on the board.
    fn post(&self, tallies: &BTreeMap<i64, Tally>, warned: &[Warned]) {
        if tallies.is_empty() && warned.is_empty() {
            return;
        }
        let names: HashMap<i64, &str> = self.ids.iter().map(|(n, id)| (*id, &**n)).collect();
        let name = |id: &i64| names.get(id).copied().unwrap_or_default();
        self.board.update(|status| {
            for (id, tally) in tallies {
                if let Some(m) = status.mapping_mut(name(id)) {
                    m.counters.apply(tally);
                }
            }
            for Warned { kind, by, .. } in warned {
                if let Some(m) = status.mapping_mut(name(&kind.mapping)) {
                    m.warn(kind, *by);
                }
            }
        });
    }
}

/// Entries in one transaction; a chunk stays below it, and a mass withdrawal is cut into such pieces.
const LARGEST: usize = 5_000;

/// The distinct keys of rows, none with a NULL in it.
pub(crate) fn distinct_keys(rows: &[Row], columns: &[String]) -> Vec<Key> {
    let mut seen = HashSet::new();
    rows.iter()
        .filter_map(|row| row.key(columns))
        .filter(|key| !key.0.iter().any(silsila_source::Value::is_null))
        .filter(|key| seen.insert(key.encode()))
        .collect()
}
