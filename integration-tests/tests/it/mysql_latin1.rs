// SPDX-License-Identifier: Apache-2.0
//! Character sets: what the column says is believed, and damage stays visible.

use silsila_integration_tests::mariadb::Database;
use silsila_source::{Fetch, Key, Scan, Source, Value};

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

#[tokio::test]
async fn a_latin1_table_reads_as_unicode_and_mojibake_stays_mojibake() {
    let database = Database::new().await.unwrap();
    let sql = "CREATE TABLE lab (id INT PRIMARY KEY, unit VARCHAR(20)) CHARACTER SET latin1;
         INSERT INTO lab VALUES (1, 'µg/L'), (2, '×10³/µL'), (3, '€'), (4, 'Âµg/L');";
    database.execute(sql).await.unwrap();
    let columns = ["id".to_owned(), "unit".to_owned()];
    let rows = database
        .source()
        .scan(Scan {
            table: "lab",
            columns: &columns,
            key: &columns[..1],
            after: None,
            limit: 10,
        })
        .await
        .unwrap();
    let units: Vec<_> = rows.iter().map(|r| r.values()[1].clone()).collect();
    assert!(units == [text("µg/L"), text("×10³/µL"), text("€"), text("Âµg/L")]);
    let schema = database.source().schema().await.unwrap();
    let unit = &schema.table("lab").unwrap().columns[1];
    assert_eq!(unit.charset.as_deref(), Some("latin1"));
}

#[tokio::test]
async fn a_case_insensitive_key_is_walked_and_fetched_without_doubles() {
    let database = Database::new().await.unwrap();
    let sql = "CREATE TABLE codes (code VARCHAR(20) COLLATE utf8mb4_general_ci, n INT, KEY (code));
         INSERT INTO codes VALUES ('E11.9', 1), ('e11.9', 2), ('Z34', 3);";
    database.execute(sql).await.unwrap();
    let columns = ["code".to_owned(), "n".to_owned()];
    // Two spellings of one code, with enough others between them that they go in different statements.
    let mut keys = vec![Key(vec![text("e11.9")])];
    keys.extend((0..900).map(|i| Key(vec![text(&format!("none {i}"))])));
    keys.push(Key(vec![text("E11.9")]));
    let rows = database
        .source()
        .fetch(Fetch {
            table: "codes",
            columns: &columns,
            by: &columns[..1],
            keys: &keys,
        })
        .await
        .unwrap();
    let mut found: Vec<_> = rows
        .iter()
        .map(|r| match r.values()[1] {
            Value::Int(n) => n,
            _ => 0,
        })
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [1, 2],
        "each row that the collation holds for equal, once"
    );
}
