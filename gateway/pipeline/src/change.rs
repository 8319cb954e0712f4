// SPDX-License-Identifier: Apache-2.0
//! What is to be written about rows: the drafts for the ledger and the row states beside them.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Transaction, params};
use silsila_mapping::Warning;
use silsila_store::Draft;

use crate::PipelineError;
use crate::row_state::{RowState, Tally};
use crate::tables::{progress, rows};

/// One row's change. Whatever set of changes is written together is whole in itself.
pub(crate) struct Change {
    pub mapping: i64,
    pub key: Vec<u8>,
    pub before: Option<RowState>,
    /// `None` forgets the row.
    pub after: Option<RowState>,
    pub draft: Option<Draft>,
    pub quarantine: Quarantine,
}

/// What becomes of a row's line in the quarantine.
pub(crate) enum Quarantine {
    /// It is not in quarantine.
    Release,
    /// It stays as it is.
    Keep,
    /// It is, for this reason.
    Hold(Reason),
}

/// Why a row is in quarantine, and what its key looks like to people.
pub(crate) struct Reason {
    pub key_text: String,
    pub code: String,
    pub column: Option<String>,
    pub element: Option<String>,
    pub reason: String,
    /// Whether this is a retry that changed nothing.
    pub retried: bool,
}

/// Numbers for kinds of warnings, so that a row remembers four bytes for each.
#[derive(Default)]
pub(crate) struct WarningKinds {
    numbers: HashMap<(i64, Warning), u32>,
    kinds: BTreeMap<u32, WarningKind>,
}

/// One kind of warning of one mapping.
#[derive(Clone)]
pub(crate) struct WarningKind {
    pub mapping: i64,
    pub code: String,
    pub column: Option<String>,
    pub element: Option<String>,
}

impl WarningKinds {
    /// What the store knows.
    pub fn load(conn: &rusqlite::Connection) -> Result<Self, PipelineError> {
        let mut statement =
            conn.prepare("SELECT id, mapping, code, column_name, element FROM pipe_warning")?;
        let kinds = statement
            .query_map([], |row| {
                Ok((
                    row.get(0)?,
                    WarningKind {
                        mapping: row.get(1)?,
                        code: row.get(2)?,
                        column: row.get(3)?,
                        element: row.get(4)?,
                    },
                ))
            })?
            .collect::<Result<BTreeMap<u32, WarningKind>, _>>()?;
        Ok(Self {
            numbers: HashMap::new(),
            kinds,
        })
    }

