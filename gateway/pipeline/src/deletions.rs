// SPDX-License-Identifier: Apache-2.0
//! The end of a complete scan: rows that it did not see. Each is asked for once more by its key, because
//! a row may return, or be moved by a collation, while a scan passes; only what is not there then is
//! withdrawn as its mapping says.

use std::collections::HashSet;

use silsila_mapping::{DeleteAction, Mapping, OnDelete, on_deleted};
use silsila_source::Key;
use silsila_store::Payload;

use crate::change::{Change, Quarantine};
use crate::intake::{Intake, distinct_keys};
use crate::plan::{View, draft};
use crate::row_state::{RowState, State};
use crate::tables::rows::{self, Placed};
use crate::{Phase, PipelineError, digest};

/// Rows asked for at once.
const CHUNK: usize = 500;

impl Intake {
    /// Withdraws what vanished from a mapping's table, as far as the sweep of that number could see.
    pub fn sweep_deletions(
        &self,
        mapping: &Mapping,
        id: i64,
        sweep: u64,
    ) -> Result<(), PipelineError> {
        let _deleting = self.board.enter(Phase::SweepingDeletions);
        let mut after: Option<Vec<u8>> = None;
        loop {
            let unseen = self
                .store
                .read(|conn| rows::unseen(conn, id, sweep, after.as_deref(), CHUNK))?;
            let Some(last) = unseen.last() else {
                return Ok(());
            };
            after = Some(last.key.clone());
            let absent = self.map_those_present(mapping, sweep, unseen)?;
            let changes = self.withdraw_absent(mapping, sweep, absent)?;
            self.commit(changes, |_| Ok(()))?;
        }
    }

    /// Maps those rows that are there after all, and answers with the others.
    fn map_those_present(
        &self,
        mapping: &Mapping,
        sweep: u64,
        unseen: Vec<Placed>,
    ) -> Result<Vec<Placed>, PipelineError> {
        let keys: Vec<Key> = unseen.iter().filter_map(|p| Key::decode(&p.key)).collect();
        let found = self.fetch(mapping.table(), mapping.columns(), mapping.key(), &keys)?;
        let present: HashSet<Vec<u8>> = distinct_keys(&found, mapping.key())
            .iter()
            .map(Key::encode)
            .collect();
        let asked: HashSet<&Vec<u8>> = unseen.iter().map(|p| &p.key).collect();
        // A collation may answer with a row of another spelling, which a scan brings by itself.
        let found = found
            .into_iter()
            .filter(|row| {
                let key = row.key(mapping.key()).map(|key| key.encode());
                key.is_some_and(|key| asked.contains(&key))
            })
            .collect::<Vec<_>>();
        if !found.is_empty() {
            let batch = self.join(mapping, found)?;
            let view = View {
                sweep,
                forced: false,
                retry: false,
            };
            let plan = self.plan(mapping, &batch, view)?;
            let id = unseen.first().map(|p| p.mapping).unwrap_or_default();
            self.commit(plan.changes, |txn| {
                rows::mark_seen(txn, id, sweep, &plan.unchanged)
            })?;
        }
        Ok(unseen
            .into_iter()
            .filter(|p| !present.contains(&p.key))
            .collect())
    }

    pub fn withdraw_absent(
        &self,
        mapping: &Mapping,
        sweep: u64,
        absent: Vec<Placed>,
    ) -> Result<Vec<Change>, PipelineError> {
        self.store.read(|conn| {
            let mut changes = Vec::new();
            for place in absent {
                let id = Key::decode(&place.key).map(|key| self.logical_id(mapping.name(), &key));
                let Some(id) = id else {
                    return Err(PipelineError::Damaged {
                        table: "pipe_row",
                        what: "a key",
                    });
                };
                let change = self.withdraw(conn, mapping, sweep, place, id.as_str())?;
                if mapping.resource_type() == "Patient"
                    && change
                        .after
                        .as_ref()
                        .is_none_or(|row| row.state == State::Gone)
                {
                    let found = rows::of_subject(conn, id.as_str())?;
                    changes.extend(self.withdrawals(found, State::Gone));
                }
                changes.push(change);
            }
            Ok(changes)
        })
    }

    /// What becomes of one row that is no longer in its table.
    fn withdraw(
        &self,
        conn: &rusqlite::Connection,
        mapping: &Mapping,
        sweep: u64,
        place: Placed,
        id: &str,
    ) -> Result<Change, PipelineError> {
        let before = place.row;
        let mut after = RowState {
            state: State::Gone,
            sweep,
            input: None,
            warned: Vec::new(),
            ..before.clone()
        };
        let mut payload = None;
        let mut deleted = before.live;
        let action = match mapping.on_delete() {
            _ if !before.live => DeleteAction::Gone,
            OnDelete::Gone => DeleteAction::Gone,
            OnDelete::Keep => DeleteAction::Keep,
            OnDelete::EnteredInError => self.entered_in_error(conn, mapping, id)?,
        };
        match action {
            DeleteAction::Gone => after.live = false,
            DeleteAction::Keep => {
                after.state = State::Kept;
                deleted = false;
            }
            DeleteAction::Replace(body) => {
                after.body = Some(digest::body(&self.keys.digest_key, &body));
                payload = Some(Payload {
                    body,
                    mapping: mapping.name().to_owned(),
                    mapping_digest: mapping.digest(),
                });
            }
        }
        let subject = before.subject.as_deref();
        let draft = deleted.then(|| draft(mapping.resource_type(), id, subject, payload));
        // A row of which no version exists leaves nothing to remember.
        let after = before.body.is_some().then_some(after);
        Ok(Change {
            mapping: place.mapping,
            key: place.key,
            before: Some(before),
            after,
            draft,
            quarantine: Quarantine::Release,
        })
    }

    fn entered_in_error(
        &self,
        conn: &rusqlite::Connection,
        mapping: &Mapping,
        id: &str,
    ) -> Result<DeleteAction, PipelineError> {
        let resource = format!("{}/{id}", mapping.resource_type());
        let last = match self.store.head(conn, &resource)? {
            Some(seq) => self.store.committed(conn, seq)?.into_payload(),
            None => None,
        };
        Ok(last.map_or(DeleteAction::Gone, |p| on_deleted(mapping, &p.body)))
    }
}
