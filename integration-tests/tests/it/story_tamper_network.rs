// SPDX-License-Identifier: Apache-2.0
//! Somebody changes bytes of the encrypted ledger file of one of four gateways, in blocks, payloads, state and index,
//! while it is down and while it runs. Nothing wrong is ever served; the others give it what was damaged; it says what
//! was repaired and with whose bytes; and afterwards everything verifies.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::Value;
use silsila_integration_tests::dice::Dice;
use silsila_integration_tests::http::Http;

use crate::ledger_file;
use crate::story_four::{Founding, Four, PATIENCE};
use crate::story_record::{TYPES, served};

/// Put a seed here that a failed run has printed.
const SEED: Option<u64> = None;
/// The size of a page of the file.
const PAGE: u64 = 16 << 10;
/// Whose file is changed.
const VICTIM: usize = 2;

/// What the ledger consists of, as tables.
const BLOCKS: [&str; 3] = ["ledger_block", "ledger_transaction", "ledger_entries"];
const PAYLOADS: [&str; 2] = ["ledger_payload", "ledger_payload_digest"];
const STATE: [&str; 3] = ["ledger_version", "ledger_node", "ledger_transaction_id"];
const INDEX: [&str; 4] = ["fhir_version", "fhir_fresh", "fhir_resource", "fhir_text"];

/// A page with rows of one of these tables.
fn page_of(folder: &Path, dice: &mut Dice, tables: &[&str]) -> (String, u64) {
    let conn = ledger_file::connect(folder);
    let table = tables[usize::try_from(dice.within(0..tables.len() as u64)).unwrap()];
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype IN ('leaf', 'overflow')";
    let mut pages = conn.prepare(sql).unwrap();
    let pages = pages.query_map([table], |row| row.get(0)).unwrap();
    let pages: Vec<i64> = pages.map(Result::unwrap).collect();
    let at = usize::try_from(dice.within(0..pages.len() as u64)).unwrap();
    (table.to_owned(), pages[at].unsigned_abs())
}

/// Flips one bit of a page, where it lies on the disk.
fn flip(folder: &Path, dice: &mut Dice, (table, page): &(String, u64)) {
    let offset = (page - 1) * PAGE + dice.within(0..PAGE);
    let file = ledger_file::ledger(folder);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(file)
        .unwrap();
    let mut byte = [0];
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.read_exact(&mut byte).unwrap();
    byte[0] ^= 1 << dice.within(0..8);
    file.seek(SeekFrom::Start(offset)).unwrap();
    file.write_all(&byte).unwrap();
    file.sync_all().unwrap();
    eprintln!("story_tamper_network: {table}, page {page}, byte {offset}");
}

/// Asks for everything, by id and by search: what is answered is right, and what cannot be is refused with its code.
/// How many answers were refused, or lacked something. A ledger that could not be opened begins anew, and lacks for a
/// while what a member lacks that was away: only where it is `whole`, nothing may be missing.
async fn never_wrong(four: &Four, sound: &BTreeMap<String, Vec<u8>>, whole: bool) -> usize {
    let Ok(mut http) = Http::open(four.gateways[VICTIM].port()).await else {
        return 1;
    };
    let (mut refused, mut missing) = (0, 0);
    let mut ask = async |target: &str| {
        let answer = http.get(target).await.unwrap();
        if answer.status == StatusCode::OK {
            return Some(answer);
        }
        let absent = !whole && answer.status == StatusCode::NOT_FOUND;
        assert!(
            absent || answer.status.is_server_error(),
            "{target}: {}",
            answer.status
        );
        let outcome = answer.json().unwrap();
        assert_eq!(outcome["resourceType"], "OperationOutcome", "{target}");
        assert!(answer.text().contains("FHR00"), "{}", answer.text());
        refused += 1;
        None
    };
    for (name, right) in sound {
        if let Some(answer) = ask(&format!("/fhir/{name}")).await {
            assert_eq!(answer.body, *right, "{name}");
        }
    }
    for kind in TYPES {
        let there = sound
            .keys()
            .filter(|name| name.split('/').next() == Some(kind));
        if let Some(answer) = ask(&format!("/fhir/{kind}?_summary=count")).await {
            let total = answer.json().unwrap()["total"].as_u64().unwrap();
            let there = there.count() as u64;
            assert!(
                total == there || (!whole && total < there),
                "{kind}: {total} of {there}"
            );
            missing += usize::from(total < there);
        }
    }
    refused + missing
}

