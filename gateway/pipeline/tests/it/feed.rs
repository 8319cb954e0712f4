// SPDX-License-Identifier: Apache-2.0
//! What a database's own log shows before any sweep, and what becomes of it when the log fails.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use silsila_chain::Op;
use silsila_mapping::Pack;
use silsila_pipeline::{SourceState, Status};
use silsila_source::Value;

use crate::hospital::{build, grouping_pack, pack, text};
use crate::ledger::{Gateway, folder, histories};
use crate::memory::Memory;

/// A gateway that never sweeps again by itself, and whose watermarks do not matter.
pub fn following(path: &Path, memory: &Memory, pack: Arc<Pack>) -> Gateway {
    Gateway::tuned(path, memory, pack, &|source| {
        source.guard.floor = 5;
    })
}

impl Gateway {
    /// Waits until all that the hospital logged so far is done with.
    pub async fn followed(&self, memory: &Memory) -> Status {
        let end = memory.logged();
        let reached = move |status: &Status| {
            let position = status.sources[0].changes.position.as_deref();
            position.is_some_and(|p| p.parse::<usize>().unwrap() >= end)
        };
        self.handle.wait_until(reached).await.unwrap()
    }
}

fn hospital() -> Memory {
    let memory = build();
    memory.fill(10);
    memory.keep_log();
    memory
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_and_silent_edits_are_seen_without_a_sweep() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    memory.set("visits", 10, "complaint", text("silently corrected"));
    memory.delete("visits", 21);
    memory.delete("prescriptions", 31);
    memory.doctor(1, "Dr Renamed");
    let status = gateway.followed(&memory).await;
    let source = &status.sources[0];
    assert_eq!(source.sweep_completed, 1);
    assert_eq!(source.changes.following.as_deref(), Some("memory log"));
    let bodies = gateway.bodies();
    let with = |word: &str| {
        let has = |body: &&Vec<u8>| String::from_utf8_lossy(body).contains(word);
        bodies.values().filter(has).count()
    };
    assert_eq!(with("silently corrected"), 1);
    assert_eq!(with("entered-in-error"), 1, "the deleted prescription");
    // His own resource, and the visits of the three patients that are his.
    assert_eq!(with("Dr Renamed"), 1 + 6);
    assert_eq!(gateway.of_type("Encounter").len(), 19);
    let visits = source.mapping("visit").unwrap().counters;
    assert_eq!((visits.rows, visits.produced), (19, 19));
    let drugs = source.mapping("drug").unwrap().counters;
    assert!(
        drugs.add_up() && drugs.quarantined == 1,
        "the prescription of a visit that is gone: {drugs:?}"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_row_that_moves_changes_both_its_parents() {
    let (_keep, path) = folder();
    let memory = hospital();
    memory.vital(1, 10, "pulse", "70", 5);
    memory.vital(2, 10, "weight", "60 kg", 5);
    memory.vital(3, 20, "pulse", "80", 5);
    let gateway = following(&path, &memory, grouping_pack());
    gateway.sweep().await;
    let bodies = |gateway: &Gateway| {
        let mut texts: Vec<String> = gateway
            .bodies()
            .into_iter()
            .filter(|(name, _)| name.starts_with("Observation/"))
            .map(|(_, body)| String::from_utf8_lossy(&body).into_owned())
            .filter_map(|body| {
                let value = body.split("\"valueString\":\"").nth(1)?;
                Some(value.split('"').next()?.to_owned())
            })
            .collect();
        texts.sort();
        texts
    };
    assert_eq!(bodies(&gateway), ["70 60 kg", "80"]);
    memory.set("vitals", 2, "visit_id", Value::Int(20));
    gateway.followed(&memory).await;
    assert_eq!(bodies(&gateway), ["70", "80 60 kg"]);
    memory.set("vitals", 1, "visit_id", Value::Int(20));
    memory.delete("vitals", 3);
    gateway.followed(&memory).await;
    assert_eq!(
        bodies(&gateway),
        ["70 60 kg"],
        "nothing is left of the first visit's"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_keys_alone_shows_the_same() {
    let (_keep, path) = folder();
    let memory = hospital();
    memory.log(|log| log.keys_only = true);
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    memory.set("visits", 10, "complaint", text("silently corrected"));
    memory.delete("prescriptions", 31);
    memory.doctor(1, "Dr Renamed");
    let status = gateway.followed(&memory).await;
    assert_eq!(status.sources[0].sweep_completed, 1);
    let bodies = gateway.bodies();
    for (word, count) in [
        ("silently corrected", 1),
        ("entered-in-error", 1),
        ("Dr Renamed", 7),
    ] {
        let has = |body: &&Vec<u8>| String::from_utf8_lossy(body).contains(word);
        assert_eq!(bodies.values().filter(has).count(), count, "{word}");
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_purged_is_begun_anew_and_everything_is_compared() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    gateway.stop().await;
    memory.set("visits", 10, "complaint", text("while nobody looked"));
    memory.delete("visits", 21);
    memory.purge_log();
    let gateway = following(&path, &memory, pack());
    let swept = |s: &Status| s.sources[0].sweep_completed >= 2;
    let status = gateway.handle.wait_until(swept).await.unwrap();
    let lost = status.sources[0].changes.lost.as_ref().unwrap();
    assert_eq!(lost.reason, "it was purged");
    assert_eq!(gateway.of_type("Encounter").len(), 19);
    memory.delete("visits", 31);
    gateway.followed(&memory).await;
    assert_eq!(
        gateway.of_type("Encounter").len(),
        18,
        "the log is followed again"
    );
    gateway.stop().await;
    let gateway = following(&path, &memory, pack());
    let shown = |s: &Status| s.sources[0].changes.lost.is_some();
    gateway.handle.wait_until(shown).await.unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_changed_as_a_whole_is_swept() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    memory.log_table("vitals");
    let status = gateway.followed(&memory).await;
    assert_eq!(
        status.sources[0].sweep_completed, 1,
        "nobody reads that table"
    );
    memory.log_table("visits");
    let swept = |s: &Status| s.sources[0].sweep_completed == 2;
    gateway.handle.wait_until(swept).await.unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_deletions_that_nobody_would_believe_them_stop_the_source() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    for visit in memory.keys("visits") {
        memory.delete("visits", visit);
    }
    let asks = |s: &Status| s.sources[0].state == SourceState::NeedsConfirmation;
    let status = gateway.handle.wait_until(asks).await.unwrap();
    let question = status.sources[0].question.as_ref().unwrap();
    assert_eq!((&*question.code, &*question.table), ("PIP0002", "visits"));
    let withdrawn = 20 - gateway.of_type("Encounter").len();
    assert!(
        withdrawn <= 5,
        "{withdrawn} were believed before the rest was not"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_log_the_watermarks_go_on_and_what_is_missing_is_shown() {
    let (_keep, path) = folder();
    let memory = hospital();
    memory.log(|log| log.missing = Some("the user lacks the privilege to read".to_owned()));
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    memory.patient(11, "New", false, 50);
    let status = gateway.poll().await;
    assert_eq!(gateway.of_type("Patient").len(), 11);
    let changes = &status.sources[0].changes;
    assert_eq!(changes.following, None);
    assert_eq!(changes.missing, ["the user lacks the privilege to read"]);
    assert_eq!(status.sources[0].state, SourceState::Running);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_fails_is_left_to_the_watermarks_until_it_comes_back() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    memory.log(|log| log.broken = true);
    let failing = |s: &Status| s.sources[0].changes.fault.is_some();
    let status = gateway.handle.wait_until(failing).await.unwrap();
    assert_eq!(status.sources[0].state, SourceState::Running);
    memory.patient(11, "New", false, 50);
    memory.delete("visits", 21);
    gateway.poll().await;
    assert_eq!(gateway.of_type("Patient").len(), 11);
    assert_eq!(gateway.of_type("Encounter").len(), 20);
    memory.log(|log| log.broken = false);
    gateway.followed(&memory).await;
    assert_eq!(
        gateway.of_type("Encounter").len(),
        19,
        "it goes on where it was"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_the_middle_of_a_bulk_neither_loses_nor_repeats_a_row() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    for id in 100..700 {
        memory.patient(id, "Bulk", false, 10);
        memory.set("patients", id, "name", text("Bulk corrected"));
    }
    for _ in 0..3 {
        let status = gateway.handle.status();
        let rows = status.sources[0].changes.rows;
        let more =
            move |s: &Status| s.sources[0].changes.rows > rows || s.sources[0].changes.rows >= 1200;
        gateway.handle.wait_until(more).await.unwrap();
    }
    gateway.stop().await;
    let gateway = following(&path, &memory, pack());
    let status = gateway.followed(&memory).await;
    assert_eq!(
        status.sources[0]
            .mapping("patient")
            .unwrap()
            .counters
            .produced,
        610
    );
    for history in histories(&gateway.store).values() {
        for pair in history.windows(2) {
            assert!(pair[0].body != pair[1].body && pair[1].op == Op::Put);
        }
    }
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_does_not_wait_for_the_log() {
    let (_keep, path) = folder();
    let memory = hospital();
    let gateway = following(&path, &memory, pack());
    gateway.sweep().await;
    gateway.followed(&memory).await;
    let stopped = tokio::time::timeout(Duration::from_secs(2), gateway.stop()).await;
    assert!(stopped.is_ok());
}
