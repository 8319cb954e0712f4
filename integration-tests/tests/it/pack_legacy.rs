// SPDX-License-Identifier: Apache-2.0
//! The same hospital seen without our code: its rows as SQL shows them, and the list of planted defects.

use std::collections::BTreeMap;
use std::sync::Arc;

use mysql_async::Value;
use mysql_async::prelude::Queryable;
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::mariadb::{MariaDb, shared};
use silsila_mapping::{Outcome, RowOutcome};
use silsila_mysql::MySql;
use silsila_schema::Json;
use tokio::sync::OnceCell;

use crate::pack_hospital::{Mapped, map_hospital, pack};

/// Table, number of the row, column: the value as text.
type Rows = BTreeMap<&'static str, BTreeMap<i64, BTreeMap<String, Option<String>>>>;

/// The tables and their key columns.
pub const TABLES: [(&str, &str); 7] = [
    ("patients", "patient_id"),
    ("doctors", "doctor_id"),
    ("opd_visits", "visit_id"),
    ("prescriptions", "rx_id"),
    ("lab_tests", "test_id"),
    ("allergies", "allergy_id"),
    ("immunizations", "imm_id"),
];

/// The hospital on day 1, and what the pack made of it.
pub struct DayOne {
    pub mapped: Mapped,
    rows: Rows,
    planted: BTreeMap<String, Vec<String>>,
    hospital: Hospital,
    server: Arc<MariaDb>,
}

static DAY_ONE: OnceCell<DayOne> = OnceCell::const_new();

/// The hospital, loaded and mapped by whichever test asks first. Nobody may change its database.
pub async fn day_one() -> &'static DayOne {
    DAY_ONE.get_or_init(load).await
}

async fn load() -> DayOne {
    let server = shared().await;
    let hospital = Hospital::load(&server, "pack_day_one", &sindh())
        .await
        .expect("the hospital loads");
    let source = MySql::new(hospital.options(&server));
    DayOne {
        mapped: map_hospital(&source, &pack()).await,
        rows: read_rows(&server, &hospital).await,
        planted: read_planted(),
        hospital,
        server,
    }
}

async fn read_rows(server: &MariaDb, hospital: &Hospital) -> Rows {
    let mut conn = admin(server, hospital).await;
    let mut rows = Rows::new();
    for (table, key) in TABLES {
        let all: Vec<mysql_async::Row> = conn
            .query(format!("SELECT * FROM {table}"))
            .await
            .expect("a table of the hospital");
        let named = all.into_iter().map(by_name);
        let numbered = named.map(|row| {
            let number = row[key].as_deref().and_then(|k| k.parse().ok());
            (number.expect("a number"), row)
        });
        rows.insert(table, numbered.collect());
    }
    conn.disconnect().await.expect("an orderly end");
    rows
}

fn by_name(row: mysql_async::Row) -> BTreeMap<String, Option<String>> {
    let names: Vec<String> = row
        .columns_ref()
        .iter()
        .map(|c| c.name_str().into_owned())
        .collect();
    let values = row.unwrap().into_iter().map(|value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => Some(String::from_utf8(bytes).expect("UTF-8")),
        other => Some(other.as_sql(true)),
    });
    names.into_iter().zip(values).collect()
}

/// Every planted defect of all hospitals, with its keys as the list has them.
pub fn read_planted() -> BTreeMap<String, Vec<String>> {
    let path = sindh().join("planted.csv");
    let text = std::fs::read_to_string(path).expect("the list of planted defects");
    let mut planted = BTreeMap::<String, Vec<String>>::new();
    for line in text.lines().skip(1) {
        let (id, key) = line.split_once(',').expect("two columns");
        planted
            .entry(id.into())
            .or_default()
            .push(key.trim_matches('"').into());
    }
    planted
}

async fn admin(server: &MariaDb, hospital: &Hospital) -> mysql_async::Conn {
    let database = Some(hospital.database.as_str());
    server.admin(database).await.expect("the server answers")
}

impl DayOne {
    /// The source, for tests that read it once more.
    pub fn source(&self) -> MySql {
        MySql::new(self.hospital.options(&self.server))
    }

    /// One number, asked of the database in SQL.
    pub async fn ask(&self, sql: &str) -> i64 {
        let mut conn = admin(&self.server, &self.hospital).await;
        let answer: Option<i64> = conn.query_first(sql).await.expect("SQL of our own");
        conn.disconnect().await.expect("an orderly end");
        answer.expect("one row")
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

    /// A value as SQL shows it.
    pub fn raw(&self, table: &str, key: i64, column: &str) -> Option<&str> {
        let row = self.rows[table].get(&key);
        row.unwrap_or_else(|| panic!("{table} has no row {key}"))[column].as_deref()
    }

    /// All row numbers of a table.
    pub fn numbers(&self, table: &str) -> impl Iterator<Item = i64> {
        self.rows[table].keys().copied()
    }

    /// Whose row it is, found by hand; `None` when there is no such patient.
    pub fn patient_of(&self, table: &str, key: i64) -> Option<i64> {
        let number = |table, key, column| self.raw(table, key, column)?.parse::<i64>().ok();
        let patient = match table {
            "patients" => Some(key),
            "prescriptions" => {
                let visit = number(table, key, "visit_id")?;
                self.rows["opd_visits"].get(&visit)?;
                number("opd_visits", visit, "patient_id")
            }
            _ => number(table, key, "patient_id"),
        };
        patient.filter(|p| self.rows["patients"].contains_key(p))
    }

    /// Whether that patient may be shared, by the flags in the row.
    pub fn shared(&self, patient: i64) -> bool {
        self.raw("patients", patient, "is_deleted") == Some("0")
            && self.raw("patients", patient, "share_optout") == Some("0")
    }

    /// The rows of a planted defect that a mapping produced. Those whose patient is not shared must be
    /// not shared, and at least one must remain; `count` is how many were planted.
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
            let patient = self.patient_of(table, key);
            match patient.map(|p| self.shared(p)) {
                Some(true) => rows.push((key, self.mapped.resource(mapping, key), outcome)),
                Some(false) => assert!(
                    matches!(outcome.outcome, Outcome::NotShared),
                    "{id} {key}: of a patient who is not shared, yet {:?}",
                    outcome.outcome
                ),
                None => assert_eq!(fault(outcome), Some("MAP2003"), "{id} {key}: an orphan"),
            }
        }
        assert!(!rows.is_empty(), "{id}: some row is shared");
        rows
    }
}

/// The code of the fault of a quarantined row.
pub fn fault(outcome: &RowOutcome) -> Option<&'static str> {
    match &outcome.outcome {
        Outcome::Quarantined(fault) => Some(fault.code),
        _ => None,
    }
}
