// SPDX-License-Identifier: Apache-2.0
//! The Hyderabad hospital through its pack: every row of its Access file, mapped once per test run, beside the
//! hospital's own export of its tables, which is read without our code, and the list of what was planted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use silsila_access::{Access, AccessOptions};
use silsila_integration_tests::hospital::sindh;
use silsila_mapping::{Organization, Pack, PackSettings, RowOutcome};
use silsila_schema::Json;
use tokio::sync::OnceCell;

use crate::hyderabad_export::Export;
use crate::pack_hospital::{Mapped, files_of, map_hospital};
use crate::pack_legacy::{fault, read_planted};

/// What the configuration of the demonstration says.
pub fn settings() -> PackSettings {
    PackSettings {
        source: "hyderabad".into(),
        base_uri: "https://hyderabad.example".into(),
        hospital: "Hyderabad".into(),
        organization: Organization {
            name: "Taluka Hospital Hyderabad".into(),
            city: "Hyderabad".into(),
            country: "PK".into(),
            ..Organization::default()
        },
    }
}

/// The pack, compiled; its mistakes fail the test with their places.
pub fn pack() -> Pack {
    Pack::compile(&files_of("sindh-hyderabad"), &settings())
        .unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// Where the hospital's files lie.
pub fn files() -> PathBuf {
    sindh().join("hyderabad")
}

/// The hospital on day 1, and what the pack made of it.
pub struct DayOne {
    pub mapped: Mapped,
    pub export: Export,
    planted: BTreeMap<String, Vec<String>>,
}

static DAY_ONE: OnceCell<DayOne> = OnceCell::const_new();

/// The hospital, read and mapped by whichever test asks first.
pub async fn day_one() -> &'static DayOne {
    DAY_ONE.get_or_init(load).await
}

async fn load() -> DayOne {
    DayOne {
        mapped: map_hospital(&source(), &pack()).await,
        export: Export::read(&files()),
        planted: read_planted(),
    }
}

/// The hospital's file of day 1 as a source.
pub fn source() -> Access {
    let file = files().join("hyderabad-day1.accdb");
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("access-copies");
    let mut options = AccessOptions::new("hyderabad", file, copies);
    options.rows_per_second = None;
    Access::new(options)
}

impl DayOne {
    /// A value as the export shows it.
    pub fn raw(&self, table: &str, key: i64, column: &str) -> Option<&str> {
        self.export.raw(table, &key.to_string(), column)
    }

    /// The keys of a planted defect, as the list has them.
    pub fn planted(&self, id: &str) -> &[String] {
        self.planted.get(id).map_or(&[], Vec::as_slice)
    }

    /// The identifiers of all that was planted.
    pub fn defects(&self) -> impl Iterator<Item = &str> {
        self.planted.keys().map(String::as_str)
    }

    /// The keys of a planted defect, as numbers.
    pub fn keys(&self, id: &str) -> Vec<i64> {
        let number = |k: &String| k.parse().unwrap_or_else(|_| panic!("{id}: key {k}"));
        self.planted(id).iter().map(number).collect()
    }

    /// The rows of a planted defect that a mapping produced. Those whose patient does not exist must be
    /// quarantined as orphans, and at least one must remain; `count` is how many were planted.
    pub fn planted_rows(
        &self,
        id: &str,
        count: usize,
        table: &str,
        mapping: &str,
    ) -> Vec<(i64, &Json, &RowOutcome)> {
        let keys = self.keys(id);
        assert_eq!(keys.len(), count, "{id}: rows planted");
        let mut rows = Vec::new();
        for key in keys {
            let outcome = self.mapped.outcome(mapping, key);
            match self.export.patient_of(table, &key.to_string()) {
                Some(_) => rows.push((key, self.mapped.resource(mapping, key), outcome)),
                None => assert_eq!(fault(outcome), Some("MAP2003"), "{id} {key}: an orphan"),
            }
        }
        assert!(!rows.is_empty(), "{id}: some row has its patient");
        rows
    }
}
