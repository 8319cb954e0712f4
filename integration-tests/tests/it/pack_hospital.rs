// SPDX-License-Identifier: Apache-2.0
//! The Mirpurkhas hospital through its pack: every row of every table, mapped once per test run from a
//! real database, beside the rows themselves as SQL shows them and the list of what was planted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use silsila_mapping::{
    Batch, Context, LogicalId, Mapping, Organization, Outcome, Pack, PackFile, PackSettings,
    RefState, References, RowOutcome,
};
use silsila_schema::Json;
use silsila_source::{Date, DateTime, Fetch, Key, Row, Scan, Source, Time, Value};

/// The repository's own folder.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every file of the pack, in name order.
pub fn pack_files() -> Vec<PackFile> {
    files_of("sindh-mirpurkhas")
}

/// Every file of a pack of that name, in name order.
pub fn files_of(pack: &str) -> Vec<PackFile> {
    let mut files = Vec::new();
    collect(&repository().join("mappings/packs").join(pack), &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!files.is_empty(), "the pack has files");
    files
}

fn collect(folder: &Path, files: &mut Vec<PackFile>) {
    for entry in std::fs::read_dir(folder).expect("the pack is in the repository") {
        let path = entry.expect("a readable folder").path();
        if path.is_dir() {
            collect(&path, files);
        } else if matches!(
            path.extension().and_then(|e| e.to_str()),
            Some("yaml" | "csv")
        ) {
            files.push(PackFile {
                text: std::fs::read_to_string(&path).expect("UTF-8"),
                path: path.display().to_string(),
            });
        }
    }
}

/// What the configuration of the demonstration says.
pub fn settings() -> PackSettings {
    PackSettings {
        source: "mirpurkhas".into(),
        base_uri: "https://mirpurkhas.example".into(),
        hospital: "Mirpurkhas".into(),
        organization: Organization {
            name: "District Hospital Mirpurkhas".into(),
            city: "Mirpurkhas".into(),
            country: "PK".into(),
            ..Organization::default()
        },
    }
}

