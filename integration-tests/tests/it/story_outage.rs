// SPDX-License-Identifier: Apache-2.0
//! The hospital's database goes away, changes its mind about us, or loses its rows: the gateway serves on,
//! says what is wrong, and withdraws nothing that a person has not confirmed.

use serde_json::Value;

use crate::story_scene::Scene;

/// The tables and one mapping that has an answer for every row of each.
pub const WHOLE: [(&str, &str); 7] = [
    ("patients", "patient"),
    ("doctors", "practitioner"),
    ("opd_visits", "visit"),
    ("prescriptions", "prescription"),
    ("lab_tests", "lab-result"),
    ("allergies", "allergy"),
    ("immunizations", "immunization"),
];

fn patients_known(source: &Value) -> i64 {
    let mappings = source["mappings"].as_array();
    let swept = mappings.is_some_and(|all| all.iter().any(|m| m["name"] == "patient"));
    if swept {
        Scene::counter(source, "patient", "rows")
    } else {
        0
    }
}

async fn serves(scene: &Scene) {
    let mut http = scene.http().await;
    let found = http.json("/fhir/Patient?_count=3").await.unwrap();
    let id = found["entry"][0]["resource"]["id"].as_str().unwrap();
    let read = http.json(&format!("/fhir/Patient/{id}")).await.unwrap();
    assert_eq!(read["id"], id);
}

#[tokio::test]
async fn a_server_that_dies_in_mid_sweep_is_waited_for_and_the_sweep_goes_on() {
    let mut scene = Scene::apart("story_outage", |config| {
        config.rows_per_second = 1_500;
        config.chunk_rows = 100;
        config.sweep_interval = "1d".into();
    })
    .await;
    let halfway = |source: &Value| patients_known(source) == 400;
    let before = scene.until_source("halfway", halfway).await;
    assert_eq!(before["sweep_completed"], 0, "it is in mid-sweep");
    scene.server.own().kill().unwrap();

    let tried = |s: &Value| s["fault"]["attempts"].as_u64() >= Some(2);
    let away = scene.until_source("tried again", tried).await;
    assert_eq!(away["state"], "waiting");
    assert_eq!(away["fault"]["code"], "SRC0001");
    let retry = away["fault"]["retry_ms"].as_i64().unwrap();
    let since = away["fault"]["since_ms"].as_i64().unwrap();
    assert!(retry - since >= 1_500, "the pause grows: {away:#}");
    serves(&scene).await;
    let (code, said) = scene.run("status");
    assert_eq!(code, 3, "{said}");
    for word in ["cannot be reached", "SRC0001", "attempt", "tried again in"] {
        assert!(said.contains(word), "{word} in {said}");
    }

    scene.server.own().restart().await.unwrap();
    let back = |s: &Value| s["state"] == "running";
    let back = scene.until_source("running again", back).await;
    assert!(back["fault"].is_null());
    assert_eq!(back["last_fault"]["code"], "SRC0001");
    assert!(
        patients_known(&back) == 400,
        "what was done is not forgotten"
    );
    let done = |s: &Value| s["sweep_completed"] == 1;
    let swept = scene.until_source("swept", done).await;
    for (table, mapping) in WHOLE {
        let rows = scene.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert_eq!(Scene::counter(&swept, mapping, "rows"), rows, "{table}");
    }
    assert_eq!(scene.run("status").0, 0);
    assert_eq!(scene.run("ledger verify").0, 0);
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn a_password_that_no_longer_holds_is_named_and_mended_without_a_restart() {
    let mut scene = Scene::apart("story_password", |_| ()).await;
    let before = scene.settled().await;
    let (was, other) = (silsila_integration_tests::hospital::PASSWORD, "another");
    let password = |word: &str| format!("ALTER USER `silsila`@`127.0.0.1` IDENTIFIED BY '{word}'");
    scene.sql(&password(other)).await;
    scene.sql("KILL USER silsila@127.0.0.1").await;
    let refused = |s: &Value| s["fault"]["code"] == "SRC0002";
    let refused = scene.until_source("refused", refused).await;
    assert_eq!(refused["state"], "faulty", "{refused:#}");
    let (code, said) = scene.run("status");
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("SRC0002") && !said.contains(was), "{said}");
    serves(&scene).await;

    scene.sql(&password(was)).await;
    // An order is as good as waiting for the next try.
    assert_eq!(scene.run("source resync").0, 0);
    let after = scene.settled().await;
    assert_eq!(Scene::resources(&after), Scene::resources(&before));
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn rows_that_vanish_in_numbers_are_withdrawn_only_when_a_person_confirms() {
    // The rows vanish between two sweeps, and not while one passes.
    let mut scene = Scene::begin("story_emptied", |config| {
        config.sweep_interval = "1d".into();
    })
    .await;
    let mut gone = Vec::new();
    for number in 4110..4130 {
        if let Some(patient) = scene.by_number("Patient", "patient", number).await {
            let name = format!("Patient/{}", patient["id"].as_str().unwrap());
            gone.extend(scene.chart(&name).await);
        }
    }
    assert!(gone.len() > 100, "{}", gone.len());
    let before = scene.source();
    scene
        .sql("DELETE FROM patients WHERE patient_id BETWEEN 4110 AND 4129; DELETE FROM immunizations")
        .await;
    assert_eq!(scene.run("source resync").0, 0);

    asks(&scene, "patients").await;
    let untouched = |source: &Value| {
        assert_eq!(Scene::resources(source), Scene::resources(&before));
    };
    untouched(&scene.source());
    // Nothing is read either, not even a change in another table.
    let polls = scene.source()["polls"].clone();
    scene
        .sql("UPDATE allergies SET substance = 'Dust', updated_at = '2025-07-01 12:00:00' WHERE allergy_id = 301")
        .await;
    // A question outlives the gateway.
    scene.gateway.kill().unwrap();
    scene.gateway.restart().await.unwrap();
    asks(&scene, "patients").await;
    untouched(&scene.source());
    assert!(scene.source()["polls"].as_u64() <= polls.as_u64());
    for name in gone.iter().take(10) {
        assert_eq!(scene.status_of(name).await, 200, "{name}");
    }
    let (code, said) = scene.run("status");
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("PIP0002") && said.contains("silsila source confirm mirpurkhas"),
        "{said}"
    );

    let (code, said) = scene.run("source confirm");
    assert!(code == 0 && said.contains("confirmed"), "{said}");
    for name in &gone {
        if !name.starts_with("Immunization") {
            scene.until(name, 410).await;
        }
    }
    let swept = |source: &Value| source["sweep_completed"].as_u64() >= Some(2);
    let settled = scene.until_source("swept", swept).await;
    assert_eq!(Scene::counter(&settled, "immunization", "rows"), 0);
    let found = scene
        .http()
        .await
        .json("/fhir/Immunization?_count=1000")
        .await
        .unwrap();
    let entries = found["entry"].as_array().unwrap();
    assert!(entries.len() > 500, "{}", entries.len());
    for entry in entries {
        assert_eq!(entry["resource"]["status"], "entered-in-error");
    }
    assert_eq!(
        scene.run("source confirm").1.trim(),
        "mirpurkhas is not asking for a confirmation; nothing was changed"
    );
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

async fn asks(scene: &Scene, table: &str) {
    let asking = |s: &Value| s["state"] == "needs-confirmation" && s["question"].is_object();
    let source = scene.until_source("asking", asking).await;
    assert_eq!(source["question"]["code"], "PIP0002");
    assert_eq!(source["question"]["table"], table);
}
