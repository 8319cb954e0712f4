// SPDX-License-Identifier: Apache-2.0
//! From joined rows to changes: which rows are as they were, what the others became, and whom that
//! concerns.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::Op;
use silsila_mapping::{Batch, Context, Mapping, Outcome, RowOutcome};
use silsila_source::{DateTime, Key};
use silsila_store::{Draft, Payload};

use crate::change::{Change, Quarantine, Reason};
use crate::intake::Intake;
use crate::key_text::key_text;
use crate::reasons::{ENGINE_GAVE_UP, NOT_UNIQUE, PATIENT_WITHDRAWN, Why};
use crate::references::RowReferences;
use crate::row_state::{Act, RowState, State, Verdict};
use crate::tables::rows::{self, Placed, RowReader};
use crate::{Phase, PipelineError, digest};

/// How a pass looks at the rows it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct View {
    /// The sweep that is running or ran last: rows seen now are seen in it.
    pub sweep: u64,
    /// Map rows again although nothing has changed.
    pub forced: bool,
    /// This is a retry of quarantined rows.
    pub retry: bool,
}

/// What is to be committed for a chunk.
#[derive(Default)]
pub(crate) struct Plan {
    pub changes: Vec<Change>,
    /// Keys of rows that are as they were, and that an earlier sweep saw last.
    pub unchanged: Vec<Vec<u8>>,
}

impl Intake {
    /// Compares a chunk with what is known, and maps what differs. Reads one snapshot, writes nothing.
    pub fn plan(
        &self,
        mapping: &Mapping,
        batch: &Batch<'_>,
        view: View,
    ) -> Result<Plan, PipelineError> {
        let _mapping = self.board.enter(Phase::Mapping);
        self.store.read(|conn| {
            let references = RowReferences::new(conn, &self.ids)?;
            let ids = |mapping: &str, key: &Key| self.logical_id(mapping, key);
            let context = Context {
                as_of: DateTime::from_unix_ms(self.clock.now_ms()),
                ids: &ids,
                references: &references,
            };
            let mut planner = Planner {
                intake: self,
                conn,
                mapping,
                id: self.ids.get(mapping.name()).copied().unwrap_or_default(),
                view,
                plan: Plan::default(),
            };
            planner.chunk(batch, &context)?;
            let plan = planner.plan;
            references.finish()?;
            Ok(plan)
        })
    }
}

struct Planner<'a> {
    intake: &'a Intake,
    conn: &'a Connection,
    mapping: &'a Mapping,
    id: i64,
    view: View,
    plan: Plan,
}

impl Planner<'_> {
    fn chunk(&mut self, batch: &Batch<'_>, context: &Context<'_>) -> Result<(), PipelineError> {
        let mut reader = RowReader::new(self.conn)?;
        let keys: Vec<Vec<u8>> = (0..batch.len()).map(|i| batch.key(i).encode()).collect();
        let twice = repeated(&keys);
        let mut done = HashSet::new();
        for (i, key) in keys.into_iter().enumerate() {
            let unique = !twice.contains(&key);
            if !unique && !done.insert(key.clone()) {
                continue;
            }
            let known = reader.get(self.id, &key)?;
            let input = unique
                .then(|| batch.input_digest(i, &self.intake.keys.digest_key, context.references));
            if let Some(row) = &known
                && !self.view.forced
                && input.is_some()
                && row.input == input
                && row.state.present()
            {
                if row.sweep < self.view.sweep {
                    self.plan.unchanged.push(key);
                }
                continue;
            }
            let outcome = if unique {
                guarded(batch, i, context)
            } else {
                quarantined(batch.key(i), &NOT_UNIQUE)
            };
            self.row(key, known, input, outcome)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        key: Vec<u8>,
        known: Option<RowState>,
        input: Option<[u8; 16]>,
        outcome: RowOutcome,
    ) -> Result<(), PipelineError> {
        let legacy_key = outcome.key;
        let mut body = None;
        let mut fault = None;
        let verdict = match outcome.outcome {
            Outcome::Empty => Verdict::Empty,
            Outcome::NotShared => Verdict::NotShared,
            Outcome::Quarantined(why) => {
                let withdraws = why.withdraws;
                fault = Some(why);
                Verdict::Quarantined { withdraws }
            }
            Outcome::Produced(resource) => {
                let key = &self.intake.keys.digest_key;
                let person = (resource.resource_type() == "Patient")
                    .then(|| digest::person(key, resource.body()))
                    .flatten();
                let subject = resource
                    .subject()
                    .map(|(mapping, key)| self.intake.logical_id(mapping, key));
                let verdict = Verdict::Produced {
                    body: digest::body(key, resource.body()),
                    subject: subject.map(|id| id.as_str().into()),
                    person,
                };
                body = Some(resource.into_body());
                verdict
            }
        };
        let mut settled = RowState::settle(known.as_ref(), verdict.clone(), false);
        if let Some(suspicion) = settled.suspicion {
            if self.accepted(&key)? {
                settled = RowState::settle(known.as_ref(), verdict, true);
            } else {
                fault = Some(suspicion.fault());
            }
        }
        let mut next = settled.next;
        next.sweep = self.view.sweep;
        next.input = input;
        next.warned = self.intake.kinds().numbers(self.id, outcome.warnings);
        let id = self.intake.logical_id(self.mapping.name(), &legacy_key);
        self.withdraw_dependants(known.as_ref(), &next, id.as_str())?;
        let draft = match settled.act {
            Act::Nothing => None,
            Act::Put => Some(self.draft(id.as_str(), &next, body)),
            Act::Delete => Some(self.draft(id.as_str(), &next, None)),
        };
        let quarantine = match fault {
            None => Quarantine::Release,
            Some(fault) => Quarantine::Hold(Reason {
                key_text: key_text(&legacy_key),
                code: fault.code.to_owned(),
                column: fault.column,
                element: fault.element,
                reason: fault.reason,
                retried: self.view.retry,
            }),
        };
        self.plan.changes.push(Change {
            mapping: self.id,
            key,
            before: known,
            after: Some(next),
            draft,
            quarantine,
        });
        Ok(())
    }

    fn draft(&self, id: &str, row: &RowState, body: Option<Vec<u8>>) -> Draft {
        let payload = body.map(|body| Payload {
            body,
            mapping: self.mapping.name().to_owned(),
            mapping_digest: self.mapping.digest(),
        });
        draft(
            self.mapping.resource_type(),
            id,
            row.subject.as_deref(),
            payload,
        )
    }

    /// A patient who is no longer shared takes every record with him, in the same transaction or before.
    fn withdraw_dependants(
        &mut self,
        before: Option<&RowState>,
        after: &RowState,
        id: &str,
    ) -> Result<(), PipelineError> {
        let was_shared = before.is_some_and(|row| row.state == State::Produced);
        if self.mapping.resource_type() != "Patient"
            || !was_shared
            || after.state == State::Produced
        {
            return Ok(());
        }
        let found = rows::of_subject(self.conn, id)?;
        let changes = self.intake.withdrawals(found, after.state);
        self.plan.changes.splice(0..0, changes);
        Ok(())
    }

    /// Whether an operator has vouched for this row.
    fn accepted(&self, key: &[u8]) -> Result<bool, PipelineError> {
        let accepted: Option<bool> = self
            .conn
            .query_row(
                "SELECT accepted FROM pipe_quarantine WHERE mapping = ?1 AND key = ?2",
                params![self.id, key],
                |row| row.get(0),
            )
            .optional()?;
        Ok(accepted == Some(true))
    }
}

