// SPDX-License-Identifier: Apache-2.0
//! Random days in the hospital, with faults and restarts at random moments; in the end the ledger says what
//! the tables say, no version twice and none missing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use silsila_chain::Op;
use silsila_mapping::Pack;
use silsila_pipeline::{QuarantineFilter, Status};
use silsila_source::Value;

use crate::hospital::{build, changed_pack, pack, text};
use crate::ledger::{Gateway, folder, head_bodies, histories};
use crate::memory::{Fault, Memory};
use crate::naive::{self, Expected};

/// A small generator of its own, so that a seed means the same everywhere.
#[derive(Clone)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn key(&mut self, up_to: u64) -> i64 {
        i64::try_from(self.roll(up_to)).unwrap()
    }
}

struct Hospital {
    memory: Memory,
    dice: Dice,
    clock: u32,
    /// Patients that were ever deleted: their keys may be held back.
    deleted: BTreeSet<i64>,
}

impl Hospital {
    fn now(&mut self) -> u32 {
        // One change in four leaves the watermark as it is, or sets it a little back.
        if self.dice.roll(4) > 0 {
            self.clock += 1;
        }
        self.clock
    }

    fn happen(&mut self) {
        let at = self.now();
        let (patient, doctor) = (self.dice.key(14), self.dice.key(4));
        let (visit, drug) = (self.dice.key(40), self.dice.key(40));
        let word = ["cough", "fever", "ache"][usize::try_from(self.dice.roll(3)).unwrap()];
        match self.dice.roll(20) {
            0..=3 => {
                let optout = self.dice.roll(4) == 0;
                self.memory.patient(1 + patient, word, optout, at);
            }
            4 => {
                self.deleted.insert(1 + patient);
                self.memory.delete("patients", 1 + patient);
            }
            5..=10 => self.memory.visit(visit, patient, doctor, word, at),
            11 => self.memory.set("visits", visit, "kind", text("none")),
            12 => self
                .memory
                .set("visits", visit, "kind", text("no such status")),
            13 => self.memory.delete("visits", visit),
            14..=16 => self.memory.drug(drug, visit, word, at),
            17 => self.memory.delete("prescriptions", drug),
            18 => self.memory.doctor(1 + doctor, word),
            _ => self
                .memory
                .set("visits", visit, "patient_id", Value::Int(patient)),
        }
    }
}

fn start(path: &Path, memory: &Memory, pack: Arc<Pack>) -> Gateway {
    Gateway::tuned(path, memory, pack, &|source| {
        source.guard.floor = u64::MAX;
        source.chunk_rows = 5;
        source.poll_interval = Duration::from_millis(5);
    })
}

async fn run(seed: u64) {
    eprintln!("seed {seed}");
    let (_keep, path) = folder();
    let mut hospital = Hospital {
        memory: build(),
        dice: Dice(seed),
        clock: 100,
        deleted: BTreeSet::new(),
    };
    let mut mappings = pack();
    for _ in 0..60 {
        hospital.happen();
    }
    for _ in 0..6 {
        let mut fate = Dice(hospital.dice.roll(u64::MAX / 4));
        hospital.memory.fail_when(move |_| match fate.roll(60) {
            0 => Fault::Panic,
            1 => Fault::Unavailable,
            _ => Fault::None,
        });
        let gateway = start(&path, &hospital.memory, mappings.clone());
        let sweeps = hospital.dice.roll(3);
        for _ in 0..sweeps {
            let number = gateway.handle.sweep_now("memory").unwrap();
            let mut swept = std::pin::pin!(gateway.handle.wait_for_sweep("memory", number));
            for turn in 0_u64.. {
                // Life goes on while the sweep runs; a fault is tried again at once.
                if turn < 100 {
                    hospital.happen();
                }
                gateway.handle.wake();
                let tick = Duration::from_millis(turn.min(3));
                if tokio::time::timeout(tick, swept.as_mut()).await.is_ok() {
                    break;
                }
            }
        }
        for _ in 0..hospital.dice.roll(30) {
            hospital.happen();
            tokio::task::yield_now().await;
        }
        gateway.stop().await;
        if hospital.dice.roll(4) == 0 {
            mappings = changed_pack();
        }
    }
    hospital.memory.heal();
    let gateway = start(&path, &hospital.memory, mappings.clone());
    let status = gateway.sweep().await;
    check(&gateway, &status, &hospital, &mappings).await;
    let before = head_bodies(&gateway.store);
    gateway.sweep().await;
    assert!(
        head_bodies(&gateway.store) == before,
        "at rest, a sweep changes nothing"
    );
    let mut progress = |_| {};
    assert!(gateway.store.verify(&mut progress).unwrap().is_clean());
    gateway.stop().await;
}

