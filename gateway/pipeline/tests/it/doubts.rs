// SPDX-License-Identifier: Apache-2.0
//! When the pipeline does not believe what it sees, and asks a person.

use std::time::Duration;

use silsila_pipeline::{QuarantineFilter, SourceState, Status};
use silsila_source::Value;

use crate::hospital::{build, pack, smaller_pack, text};
use crate::ledger::{Gateway, folder};
use crate::memory::moment;

fn asking(status: &Status) -> bool {
    let source = &status.sources[0];
    source.state == SourceState::NeedsConfirmation && source.question.is_some()
}

async fn asked(gateway: &Gateway) -> String {
    gateway.handle.sweep_now("memory").unwrap();
    let status = gateway.handle.wait_until(asking).await.unwrap();
    status.sources[0].question.clone().unwrap().code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_loses_over_two_percent_stops_the_source_until_it_is_confirmed() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(60);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    for visit in [11, 121, 301, 451] {
        memory.delete("visits", visit);
    }
    assert_eq!(asked(&gateway).await, "PIP0002");
    // Nothing moves meanwhile, not even what a poll would find.
    memory.patient(61, "New", false, 60);
    assert!(gateway.bodies() == before);
    let number = gateway.handle.status().sources[0].sweep;
    assert!(gateway.handle.confirm("memory").unwrap());
    assert!(!gateway.handle.confirm("memory").unwrap());
    let status = gateway
        .handle
        .wait_for_sweep("memory", number + 1)
        .await
        .unwrap();
    assert_eq!(status.sources[0].state, SourceState::Running);
    assert_eq!(gateway.of_type("Encounter").len(), 116);
    assert_eq!(gateway.of_type("Patient").len(), 61);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_is_mended_before_it_is_confirmed_withdraws_nothing() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(10);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    let keys = memory.keys("patients");
    keys.iter().for_each(|key| memory.delete("patients", *key));
    assert_eq!(asked(&gateway).await, "PIP0002");
    memory.fill(10);
    let number = gateway.handle.status().sources[0].sweep;
    gateway.handle.confirm("memory").unwrap();
    gateway
        .handle
        .wait_for_sweep("memory", number + 1)
        .await
        .unwrap();
    assert!(gateway.bodies() == before);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_take_the_place_of_others_are_counted_as_lost_all_the_same() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(20);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    for key in 1..=10 {
        memory.delete("prescriptions", key * 10);
        memory.drug(1000 + key, key * 10, "ORS", 30);
    }
    assert_eq!(asked(&gateway).await, "PIP0002");
    let after = gateway.bodies();
    assert!(
        before
            .iter()
            .all(|(name, body)| after.get(name) == Some(body))
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_the_database_is_noticed_before_any_row_of_it_is_mapped() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(100);
    // A poll would rightly map the changed patient; here the sweep alone is asked.
    let rarely = Duration::from_secs(3_600);
    let gateway = Gateway::tuned(&path, &memory, pack(), &|s| s.poll_interval = rarely);
    gateway.sweep().await;
    let entries = gateway.store.health().unwrap().entries;
    // Three of two hundred visits are less than 2%, but they are the newest three.
    for visit in [991, 1000, 1001] {
        memory.delete("visits", visit);
    }
    memory.set("patients", 1, "name", text("As it was yesterday"));
    assert_eq!(asked(&gateway).await, "PIP0003");
    assert_eq!(gateway.store.health().unwrap().entries, entries);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_or_two_of_the_newest_rows_may_go() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(100);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.delete("prescriptions", 1000);
    memory.delete("prescriptions", 1001);
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].state, SourceState::Running);
    assert_eq!(
        status.sources[0].mapping("drug").unwrap().counters.rows,
        198
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_outlives_a_restart() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(10);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    for visit in [20, 21, 30, 31] {
        memory.delete("visits", visit);
    }
    asked(&gateway).await;
    gateway.stop().await;
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.handle.wait_until(asking).await.unwrap();
    assert_eq!(status.sources[0].question.as_ref().unwrap().vanished, 4);
    assert_eq!(gateway.of_type("Encounter").len(), 20);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_mapping_made_is_withdrawn_when_a_person_says_so() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    gateway.stop().await;
    let gateway = Gateway::start(&path, &memory, smaller_pack());
    let status = gateway.handle.wait_until(asking).await.unwrap();
    assert_eq!(status.sources[0].question.as_ref().unwrap().code, "PIP0004");
    assert_eq!(gateway.of_type("MedicationRequest").len(), 10);
    let number = status.sources[0].sweep;
    gateway.handle.confirm("memory").unwrap();
    let status = gateway
        .handle
        .wait_for_sweep("memory", number + 1)
        .await
        .unwrap();
    assert!(gateway.of_type("MedicationRequest").is_empty());
    assert_eq!(gateway.of_type("Encounter").len(), 10);
    assert!(status.sources[0].mapping("drug").is_none());
    gateway.stop().await;
}

async fn accept(gateway: &Gateway, code: &str) {
    let filter = QuarantineFilter {
        code: Some(code.to_owned()),
        ..QuarantineFilter::default()
    };
    assert_eq!(gateway.handle.retry(&filter, true).unwrap(), 1);
    let settled = |s: &Status| s.sources[0].totals().quarantined == 0;
    gateway.handle.wait_until(settled).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patients_key_that_returns_after_deletion_waits_for_an_operator() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    memory.delete("patients", 4);
    gateway.sweep().await;
    memory.patient(4, "Patient 4", false, 60);
    let status = gateway.sweep().await;
    assert_eq!(gateway.of_type("Patient").len(), 4);
    assert_eq!(gateway.of_type("Encounter").len(), 8);
    let totals = status.sources[0].totals();
    assert_eq!(totals.quarantined, 5, "the patient and four records");
    accept(&gateway, "PIP0005").await;
    assert!(gateway.bodies() == before);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_changes_altogether_waits_for_an_operator() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.put(
        "patients",
        vec![
            Value::Int(4),
            text("Somebody Else"),
            text("male"),
            text("2001-02-03"),
            Value::Int(0),
            Value::DateTime(moment(60)),
        ],
    );
    gateway.poll().await;
    let served = gateway.bodies();
    assert_eq!(gateway.of_type("Patient").len(), 5);
    assert!(
        !served
            .values()
            .any(|b| String::from_utf8_lossy(b).contains("Somebody"))
    );
    assert_eq!(
        gateway.of_type("Encounter").len(),
        8,
        "whose they are is not known"
    );
    accept(&gateway, "PIP0006").await;
    gateway.poll().await;
    let served = gateway.bodies();
    assert!(
        served
            .values()
            .any(|b| String::from_utf8_lossy(b).contains("Somebody"))
    );
    assert_eq!(gateway.of_type("Encounter").len(), 10);
    gateway.stop().await;
}
