// SPDX-License-Identifier: Apache-2.0
//! The Karachi hospital through its pack: every row of every table, read by the adapter and mapped once per test
//! run, beside the rows themselves and the list of what was planted.

use std::collections::BTreeMap;

use silsila_integration_tests::mssql::Karachi;
use silsila_mapping::{
    Context, LogicalId, Organization, Outcome, Pack, PackSettings, RefState, References, RowOutcome,
};
use silsila_mssql::MsSql;
use silsila_schema::Json;
use silsila_source::{Key, Source, Value};
use tokio::sync::OnceCell;

use crate::karachi_legacy::Legacy;
use crate::pack_hospital::{Counts, as_of, files_of, map_table};
use crate::pack_legacy::{fault, read_planted};

/// What the configuration of the demonstration says.
pub fn settings() -> PackSettings {
    PackSettings {
        source: "karachi".into(),
        base_uri: "https://karachi.example".into(),
        hospital: "Karachi".into(),
        organization: Organization {
            name: "City Hospital Karachi".into(),
            city: "Karachi".into(),
            country: "PK".into(),
            ..Organization::default()
        },
    }
}

/// The pack, compiled; its mistakes fail the test with their places.
pub fn pack() -> Pack {
    Pack::compile(&files_of("sindh-karachi"), &settings())
        .unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The id of the resource that a mapping makes of a key.
pub fn id(mapping: &str, key: &Key) -> LogicalId {
    LogicalId::derive(&[7; 32], "karachi", mapping, key)
}

/// Every table of this hospital has one key column, a number or a GUID.
pub fn key_text(key: &Key) -> String {
    match key.0.as_slice() {
        [Value::Int(n)] => n.to_string(),
        [Value::Text(guid)] => guid.to_string(),
        other => panic!("a key of {} columns", other.len()),
    }
}

/// What became of every row: mapping, then the row's key.
#[derive(Default)]
pub struct Mapped(BTreeMap<String, BTreeMap<String, (RowOutcome, Option<Json>)>>);

impl Mapped {
    /// The outcome of one row.
    pub fn outcome(&self, mapping: &str, key: &str) -> &RowOutcome {
        &self.entry(mapping, key).0
    }

    /// The resource of one row, which must have been produced.
    pub fn resource(&self, mapping: &str, key: &str) -> &Json {
        let (outcome, resource) = self.entry(mapping, key);
        resource
            .as_ref()
            .unwrap_or_else(|| panic!("{mapping} {key} is {:?}", outcome.outcome))
    }

    /// All resources, in mapping and key order.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &str, &Json)> {
        self.0.iter().flat_map(|(mapping, rows)| {
            let made = rows.iter().filter_map(|(k, (_, r))| Some((k, r.as_ref()?)));
            made.map(move |(key, resource)| (&**mapping, &**key, resource))
        })
    }

    /// The mappings that mapped anything.
    pub fn mappings(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What became of a mapping's rows.
    pub fn counts(&self, mapping: &str) -> Counts {
        let mut counts = Counts::default();
        for (outcome, _) in self.0[mapping].values() {
            counts.rows += 1;
            *match outcome.outcome {
                Outcome::Produced(_) => &mut counts.produced,
                Outcome::Empty => &mut counts.empty,
                Outcome::NotShared => &mut counts.not_shared,
                Outcome::Quarantined(_) => &mut counts.quarantined,
            } += 1;
        }
        counts
    }

    fn entry(&self, mapping: &str, key: &str) -> &(RowOutcome, Option<Json>) {
        let rows = self.0.get(mapping);
        rows.unwrap_or_else(|| panic!("no mapping {mapping}"))
            .get(key)
            .unwrap_or_else(|| panic!("{mapping} has no row {key}"))
    }
}

impl References for Mapped {
    fn state(&self, mapping: &str, key: &Key) -> RefState {
        if mapping == "organization" {
            return RefState::Shared;
        }
        let row = self
            .0
            .get(mapping)
            .and_then(|rows| rows.get(&key_text(key)));
        match row.map(|(outcome, _)| &outcome.outcome) {
            Some(Outcome::Produced(_)) => RefState::Shared,
            Some(Outcome::NotShared) => RefState::NotShared,
            Some(Outcome::Quarantined(_)) => RefState::Quarantined,
            Some(Outcome::Empty) | None => RefState::Absent,
        }
    }
}

/// Maps every row of every mapping, in the pack's order.
async fn map_hospital(source: &dyn Source, pack: &Pack) -> Mapped {
    let mut mapped = Mapped::default();
    for mapping in pack.mappings() {
        let mut rows = BTreeMap::new();
        let context = Context {
            as_of: as_of(),
            ids: &id,
            references: &mapped,
        };
        for outcome in map_table(source, mapping, &context).await {
            let resource = match &outcome.outcome {
                Outcome::Produced(r) => Some(Json::parse(r.body()).expect("canonical JSON")),
                _ => None,
            };
            let key = key_text(&outcome.key);
            let twice = rows.insert(key, (outcome, resource));
            assert!(twice.is_none(), "{}: a row twice", mapping.name());
        }
        mapped.0.insert(mapping.name().to_owned(), rows);
    }
    mapped
}

/// The hospital on day 1, and what the pack made of it.
pub struct DayOne {
    pub mapped: Mapped,
    pub legacy: Legacy,
    karachi: Karachi,
    planted: BTreeMap<String, Vec<String>>,
}

static DAY_ONE: OnceCell<DayOne> = OnceCell::const_new();

/// The hospital, loaded and mapped by whichever test asks first. Nobody may change its database.
pub async fn day_one() -> &'static DayOne {
    DAY_ONE.get_or_init(load).await
}

