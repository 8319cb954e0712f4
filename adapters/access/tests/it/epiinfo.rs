// SPDX-License-Identifier: Apache-2.0
//! Files that the real Access made, where the shared data are there.

use std::io::Write;
use std::path::{Path, PathBuf};

use silsila_access::Access;
use silsila_source::{Source, Value};

use crate::place::{options, rows, text};

/// The case reports of Epi Info, unless nobody put them there.
#[expect(
    clippy::disallowed_methods,
    reason = "the environment of a test, not of the gateway"
)]
fn case_reports(name: &str) -> Option<PathBuf> {
    let data = std::env::var_os("SILSILA_TEST_DATA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let file = data.join("epiinfo").join(name);
    if file.is_file() {
        return Some(file);
    }
    let line = format!(
        "skipped: {} is not there; SILSILA_TEST_DATA names the folder\n",
        file.display()
    );
    // Past the capture of the test's output, so that it is counted.
    let _ = std::io::stderr().write_all(line.as_bytes());
    None
}

#[tokio::test]
async fn a_record_split_over_page_tables_joins_by_its_record_id() {
    let Some(file) = case_reports("epiinfo-Lyme.mdb") else {
        return;
    };
    let source = Access::new(options(&file));
    let health = source.health().await.unwrap();
    assert_eq!(health.server, "MS Access 2000 to 2003 (.mdb, Jet 4)");
    let schema = source.schema().await.unwrap();
    for table in &schema.tables {
        let count = source.count(&table.name).await.unwrap();
        let Some(key) = table.primary_key.first() else {
            continue;
        };
        let keys: Vec<&str> = table.primary_key.iter().map(String::as_str).collect();
        let found = rows(&source, &table.name, &keys, 7).await.unwrap();
        assert_eq!(found.len() as u64, count, "{}", table.name);
        assert!(
            found.iter().all(|row| row.get(key) != Some(&Value::Null)),
            "{}",
            table.name
        );
    }
    let main = rows(&source, "CaseReport", &["GlobalRecordId"], 5)
        .await
        .unwrap();
    let first = rows(&source, "CaseReport1", &["GlobalRecordId"], 5)
        .await
        .unwrap();
    let ids = |found: &[silsila_source::Row]| -> Vec<String> {
        let id = |row| text(row, "GlobalRecordId").unwrap().to_lowercase();
        found.iter().map(id).collect()
    };
    assert!(!main.is_empty());
    assert_eq!(ids(&main), ids(&first));
}

#[tokio::test]
async fn every_table_of_a_file_of_access_is_read_whole() {
    for name in ["epiinfo-HIV.mdb", "epiinfo-Lyme.mdb"] {
        let Some(file) = case_reports(name) else {
            return;
        };
        let source = Access::new(options(&file));
        let notes = source.health().await.unwrap().notes;
        assert!(
            notes.iter().all(|note| !note.contains("cannot be read")),
            "{notes:?}"
        );
        assert!(source.schema().await.unwrap().tables.len() > 10);
    }
}
