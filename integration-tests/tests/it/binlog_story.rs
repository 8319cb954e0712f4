// SPDX-License-Identifier: Apache-2.0
//! A gateway that follows its hospital's binary log: what a poll and even the nightly sweep would show late
//! is there at once, through bulk loads, power cuts and a log that was thrown away.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::story_scene::{PATIENCE, Scene};

/// One sweep at the beginning, and none by itself thereafter.
async fn hospital(name: &str, arguments: &[&str]) -> Scene {
    let scene = Scene::logging(name, arguments, |config| {
        config.sweep_interval = "1d".into();
    })
    .await;
    scene.gateway.swept(1, PATIENCE).await.unwrap();
    follows(&scene).await;
    scene
}

async fn follows(scene: &Scene) {
    let following = |source: &Value| source["changes"]["following"] == "binlog";
    scene.until_source("followed", following).await;
}

/// Waits until a resource has so many versions, and gives the newest.
async fn version(scene: &Scene, name: &str, count: usize) -> Option<Value> {
    let until = Instant::now() + PATIENCE;
    loop {
        let versions = scene.history(name).await;
        if versions.len() >= count {
            assert_eq!(versions.len(), count, "{name}");
            return versions[0].1.clone();
        }
        assert!(
            Instant::now() < until,
            "{name} has {} versions",
            versions.len()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until all that stands in the log by now is done with.
async fn followed(scene: &Scene) -> Value {
    let end = "SELECT CAST(VARIABLE_VALUE AS SIGNED) FROM information_schema.GLOBAL_STATUS \
               WHERE VARIABLE_NAME = 'BINLOG_SNAPSHOT_POSITION'";
    let end = scene.number(end).await;
    let reached = |s: &Value| {
        let position = s["changes"]["position"].as_str().unwrap_or_default();
        let offset = position
            .split(' ')
            .nth(3)
            .and_then(|n| n.parse::<i64>().ok());
        offset >= Some(end)
    };
    scene.until_source("followed to the end", reached).await
}

fn sweeps(scene: &Scene) -> u64 {
    scene.source()["sweep_completed"].as_u64().unwrap()
}

#[tokio::test]
async fn deletions_silent_corrections_and_moves_are_seen_without_a_sweep() {
    let scene = hospital("binlog_seen", &[]).await;
    let lab = scene.name_of("Observation", "lab-result", 70910).await;
    let silent = scene.name_of("Observation", "lab-result", 70472).await;
    let drug = scene
        .name_of("MedicationRequest", "prescription", 50243)
        .await;
    let visit = scene.name_of("Encounter", "visit", 20009).await;
    let before = scene.history(&visit).await[0].1.clone().unwrap();
    scene
        .sql(
            "DELETE FROM lab_tests WHERE test_id = 70910; DELETE FROM prescriptions WHERE rx_id = 50243;
             UPDATE lab_tests SET result = '0.8', status = 'corrected' WHERE test_id = 70472;
             UPDATE opd_visits SET patient_id = 4485 WHERE visit_id = 20009",
        )
        .await;
    for name in [&lab, &drug] {
        let now = version(&scene, name, 2).await.unwrap();
        assert_eq!(now["status"], "entered-in-error", "{name}");
    }
    let now = version(&scene, &silent, 2).await.unwrap();
    assert_eq!(now["valueQuantity"]["value"].to_string(), "0.8");
    let hero = scene.name_of("Patient", "patient", 4485).await;
    let now = version(&scene, &visit, 2).await.unwrap();
    assert_ne!(before["subject"]["reference"], hero.as_str());
    assert_eq!(now["subject"]["reference"], hero.as_str());
    // A doctor's row has no watermark of its own.
    let number = scene.number("SELECT MIN(doctor_id) FROM doctors").await;
    let doctor = scene.name_of("Practitioner", "doctor", number).await;
    scene
        .sql(&format!(
            "UPDATE doctors SET name = 'Dr Renamed' WHERE doctor_id = {number}"
        ))
        .await;
    version(&scene, &doctor, 2).await;
    assert_eq!(sweeps(&scene), 1);
    let text = scene.run("status").1;
    assert!(text.contains("changes from the binlog"), "{text}");
    let text = scene.run("source status").1;
    assert!(text.contains("the binlog can be followed"), "{text}");
    // And the sweep has nothing to add.
    let versions = Scene::counter(&followed(&scene).await, "visit", "versions");
    assert_eq!(scene.run("source resync mirpurkhas").0, 0);
    scene
        .until_source("swept", |s| s["sweep_completed"] == 2)
        .await;
    assert_eq!(
        Scene::counter(&scene.source(), "visit", "versions"),
        versions
    );
}

/// Results beyond those of the hospital's own, for a patient who shares.
const FIRST: i64 = 100_001;
const BULK: i64 = 20_000;

fn results(scene: &Scene) -> (i64, i64) {
    let source = scene.source();
    let of = |name| Scene::counter(&source, "lab-result", name);
    (of("resources"), of("versions"))
}

#[tokio::test]
async fn a_bulk_of_twenty_thousand_rows_survives_power_cuts_with_nothing_lost_or_twice() {
    let mut scene = hospital("binlog_bulk", &[]).await;
    let (resources, versions) = results(&scene);
    scene
        .sql(
            "INSERT INTO lab_tests (test_id, patient_id, doctor_id, test_name, result, unit, result_date, status)
           SELECT seq, 4485, 1, 'Hb', '12.1', 'g/dL', '2025-06-01 10:00:00', 'final' FROM seq_100001_to_120000;
         UPDATE lab_tests SET result = '12.2' WHERE test_id >= 100001;
         DELETE FROM lab_tests WHERE test_id BETWEEN 100001 AND 100020",
        )
        .await;
    let begun = Instant::now();
    let whole = resources + BULK;
    for cut in 1..=4 {
        let part = resources + BULK * cut / 6;
        let until = Instant::now() + PATIENCE;
        while results(&scene).0 < part {
            assert!(Instant::now() < until, "{:?}", results(&scene));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        scene.gateway.kill().unwrap();
        scene.gateway.restart().await.unwrap();
        follows(&scene).await;
    }
    let arrived = |s: &Value| Scene::counter(s, "lab-result", "resources") >= whole - 20;
    scene.until_source("whole", arrived).await;
    eprintln!("{BULK} rows and four power cuts: {:?}", begun.elapsed());
    let last = scene
        .name_of("Observation", "lab-result", FIRST + BULK - 1)
        .await;
    // A later change comes after all of it.
    scene
        .sql("UPDATE lab_tests SET result = '12.3' WHERE test_id = 120000")
        .await;
    let until = Instant::now() + PATIENCE;
    loop {
        let newest = scene.history(&last).await[0].1.clone().unwrap();
        if newest["valueQuantity"]["value"].as_f64() == Some(12.3) {
            break;
        }
        assert!(Instant::now() < until, "{newest}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let source = scene.source();
    assert_eq!(source["sweep_completed"], 1);
    let rows = scene.number("SELECT COUNT(*) FROM lab_tests").await;
    assert_eq!(Scene::counter(&source, "lab-result", "rows"), rows);
    let (now, written) = results(&scene);
    assert!(now == whole - 20 || now == whole, "{now} of {whole}");
    // Each row once, or twice where its first value was read before it was corrected; never the same twice.
    let added = written - versions;
    assert!(
        (BULK - 20..=2 * BULK + 21).contains(&added),
        "{added} versions"
    );
    assert_eq!(scene.run("ledger verify").0, 0);
    assert_eq!(scene.run("source resync mirpurkhas").0, 0);
    let swept = scene
        .until_source("swept", |s| s["sweep_completed"] == 2)
        .await;
    assert_eq!(
        Scene::counter(&swept, "lab-result", "versions"),
        written,
        "nothing was lost"
    );
}

#[tokio::test]
async fn a_log_that_was_thrown_away_is_made_up_for_by_a_sweep() {
    let mut scene = hospital("binlog_purged", &[]).await;
    let silent = scene.name_of("Observation", "lab-result", 70472).await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    scene
        .sql(
            "UPDATE lab_tests SET result = '0.8' WHERE test_id = 70472; FLUSH BINARY LOGS; FLUSH BINARY LOGS;
             PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY",
        )
        .await;
    scene.server.own().restart().await.unwrap();
    scene
        .sql("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
        .await;
    scene.gateway.restart().await.unwrap();
    let lost = |s: &Value| s["changes"]["lost"].is_object() && s["sweep_completed"] == 2;
    scene.until_source("lost and swept", lost).await;
    version(&scene, &silent, 2).await;
    let (_, text) = scene.run("status");
    assert!(text.contains("PIP0017"), "{text}");
    // From there the log is followed again.
    scene
        .sql("UPDATE lab_tests SET result = '0.9' WHERE test_id = 70472")
        .await;
    version(&scene, &silent, 3).await;
    assert_eq!(sweeps(&scene), 2);
}

#[tokio::test]
async fn a_server_that_restarts_is_followed_on() {
    let mut scene = hospital(
        "binlog_restart",
        &["--binlog-row-image=MINIMAL", "--log-bin-compress=1"],
    )
    .await;
    let silent = scene.name_of("Observation", "lab-result", 70472).await;
    let text = scene.run("status").1;
    assert!(text.contains("binlog_row_image is MINIMAL"), "{text}");
    for round in 1..=2 {
        if round == 1 {
            scene.server.own().kill().unwrap();
        }
        scene.server.own().restart().await.unwrap();
        scene
            .sql(&format!(
                "UPDATE lab_tests SET result = '0.{round}' WHERE test_id = 70472"
            ))
            .await;
        version(&scene, &silent, 1 + round).await;
    }
    assert_eq!(sweeps(&scene), 1);
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}

#[tokio::test]
async fn without_the_privileges_the_watermark_goes_on_and_status_says_what_is_missing() {
    let scene = Scene::logging("binlog_refused", &[], |config| {
        config.sweep_interval = "1d".into();
    })
    .await;
    follows(&scene).await;
    scene.gateway.swept(1, PATIENCE).await.unwrap();
    let mut scene = scene;
    assert_eq!(scene.gateway.stop().unwrap(), 0);
    scene
        .sql("REVOKE REPLICATION SLAVE ON *.* FROM `silsila`@`127.0.0.1`")
        .await;
    scene.gateway.restart().await.unwrap();
    let missing = |s: &Value| s["changes"]["missing"][0].is_string();
    scene.until_source("refused", missing).await;
    for command in ["status", "source status"] {
        let (code, text) = scene.run(command);
        assert_eq!(code, 0, "{text}");
        assert!(
            text.contains("the user lacks the privilege REPLICATION SLAVE"),
            "{text}"
        );
    }
    let hero = scene.name_of("Patient", "patient", 4485).await;
    scene
        .sql("UPDATE patients SET city = 'Hyderabad', updated_at = NOW() WHERE patient_id = 4485")
        .await;
    version(&scene, &hero, 2).await;
}