async fn load() -> DayOne {
    let karachi = Karachi::start().await.expect("the hospital loads");
    DayOne {
        mapped: map_hospital(&karachi.source(), &pack()).await,
        legacy: Legacy::read(),
        karachi,
        planted: read_planted(),
    }
}

impl DayOne {
    /// The database, for tests that read it once more.
    pub fn source(&self) -> MsSql {
        self.karachi.source()
    }

    /// A value of a row.
    pub fn raw(&self, table: &str, key: &str, column: &str) -> Option<&str> {
        self.legacy.raw(table, key, column)
    }

    /// The identifiers of all that was planted.
    pub fn defects(&self) -> impl Iterator<Item = &str> {
        self.planted.keys().map(String::as_str)
    }

    /// The keys of a planted defect, of which there must be so many.
    pub fn keys(&self, id: &str, count: usize) -> Vec<&str> {
        let keys = self.planted.get(id).map_or(&[][..], Vec::as_slice);
        assert_eq!(keys.len(), count, "{id}: rows planted");
        keys.iter().map(String::as_str).collect()
    }

    /// The people of this hospital in a defect that is planted in several.
    pub fn of_karachi(&self, id: &str) -> impl Iterator<Item = &str> {
        let keys = self.planted[id].iter();
        keys.filter_map(|key| key.strip_prefix("karachi/"))
    }

    /// The rows of a planted defect that a mapping produced. Those whose person is not shared must be not
    /// shared, those of nobody quarantined, and at least one must remain; `count` is how many were planted.
    pub fn planted_rows(
        &self,
        id: &str,
        count: usize,
        table: &str,
        mapping: &str,
    ) -> Vec<(&str, &Json, &RowOutcome)> {
        let keys = self.keys(id, count);
        let rows = self.produced(id, &keys, table, mapping);
        assert!(!rows.is_empty(), "{id}: some row is shared");
        rows
    }

    /// Of these rows those that a mapping produced, as above.
    pub fn produced<'d>(
        &'d self,
        id: &str,
        keys: &[&'d str],
        table: &str,
        mapping: &str,
    ) -> Vec<(&'d str, &'d Json, &'d RowOutcome)> {
        let mut rows = Vec::new();
        for key in keys {
            let outcome = self.mapped.outcome(mapping, key);
            match self.legacy.person_of(table, key) {
                Some(person) if self.legacy.shared(person) => {
                    rows.push((*key, self.mapped.resource(mapping, key), outcome));
                }
                Some(_) => assert!(
                    matches!(outcome.outcome, Outcome::NotShared),
                    "{id} {key}: of a person who refused, yet {:?}",
                    outcome.outcome
                ),
                None => assert_eq!(fault(outcome), Some("MAP2003"), "{id} {key}: an orphan"),
            }
        }
        rows
    }
}
