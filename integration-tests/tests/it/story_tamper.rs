// SPDX-License-Identifier: Apache-2.0
//! Somebody changes a byte of the stored ledger while the gateway is down: `ledger verify` names the place,
//! a start over what was not yet checked is refused, and what was changed is never served.

use std::collections::BTreeMap;
use std::path::Path;

use hyper::StatusCode;
use silsila_integration_tests::dice::Dice;
use silsila_store::rusqlite::params;

use crate::ledger_file;
use crate::story_record::served;
use crate::story_scene::Scene;

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;

/// The stored bytes of the chain and of what it commits to.
const STORED: [(&str, &str); 7] = [
    ("ledger_block", "header"),
    ("ledger_block", "certificate"),
    ("ledger_transaction", "header"),
    ("ledger_transaction", "signature"),
    ("ledger_transaction", "chunk_roots"),
    ("ledger_entries", "bytes"),
    ("ledger_payload", "bytes"),
];

/// Changes one bit of one value in a row that chance picks of those with a rowid of at least `from`; only
/// the roots of chunks, which short transactions do not have, may be missing there.
fn flip(folder: &Path, dice: &mut Dice, table: &str, column: &str, from: i64) -> bool {
    let conn = ledger_file::connect(folder);
    let sql = format!("SELECT rowid FROM {table} WHERE rowid >= ?1 AND length({column}) > 0");
    let mut statement = conn.prepare(&sql).unwrap();
    let rows = statement.query_map([from], |row| row.get(0)).unwrap();
    let rows: Vec<i64> = rows.map(Result::unwrap).collect();
    if rows.is_empty() {
        assert_eq!(column, "chunk_roots");
        return false;
    }
    let at = |dice: &mut Dice, len: usize| usize::try_from(dice.within(0..len as u64)).unwrap();
    let row = rows[at(dice, rows.len())];
    let sql = format!("SELECT {column} FROM {table} WHERE rowid = ?1");
    let mut bytes: Vec<u8> = conn.query_row(&sql, [row], |r| r.get(0)).unwrap();
    let byte = at(dice, bytes.len());
    bytes[byte] ^= 1 << dice.within(0..8);
    eprintln!("story_tamper: {table}.{column}, row {row}, byte {byte}");
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
    assert_eq!(conn.execute(&sql, params![bytes, row]).unwrap(), 1);
    true
}

fn newest(folder: &Path, table: &str) -> i64 {
    let conn = ledger_file::connect(folder);
    let sql = format!("SELECT max(rowid) FROM {table}");
    conn.query_row(&sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test]
async fn a_changed_byte_is_named_by_verify_and_never_served() {
    let mut scene =
        Scene::begin("story_tamper", |config| config.sweep_interval = "1d".into()).await;
    let mut dice = Dice::new("story_tamper", SEED);
    let before = served(&mut scene.http().await).await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    let file = scene.folder.path().join("state/ledger.sqlite");
    let whole = std::fs::read(&file).unwrap();

    for (table, column) in STORED {
        for _ in 0..2 {
            std::fs::write(&file, &whole).unwrap();
            assert!(flip(scene.folder.path(), &mut dice, table, column, 0));
            let (code, said) = scene.run("ledger verify");
            assert_eq!(code, 1, "{said}");
            let place = format!("table {table}");
            assert!(
                said.contains("error[LED0002]") && said.contains(&place),
                "{place}: {said}"
            );
        }
    }

    // It was stopped in order and is believed at the start; a read looks again.
    std::fs::write(&file, &whole).unwrap();
    for _ in 0..5 {
        assert!(flip(
            scene.folder.path(),
            &mut dice,
            "ledger_payload",
            "bytes",
            0
        ));
    }
    scene.gateway.restart().await.unwrap();
    let mut http = scene.http().await;
    let mut refused = Vec::new();
    for (name, was) in &before {
        let answer = http.get(&format!("/fhir/{name}")).await.unwrap();
        if answer.status == StatusCode::OK {
            assert_eq!(answer.body, *was, "{name}");
            continue;
        }
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{name}");
        let outcome = answer.json().unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome");
        assert!(answer.text().contains("FHR0017"), "{}", answer.text());
        refused.push(name.as_str());
    }
    // Two of the five may have met in one payload.
    assert!((1..=5).contains(&refused.len()), "{refused:?}");
    for name in refused {
        let (kind, id) = name.split_once('/').unwrap();
        for target in [
            format!("/fhir/{kind}?_id={id}"),
            format!("/fhir/{kind}/{id}/_history"),
            format!("/fhir/{kind}/{id}/_history/1"),
        ] {
            let answer = http.get(&target).await.unwrap();
            assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{target}");
            assert!(answer.text().contains("OperationOutcome"), "{target}");
        }
    }
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn a_start_over_what_was_changed_after_a_crash_is_refused() {
    let mut scene = Scene::begin("story_tamper_crash", |config| {
        config.sweep_interval = "1d".into();
    })
    .await;
    let mut dice = Dice::new("story_tamper (crash)", SEED);
    // A clean end checks everything up to here for good.
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    let file = scene.folder.path().join("state/ledger.sqlite");
    let checked: BTreeMap<&str, i64> = STORED
        .map(|(t, _)| (t, newest(scene.folder.path(), t)))
        .into();
    scene.gateway.restart().await.unwrap();
    scene.hospital.apply_day2(&scene.server).await.unwrap();
    let visit = |s: &serde_json::Value| Scene::counter(s, "visit", "quarantined") == 4;
    scene.until_source("at the end of day 2", visit).await;
    scene.gateway.kill().unwrap();
    // Folds the log into the file, so that the file alone is the ledger.
    ledger_file::connect(scene.folder.path())
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .unwrap();
    let whole = std::fs::read(&file).unwrap();

    for (table, column) in STORED {
        std::fs::write(&file, &whole).unwrap();
        if !flip(
            scene.folder.path(),
            &mut dice,
            table,
            column,
            checked[table] + 1,
        ) {
            continue;
        }
        let (code, said) = scene.run("serve");
        assert_eq!(code, 5, "{table}.{column}: {said}");
        assert!(
            said.contains("LED0002") && said.contains("table ledger_"),
            "{said}"
        );
    }
    std::fs::write(&file, &whole).unwrap();
    scene.gateway.restart().await.unwrap();
    assert_eq!(scene.run("ledger verify").0, 0);
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}