/// Reads the victim until it has repaired everything. How many answers were refused meanwhile, and how long it took.
async fn heals(four: &Four, sound: &BTreeMap<String, Vec<u8>>, least: u64) -> (usize, Duration) {
    let (began, mut refused) = (Instant::now(), 0);
    loop {
        let now = never_wrong(four, sound, false).await;
        refused += now;
        let status = four.gateways[VICTIM].look().unwrap_or_default();
        let ledger = &status["ledger"];
        let repaired = ledger["repaired"].as_u64().unwrap_or(0);
        if now == 0 && ledger["damaged"] == 0 && repaired >= least {
            return (refused, began.elapsed());
        }
        let log = four.gateways[VICTIM].output();
        assert!(began.elapsed() < PATIENCE, "{ledger:#}\n{log}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the victim says was repaired; it must not run.
fn listed(four: &Four) -> Vec<Value> {
    let said = four.gateways[VICTIM]
        .command(&["ledger", "damage", "--json"])
        .unwrap();
    assert!(said.status.success(), "{said:?}");
    serde_json::from_slice(&said.stdout).unwrap()
}

#[tokio::test]
async fn bytes_changed_in_one_of_four_ledgers_are_noticed_never_served_and_repaired_from_the_others()
 {
    let mut dice = Dice::new("story_tamper_network", SEED);
    let mut founding = Founding::of("story_tamper_network");
    founding.patients = Some(200);
    let mut four = Four::found(founding).await;
    four.level().await;
    let sound = served(&mut four.gateways[0].http().await.unwrap()).await;
    assert!(sound.len() > 200, "{}", sound.len());
    assert_eq!(never_wrong(&four, &sound, true).await, 0);
    let home = four.home(VICTIM);
    let (mut repaired, mut refused) = (0, 0);

    // While it is down: one kind at a time, then all at once.
    let kinds: [&[&str]; 4] = [&BLOCKS, &PAYLOADS, &STATE, &INDEX];
    let rounds = kinds.iter().map(|kind| vec![*kind]);
    for round in rounds.chain([kinds.to_vec()]) {
        assert_eq!(four.gateways[VICTIM].stop().unwrap(), 0);
        let pages: Vec<_> = round
            .iter()
            .map(|one| page_of(&home, &mut dice, one))
            .collect();
        pages.iter().for_each(|page| flip(&home, &mut dice, page));
        four.gateways[VICTIM].restart().await.unwrap();
        let (no, took) = heals(&four, &sound, repaired + 1).await;
        eprintln!("{pages:?}: {no} answers refused, whole again after {took:?}");
        refused += no;
        repaired = four.ledger(VICTIM)["repaired"].as_u64().unwrap();
        assert_eq!(never_wrong(&four, &sound, true).await, 0);
    }

    // While it runs, from a file into which its log was folded.
    for round in [kinds[1], kinds[0], kinds[3]] {
        assert_eq!(four.gateways[VICTIM].stop().unwrap(), 0);
        let page = page_of(&home, &mut dice, round);
        four.gateways[VICTIM].restart().await.unwrap();
        flip(&home, &mut dice, &page);
        let (no, took) = heals(&four, &sound, repaired + 1).await;
        eprintln!("{page:?} while it ran: {no} answers refused, whole again after {took:?}");
        refused += no;
        repaired = four.ledger(VICTIM)["repaired"].as_u64().unwrap();
        assert_eq!(never_wrong(&four, &sound, true).await, 0);
    }
    eprintln!("{refused} answers refused in all, {repaired} places repaired");

    // It goes on as a member, and says what was and who helped.
    let patient = crate::story_four::FIRST;
    four.moves(patient).await;
    four.shows(VICTIM, 0, patient, &format!("House {patient}"))
        .await;
    four.level().await;
    four.one_chain();
    let listed = listed(&four);
    let helped = |one: &&Value| {
        one["repaired_from"]
            .as_str()
            .is_some_and(|from| from.len() >= 64)
    };
    assert!(listed.iter().any(|one| helped(&one)), "{listed:#?}");
    assert!(
        listed.iter().all(|one| one["repaired_ms"].is_u64()),
        "{listed:#?}"
    );
}
