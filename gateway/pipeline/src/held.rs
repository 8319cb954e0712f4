// SPDX-License-Identifier: Apache-2.0
//! Mappings that stand still because their tables changed under them, while the others go on.
//!
//! Nothing is withdrawn because a column vanished: what is committed stays. Nothing new is shared either,
//! by the mapping itself or by one whose patients can no longer be shown to share.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use silsila_mapping::{Mapping, TableReads};
use silsila_source::{Schema, SourceError};

use crate::connect::first_error;
use crate::drift::{Difference, Seen, SeenColumn, differences, never_there};
use crate::intake::Intake;
use crate::tables::feed;
use crate::tables::schema::{self, HeldRow};
use crate::{HeldStatus, PipelineError};

/// What a mapping's tables no longer are, by the mapping's name.
type Drifted = BTreeMap<String, Vec<Difference>>;

/// Looks for a changed schema before polls and sweeps, so often that it costs the database little.
pub(crate) struct Lookout {
    now: Schema,
    due: Instant,
}

impl Lookout {
    pub fn new(now: Schema) -> Self {
        Self {
            now,
            due: Instant::now(),
        }
    }

    /// When the next look is due.
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Has the next look come at once.
    pub fn hurry(&mut self) {
        self.due = Instant::now();
    }
}

/// A look at the schema may take a fiftieth of the time.
const SHARE: u32 = 50;

impl Intake {
    /// Whether the tables that mappings read are other than when the session began. Asks the database only
    /// when a look is due.
    pub fn schema_moved(&self, lookout: &mut Lookout) -> Result<bool, PipelineError> {
        let begun = Instant::now();
        if begun < lookout.due {
            return Ok(false);
        }
        let now = self.schema_now()?;
        let pause = (begun.elapsed() * SHARE).max(self.options.poll_interval);
        lookout.due = Instant::now() + pause.min(Duration::from_secs(60));
        Ok(now != lookout.now)
    }

    /// Whether a fault comes from a schema that changed under a pass.
    pub fn explained_by_schema(&self, fault: &PipelineError, lookout: &mut Lookout) -> bool {
        if !matches!(fault, PipelineError::Source(SourceError::Missing { .. })) {
            return false;
        }
        lookout.hurry();
        self.schema_moved(lookout).unwrap_or(false)
    }

    /// The tables that mappings read.
    pub fn schema_now(&self) -> Result<Schema, PipelineError> {
        let mappings = self.options.pack.mappings().iter();
        let names: BTreeSet<String> = mappings
            .flat_map(Mapping::reads)
            .map(|read| read.table)
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        self.wait(self.options.source.tables(&names))
    }

    /// Holds every mapping against the tables: those that no longer fit stand still, those that fit again go
    /// on. A mapping that never fitted is a mistake of the pack, and stops the source.
    pub fn hold_against(&mut self, now: &Schema) -> Result<(), PipelineError> {
        let (seen, before) = self.store.read(|conn| {
            Ok::<_, PipelineError>((schema::seen(conn, self.id)?, schema::held(conn, self.id)?))
        })?;
        self.refuse_mistakes(&seen, now)?;
        let drifted = self.drifted(&seen, now, &before)?;
        let held = self.held_rows(&drifted, &before);
        self.write_held(now, &seen, &drifted, &before, &held)?;
        let names: HashMap<i64, &String> = self.ids.iter().map(|(n, id)| (*id, n)).collect();
        self.held = held
            .keys()
            .filter_map(|id| names.get(id).map(|name| (*name).clone()))
            .collect();
        Ok(())
    }

    fn refuse_mistakes(&self, seen: &Seen, now: &Schema) -> Result<(), PipelineError> {
        let mappings = self.options.pack.mappings();
        if !mappings.iter().any(|m| never_there(&m.reads(), seen, now)) {
            return Ok(());
        }
        // The whole schema, so that a misspelt table is recognised.
        let whole = self.wait(self.options.source.schema())?;
        let faults = self.options.pack.check_against(&whole);
        if !faults.has_errors() {
            return Ok(());
        }
        Err(PipelineError::Unfit {
            source_name: self.name().to_owned(),
            faults: faults
                .iter()
                .filter(|d| d.severity.word() == "error")
                .count(),
            first: first_error(
                faults
                    .iter()
                    .map(|d| (d.severity.word(), d.code, &*d.message, &*d.help)),
            ),
        })
    }

