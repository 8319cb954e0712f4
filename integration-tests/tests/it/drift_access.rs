// SPDX-License-Identifier: Apache-2.0
//! An Access file that another version of the hospital's program wrote, or another program.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::hyderabad_gateway::Ward;
use crate::hyderabad_hospital::files;

const PATIENCE: Duration = Duration::from_secs(120);

/// Puts a file in the place of the hospital's.
fn swap(ward: &Ward, bytes: &[u8]) {
    let beside = ward.folder.path().join("Hospital.new");
    std::fs::write(&beside, bytes).unwrap();
    std::fs::rename(beside, ward.folder.path().join("Hospital.accdb")).unwrap();
}

/// Day 1 with a column of that name called otherwise: the name stands once in the file, in UTF-16.
fn renamed(from: &str, to: &str) -> Vec<u8> {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let (from, to) = (wide(from), wide(to));
    assert_eq!(from.len(), to.len());
    let mut bytes = std::fs::read(files().join("hyderabad-day1.accdb")).unwrap();
    let places: Vec<usize> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, window)| *window == from)
        .map(|(place, _)| place)
        .collect();
    let [place] = places[..] else {
        panic!("{places:?}");
    };
    bytes[place..place + to.len()].copy_from_slice(&to);
    bytes
}

async fn until(ward: &Ward, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut report = ward.gateway.look().unwrap();
        let source = report["pipeline"]["sources"][0].take();
        if wanted(&source) {
            return source;
        }
        assert!(Instant::now() < until, "never {what}: {source:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn mapping<'s>(source: &'s Value, name: &str) -> &'s Value {
    let mappings = source["mappings"].as_array().unwrap();
    let found = mappings.iter().find(|m| m["name"] == name);
    found.unwrap_or_else(|| panic!("no mapping {name}"))
}

fn resources(source: &Value) -> i64 {
    let mappings = source["mappings"].as_array().unwrap();
    let counts = mappings.iter().map(|m| &m["counters"]["resources"]);
    counts.map(|count| count.as_i64().unwrap()).sum()
}

#[tokio::test]
async fn a_file_with_a_renamed_column_stops_its_mapping_alone_until_the_next_file() {
    let ward = Ward::begin().await;
    let before = until(&ward, "running", |s| s["state"] == "running").await;
    swap(&ward, &renamed("Allergen", "Substanc"));
    let held = |s: &Value| mapping(s, "allergy")["held"]["code"] == "PIP0018";
    let source = until(&ward, "held", held).await;
    let said = mapping(&source, "allergy")["held"]["differences"][0].clone();
    let said = said.as_str().unwrap();
    assert!(
        said.contains("\"Allergen\"") && said.contains("did it become \"Substanc\"?"),
        "{said}"
    );
    assert!(mapping(&source, "patient")["held"].is_null());
    let sweep = source["sweep"].as_u64().unwrap() + 1;
    let swept = |s: &Value| s["sweep_completed"].as_u64() >= Some(sweep);
    let source = until(&ward, "swept by the others", swept).await;
    assert_eq!(resources(&source), resources(&before));
    swap(
        &ward,
        &std::fs::read(files().join("hyderabad-day1.accdb")).unwrap(),
    );
    let free = |s: &Value| s["state"] == "running" && mapping(s, "allergy")["held"].is_null();
    until(&ward, "going on", free).await;
}

#[tokio::test]
async fn another_programs_file_stops_every_mapping_and_withdraws_nothing() {
    let ward = Ward::begin().await;
    let before = until(&ward, "running", |s| s["state"] == "running").await;
    let other = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../adapters/access/tests/fixtures/types-v2010.accdb");
    swap(&ward, &std::fs::read(other).unwrap());
    let all = |s: &Value| {
        let mappings = s["mappings"].as_array().unwrap();
        let mut own = mappings.iter().filter(|m| m["name"] != "organization");
        own.all(|m| m["held"]["code"] == "PIP0018")
    };
    let source = until(&ward, "all held", all).await;
    assert_eq!(resources(&source), resources(&before));
    swap(
        &ward,
        &std::fs::read(files().join("hyderabad-day1.accdb")).unwrap(),
    );
    let free = |s: &Value| {
        let mappings = s["mappings"].as_array().unwrap();
        s["state"] == "running" && mappings.iter().all(|m| m["held"].is_null())
    };
    let source = until(&ward, "going on", free).await;
    assert_eq!(resources(&source), resources(&before));
}
