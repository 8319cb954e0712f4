// SPDX-License-Identifier: Apache-2.0
//! Before the first row: what was left in the outbox, whether the database answers and has the tables that
//! the mappings speak of, and where the passes stood.

use std::collections::HashMap;
use std::time::Duration;

use silsila_mapping::Mapping;
use silsila_source::{Key, Schema};
use silsila_store::Payload;

use crate::change::{Change, Quarantine};
use crate::intake::Intake;
use crate::plan::draft;
use crate::row_state::{RowState, State};
use crate::tables::rows::RowReader;
use crate::tables::{STAGE_DONE, progress};
use crate::watch::{ServerClock, Watch};
use crate::{Phase, PipelineError, digest, record};

/// What connecting learned.
pub(crate) struct Connected {
    /// The tables that mappings read, as they are.
    pub schema: Schema,
    pub clock: Option<ServerClock>,
    /// Digest of all mappings.
    pub pack: [u8; 32],
    /// When the next sweep is due.
    pub sweep_in: Duration,
}

/// The name under which the hospital's own Organization is remembered.
pub(crate) const ORGANIZATION: &str = "organization";

impl Intake {
    /// Settles what a crash left, greets the database, and makes every mapping known.
    pub fn connect(&mut self) -> Result<Connected, PipelineError> {
        for id in self.store.pending()? {
            self.submit(id)?;
        }
        let board = self.board.clone();
        let _connecting = board.enter(Phase::Connecting);
        let pack = digest::pack(&self.options.pack);
        self.know_mappings()?;
        self.repair_if_needed()?;
        self.show_recorded()?;
        self.commit_organization()?;
        let (clock, schema) = self.greet()?;
        let source = self
            .store
            .read(|conn| progress::source(conn, self.name()))?;
        let retired = self.retire(&source)?;
        if retired {
            self.know_mappings()?;
            self.show_recorded()?;
        }
        self.show_held()?;
        if source.pack.as_deref() != Some(&pack) && source.sweep > source.sweep_over {
            // The rows before the cursor were mapped by other mappings: begin anew.
            self.store
                .local(|txn| progress::abandon_sweep(txn, self.id, source.sweep))?;
        }
        let anew = retired || source.pack.as_deref() != Some(&pack);
        Ok(Connected {
            schema,
            clock,
            pack,
            sweep_in: if anew {
                Duration::ZERO
            } else {
                self.sweep_in(&source)
            },
        })
    }

    fn sweep_in(&self, source: &progress::SourceRow) -> Duration {
        let interval = self.options.sweep_interval;
        let passed = source
            .sweep_started
            .and_then(|started| u64::try_from(self.now_ms() - started).ok())
            .map(Duration::from_millis);
        passed.map_or(Duration::ZERO, |passed| interval.saturating_sub(passed))
    }

    fn greet(&mut self) -> Result<(Option<ServerClock>, Schema), PipelineError> {
        let health = self.wait(self.options.source.health())?;
        let schema = self.schema_now()?;
        self.hold_against(&schema)?;
        let primary = |m: &Mapping| {
            let table = schema.table(m.table());
            table.is_some_and(|t| {
                t.primary_key.iter().all(|c| m.key().contains(c)) && !t.primary_key.is_empty()
            })
        };
        let mappings = self.options.pack.mappings().iter();
        let doubtful = mappings.filter(|m| !m.grouped() && !primary(m));
        self.doubtful_keys = doubtful.map(|m| m.name().to_owned()).collect();
        self.board.update(|status| {
            status.server = Some(health.server.clone());
            status.tls.clone_from(&health.tls);
            status.notes.clone_from(&health.notes);
        });
        Ok((health.clock.map(ServerClock::new), schema))
    }

    fn know_mappings(&mut self) -> Result<(), PipelineError> {
        let pack = self.options.pack.clone();
        self.ids = self.store.local(|txn| {
            progress::add_mapping(
                txn,
                self.id,
                ORGANIZATION,
                "Organization",
                "(configuration)",
            )?;
            for m in pack.mappings() {
                progress::add_mapping(txn, self.id, m.name(), m.resource_type(), m.table())?;
            }
            let known = progress::mappings(txn, self.id)?;
            Ok::<_, PipelineError>(known.into_iter().map(|m| (m.name, m.id)).collect())
        })?;
        Ok(())
    }

