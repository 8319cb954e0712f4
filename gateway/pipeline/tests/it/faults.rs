// SPDX-License-Identifier: Apache-2.0
//! A database that goes away, an adapter that fails, a disk that is full, an outbox that a crash left.

use std::path::Path;

use silsila_chain::{CustodianKey, MemberKey, Op};
use silsila_pipeline::{SourceState, Status};
use silsila_store::{Draft, NoIndex, Payload, Store, StoreOptions, TxStatus};

use crate::hospital::{build, pack};
use crate::ledger::{Gateway, folder, store};
use crate::memory::Fault;

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_is_shown_and_tried_again() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(30);
    memory.fail_when(|call| {
        if call > 12 {
            Fault::Unavailable
        } else {
            Fault::None
        }
    });
    let gateway = Gateway::start(&path, &memory, pack());
    let waiting = |s: &Status| s.sources[0].state == SourceState::Waiting;
    let status = gateway.handle.wait_until(waiting).await.unwrap();
    let fault = status.sources[0].fault.clone().unwrap();
    assert_eq!((fault.code.as_str(), fault.attempts), ("SRC0001", 1));
    assert!(fault.retry_ms > Some(fault.since_ms));
    memory.heal();
    let status = gateway.sweep().await;
    let source = &status.sources[0];
    assert_eq!((source.state, &source.fault), (SourceState::Running, &None));
    assert_eq!(source.last_fault.as_ref().unwrap().code, "SRC0001");
    assert_eq!(source.totals().resources, 154);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_adapter_that_panics_costs_a_pass_and_not_the_worker() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(30);
    memory.fail_when(|call| {
        if call == 20 {
            Fault::Panic
        } else {
            Fault::None
        }
    });
    let gateway = Gateway::start(&path, &memory, pack());
    let recovered = |s: &Status| {
        let source = &s.sources[0];
        source
            .last_fault
            .as_ref()
            .is_some_and(|f| f.code == "PIP0016")
    };
    gateway.handle.wait_until(recovered).await.unwrap();
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].totals().resources, 154);
    assert_eq!(gateway.store.health().unwrap().entries, 154);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_sweep_goes_on_under_its_number_after_a_restart() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(30);
    let mut left = 25;
    memory.fail_when(move |_| {
        left -= 1;
        if left < 0 {
            Fault::Unavailable
        } else {
            Fault::None
        }
    });
    let gateway = Gateway::start(&path, &memory, pack());
    let waiting = |s: &Status| s.sources[0].state == SourceState::Waiting;
    let status = gateway.handle.wait_until(waiting).await.unwrap();
    let half = status.sources[0].totals().resources;
    assert!(half > 0 && half < 154, "{half}");
    gateway.stop().await;
    memory.heal();
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.handle.wait_for_sweep("memory", 1).await.unwrap();
    assert_eq!(status.sources[0].sweep, 1);
    assert_eq!(gateway.store.health().unwrap().entries, 154);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_in_the_outbox_is_committed_first() {
    let (_keep, path) = folder();
    let left = {
        let store = store(&path);
        let draft = Draft {
            op: Op::Put,
            resource: "Basic/1".to_owned(),
            subject: "Basic/1".to_owned(),
            kind: "Basic".to_owned(),
            label_class: 0,
            payload: Some(Payload {
                body: b"{\"id\":\"1\",\"resourceType\":\"Basic\"}".to_vec(),
                mapping: String::new(),
                mapping_digest: [0; 32],
            }),
        };
        let id = store
            .stage(
                vec![draft],
                |_| Ok::<_, silsila_pipeline::PipelineError>(()),
            )
            .unwrap()
            .unwrap();
        store.close().unwrap();
        id
    };
    let memory = build();
    memory.fill(1);
    // The database is away: the outbox does not wait for it.
    memory.fail_when(|_| Fault::Unavailable);
    let gateway = Gateway::start(&path, &memory, pack());
    let waiting = |s: &Status| s.sources[0].state == SourceState::Waiting;
    gateway.handle.wait_until(waiting).await.unwrap();
    let status = gateway.store.status(left).unwrap();
    assert!(matches!(status, TxStatus::Committed { .. }), "{status:?}");
    gateway.stop().await;
}