    /// What no longer is as it was, less what a person has accepted.
    fn drifted(
        &self,
        seen: &Seen,
        now: &Schema,
        before: &BTreeMap<i64, HeldRow>,
    ) -> Result<Drifted, PipelineError> {
        let mut drifted = Drifted::new();
        let mut whole = None;
        for mapping in self.options.pack.mappings() {
            let reads = mapping.reads();
            let mut found = differences(&reads, seen, now);
            if found
                .iter()
                .any(|d| matches!(d, Difference::TableGone { .. }))
            {
                // Only the whole schema shows what a table may have become.
                let whole = match &mut whole {
                    Some(whole) => &*whole,
                    none => none.insert(self.wait(self.options.source.schema())?),
                };
                found = differences(&reads, seen, whole);
            }
            let accepted = self
                .ids
                .get(mapping.name())
                .and_then(|id| before.get(id))
                .is_some_and(|row| row.accepted && row.difference == sentences(&found));
            if !found.is_empty() && !accepted {
                drifted.insert(mapping.name().to_owned(), found);
            }
        }
        self.hold_dependants(&mut drifted);
        Ok(drifted)
    }

    /// A mapping whose patients' sharing can no longer be told must not go on sharing.
    fn hold_dependants(&self, drifted: &mut Drifted) {
        let pack = &self.options.pack;
        let blind: Vec<&str> = pack
            .mappings()
            .iter()
            .filter(|m| m.resource_type() == "Patient")
            .filter(|m| {
                let differences = drifted.get(m.name()).map(Vec::as_slice);
                let sharing = m.sharing_reads();
                let lost = |d: &Difference| concerns_sharing(d, &sharing, m);
                differences.unwrap_or_default().iter().any(lost)
            })
            .map(Mapping::name)
            .collect();
        for mapping in pack.mappings() {
            let lost = mapping.refers_to().into_iter().find(|m| blind.contains(m));
            if let Some(patients) = lost
                && !drifted.contains_key(mapping.name())
            {
                let difference = Difference::SharingLost {
                    mapping: patients.to_owned(),
                };
                drifted.insert(mapping.name().to_owned(), vec![difference]);
            }
        }
    }

    fn held_rows(
        &self,
        drifted: &Drifted,
        before: &BTreeMap<i64, HeldRow>,
    ) -> BTreeMap<i64, HeldRow> {
        let now = self.now_ms();
        let row = |(name, found): (&String, &Vec<Difference>)| {
            let id = *self.ids.get(name)?;
            let difference = sentences(found);
            // What cannot be accepted comes first: accepting would not help.
            let code = found.iter().map(Difference::code).min()?.to_owned();
            let same = before.get(&id).filter(|b| b.difference == difference);
            let since_ms = same.map_or(now, |b| b.since_ms);
            let held = HeldRow {
                code,
                difference,
                since_ms,
                accepted: false,
            };
            Some((id, held))
        };
        drifted.iter().filter_map(row).collect()
    }