    /// Shows on the board what the tables remember.
    pub fn show_recorded(&self) -> Result<(), PipelineError> {
        let (source, mut mappings, question) = self.store.read(|conn| {
            Ok::<_, PipelineError>((
                progress::source(conn, self.name())?,
                record::mappings(conn, self.id)?,
                record::question(conn, self.id)?,
            ))
        })?;
        let order: HashMap<&str, usize> = self
            .options
            .pack
            .mappings()
            .iter()
            .enumerate()
            .map(|(i, m)| (m.name(), i))
            .collect();
        mappings.sort_by_key(|m| order.get(m.name.as_str()).copied().unwrap_or(usize::MAX));
        self.board.update(|status| {
            status.sweep = source.sweep;
            status.sweep_completed = source.sweep_done;
            status.sweep_started_ms = source.sweep_started;
            status.question = question;
            status.mappings = mappings;
        });
        Ok(())
    }

    /// The hospital's own Organization comes from the configuration: it is committed when it changes.
    fn commit_organization(&self) -> Result<(), PipelineError> {
        let ids = |mapping: &str, key: &Key| self.logical_id(mapping, key);
        let made =
            self.options
                .pack
                .organization(&ids)
                .map_err(|faults| PipelineError::Organization {
                    first: first_error(
                        faults
                            .iter()
                            .map(|d| (d.severity.word(), d.code, &*d.message, &*d.help)),
                    ),
                })?;
        let body = digest::body(&self.keys.digest_key, made.body());
        let mapping = self.ids.get(ORGANIZATION).copied().unwrap_or_default();
        let key = Key(Vec::new()).encode();
        let before = self
            .store
            .read(|conn| RowReader::new(conn)?.get(mapping, &key))?;
        if before
            .as_ref()
            .is_some_and(|row| row.live && row.body == Some(body))
        {
            return Ok(());
        }
        let after = RowState {
            state: State::Produced,
            live: true,
            body: Some(body),
            ..RowState::new(0)
        };
        let id = made.id().to_owned();
        let payload = Payload {
            body: made.into_body(),
            mapping: ORGANIZATION.to_owned(),
            mapping_digest: [0; 32],
        };
        let change = Change {
            mapping,
            key,
            before,
            after: Some(after),
            draft: Some(draft("Organization", &id, None, Some(payload))),
            quarantine: Quarantine::Release,
        };
        self.commit(vec![change], |_| Ok(()))
    }

    /// Where polling stood; a mapping that was never polled begins at its newest watermark, so that what
    /// changes during the first sweep is not missed.
    pub fn watches(
        &self,
        clock: Option<ServerClock>,
    ) -> Result<HashMap<i64, Watch>, PipelineError> {
        let known = self.store.read(|conn| progress::mappings(conn, self.id))?;
        let mut watches = HashMap::new();
        for (mapping, id) in self.mappings() {
            if mapping.changed().is_none() {
                continue;
            }
            let stored = known
                .iter()
                .find(|m| m.id == id)
                .and_then(|m| m.watermark.clone());
            let watch = match stored {
                Some(watermark) => Watch::resume(Some(watermark)),
                None => self.first_watch(mapping, clock)?,
            };
            if let Some(newest) = watch.newest() {
                self.store
                    .local(|txn| progress::set_watermark(txn, id, newest))?;
                self.show_watermark(mapping.name(), newest);
            }
            watches.insert(id, watch);
        }
        Ok(watches)
    }
}

/// One fault: severity, code, message, help.
pub(crate) type FaultParts<'d> = (&'d str, &'d str, &'d str, &'d [String]);

/// The first error, in one line.
pub(crate) fn first_error<'d>(mut faults: impl Iterator<Item = FaultParts<'d>>) -> String {
    let first = faults.find(|(severity, ..)| *severity == "error");
    let said = |(_, code, message, help): FaultParts<'_>| match help.first() {
        Some(help) => format!("{code} {message}; {help}"),
        None => format!("{code} {message}"),
    };
    first.map(said).unwrap_or_default()
}

/// Whether a mapping has done its part of a sweep.
pub(crate) fn has_done(mapping: &progress::MappingRow, sweep: u64) -> bool {
    mapping.sweep == sweep && mapping.stage == STAGE_DONE
}
