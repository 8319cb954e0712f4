// SPDX-License-Identifier: Apache-2.0
//! Which tables and columns a mapping reads, and which of them decide whether a row is shared: what a
//! changed schema is held against.

use std::collections::{BTreeMap, BTreeSet};

use crate::Mapping;
use crate::expression::Ex;
use crate::plan::Origin;

/// Columns of one table that are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableReads {
    /// The table.
    pub table: String,
    /// Its columns in name order.
    pub columns: Vec<String>,
}

type Found = BTreeMap<String, BTreeSet<String>>;

impl Mapping {
    /// Everything that it reads, lookups, children and groups included, in name order.
    #[must_use]
    pub fn reads(&self) -> Vec<TableReads> {
        let mut found = Found::new();
        for used in &self.plan.uses {
            let columns = used.columns.iter().map(|(name, _)| name.clone());
            found.entry(used.table.clone()).or_default().extend(columns);
        }
        listed(found)
    }

    /// What `share` reads, with what leads to its lookups. Rather too much than too little: of a list of
    /// rows every column counts.
    #[must_use]
    pub fn sharing_reads(&self) -> Vec<TableReads> {
        let mut found = Found::new();
        let mut joins = BTreeSet::new();
        let mut lets = BTreeSet::new();
        let mut pending: Vec<&Ex> = self.plan.share.iter().collect();
        while let Some(ex) = pending.pop() {
            ex.walk(&mut |e| match e {
                Ex::Column(column) => self.main(&mut found, *column),
                Ex::JoinColumn(join, column) => {
                    joins.insert(*join);
                    self.joined(&mut found, *join, *column);
                }
                Ex::Join(join) | Ex::Rows(join) => {
                    joins.insert(*join);
                    let count = self.plan.joins[*join].columns.len();
                    (0..count).for_each(|column| self.joined(&mut found, *join, column));
                }
                Ex::Let(i) if lets.insert(*i) => pending.push(&self.plan.program.lets[*i]),
                _ => {}
            });
        }
        let mut joins: Vec<usize> = joins.into_iter().collect();
        let mut known: BTreeSet<usize> = joins.iter().copied().collect();
        while let Some(join) = joins.pop() {
            let of = &self.plan.joins[join];
            of.by
                .iter()
                .for_each(|column| self.joined(&mut found, join, *column));
            for origin in &of.from {
                match origin {
                    Origin::Row(column) => self.main(&mut found, *column),
                    Origin::Join(up, column) => {
                        self.joined(&mut found, *up, *column);
                        if known.insert(*up) {
                            joins.push(*up);
                        }
                    }
                }
            }
        }
        listed(found)
    }

    /// The mappings that its references name, each once, in name order.
    #[must_use]
    pub fn refers_to(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.targets.iter().map(|t| &*t.mapping).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn main(&self, found: &mut Found, column: usize) {
        let name = self.plan.program.columns[column].clone();
        found.entry(self.table.clone()).or_default().insert(name);
    }

    fn joined(&self, found: &mut Found, join: usize, column: usize) {
        let join = &self.plan.joins[join];
        let name = join.columns[column].clone();
        found.entry(join.table.clone()).or_default().insert(name);
    }
}

fn listed(found: Found) -> Vec<TableReads> {
    found
        .into_iter()
        .map(|(table, columns)| TableReads {
            table,
            columns: columns.into_iter().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{Pack, PackFile, PackSettings};

    const VISIT: &str = "mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id], changed: updated_at, timezone: UTC }
lookup:
  ward: { table: wards, on: { ward_id: ward_id } }
  patient: { table: patients, on: { patient_id: patient_id } }
let: { open: patient.share_optout }
share: open == 0 and visits_ok == 1
on_delete: gone
set:
  status: kind
  location[0].location.display: ward.title
  subject: ref('patient', patient_id)
fixed:
  class: { system: http://terminology.hl7.org/CodeSystem/v3-ActCode, code: AMB }
";

    const PATIENT: &str = "mapping: 1
name: patient
resource: Patient
from: { table: patients, key: [patient_id], timezone: UTC }
share: true
on_delete: gone
set:
  name[0].text: full_name
";

    fn pack() -> Pack {
        let file = |path: &str, text: &str| PackFile {
            path: path.into(),
            text: text.into(),
        };
        let files = [file("p.yaml", PATIENT), file("v.yaml", VISIT)];
        let settings = PackSettings {
            source: "s".into(),
            base_uri: "https://h.example".into(),
            hospital: "H".into(),
            ..PackSettings::default()
        };
        match Pack::compile(&files, &settings) {
            Ok(pack) => pack,
            Err(faults) => panic!("{faults:?}"),
        }
    }

    fn check(reads: &[super::TableReads], expect: &[(&str, &[&str])]) {
        let found: Vec<(&str, Vec<&str>)> = reads
            .iter()
            .map(|r| (&*r.table, r.columns.iter().map(String::as_str).collect()))
            .collect();
        let expect: Vec<(&str, Vec<&str>)> = expect.iter().map(|(t, c)| (*t, c.to_vec())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn a_mapping_reads_its_lookups_too_and_shares_by_some_of_them() {
        let pack = pack();
        let visit = pack.mapping("visit").unwrap();
        check(
            &visit.reads(),
            &[
                ("patients", &["patient_id", "share_optout"]),
                (
                    "visits",
                    &[
                        "kind",
                        "patient_id",
                        "updated_at",
                        "visit_id",
                        "visits_ok",
                        "ward_id",
                    ],
                ),
                ("wards", &["title", "ward_id"]),
            ],
        );
        check(
            &visit.sharing_reads(),
            &[
                ("patients", &["patient_id", "share_optout"]),
                ("visits", &["patient_id", "visits_ok"]),
            ],
        );
        assert_eq!(visit.refers_to(), ["patient"]);
        assert!(pack.mapping("patient").unwrap().sharing_reads().is_empty());
    }
}