    /// Writes what was learned: tables that fit all who read them are accepted as they are.
    fn write_held(
        &self,
        now: &Schema,
        seen: &Seen,
        drifted: &Drifted,
        before: &BTreeMap<i64, HeldRow>,
        held: &BTreeMap<i64, HeldRow>,
    ) -> Result<(), PipelineError> {
        let disputed: BTreeSet<String> = self
            .options
            .pack
            .mappings()
            .iter()
            .filter(|m| drifted.contains_key(m.name()))
            .flat_map(Mapping::reads)
            .map(|read| read.table)
            .collect();
        let differs = |table: &&silsila_source::Table| {
            let columns = table.columns.iter().map(SeenColumn::of);
            seen.get(&table.name)
                .is_none_or(|s| !columns.eq(s.iter().cloned()))
        };
        let accepted: Vec<_> = now
            .tables
            .iter()
            .filter(|table| !disputed.contains(&table.name))
            .filter(differs)
            .collect();
        let released = self.released(before, held, &disputed);
        let fresh: Vec<(&i64, &HeldRow)> = held
            .iter()
            .filter(|(id, row)| {
                before
                    .get(id)
                    .is_none_or(|b| b.difference != row.difference)
            })
            .collect();
        self.report(&fresh, &released);
        if accepted.is_empty() && released.is_empty() && fresh.is_empty() {
            return Ok(());
        }
        self.store.local(|txn| {
            for table in accepted {
                schema::accept(txn, self.id, table)?;
            }
            for id in &released {
                schema::release(txn, *id)?;
            }
            for (id, row) in fresh {
                schema::hold(txn, *id, row)?;
            }
            if released.is_empty() {
                return Ok(());
            }
            // What changed while it stood still is found by a sweep.
            feed::order_sweep(txn, self.id)
        })
    }

    /// Those that go on. A difference that a person accepted is remembered until every mapping of the
    /// table agrees with it.
    fn released(
        &self,
        before: &BTreeMap<i64, HeldRow>,
        held: &BTreeMap<i64, HeldRow>,
        disputed: &BTreeSet<String>,
    ) -> Vec<i64> {
        let waits = |id: &i64| {
            let mapping = self.all_mappings().find(|(_, of)| of == id);
            let reads = mapping.map_or_else(Vec::new, |(m, _)| m.reads());
            reads.iter().any(|read| disputed.contains(&read.table))
        };
        let over = before.iter().filter(|(id, _)| !held.contains_key(id));
        over.filter(|(id, row)| !(row.accepted && waits(id)))
            .map(|(id, _)| *id)
            .collect()
    }

    fn report(&self, held: &[(&i64, &HeldRow)], released: &[i64]) {
        let names: HashMap<i64, &str> = self.ids.iter().map(|(n, id)| (*id, n.as_str())).collect();
        let name = |id: &i64| names.get(id).copied().unwrap_or_default();
        for (id, row) in held {
            let (mapping, code, difference) = (name(id), &row.code, &row.difference);
            tracing::warn!(
                source = self.name(),
                mapping,
                code,
                "a mapping stands still: {difference}"
            );
        }
        for id in released {
            let mapping = name(id);
            tracing::info!(
                source = self.name(),
                mapping,
                "a mapping goes on: its tables fit again"
            );
        }
    }

    /// What the operator is shown of the mappings that stand still.
    pub fn show_held(&self) -> Result<(), PipelineError> {
        let held = self.store.read(|conn| schema::held(conn, self.id))?;
        self.board.update(|status| {
            for mapping in &mut status.mappings {
                let row = self.ids.get(&mapping.name).and_then(|id| held.get(id));
                mapping.held = row
                    .filter(|_| self.held.contains(&mapping.name))
                    .map(HeldRow::shown);
            }
        });
        Ok(())
    }

    /// Whether a person has just accepted a difference.
    pub fn acceptance_waits(&self) -> Result<bool, PipelineError> {
        if self.held.is_empty() {
            return Ok(false);
        }
        let held = self.store.read(|conn| schema::held(conn, self.id))?;
        let accepted = |name: &String| {
            let row = self.ids.get(name).and_then(|id| held.get(id));
            row.is_some_and(|row| row.accepted)
        };
        Ok(self.held.iter().any(accepted))
    }
}

impl HeldRow {
    pub fn shown(&self) -> HeldStatus {
        HeldStatus {
            code: self.code.clone(),
            differences: self.difference.lines().map(str::to_owned).collect(),
            since_ms: self.since_ms,
        }
    }
}

/// A lost key or table takes the patients with it as well.
fn concerns_sharing(difference: &Difference, sharing: &[TableReads], mapping: &Mapping) -> bool {
    let own = [TableReads {
        table: mapping.table().to_owned(),
        columns: mapping.key().to_vec(),
    }];
    difference.concerns(sharing) || difference.concerns(&own)
}

fn sentences(differences: &[Difference]) -> String {
    let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
