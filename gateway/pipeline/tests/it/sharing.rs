// SPDX-License-Identifier: Apache-2.0
//! Sharing ends: what is withdrawn, when, and in which order.

use silsila_chain::Op;
use silsila_pipeline::QuarantineFilter;
use silsila_source::Value;

use crate::hospital::{build, pack, text};
use crate::ledger::{Gateway, folder, histories};
use crate::memory::moment;

fn opt_out(memory: &crate::memory::Memory, patient: i64, at: u32) {
    memory.set("patients", patient, "share_optout", Value::Int(1));
    memory.set(
        "patients",
        patient,
        "updated_at",
        Value::DateTime(moment(at)),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_out_withdraws_the_patient_and_every_record_in_one_block_and_an_opt_in_brings_them_back()
 {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let height = gateway.store.health().unwrap().height.0;
    let before = gateway.bodies();
    opt_out(&memory, 3, 60);
    let status = gateway.poll().await;
    let after = gateway.bodies();
    assert_eq!(
        before.len() - after.len(),
        5,
        "the patient, two visits, two prescriptions"
    );
    let source = &status.sources[0];
    assert_eq!(source.totals().not_shared, 5);
    assert_eq!(source.totals().quarantined, 0);
    let blocks = gateway.store.blocks(height + 1..=u64::MAX).unwrap();
    assert_eq!(blocks.iter().map(|b| b.entries).collect::<Vec<_>>(), [5]);
    memory.patient(3, "Patient 3", false, 70);
    gateway.poll().await;
    assert!(gateway.bodies() == before);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_who_never_shared_reaches_the_ledger_in_no_version() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(4);
    opt_out(&memory, 2, 10);
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].totals().not_shared, 5);
    let bodies: Vec<_> = histories(&gateway.store).into_values().flatten().collect();
    let named = |name: &str| {
        let has = |v: &&crate::ledger::Version| {
            let body = v.body.clone().unwrap_or_default();
            String::from_utf8_lossy(&body).contains(name)
        };
        bodies.iter().filter(has).count()
    };
    assert_eq!(named("Patient 2"), 0);
    assert_eq!(named("Patient 3"), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_patient_takes_every_record_along() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.delete("patients", 4);
    let status = gateway.sweep().await;
    assert_eq!(gateway.of_type("Patient").len(), 4);
    assert_eq!(gateway.of_type("Encounter").len(), 8);
    assert_eq!(gateway.of_type("MedicationRequest").len(), 8);
    assert_eq!(status.sources[0].totals().quarantined, 4, "orphans");
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visit_that_loses_its_patient_is_withdrawn() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.visit(21, 0, 1, "cough", 60);
    gateway.poll().await;
    assert_eq!(gateway.of_type("Encounter").len(), 5);
    assert_eq!(gateway.of_type("MedicationRequest").len(), 5);
    let withdrawn = histories(&gateway.store).into_values();
    let withdrawn = withdrawn
        .filter(|v| v.last().unwrap().op == Op::Delete)
        .count();
    assert_eq!(withdrawn, 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_required_element_that_is_lost_keeps_the_last_version_and_says_that_it_is_stale() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    memory.set("visits", 21, "kind", text("no such status"));
    gateway.sweep().await;
    let visits = |bodies: std::collections::BTreeMap<String, Vec<u8>>| {
        bodies
            .into_iter()
            .filter(|(name, _)| name.starts_with("Encounter/"))
            .collect::<Vec<_>>()
    };
    assert!(visits(gateway.bodies()) == visits(before.clone()));
    let held = gateway
        .handle
        .quarantine(&QuarantineFilter::default(), 10)
        .unwrap();
    assert_eq!(held.len(), 1);
    assert!(held[0].stale && held[0].key == "21" && held[0].mapping == "visit");
    memory.set("visits", 21, "kind", text("finished"));
    gateway.sweep().await;
    assert!(gateway.bodies() == before);
    assert!(
        gateway
            .handle
            .quarantine(&QuarantineFilter::default(), 10)
            .unwrap()
            .is_empty()
    );
    gateway.stop().await;
}
