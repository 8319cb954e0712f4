// SPDX-License-Identifier: Apache-2.0
//! The hospital's program is updated while the gateway runs: columns go, are renamed, change their type.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::story_scene::{PATIENCE, Scene};

async fn hospital(name: &str) -> Scene {
    Scene::begin(name, |config| config.sweep_interval = "1d".into()).await
}

fn held<'s>(source: &'s Value, mapping: &str) -> &'s Value {
    let mappings = source["mappings"].as_array().unwrap();
    let found = mappings.iter().find(|m| m["name"] == mapping);
    &found.unwrap_or_else(|| panic!("no mapping {mapping}"))["held"]
}

async fn until_held(scene: &Scene, mapping: &str, code: &str) -> Value {
    let wanted = |s: &Value| s["state"] == "running" && held(s, mapping)["code"] == code;
    scene.until_source(code, wanted).await
}

async fn until_free(scene: &Scene, mapping: &str) {
    let wanted = |s: &Value| s["state"] == "running" && held(s, mapping).is_null();
    scene.until_source("going on", wanted).await;
}

#[tokio::test]
async fn a_renamed_column_stops_its_mapping_alone_until_it_is_named_back() {
    let scene = hospital("drift_renamed").await;
    let before = Scene::counter(&scene.source(), "lab-result", "resources");
    let lab = scene.name_of("Observation", "lab-result", 70472).await;
    scene
        .sql("ALTER TABLE lab_tests CHANGE result value_text VARCHAR(60)")
        .await;
    let source = until_held(&scene, "lab-result", "PIP0018").await;
    let said = held(&source, "lab-result")["differences"][0]
        .as_str()
        .unwrap()
        .to_owned();
    for word in [
        "\"result\"",
        "varchar(60)",
        "\"lab_tests\"",
        "did it become \"value_text\"?",
    ] {
        assert!(said.contains(word), "{said}");
    }
    let (code, text) = scene.run("status");
    assert_eq!(code, 1, "a person is needed");
    assert!(
        text.contains("PIP0018 mapping lab-result stands still") && text.contains(&said),
        "{text}"
    );
    let (_, text) = scene.run("source status");
    assert!(
        text.contains("PIP0018 mapping lab-result stands still"),
        "{text}"
    );
    // The others go on.
    scene
        .sql(
            "UPDATE patients SET city = 'Hyderabad', updated_at = NOW() WHERE patient_id = 4485;
             UPDATE lab_tests SET value_text = '0.8', updated_at = NOW() WHERE test_id = 70472;
             DELETE FROM lab_tests WHERE test_id = 70910",
        )
        .await;
    let hero = scene.name_of("Patient", "patient", 4485).await;
    let until = Instant::now() + PATIENCE;
    while scene.history(&hero).await.len() < 2 {
        assert!(Instant::now() < until, "the patient's change never arrives");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scene.run("source resync mirpurkhas").0, 0);
    let swept = scene
        .until_source("swept", |s| s["sweep_completed"] == 2)
        .await;
    assert_eq!(
        Scene::counter(&swept, "lab-result", "resources"),
        before,
        "nothing is withdrawn"
    );
    assert_eq!(scene.history(&lab).await.len(), 1);
    scene
        .sql("ALTER TABLE lab_tests CHANGE value_text result VARCHAR(60)")
        .await;
    until_free(&scene, "lab-result").await;
    scene
        .until_source("caught up", |s| s["sweep_completed"] == 3)
        .await;
    assert_eq!(scene.history(&lab).await.len(), 2);
    assert_eq!(scene.run("status").0, 0);
}

#[tokio::test]
async fn a_dropped_and_a_retyped_column_are_told_apart_and_additions_stop_nothing() {
    let scene = hospital("drift_dropped").await;
    scene
        .sql(
            "ALTER TABLE allergies ADD COLUMN nurse VARCHAR(40), MODIFY substance VARCHAR(200) NOT NULL DEFAULT '';
             ALTER TABLE immunizations MODIFY dose_no VARCHAR(10);
             ALTER TABLE lab_tests DROP COLUMN unit",
        )
        .await;
    until_held(&scene, "lab-result", "PIP0018").await;
    let source = until_held(&scene, "immunization", "PIP0019").await;
    assert!(held(&source, "allergy").is_null());
    let said = held(&source, "immunization")["differences"][0]
        .as_str()
        .unwrap();
    assert!(said.contains("was tinyint(4) and is varchar(10)"), "{said}");
    let (_, text) = scene.run("status");
    assert!(
        text.contains("to accept it: silsila source confirm mirpurkhas"),
        "{text}"
    );
    scene
        .sql("UPDATE immunizations SET dose_no = '2', updated_at = NOW()")
        .await;
    let (code, text) = scene.run("source confirm mirpurkhas");
    assert_eq!(code, 0, "{text}");
    until_free(&scene, "immunization").await;
    let source = scene.source();
    assert_eq!(
        held(&source, "lab-result")["code"],
        "PIP0018",
        "that cannot be accepted"
    );
}

#[tokio::test]
async fn a_lost_opt_out_stops_all_that_belongs_to_patients() {
    let mut scene = hospital("drift_share").await;
    let before = Scene::resources(&scene.source());
    scene
        .sql("ALTER TABLE patients DROP COLUMN share_optout")
        .await;
    until_held(&scene, "patient", "PIP0018").await;
    let source = scene.source();
    for mapping in [
        "visit",
        "visit-bp",
        "prescription",
        "lab-result",
        "allergy",
        "immunization",
    ] {
        assert!(held(&source, mapping).is_object(), "{mapping}");
    }
    assert!(held(&source, "practitioner").is_null());
    scene
        .sql(
            "INSERT INTO patients (patient_id, first_name, last_name, updated_at) VALUES (9999, 'New', 'Person', NOW());
             INSERT INTO opd_visits (visit_id, patient_id, doctor_id, visit_date, updated_at)
               VALUES (99999, 4485, 1, NOW(), NOW())",
        )
        .await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    scene.gateway.restart().await.unwrap();
    until_held(&scene, "patient", "PIP0018").await;
    assert_eq!(scene.run("source resync mirpurkhas").0, 0);
    let done = scene.source()["sweep"].as_u64().unwrap() + 1;
    let swept = |s: &Value| s["sweep_completed"].as_u64() >= Some(done);
    let source = scene.until_source("swept", swept).await;
    assert_eq!(Scene::resources(&source), before);
    scene
        .sql("ALTER TABLE patients ADD COLUMN share_optout TINYINT(1) NOT NULL DEFAULT 1")
        .await;
    until_free(&scene, "patient").await;
    // Everybody refuses now: the column says so, and it is believed.
    let gone = |s: &Value| Scene::counter(s, "patient", "resources") == 0;
    scene.until_source("withdrawn", gone).await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn a_dropped_table_stops_its_mappings_and_a_swapped_one_is_guessed() {
    let scene = hospital("drift_table").await;
    scene.sql("RENAME TABLE allergies TO allergies_v2").await;
    let source = until_held(&scene, "allergy", "PIP0018").await;
    let said = held(&source, "allergy")["differences"][0].as_str().unwrap();
    assert_eq!(
        said,
        "table \"allergies\" is gone; did it become \"allergies_v2\"?"
    );
    let resources = Scene::counter(&source, "allergy", "resources");
    assert!(resources > 0);
    scene.sql("RENAME TABLE allergies_v2 TO allergies").await;
    until_free(&scene, "allergy").await;
    assert_eq!(
        Scene::counter(&scene.source(), "allergy", "resources"),
        resources
    );
}