fn small_store(path: &Path, bytes: u64) -> Store {
    let mut options = StoreOptions::new(
        path.join("ledger.sqlite"),
        MemberKey::from_seed(&[3; 32]),
        CustodianKey::new([4; 32]),
    );
    options.max_file_bytes = Some(bytes);
    Store::open(options, Box::new(NoIndex)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_intake_with_a_clear_error_and_loses_nothing() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(200);
    let store = small_store(&path, 700_000);
    let gateway = Gateway::over(store, &memory, pack(), &|_| {});
    let faulty = |s: &Status| s.sources[0].state == SourceState::Faulty;
    let status = gateway.handle.wait_until(faulty).await.unwrap();
    assert_eq!(status.sources[0].fault.as_ref().unwrap().code, "LED0001");
    let entries = gateway.store.health().unwrap().entries;
    assert!(entries < 1000, "{entries}");
    gateway.stop().await;
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.sweep().await;
    assert_eq!(status.sources[0].totals().resources, 1004);
    assert_eq!(gateway.store.health().unwrap().entries, 1004);
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn row_states_that_a_rejected_transaction_left_behind_follow_the_ledger_again() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    let status = gateway.sweep().await;
    let (entries, bodies) = (gateway.store.health().unwrap().entries, gateway.bodies());
    gateway.stop().await;
    let store = store(&path);
    store
        .local(|txn| {
            // As if versions of all visits had been staged, and withdrawals of all prescriptions, in vain.
            txn.execute_batch(
                "UPDATE pipe_row SET body = zeroblob(16) WHERE mapping = (SELECT id FROM pipe_mapping WHERE name = 'visit');
                 UPDATE pipe_row SET live = 0 WHERE mapping = (SELECT id FROM pipe_mapping WHERE name = 'drug');
                 UPDATE pipe_mapping SET resources = 0 WHERE name = 'drug';
                 UPDATE pipe_source SET repair = 1;",
            )?;
            Ok::<_, silsila_pipeline::PipelineError>(())
        })
        .unwrap();
    store.close().unwrap();
    drop(store);
    let gateway = Gateway::start(&path, &memory, pack());
    let after = gateway.sweep().await;
    assert_eq!(after.sources[0].totals(), status.sources[0].totals());
    assert!(gateway.bodies() == bodies);
    assert_eq!(
        gateway.store.health().unwrap().entries,
        entries,
        "nothing twice"
    );
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_the_ledger_refuses_has_the_row_states_compared_with_it() {
    let (_keep, path) = folder();
    let memory = build();
    memory.fill(5);
    let gateway = Gateway::start(&path, &memory, pack());
    gateway.sweep().await;
    let forget = "UPDATE pipe_row SET body = NULL, live = 0 WHERE mapping = (SELECT id FROM pipe_mapping WHERE name = 'drug');
         UPDATE pipe_mapping SET resources = 0 WHERE name = 'drug';
         UPDATE pipe_row SET live = 1 WHERE mapping = (SELECT id FROM pipe_mapping WHERE name = 'visit');
         UPDATE pipe_mapping SET resources = 11 WHERE name = 'visit';";
    memory.visit(60, 9, 1, "an orphan", 90);
    gateway.sweep().await;
    let run = |sql: &str| {
        let ran = gateway
            .store
            .local(|txn| Ok::<_, silsila_pipeline::PipelineError>(txn.execute_batch(sql)?));
        ran.unwrap();
    };
    run(forget);
    // The orphan counts as live now, and becoming empty by rule would delete what never was.
    memory.set("visits", 60, "kind", crate::hospital::text("none"));
    memory.patient(9, "Nine", false, 91);
    let refused = |s: &Status| {
        let source = &s.sources[0];
        source
            .last_fault
            .as_ref()
            .is_some_and(|f| f.code == "LED0007")
    };
    gateway.handle.sweep_now("memory").unwrap();
    gateway.handle.wait_until(refused).await.unwrap();
    let status = gateway.sweep().await;
    let drug = status.sources[0].mapping("drug").unwrap().counters;
    assert_eq!((drug.resources, drug.versions), (10, 10), "nothing twice");
    assert_eq!(
        status.sources[0]
            .mapping("visit")
            .unwrap()
            .counters
            .resources,
        10
    );
    gateway.stop().await;
}