    /// The numbers of a row's warnings, ascending and each once.
    pub fn numbers(&mut self, mapping: i64, warnings: Vec<Warning>) -> Vec<u32> {
        let mut numbers: Vec<u32> = warnings
            .into_iter()
            .map(|warning| self.number(mapping, warning))
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    fn number(&mut self, mapping: i64, warning: Warning) -> u32 {
        let place = (mapping, warning);
        if let Some(number) = self.numbers.get(&place) {
            return *number;
        }
        let warning = &place.1;
        let same = |kind: &WarningKind| {
            kind.mapping == mapping
                && kind.code == warning.code
                && kind.column == warning.column
                && kind.element == warning.element
        };
        let known = self
            .kinds
            .iter()
            .find(|(_, kind)| same(kind))
            .map(|(n, _)| *n);
        let number = known.unwrap_or_else(|| {
            let next = self.kinds.last_key_value().map_or(1, |(n, _)| n + 1);
            let kind = WarningKind {
                mapping,
                code: warning.code.to_owned(),
                column: warning.column.clone(),
                element: warning.element.clone(),
            };
            self.kinds.insert(next, kind);
            next
        });
        self.numbers.insert(place, number);
        number
    }

    /// The kinds behind numbers.
    pub fn resolve(&self, warned: &BTreeMap<u32, i64>) -> Vec<Warned> {
        warned
            .iter()
            .filter_map(|(number, by)| {
                Some(Warned {
                    number: *number,
                    kind: self.kinds.get(number)?.clone(),
                    by: *by,
                })
            })
            .collect()
    }
}

/// How many rows more or fewer bear a kind of warning.
pub(crate) struct Warned {
    pub number: u32,
    pub kind: WarningKind,
    pub by: i64,
}

/// The sums that a set of changes adds.
#[derive(Default)]
pub(crate) struct Sums {
    pub tallies: BTreeMap<i64, Tally>,
    pub warned: BTreeMap<u32, i64>,
}

impl Sums {
    pub fn of(changes: &[Change]) -> Self {
        let mut sums = Self::default();
        for change in changes {
            let versions = i64::from(change.draft.is_some());
            let tally = Tally::change(change.before.as_ref(), change.after.as_ref(), versions);
            sums.tallies
                .entry(change.mapping)
                .or_default()
                .add(&tally, 1);
            let warned = |row: &Option<RowState>| row.as_ref().map_or(vec![], |r| r.warned.clone());
            for number in warned(&change.before) {
                *sums.warned.entry(number).or_default() -= 1;
            }
            for number in warned(&change.after) {
                *sums.warned.entry(number).or_default() += 1;
            }
        }
        sums.warned.retain(|_, by| *by != 0);
        sums
    }
}

/// Writes row states, quarantine, warnings and counters.
pub(crate) fn write(
    txn: &Transaction<'_>,
    changes: &[Change],
    tallies: &BTreeMap<i64, Tally>,
    warned: &[Warned],
    now_ms: i64,
) -> Result<(), PipelineError> {
    let mut row = txn.prepare(rows::WRITE_ROW)?;
    let mut forget = txn.prepare("DELETE FROM pipe_row WHERE mapping = ?1 AND key = ?2")?;
    let mut release = txn.prepare("DELETE FROM pipe_quarantine WHERE mapping = ?1 AND key = ?2")?;
    let mut hold = txn.prepare(HOLD)?;
    for change in changes {
        match &change.after {
            Some(after) => rows::write(&mut row, change.mapping, &change.key, after)?,
            None => {
                forget.execute(params![change.mapping, change.key])?;
            }
        }
        match &change.quarantine {
            Quarantine::Hold(reason) => {
                hold.execute(params![
                    change.mapping,
                    change.key,
                    reason.key_text,
                    reason.code,
                    reason.column,
                    reason.element,
                    reason.reason,
                    now_ms,
                    reason.retried
                ])?;
            }
            Quarantine::Release if was_held(change.before.as_ref()) => {
                release.execute(params![change.mapping, change.key])?;
            }
            Quarantine::Release | Quarantine::Keep => {}
        }
    }
    for (mapping, tally) in tallies {
        progress::add_tally(txn, *mapping, tally)?;
    }
    let mut count = txn.prepare(WARNED)?;
    for Warned { number, kind, by } in warned {
        count.execute(params![
            number,
            kind.mapping,
            kind.code,
            kind.column,
            kind.element,
            by
        ])?;
    }
    Ok(())
}

fn was_held(before: Option<&RowState>) -> bool {
    before.is_some_and(|row| row.state == crate::row_state::State::Quarantined)
}

/// The first retry comes after ten minutes, each further one after twice the time, up to a day.
const HOLD: &str = "
INSERT INTO pipe_quarantine
  (mapping, key, key_text, code, column_name, element, reason, first_seen, last_seen, tries, next_retry)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 0, ?8 + 600000)
ON CONFLICT (mapping, key) DO UPDATE SET
  tries = CASE WHEN ?9 AND code = ?4 THEN tries + 1 ELSE 0 END,
  next_retry = ?8 + CASE WHEN ?9 AND code = ?4 THEN min(86400000, 600000 << min(tries + 1, 8)) ELSE 600000 END,
  accepted = CASE WHEN code = ?4 THEN accepted ELSE 0 END,
  key_text = ?3, code = ?4, column_name = ?5, element = ?6, reason = ?7, last_seen = ?8";

const WARNED: &str = "
INSERT INTO pipe_warning (id, mapping, code, column_name, element, rows) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
ON CONFLICT (id) DO UPDATE SET rows = rows + ?6";
