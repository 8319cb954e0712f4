// SPDX-License-Identifier: Apache-2.0
//! Sharing ends at once and fails closed: what a patient no longer shares is gone before the next sweep,
//! and a mapping that asks for a column that is not there shares nothing at all.

use std::path::Path;

use crate::story_scene::Scene;
use silsila_integration_tests::gateway::{GatewayConfig, pack};

const PATIENT: i64 = 4485;

fn polled_only(config: &mut GatewayConfig) {
    config.sweep_interval = "1d".into();
}

#[tokio::test]
async fn an_opt_out_withdraws_a_whole_chart_before_the_next_sweep_and_an_opt_in_brings_it_back() {
    let scene = Scene::begin("story_opt_out", polled_only).await;
    let patient = scene.name_of("Patient", "patient", PATIENT).await;
    let chart = scene.chart(&patient).await;
    assert!(chart.len() > 20, "he has a chart: {}", chart.len());
    let before = Scene::resources(&scene.source());

    opt(&scene, "1", "2025-07-01 12:00:00").await;
    for name in &chart {
        scene.until(name, 410).await;
    }
    assert_eq!(scene.chart(&patient).await.len(), 1, "nothing is found");
    let source = scene.source();
    assert_eq!(source["sweep"], 1, "no sweep had to come");
    assert_eq!(Scene::resources(&source), before - chart.len() as i64);
    // In one block: nobody ever saw half of it.
    let height = |name: &str| {
        let (code, said) = scene.run(&format!("ledger proof {name}"));
        assert_eq!(code, 0, "{said}");
        let proof: serde_json::Value = serde_json::from_str(&said).unwrap();
        assert!(proof["payload"].is_null(), "{name} ends with a deletion");
        proof["height"].as_u64()
    };
    let gone = height(&patient);
    assert!(chart.iter().all(|name| height(name) == gone));

    opt(&scene, "0", "2025-07-01 12:05:00").await;
    for name in &chart {
        scene.until(name, 200).await;
        let versions = scene.history(name).await;
        let numbers: Vec<u64> = versions.iter().map(|v| v.0).collect();
        assert_eq!(numbers, [3, 2, 1], "{name}");
        let body = |at: usize| {
            let mut body = versions[at].1.clone();
            body.as_mut()?["meta"].take();
            body
        };
        assert_eq!(body(0), body(2), "{name} is as it was");
        assert_eq!(body(1), None, "{name} was deleted in between");
    }
    assert_eq!(scene.chart(&patient).await, chart);
    assert_eq!(scene.source()["sweep"], 1);
}

#[tokio::test]
async fn a_flag_that_says_nothing_shares_nothing() {
    let scene = Scene::begin("story_null_flag", polled_only).await;
    let patient = scene.name_of("Patient", "patient", PATIENT).await;
    let chart = scene.chart(&patient).await;
    scene
        .sql("ALTER TABLE patients MODIFY share_optout TINYINT(1) NULL")
        .await;
    opt(&scene, "NULL", "2025-07-01 12:00:00").await;
    for name in &chart {
        scene.until(name, 410).await;
    }
}

async fn opt(scene: &Scene, out: &str, at: &str) {
    let sql = format!(
        "UPDATE patients SET share_optout = {out}, updated_at = '{at}' WHERE patient_id = {PATIENT}"
    );
    scene.sql(&sql).await;
}

/// The pack of Mirpurkhas with one word of one file replaced.
fn altered_pack(to: &Path, file: &str, from: &str, with: &str) {
    copy(&pack("sindh-mirpurkhas"), to);
    let path = to.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} says {from}");
    std::fs::write(path, text.replace(from, with)).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test]
async fn a_misspelt_column_is_refused_with_the_right_one_and_shares_nothing() {
    let scene = Scene::begin("story_misspelt", polled_only).await;
    let before = Scene::resources(&scene.source());
    let mut scene = scene;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    let altered = scene.folder.path().join("pack");
    altered_pack(
        &altered,
        "visit.yaml",
        "patient.share_optout",
        "patient.share_optuot",
    );
    scene.gateway.config().pack = altered;
    scene.gateway.config().write().unwrap();
    let (code, said) = scene.run("check");
    assert_eq!(code, 1, "{said}");
    for word in [
        "visit.yaml:",
        "share_optuot",
        "did you mean",
        "share_optout",
    ] {
        assert!(said.contains(word), "{word} in {said}");
    }
    assert!(said.contains("error[MAP"), "{said}");

    // The database alone knows its columns: the gateway serves what it has, and takes nothing in.
    scene.gateway.restart().await.unwrap();
    let faulty = scene
        .until_source("faulty", |source| source["state"] == "faulty")
        .await;
    assert_eq!(faulty["fault"]["code"], "PIP0007", "{faulty:#}");
    let text = faulty["fault"]["message"].as_str().unwrap();
    assert!(
        text.contains("share_optuot") && text.contains("share_optout"),
        "{text}"
    );
    opt(&scene, "0", "2025-07-01 12:00:00").await;
    assert_eq!(Scene::resources(&scene.source()), before);
    assert_eq!(scene.source()["polls"], 0);
    assert_eq!(scene.run("status").0, 1, "a person is needed");
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn a_mapping_that_names_what_is_nowhere_keeps_the_gateway_from_starting() {
    let mut scene = Scene::begin("story_undefined", polled_only).await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    let altered = scene.folder.path().join("pack");
    altered_pack(&altered, "visit.yaml", "share: patient.", "share: patiant.");
    scene.gateway.config().pack = altered;
    scene.gateway.config().write().unwrap();
    for command in ["check --offline", "serve"] {
        let (code, said) = scene.run(command);
        assert_ne!(code, 0, "{command}: {said}");
        for word in ["visit.yaml:", "patiant", "did you mean", "patient"] {
            assert!(said.contains(word), "{command}: {word} in {said}");
        }
    }
}