/// The pack, compiled; its mistakes fail the test with their places.
pub fn pack() -> Pack {
    Pack::compile(&pack_files(), &settings()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// The morning after day 1.
pub fn as_of() -> DateTime {
    DateTime {
        date: Date {
            year: 2025,
            month: 7,
            day: 1,
        },
        time: Time {
            hour: 8,
            minute: 0,
            second: 0,
            nanosecond: 0,
        },
        offset_minutes: Some(300),
    }
}

/// The id of the resource that a mapping makes of a key.
pub fn id(mapping: &str, key: &Key) -> LogicalId {
    LogicalId::derive(&[7; 32], "mirpurkhas", mapping, key)
}

/// What became of every row: mapping, then the row's number.
#[derive(Default)]
pub struct Mapped(BTreeMap<String, BTreeMap<i64, (RowOutcome, Option<Json>)>>);

/// How many rows a mapping had, and what became of them.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub rows: i64,
    pub produced: i64,
    pub empty: i64,
    pub not_shared: i64,
    pub quarantined: i64,
}

impl Mapped {
    /// The outcome of one row.
    pub fn outcome(&self, mapping: &str, key: i64) -> &RowOutcome {
        &self.entry(mapping, key).0
    }

    /// The resource of one row, which must have been produced.
    pub fn resource(&self, mapping: &str, key: i64) -> &Json {
        let (outcome, resource) = self.entry(mapping, key);
        resource
            .as_ref()
            .unwrap_or_else(|| panic!("{mapping} {key} is {:?}", outcome.outcome))
    }

    /// All resources, in mapping and key order.
    pub fn resources(&self) -> impl Iterator<Item = (&str, i64, &Json)> {
        self.0.iter().flat_map(|(mapping, rows)| {
            rows.iter()
                .filter_map(move |(key, (_, r))| Some((&**mapping, *key, r.as_ref()?)))
        })
    }

    /// The mappings that mapped anything.
    pub fn mappings(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The rows of one mapping.
    pub fn rows(&self, mapping: &str) -> impl Iterator<Item = (i64, &RowOutcome)> {
        self.0[mapping]
            .iter()
            .map(|(key, (outcome, _))| (*key, outcome))
    }

    /// What became of a mapping's rows.
    pub fn counts(&self, mapping: &str) -> Counts {
        let mut counts = Counts::default();
        for (_, outcome) in self.rows(mapping) {
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

    fn entry(&self, mapping: &str, key: i64) -> &(RowOutcome, Option<Json>) {
        self.0
            .get(mapping)
            .unwrap_or_else(|| panic!("no mapping {mapping}"))
            .get(&key)
            .unwrap_or_else(|| panic!("{mapping} has no row {key}"))
    }
}

impl References for Mapped {
    fn state(&self, mapping: &str, key: &Key) -> RefState {
        if mapping == "organization" {
            return RefState::Shared;
        }
        let row = self.0.get(mapping).and_then(|rows| rows.get(&number(key)));
        match row.map(|(outcome, _)| &outcome.outcome) {
            Some(Outcome::Produced(_)) => RefState::Shared,
            Some(Outcome::NotShared) => RefState::NotShared,
            Some(Outcome::Quarantined(_)) => RefState::Quarantined,
            Some(Outcome::Empty) | None => RefState::Absent,
        }
    }
}

/// Every table of this hospital has one numeric key column.
pub fn number(key: &Key) -> i64 {
    match key.0.as_slice() {
        [Value::Int(n)] => *n,
        _ => panic!("a key of this hospital is one integer"),
    }
}

/// Maps every row of every mapping, in the pack's order.
pub async fn map_hospital(source: &dyn Source, pack: &Pack) -> Mapped {
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
            let key = number(&outcome.key);
            assert!(
                rows.insert(key, (outcome, resource)).is_none(),
                "{} {key} twice",
                mapping.name()
            );
        }
        mapped.0.insert(mapping.name().to_owned(), rows);
    }
    mapped
}

/// Maps every row of a mapping's table, as the pipeline does: chunks in key order, fetching what they want.
pub async fn map_table(
    source: &dyn Source,
    mapping: &Mapping,
    context: &Context<'_>,
) -> Vec<RowOutcome> {
    let mut outcomes = Vec::new();
    let mut after = None;
    loop {
        let rows = scan(source, mapping, after.as_ref()).await;
        let Some(last) = rows.last() else {
            return outcomes;
        };
        after = Some(last.key(mapping.key()).expect("key columns are read"));
        outcomes.extend(map_rows(source, mapping, rows, context).await);
    }
}

async fn scan(source: &dyn Source, mapping: &Mapping, after: Option<&Key>) -> Vec<Row> {
    let scan = Scan {
        table: mapping.table(),
        columns: mapping.columns(),
        key: mapping.key(),
        after,
        limit: 500,
    };
    source.scan(scan).await.expect("the database answers")
}

/// Maps one chunk of rows, fetching what it wants from the source.
async fn map_rows(
    source: &dyn Source,
    mapping: &Mapping,
    rows: Vec<Row>,
    context: &Context<'_>,
) -> Vec<RowOutcome> {
    let mut batch = Batch::new(mapping, rows);
    loop {
        let wants = batch.wants();
        if wants.is_empty() {
            break;
        }
        for want in wants {
            let fetch = Fetch {
                table: &want.table,
                columns: &want.columns,
                by: &want.by,
                keys: &want.keys,
            };
            let rows = source.fetch(fetch).await.expect("the database answers");
            batch.supply(want.id, rows);
        }
    }
    (0..batch.len()).map(|i| batch.map(i, context)).collect()
}

/// What stands at a path such as `name[0].given[1]`: a text, or a number or boolean as it is written.
pub fn at<'j>(resource: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('.').try_fold(resource, |json, step| {
        let (name, index) = match step.split_once('[') {
            Some((name, rest)) => (name, rest.trim_end_matches(']').parse::<usize>().ok()),
            None => (step, None),
        };
        let member = json.get(name)?;
        index.map_or(Some(member), |i| member.at(i))
    })
}

/// The text at a path; a number or boolean as it is written.
pub fn text(resource: &Json, path: &str) -> Option<String> {
    let json = at(resource, path)?;
    let token = json.as_str().or_else(|| json.as_number());
    token
        .map(str::to_owned)
        .or_else(|| json.as_bool().map(|b| b.to_string()))
}

/// The coding of a system in a list of codings.
pub fn coding(resource: &Json, path: &str, system: &str) -> Option<String> {
    at(resource, path)?
        .as_array()?
        .iter()
        .find(|c| text(c, "system").as_deref() == Some(system))
        .and_then(|c| text(c, "code"))
}

/// Whether a warning of that code was counted.
pub fn warned(outcome: &RowOutcome, code: &str) -> bool {
    outcome.warnings.iter().any(|w| w.code == code)
}