impl Intake {
    /// Withdraws records of a patient who has come to `state`. The rows are mapped again when a pass next
    /// brings them; until then they count as what the patient is.
    pub fn withdrawals(&self, found: Vec<Placed>, state: State) -> Vec<Change> {
        let names: HashMap<i64, &Mapping> = self.all_mappings().map(|(m, id)| (id, m)).collect();
        found
            .into_iter()
            .filter_map(|Placed { mapping, key, row }| {
                let of = names.get(&mapping)?;
                let legacy_key = Key::decode(&key)?;
                let id = self.logical_id(of.name(), &legacy_key);
                let mut after = row.clone();
                after.live = false;
                after.input = None;
                let mut quarantine = Quarantine::Release;
                after.state = match (row.state.present(), state) {
                    (false, _) => State::Gone,
                    (true, State::NotShared) => State::NotShared,
                    (true, _) => {
                        let fault = PATIENT_WITHDRAWN.fault();
                        quarantine = Quarantine::Hold(Reason {
                            key_text: key_text(&legacy_key),
                            code: fault.code.to_owned(),
                            column: None,
                            element: None,
                            reason: fault.reason,
                            retried: false,
                        });
                        State::Quarantined
                    }
                };
                let draft = draft(
                    of.resource_type(),
                    id.as_str(),
                    row.subject.as_deref(),
                    None,
                );
                Some(Change {
                    mapping,
                    key,
                    before: Some(row),
                    after: Some(after),
                    draft: Some(draft),
                    quarantine,
                })
            })
            .collect()
    }
}

/// A draft of a put, or of a deletion where there is no payload.
pub(crate) fn draft(
    kind: &str,
    id: &str,
    subject: Option<&str>,
    payload: Option<Payload>,
) -> Draft {
    let resource = format!("{kind}/{id}");
    Draft {
        op: if payload.is_some() {
            Op::Put
        } else {
            Op::Delete
        },
        subject: subject.map_or_else(|| resource.clone(), |id| format!("Patient/{id}")),
        resource,
        kind: kind.to_owned(),
        label_class: 0,
        payload,
    }
}

/// Keys that stand in the chunk more than once.
fn repeated(keys: &[Vec<u8>]) -> HashSet<Vec<u8>> {
    let mut seen = HashSet::with_capacity(keys.len());
    keys.iter()
        .filter(|key| !seen.insert(*key))
        .cloned()
        .collect()
}

/// Maps one row; an engine that gives up on it puts that row in quarantine and no other.
fn guarded(batch: &Batch<'_>, i: usize, context: &Context<'_>) -> RowOutcome {
    catch_unwind(AssertUnwindSafe(|| batch.map(i, context)))
        .unwrap_or_else(|_| quarantined(batch.key(i), &ENGINE_GAVE_UP))
}

fn quarantined(key: Key, why: &Why) -> RowOutcome {
    RowOutcome {
        key,
        outcome: Outcome::Quarantined(why.fault()),
        warnings: Vec::new(),
    }
}
