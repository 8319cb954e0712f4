// SPDX-License-Identifier: Apache-2.0
//! The hospital's next day, 1 July 2025: a poll shows most of it within seconds, the next sweep the rest,
//! and the chain holds what was before and what is now.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::story_scene::{PATIENCE, Scene};

/// Patients struck out on day 2, by a mark in their row.
const SOFT_DELETED: [i64; 3] = [4312, 4400, 4265];
/// Results corrected on day 2, and what they were corrected to; the last one without a trace.
const CORRECTED: [(i64, &str); 6] = [
    (71212, "307"),
    (70999, "199"),
    (70550, "36"),
    (70931, "52"),
    (70884, "0.7"),
    (SILENT, "0.8"),
];
const SILENT: i64 = 70472;
const DELETED_LAB: i64 = 70910;
const DELETED_PRESCRIPTION: i64 = 50243;
const LOST_VISIT: i64 = 20693;

#[tokio::test]
async fn a_poll_shows_the_next_day_and_a_sweep_what_left_no_trace() {
    let mut scene = Scene::begin("story_day2", |config| config.sweep_interval = "1d".into()).await;
    let hero = scene.name_of("Patient", "patient", 4485).await;
    let mut struck_out = Vec::new();
    for number in SOFT_DELETED {
        let patient = scene.name_of("Patient", "patient", number).await;
        struck_out.extend(scene.chart(&patient).await);
    }
    assert!(struck_out.len() > 10, "they have records: {struck_out:?}");
    let lab = scene
        .name_of("Observation", "lab-result", DELETED_LAB)
        .await;
    let prescription = scene
        .name_of("MedicationRequest", "prescription", DELETED_PRESCRIPTION)
        .await;
    let silent = scene.name_of("Observation", "lab-result", SILENT).await;
    let visit = scene.name_of("Encounter", "visit", LOST_VISIT).await;
    let of_visit = of_visit(&scene, &visit).await;

    scene.hospital.apply_day2(&scene.server).await.unwrap();
    // The last statement: the visit loses its patient, and so do its diagnosis, its vital signs, its drugs.
    scene.until(&visit, 410).await;
    for name in &of_visit {
        scene.until(name, 410).await;
    }
    everything_new_is_there(&scene).await;
    he_moved(&scene, &hero).await;
    for name in &struck_out {
        scene.until(name, 410).await;
    }
    for (number, value) in CORRECTED {
        if number != SILENT {
            was_corrected(&scene, number, value).await;
        }
    }
    // What left no trace in updated_at is not yet seen.
    for name in [&lab, &prescription, &silent] {
        assert_eq!(scene.history(name).await.len(), 1, "{name}");
    }
    let quarantined = Scene::counter(&scene.source(), "visit", "quarantined");
    assert_eq!(quarantined, 4, "three orphans of day 1, one of day 2");

    scene.gateway.config().sweep_interval = "1s".into();
    scene.gateway.config().write().unwrap();
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    scene.gateway.restart().await.unwrap();
    scene.settled().await;
    was_corrected(&scene, SILENT, "0.8").await;
    for name in [&lab, &prescription] {
        let [now, before] = &scene.history(name).await[..] else {
            panic!("{name} has two versions");
        };
        let (now, before) = (now.1.as_ref().unwrap(), before.1.as_ref().unwrap());
        assert_eq!(now["status"], "entered-in-error", "{name}");
        assert_ne!(before["status"], "entered-in-error", "{name}");
        assert_eq!(now["identifier"], before["identifier"], "{name}");
    }
    for name in struck_out.iter().chain(&of_visit) {
        let versions = scene.history(name).await;
        assert_eq!(versions.len(), 2, "{name}");
        assert!(versions[0].1.is_none(), "{name} ends with a deletion");
    }
    linked(&scene, &hero);
    assert_eq!(scene.run("ledger verify").0, 0);
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

/// `Type/id` of all that refers to a visit.
async fn of_visit(scene: &Scene, visit: &str) -> Vec<String> {
    let mut names = Vec::new();
    for kind in ["Condition", "Observation", "MedicationRequest"] {
        let target = format!("/fhir/{kind}?encounter={visit}");
        let found = scene.http().await.json(&target).await.unwrap();
        for entry in found["entry"].as_array().into_iter().flatten() {
            names.push(format!(
                "{kind}/{}",
                entry["resource"]["id"].as_str().unwrap()
            ));
        }
    }
    assert!(names.len() > 2, "the visit has a record: {names:?}");
    names
}

/// Twelve patients, each with a visit, a diagnosis and drugs; fifteen results. Each table is polled by itself, so
/// that one may be behind another for a moment.
async fn everything_new_is_there(scene: &Scene) {
    for number in 4501..=4512 {
        scene.appears("Patient", "patient", number).await;
        let patient = scene.name_of("Patient", "patient", number).await;
        let visit = 20849 + number - 4501;
        let seen = scene.appears("Encounter", "visit", visit).await;
        assert_eq!(seen["subject"]["reference"], patient, "{visit}");
        let drugs = "SELECT COUNT(*) FROM prescriptions WHERE visit_id =";
        let drugs = scene.number(&format!("{drugs} {visit}")).await;
        let until = Instant::now() + PATIENCE;
        loop {
            let chart = scene.chart(&patient).await;
            let shown = |kind: &str| chart.iter().filter(|n| n.starts_with(kind)).count();
            if shown("Condition/") > 0 && shown("MedicationRequest/") as i64 == drugs {
                break;
            }
            assert!(Instant::now() < until, "{visit}: {chart:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    for number in 71325..=71339 {
        let lab = scene.appears("Observation", "lab-result", number).await;
        assert_eq!(lab["status"], "final", "{number}");
    }
}

/// The versions of a resource once there are two.
async fn two_versions(scene: &Scene, name: &str) -> Vec<(u64, Option<Value>)> {
    let until = Instant::now() + PATIENCE;
    loop {
        let versions = scene.history(name).await;
        if versions.len() >= 2 {
            return versions;
        }
        assert!(Instant::now() < until, "{name} never changes");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn he_moved(scene: &Scene, hero: &str) {
    let versions = two_versions(scene, hero).await;
    let places: Vec<(u64, &str, &str)> = versions
        .iter()
        .map(|(number, resource)| {
            let resource = resource.as_ref().unwrap();
            let city = resource["address"][0]["city"].as_str().unwrap();
            let phone = resource["telecom"][0]["value"].as_str().unwrap();
            (*number, city, phone)
        })
        .collect();
    let expected = [
        (2, "Hyderabad", "+923448556000"),
        (1, "Mirpurkhas", "+923213122332"),
    ];
    assert_eq!(places, expected);
    for (asked, found) in [
        ("phone=%2B923448556000", 1),
        ("phone=%2B923213122332", 0),
        ("address-city=Hyderabad&family=shaikh&given=aquib", 1),
        ("address-city=Mirpurkhas&family=shaikh&given=aquib", 0),
    ] {
        let target = format!("/fhir/Patient?{asked}&_total=accurate");
        let bundle = scene.http().await.json(&target).await.unwrap();
        assert_eq!(bundle["total"], found, "{asked}");
    }
}

async fn was_corrected(scene: &Scene, number: i64, value: &str) {
    let name = scene.name_of("Observation", "lab-result", number).await;
    let versions = two_versions(scene, &name).await;
    let status = |at: usize| versions[at].1.as_ref().unwrap()["status"].clone();
    assert_eq!(versions.len(), 2, "{number}");
    assert_eq!((status(0), status(1)), ("corrected".into(), "final".into()));
    let answer = scene
        .http()
        .await
        .get(&format!("/fhir/{name}"))
        .await
        .unwrap();
    let token = format!("\"value\":{value}");
    assert!(answer.text().contains(&token), "{token} as it was written");
}

/// Both of his versions lie in blocks of one chain, each of which names the one before.
fn linked(scene: &Scene, hero: &str) {
    let json = |words: &str| -> Value {
        let (code, said) = scene.run(words);
        assert_eq!(code, 0, "{words}: {said}");
        serde_json::from_str(&said).unwrap()
    };
    let proofs = [1, 2].map(|n| json(&format!("ledger proof {hero}/_history/{n}")));
    let blocks = json("ledger blocks --from 0 --json");
    let blocks = blocks.as_array().unwrap();
    for pair in blocks.windows(2) {
        assert_eq!(pair[1]["previous"], pair[0]["hash"]);
    }
    for proof in &proofs {
        let block = blocks.iter().find(|b| b["height"] == proof["height"]);
        assert_eq!(block.unwrap()["hash"], proof["block"]);
    }
    assert!(proofs[0]["height"].as_u64() < proofs[1]["height"].as_u64());
}