/// The same by the log alone: one sweep at the beginning, and then what the log tells, with faults, restarts
/// and a sweep only where the log was lost.
async fn run_followed(seed: u64) {
    eprintln!("seed {seed}, followed");
    let (_keep, path) = folder();
    let mut hospital = Hospital {
        memory: build(),
        dice: Dice(seed),
        clock: 100,
        deleted: BTreeSet::new(),
    };
    hospital.memory.keep_log();
    hospital.memory.log(|log| log.keys_only = false);
    for _ in 0..60 {
        hospital.happen();
    }
    let gateway = start(&path, &hospital.memory, pack());
    gateway.sweep().await;
    gateway.stop().await;
    for _ in 0..6 {
        let mut fate = Dice(hospital.dice.roll(u64::MAX / 4));
        hospital.memory.fail_when(move |_| match fate.roll(40) {
            0 => Fault::Panic,
            1 => Fault::Unavailable,
            _ => Fault::None,
        });
        let gateway = start(&path, &hospital.memory, pack());
        for _ in 0..hospital.dice.roll(60) {
            hospital.happen();
            gateway.handle.wake();
            tokio::time::sleep(Duration::from_millis(hospital.dice.roll(3))).await;
        }
        gateway.stop().await;
    }
    hospital.memory.heal();
    let gateway = start(&path, &hospital.memory, pack());
    let status = gateway.followed(&hospital.memory).await;
    assert_eq!(status.sources[0].sweep_completed, 1);
    check(&gateway, &status, &hospital, &pack()).await;
    let before = head_bodies(&gateway.store);
    gateway.sweep().await;
    assert!(
        head_bodies(&gateway.store) == before,
        "a sweep finds nothing that the log did not tell"
    );
    gateway.stop().await;
}

async fn check(gateway: &Gateway, status: &Status, hospital: &Hospital, pack: &Pack) {
    let held = gateway
        .handle
        .quarantine(&QuarantineFilter::default(), 10_000)
        .unwrap();
    let suspicious: BTreeSet<i64> = held
        .iter()
        .filter(|entry| entry.code.starts_with("PIP000"))
        .map(|entry| entry.key.parse().unwrap())
        .collect();
    assert!(suspicious.is_subset(&hospital.deleted), "{suspicious:?}");
    let stale: BTreeSet<(String, String)> = held
        .iter()
        .filter(|entry| entry.stale)
        .map(|entry| (entry.mapping.clone(), entry.key.clone()))
        .collect();
    let world = naive::world(&hospital.memory, pack, &suspicious).await;
    let mut served = head_bodies(&gateway.store);
    for (mapping, rows) in &world {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for (number, expected) in rows {
            let name = naive::resource(pack, mapping, *number);
            let found = served.remove(&name);
            let kind = match expected {
                Expected::Body(body) => {
                    naive::check_name(&name, body);
                    assert!(found.as_ref() == Some(body), "{mapping} {number}");
                    "produced"
                }
                Expected::Empty => {
                    assert!(found.is_none(), "{mapping} {number} is empty by rule");
                    "empty"
                }
                Expected::NotShared => {
                    assert!(found.is_none(), "{mapping} {number} is not shared");
                    "not shared"
                }
                Expected::Quarantined { withdraws } => {
                    let place = (mapping.clone(), number.to_string());
                    assert_eq!(
                        found.is_some(),
                        stale.contains(&place),
                        "{mapping} {number}"
                    );
                    assert!(!(*withdraws && found.is_some()), "{mapping} {number}");
                    "quarantined"
                }
            };
            *counts.entry(kind).or_default() += 1;
        }
        let counters = status.sources[0].mapping(mapping).unwrap().counters;
        let of = |kind| counts.get(kind).copied().unwrap_or(0);
        assert!(counters.add_up());
        assert_eq!(
            (
                counters.produced,
                counters.empty,
                counters.not_shared,
                counters.quarantined
            ),
            (
                of("produced"),
                of("empty"),
                of("not shared"),
                of("quarantined")
            ),
            "{mapping}"
        );
    }
    for (name, body) in &served {
        let body = String::from_utf8_lossy(body);
        let remains = name.starts_with("Organization/")
            || (name.starts_with("MedicationRequest/") && body.contains("entered-in-error"));
        assert!(remains, "{name} has no row");
    }
    let recorded = silsila_pipeline::recorded_status(&gateway.store).unwrap();
    assert_eq!(recorded.sources[0].totals(), status.sources[0].totals());
    check_histories(gateway, status);
}

fn check_histories(gateway: &Gateway, status: &Status) {
    let histories = histories(&gateway.store);
    let mut versions = 0;
    for history in histories.values() {
        for (i, version) in history.iter().enumerate() {
            versions += 1;
            assert_eq!(version.version, i as u64 + 1);
            let before = i.checked_sub(1).map(|i| &history[i]);
            match before {
                None => assert!(version.op == Op::Put, "nothing begins with a deletion"),
                Some(before) => assert!(before.body != version.body, "a version twice"),
            }
        }
    }
    assert_eq!(status.sources[0].totals().versions, versions);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_day_the_log_alone_makes_the_ledger_say_what_the_tables_say() {
    for seed in 0..12 {
        run_followed(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_day_the_ledger_says_what_the_tables_say() {
    for seed in 0..6 {
        run(seed).await;
    }
}
