// SPDX-License-Identifier: Apache-2.0
//! What sweeps and polls find.

use std::time::Duration;

use silsila_chain::Op;
use silsila_pipeline::{QuarantineFilter, Scope};
use silsila_source::Value;

use crate::hospital::{build, changed_pack, pack, text};
use crate::ledger::{Gateway, folder, histories};
use crate::memory::moment;

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sweep_commits_every_row_and_a_second_one_writes_nothing() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(20);
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.sweep().await;
    let source = &status.sources[0];
    for (mapping, rows) in [("patient", 20), ("doctor", 3), ("visit", 40), ("drug", 40)] {
        let counters = source.mapping(mapping).unwrap().counters;
        assert_eq!(
            (counters.rows, counters.produced, counters.resources),
            (rows, rows, rows),
            "{mapping}"
        );
    }
    assert_eq!(gateway.of_type("Organization").len(), 1);
    let entries = gateway.store.health().unwrap().entries;
    assert_eq!(entries, 104);
    gateway.sweep().await;
    assert_eq!(gateway.store.health().unwrap().entries, entries);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_finds_new_and_changed_rows_without_a_sweep() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    let swept = gateway.sweep().await.sources[0].sweep_completed;
    memory.patient(6, "New", false, 50);
    memory.visit(60, 6, 1, "fever", 50);
    memory.patient(5, "Renamed", false, 51);
    let status = gateway.poll().await;
    assert_eq!(status.sources[0].sweep_completed, swept);
    assert_eq!(gateway.of_type("Patient").len(), 6);
    assert_eq!(gateway.of_type("Encounter").len(), 11);
    let renamed = |body: &Vec<u8>| String::from_utf8_lossy(body).contains("Renamed");
    assert_eq!(gateway.bodies().values().filter(|b| renamed(b)).count(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_edit_is_found_by_the_sweep_alone() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    memory.visit(90, 1, 1, "cough", 500);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.bodies();
    memory.set("visits", 31, "complaint", text("headache"));
    gateway.poll().await;
    assert!(gateway.bodies() == before);
    gateway.sweep().await;
    let after = gateway.bodies();
    let changed = after
        .iter()
        .filter(|(name, body)| before.get(*name) != Some(body));
    assert_eq!(changed.count(), 1);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_vanish_end_as_their_mapping_says() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.delete("visits", 31);
    memory.delete("prescriptions", 20);
    let status = gateway.sweep().await;
    assert_eq!(gateway.of_type("Encounter").len(), 9);
    let drugs = gateway.bodies();
    let in_error = |body: &Vec<u8>| String::from_utf8_lossy(body).contains("entered-in-error");
    assert_eq!(drugs.values().filter(|b| in_error(b)).count(), 1);
    let source = &status.sources[0];
    let visit = source.mapping("visit").unwrap().counters;
    assert_eq!((visit.rows, visit.resources), (9, 9));
    // The prescription of the vanished visit is an orphan; the vanished prescription is no row any more,
    // and what says so is still served.
    let drug = source.mapping("drug").unwrap().counters;
    assert_eq!((drug.rows, drug.produced, drug.quarantined), (9, 8, 1));
    assert_eq!(drug.resources, 9);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_vanishes_and_returns_has_a_deletion_between_two_versions() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.delete("visits", 31);
    memory.delete("prescriptions", 31);
    gateway.sweep().await;
    memory.visit(31, 3, 1, "cough", 20);
    gateway.sweep().await;
    let ops: Vec<Vec<Op>> = histories(&gateway.store)
        .into_values()
        .filter(|versions| versions.iter().any(|v| v.op == Op::Delete))
        .map(|versions| versions.iter().map(|v| v.op).collect())
        .collect();
    assert_eq!(ops, [[Op::Put, Op::Delete, Op::Put]]);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orphan_is_mapped_when_its_patient_appears() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    memory.visit(90, 9, 1, "cough", 20);
    memory.drug(90, 90, "ORS", 30);
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].totals().quarantined, 2);
    let held = gateway
        .handle
        .quarantine(&QuarantineFilter::default(), 10)
        .unwrap();
    assert_eq!(held.len(), 2);
    assert!(held.iter().all(|entry| entry.key == "90" && !entry.stale));
    memory.patient(9, "Nine", false, 60);
    let status = gateway.poll().await;
    assert_eq!(status.sources[0].totals().quarantined, 0);
    assert_eq!(gateway.of_type("Encounter").len(), 7);
    assert_eq!(gateway.of_type("MedicationRequest").len(), 7);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_lookup_row_maps_its_dependants_again() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(6);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    // Doctors have no watermark: the sweep finds it.
    memory.doctor(2, "Dr Bano");
    gateway.sweep().await;
    let bano = |body: &&Vec<u8>| String::from_utf8_lossy(body).contains("Dr Bano");
    assert_eq!(gateway.bodies().values().filter(bano).count(), 1 + 2 * 2);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_pack_maps_every_row_of_what_changed_again_and_nothing_else() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(4);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let before = gateway.store.health().unwrap().entries;
    let swept = gateway.handle.status().sources[0].sweep_completed;
    gateway.stop().await;
    let gateway = Gateway::start(&path, &memory, changed_pack());
    gateway
        .handle
        .wait_for_sweep("memory", swept + 1)
        .await
        .unwrap();
    assert_eq!(gateway.store.health().unwrap().entries, before + 8);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_what_was_known() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(10);
    let gateway = Gateway::start(&path, &memory, pack());
    let before = gateway.sweep().await;
    let entries = gateway.store.health().unwrap().entries;
    gateway.stop().await;
    let gateway = Gateway::start(&path, &memory, pack());
    let after = gateway.sweep().await;
    assert_eq!(gateway.store.health().unwrap().entries, entries);
    assert_eq!(after.sources[0].totals(), before.sources[0].totals());
    let recorded = silsila_pipeline::recorded_status(&gateway.store).unwrap();
    assert_eq!(recorded.sources[0].totals(), before.sources[0].totals());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_maps_every_row_again_and_makes_no_version_of_the_same_bytes() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(4);
    let gateway = Gateway::start(&path, &memory, pack());
    let swept = gateway.sweep().await.sources[0].sweep_completed;
    let entries = gateway.store.health().unwrap().entries;
    gateway
        .handle
        .resync(&Scope::Source("memory".to_owned()))
        .unwrap();
    gateway
        .handle
        .wait_for_sweep("memory", swept + 1)
        .await
        .unwrap();
    assert_eq!(gateway.store.health().unwrap().entries, entries);
    assert!(
        gateway
            .handle
            .resync(&Scope::Mapping("none".to_owned()))
            .is_err()
    );
    assert!(gateway.handle.confirm("nowhere").is_err());
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watermark_in_a_mistyped_year_does_not_blind_the_poll() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(3);
    let mut far = moment(10);
    far.date.year = 2099;
    memory.set("visits", 20, "updated_at", Value::DateTime(far));
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    memory.visit(32, 3, 1, "fever", 60);
    gateway.poll().await;
    assert_eq!(gateway.of_type("Encounter").len(), 7);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweeps_come_by_themselves_at_their_interval() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(2);
    let gateway = Gateway::tuned(&path, &memory, pack(), &|source| {
        source.sweep_interval = Duration::from_millis(50);
    });
    gateway.handle.wait_for_sweep("memory", 4).await.unwrap();
    memory.delete("prescriptions", 10);
    let gone = |s: &silsila_pipeline::Status| {
        let drug = s.sources[0].mapping("drug");
        drug.is_some_and(|m| m.counters.rows == 3)
    };
    gateway.handle.wait_until(gone).await.unwrap();
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_phase_shows_itself_to_whoever_looks_at_that_moment() {
    use silsila_pipeline::Phase;
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(40);
    // Whoever is asked by the pipeline sees the phases of that moment.
    let seen = std::sync::Arc::new(std::sync::Mutex::new(std::collections::HashSet::new()));
    let gateway = Gateway::start(&path, &memory, pack());
    let (handle, note) = (gateway.handle.clone(), seen.clone());
    memory.fail_when(move |_| {
        note.lock()
            .unwrap()
            .extend(handle.status().sources[0].active.clone());
        crate::memory::Fault::None
    });
    gateway.sweep().await;
    memory.delete("visits", 31);
    memory.delete("prescriptions", 31);
    gateway.sweep().await;
    let mut looks = 0;
    while looks < 1_000_000 && !has_all(&seen.lock().unwrap()) {
        looks += 1;
        memory.set(
            "visits",
            21,
            "complaint",
            text(&format!("complaint {looks}")),
        );
        gateway.handle.sweep_now("memory").unwrap();
        for _ in 0..20 {
            seen.lock()
                .unwrap()
                .extend(gateway.handle.status().sources[0].active.clone());
            tokio::task::yield_now().await;
        }
    }
    fn has_all(seen: &std::collections::HashSet<Phase>) -> bool {
        Phase::ALL.iter().skip(2).all(|phase| seen.contains(phase))
    }
    assert!(has_all(&seen.lock().unwrap()), "{seen:?}");
    gateway.stop().await;
}
