// SPDX-License-Identifier: Apache-2.0
//! The demonstration hospital is what its README says it is.

use integration::hospital::{Day2, Hospital, TABLES, sindh};
use integration::mariadb::{MariaDb, MariaDbOptions};
use silsila_integration_tests as integration;
use silsila_mysql::MySql;
use silsila_source::{Fetch, Key, Source, Value};

async fn count(source: &MySql, table: &str) -> u64 {
    source.count(table).await.unwrap()
}

#[tokio::test]
async fn the_hospital_loads_and_its_next_day_is_applied_once() {
    let server = MariaDb::start(MariaDbOptions::default()).await.unwrap();
    let hospital = Hospital::load(&server, "mirpurkhas", &sindh())
        .await
        .unwrap();
    let source = MySql::new(hospital.options(&server));
    let mut rows = Vec::new();
    for table in TABLES {
        rows.push((table, count(&source, table).await));
    }
    let expect = [
        ("doctors", 8),
        ("patients", 400),
        ("opd_visits", 848),
        ("prescriptions", 1438),
        ("lab_tests", 1324),
        ("allergies", 82),
        ("immunizations", 762),
    ];
    assert_eq!(rows, expect);

    assert_eq!(
        hospital.apply_day2(&server).await.unwrap(),
        Day2::Applied(count_changes())
    );
    assert_eq!(hospital.apply_day2(&server).await.unwrap(), Day2::WasThere);
    assert_eq!(count(&source, "patients").await, 412);
    let columns = [
        "patient_id".to_owned(),
        "city".to_owned(),
        "phone_no".to_owned(),
    ];
    let hero = source
        .fetch(Fetch {
            table: "patients",
            columns: &columns,
            by: &columns[..1],
            keys: &[Key(vec![Value::Int(4485)])],
        })
        .await
        .unwrap();
    let text = |t: &str| Value::Text(t.into());
    assert_eq!(hero.len(), 1);
    assert!(hero[0].values()[1..] == [text("Hyderabad"), text("03448556000")]);
}

/// The statements of `changes.sql`, counted another way than the harness does.
fn count_changes() -> usize {
    let text = std::fs::read_to_string(sindh().join("mirpurkhas/changes.sql")).unwrap();
    let verbs = ["INSERT ", "UPDATE ", "DELETE "];
    text.lines()
        .filter(|l| verbs.iter().any(|v| l.starts_with(v)))
        .count()
}
