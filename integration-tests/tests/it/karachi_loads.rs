// SPDX-License-Identifier: Apache-2.0
//! The Karachi hospital arrives in its database as it stands in its files, and lives its next day once.

use silsila_integration_tests::mssql::{Day2, Karachi, TABLES};
use silsila_source::{Fetch, Key, Scan, Source, Value};

#[tokio::test]
async fn every_table_has_as_many_rows_as_its_file_and_the_next_day_comes_once() {
    let karachi = Karachi::start().await.unwrap();
    let source = karachi.source();
    for (table, rows) in [
        ("Person", 400),
        ("PersonAddress", 403),
        ("Practitioner", 8),
        ("Encounter", 665),
        ("Diagnosis", 821),
        ("Observation", 4388),
        ("MedicationOrder", 1130),
        ("AllergyIntolerance", 66),
        ("Procedure", 90),
    ] {
        assert_eq!(source.count(table).await.unwrap(), rows, "{table}");
    }
    let schema = source.schema().await.unwrap();
    assert_eq!(schema.tables.len(), TABLES.len());

    assert_eq!(karachi.apply_day2().await.unwrap(), Day2::Applied);
    assert_eq!(karachi.apply_day2().await.unwrap(), Day2::WasThere);
    assert_eq!(source.count("Observation").await.unwrap(), 4393);
    assert_eq!(
        source.count("MedicationOrder").await.unwrap(),
        1130,
        "one came and one went"
    );
}

#[tokio::test]
async fn a_persons_key_is_a_uniqueidentifier_in_the_servers_own_order() {
    let karachi = Karachi::start().await.unwrap();
    let source = karachi.source();
    let columns = ["PersonId", "MRN", "RowVer"].map(String::from);
    let key = ["PersonId".to_owned()];
    let mut after: Option<Key> = None;
    let mut seen = Vec::new();
    loop {
        let rows = source
            .scan(Scan {
                table: "Person",
                columns: &columns,
                key: &key,
                after: after.as_ref(),
                limit: 37,
            })
            .await
            .unwrap();
        let end = rows.len() < 37;
        after = rows.last().and_then(|row| row.key(&key)).or(after);
        seen.extend(rows);
        if end {
            break;
        }
    }
    let mut ids: Vec<_> = seen.iter().map(|row| row.values()[0].clone()).collect();
    assert_eq!(ids.len(), 400);
    let text = |v: &Value| match v {
        Value::Text(text) => text.to_string(),
        other => panic!("a {}", other.kind()),
    };
    let last_group = |v: &Value| text(v)[24..].to_owned();
    assert!(
        ids.is_sorted_by_key(last_group),
        "the last group weighs most"
    );
    ids.dedup();
    assert_eq!(ids.len(), 400);

    let aqib = Key(vec![Value::Text(
        "513952D6-DF55-4D6E-A33C-3DD65EC73A2A".into(),
    )]);
    let found = source
        .fetch(Fetch {
            table: "dbo.Person",
            columns: &columns,
            by: &key,
            keys: &[aqib],
        })
        .await
        .unwrap();
    assert_eq!(found.len(), 1);
    assert!(found[0].values()[1] == Value::Text("KHI-100492".into()));
}
