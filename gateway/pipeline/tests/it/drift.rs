// SPDX-License-Identifier: Apache-2.0
//! Tables that change under a running gateway: the mapping that reads what is gone stands still, alone.

use silsila_pipeline::{HeldStatus, SourceState, Status};
use silsila_source::ColumnKind;

use crate::hospital::{build, pack, text};
use crate::ledger::{Gateway, folder};

fn held<'s>(status: &'s Status, mapping: &str) -> Option<&'s HeldStatus> {
    status.sources[0].mapping(mapping)?.held.as_ref()
}

async fn until_held(
    gateway: &Gateway,
    mapping: &'static str,
    code: Option<&'static str>,
) -> Status {
    let there = move |s: &Status| {
        let running = s.sources[0].state == SourceState::Running;
        running && held(s, mapping).map(|h| h.code.as_str()) == code
    };
    gateway.handle.wait_until(there).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_column_stops_its_mapping_alone_and_a_regained_one_lets_it_go_on() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(10);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.rename("visits", "complaint", "chief_complaint");
    let status = until_held(&gateway, "visit", Some("PIP0018")).await;
    let differences = &held(&status, "visit").unwrap().differences;
    assert_eq!(differences.len(), 1);
    for word in [
        "\"complaint\"",
        "\"visits\"",
        "did it become \"chief_complaint\"?",
    ] {
        assert!(differences[0].contains(word), "{differences:?}");
    }
    memory.patient(11, "New", false, 50);
    memory.drug(110, 100, "new drug", 50);
    memory.visit(110, 11, 1, "not taken in", 50);
    memory.delete("visits", 10);
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].state, SourceState::Running);
    assert_eq!(gateway.of_type("Patient").len(), 11);
    // One came, and that of the deleted visit went: it can no longer be told whose it is.
    assert_eq!(gateway.of_type("MedicationRequest").len(), 20);
    assert_eq!(
        gateway.of_type("Encounter").len(),
        20,
        "what was committed stays"
    );
    let recorded = silsila_pipeline::recorded_status(&gateway.store).unwrap();
    assert_eq!(held(&recorded, "visit").unwrap().code, "PIP0018");
    memory.rename("visits", "chief_complaint", "complaint");
    let status = until_held(&gateway, "visit", None).await;
    let number = status.sources[0].sweep_completed + 1;
    gateway
        .handle
        .wait_for_sweep("memory", number)
        .await
        .unwrap();
    assert_eq!(gateway.of_type("Encounter").len(), 20, "one came, one went");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_remembers_what_the_tables_were() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    gateway.stop().await;
    memory.rename("doctors", "name", "full_name");
    let gateway = Gateway::start(&path, &memory, pack());
    let status = until_held(&gateway, "doctor", Some("PIP0018")).await;
    assert!(held(&status, "visit").is_some(), "it looks the doctor up");
    assert!(held(&status, "patient").is_none() && held(&status, "drug").is_none());
    assert_eq!(gateway.of_type("Practitioner").len(), 3);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_column_by_which_patients_share_stops_all_that_is_theirs() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.rename("patients", "share_optout", "optout");
    let status = until_held(&gateway, "patient", Some("PIP0018")).await;
    for mapping in ["visit", "drug"] {
        assert!(held(&status, mapping).is_some(), "{mapping}");
    }
    assert!(held(&status, "doctor").is_none());
    memory.patient(6, "New", false, 50);
    memory.visit(60, 1, 1, "new", 50);
    memory.drug(60, 60, "new", 50);
    gateway.sweep().await;
    assert_eq!(gateway.of_type("Patient").len(), 5);
    assert_eq!(gateway.of_type("Encounter").len(), 10);
    assert_eq!(gateway.of_type("MedicationRequest").len(), 10);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_column_that_has_nothing_to_do_with_sharing_stops_no_other_mapping() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.rename("patients", "gender", "sex");
    let status = until_held(&gateway, "patient", Some("PIP0018")).await;
    assert!(held(&status, "visit").is_none() && held(&status, "drug").is_none());
    memory.visit(60, 1, 1, "new", 50);
    gateway.poll().await;
    assert_eq!(gateway.of_type("Encounter").len(), 11);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retyped_column_waits_for_a_person() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.retype("visits", "complaint", ColumnKind::Integer);
    until_held(&gateway, "visit", Some("PIP0019")).await;
    assert!(gateway.handle.confirm("memory").unwrap());
    let status = until_held(&gateway, "visit", None).await;
    let number = status.sources[0].sweep_completed + 1;
    memory.set("visits", 10, "complaint", text("7"));
    gateway
        .handle
        .wait_for_sweep("memory", number)
        .await
        .unwrap();
    assert!(
        !gateway.handle.confirm("memory").unwrap(),
        "nothing is left to accept"
    );
    // The acceptance was of that difference and no other.
    memory.retype("visits", "complaint", ColumnKind::Text);
    until_held(&gateway, "visit", Some("PIP0019")).await;
    memory.retype("visits", "complaint", ColumnKind::Integer);
    until_held(&gateway, "visit", None).await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_never_was_there_stops_the_source_as_a_mistake() {
    let (_keep, path) = folder();
    let memory = build();
    memory.rename("visits", "complaint", "chief_complaint");
    let gateway = Gateway::start(&path, &memory, pack());
    let faulty = |s: &Status| s.sources[0].state == SourceState::Faulty;
    let status = gateway.handle.wait_until(faulty).await.unwrap();
    assert_eq!(status.sources[0].fault.as_ref().unwrap().code, "PIP0007");
    gateway.stop().await;
}
