// SPDX-License-Identifier: Apache-2.0
//! A member whose data folder is empty comes to a long chain: it catches up over the network from the others'
//! ledgers, also when it is killed in the middle of that, and has then what they have.
//!
//! In `script/test` the chain is of one large hospital's first sweep; `SILSILA_CHAIN_PATIENTS` makes it longer. The
//! bench shows the same over 100,000 entries (docs/benchmarks.md).

use std::path::Path;
use std::time::{Duration, Instant};

use silsila_integration_tests::dice::Dice;
use silsila_integration_tests::gateway::Gateway;

use crate::ledger_file;
use crate::story_four::{FIRST, Founding, Four, PATIENCE};

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;
/// Patients of the hospital: each gives a record and a grant.
const PATIENTS: u32 = 3_000;
/// Rows of one transaction, so that the chain has many blocks.
const CHUNK: u32 = 250;
/// So often it is killed before it has caught up.
const KILLS: usize = 2;

#[expect(
    clippy::disallowed_methods,
    reason = "whoever measures asks for a longer chain; no setting of the product"
)]
fn patients() -> u32 {
    let asked = std::env::var("SILSILA_CHAIN_PATIENTS").ok();
    asked
        .and_then(|count| count.parse().ok())
        .unwrap_or(PATIENTS)
}

/// How many entries a gateway has applied; none while it does not answer.
fn entries(gateway: &Gateway) -> u64 {
    let report = gateway.look();
    report
        .and_then(|report| report["ledger"]["entries"].as_u64())
        .unwrap_or(0)
}

/// Waits until a gateway that runs has applied so many entries.
async fn has(gateway: &Gateway, count: u64) {
    let until = Instant::now() + 10 * PATIENCE;
    while entries(gateway) < count {
        assert_eq!(gateway.ended(), None, "{}", gateway.output());
        assert!(Instant::now() < until, "{} of {count}", entries(gateway));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Bytes of blocks, transactions and payloads in a ledger.
fn bytes(home: &Path) -> i64 {
    let conn = ledger_file::connect(home);
    let sum = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    sum("SELECT sum(length(header) + length(certificate)) FROM ledger_block")
        + sum("SELECT sum(length(header) + length(signature)) FROM ledger_transaction")
        + sum("SELECT sum(length(bytes)) FROM ledger_entries")
        + sum("SELECT sum(length(bytes)) FROM ledger_payload")
}

/// Every payload in a ledger, in an order of their own.
fn payloads(home: &Path) -> Vec<Vec<u8>> {
    let conn = ledger_file::connect(home);
    let sql = "SELECT bytes FROM ledger_payload ORDER BY bytes";
    let mut all = conn.prepare(sql).unwrap();
    let all = all.query_map([], |row| row.get(0)).unwrap();
    all.map(Result::unwrap).collect()
}

#[tokio::test]
async fn an_empty_member_catches_up_with_a_long_chain_also_when_it_is_killed_meanwhile() {
    let mut dice = Dice::new("story_arrival", SEED);
    let patients = patients();
    let began = Instant::now();
    let mut four = Four::found(Founding {
        patients: Some(patients),
        absent: 1,
        prepare: Box::new(|configs| configs[0].chunk_rows = CHUNK),
        ..Founding::of("story_arrival")
    })
    .await;
    let grown = four.level().await;
    let all = grown["entries"].as_u64().unwrap();
    assert!(all >= u64::from(2 * patients), "{grown:#}");
    eprintln!(
        "story_arrival: three of four made {all} entries in {:?}",
        began.elapsed()
    );
    assert!(!ledger_file::ledger(&four.home(3)).exists());

    // Killed before it is half way, and again before it is there.
    four.arrives();
    let mut behind = 0;
    for nth in 1..=KILLS {
        let share = dice.within(10..40) * nth as u64;
        has(&four.gateways[3], all * share / 100).await;
        four.gateways[3].kill().unwrap();
        let left = four.ledger(3)["entries"].as_u64().unwrap();
        eprintln!("story_arrival: killed at {left} entries");
        assert!(left < all, "it was there before the kill");
        assert!(left >= behind, "what it had applied is gone");
        behind = left;
        four.gateways[3].start_again().unwrap();
    }
    has(&four.gateways[3], all).await;
    four.level().await;

    // Once more from nothing and undisturbed, for the measure. Its votes stay: a validator without them might vote twice.
    four.gateways[3].kill().unwrap();
    let ledger = ledger_file::ledger(&four.home(3));
    let beside = |file: &Path| {
        file.to_string_lossy()
            .starts_with(&*ledger.to_string_lossy())
    };
    for file in std::fs::read_dir(ledger.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        if beside(&file) {
            std::fs::remove_file(file).unwrap();
        }
    }
    assert!(!ledger.exists());
    let began = Instant::now();
    four.gateways[3].start_again().unwrap();
    has(&four.gateways[3], all).await;
    let blocks = began.elapsed();
    four.level().await;
    let took = began.elapsed();
    let bytes = bytes(&four.home(0));
    eprintln!(
        "story_arrival: from nothing to {all} entries in {blocks:?}, with every payload in {took:?}: {:.1} MB, {:.2} MB/s",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / took.as_secs_f64()
    );

    // It takes part: what is written now it serves, and it is one of three that suffice.
    four.gateways[2].kill().unwrap();
    four.moves(FIRST).await;
    four.shows(3, 0, FIRST, &format!("House {FIRST}")).await;
    four.gateways[2].restart().await.unwrap();
    four.level().await;
    four.one_chain();
    let (theirs, own) = (payloads(&four.home(0)), payloads(&four.home(3)));
    assert!(theirs.len() as u64 >= all, "every entry has a payload");
    assert_eq!(theirs, own);
}
