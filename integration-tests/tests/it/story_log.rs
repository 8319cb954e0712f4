// SPDX-License-Identifier: Apache-2.0
//! Nothing that came out of a row, or went into a question, is in the log, however talkative it is told to
//! be and whatever goes wrong.

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::Value;
use silsila_integration_tests::hospital::{PASSWORD, TABLES};

use crate::story_record::entries;
use crate::story_scene::Scene;

/// Begins every value that the story writes into the hospital's text columns, where it keeps it.
const MARK: &str = "Zqx";

/// The columns of `patients` that say who somebody is.
const TELLING: [&str; 5] = ["first_name", "last_name", "phone_no", "address", "cnic"];

impl Scene {
    async fn texts(&self, sql: &str) -> Vec<String> {
        let database = Some(self.hospital.database.as_str());
        let mut conn = self.server.admin(database).await.unwrap();
        mysql_async::prelude::Queryable::query(&mut conn, sql)
            .await
            .unwrap()
    }

    /// Writes a mark into one text column of every third row, a column at a time.
    async fn mark(&self) {
        let mut marked = 0;
        for table in TABLES {
            let columns = format!(
                "SELECT column_name FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = '{table}'
                 AND data_type = 'varchar' AND character_maximum_length > 9"
            );
            let key = format!(
                "SELECT column_name FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = '{table}' AND column_key = 'PRI'"
            );
            let key = self.texts(&key).await.remove(0);
            for (n, column) in self.texts(&columns).await.iter().enumerate() {
                let sql = format!(
                    "UPDATE {table} SET {column} = CONCAT('{MARK}', {key}) WHERE {key} MOD 3 = 0 AND {key} MOD 12 = {}",
                    3 * (n % 4)
                );
                self.sql(&sql).await;
                marked += 1;
            }
        }
        assert!(marked > 20, "{marked}");
    }
}

/// What the hospital wrote about its patients, and what the gateway made of it.
async fn telling(scene: &Scene) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for column in TELLING {
        let sql = format!("SELECT DISTINCT {column} FROM patients WHERE {column} IS NOT NULL");
        values.extend(scene.texts(&sql).await);
    }
    let mut http = scene.http().await;
    for entry in entries(&mut http, "/fhir/Patient?_count=1000").await {
        let patient = entry.get("resource").unwrap().canonical();
        let patient: Value = serde_json::from_slice(&patient).unwrap();
        let name = &patient["name"][0];
        let parts = name["given"].as_array().into_iter().flatten();
        let said = parts.chain([
            &patient["id"],
            &name["text"],
            &name["family"],
            &patient["telecom"][0]["value"],
            &patient["address"][0]["line"][0],
            &patient["birthDate"],
        ]);
        values.extend(said.filter_map(Value::as_str).map(ToOwned::to_owned));
    }
    // The source is called so too.
    values.remove("Mirpurkhas");
    values.retain(|value| value.trim().chars().count() > 4);
    values
}

/// Questions, sound and unsound, that carry what they ask for.
async fn ask(scene: &Scene) {
    let mut http = scene.http().await;
    let shaikh = scene.by_number("Patient", "patient", 4485).await.unwrap();
    let id = shaikh["id"].as_str().unwrap();
    for target in [
        "/fhir/Patient?family=Shaikh&telecom=%2B923213122332".to_owned(),
        format!("/fhir/Patient/{id}"),
        format!("/fhir/Patient/{id}/_history/1"),
        format!("/fhir/Patient/{id}/_history/99"),
        format!("/fhir/Patient?_id={id}&_revinclude=Provenance:target"),
        format!("/fhir/Observation?patient={id}&_sort=-date"),
        "/fhir/Patient?name=Zulekhan&nonsense=Zulekhan".to_owned(),
        "/fhir/Patient?name:Zulekhan=Zulekhan".to_owned(),
        "/fhir/Patient?birthdate=Zulekhan".to_owned(),
        "/fhir/Patient/Zulekhan".to_owned(),
        "/fhir/Zulekhan?_count=Zulekhan".to_owned(),
        "/Zulekhan?name=Zulekhan".to_owned(),
    ] {
        http.get(&target).await.unwrap();
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for body in ["family=Zulekhan", "Zulekhan=%ZZ"] {
        let target = "/fhir/Patient/_search";
        http.send(Method::POST, target, &form, body).await.unwrap();
    }
}

#[tokio::test]
async fn nothing_of_a_patient_reaches_the_log_at_its_most_talkative() {
    let mut scene = Scene::apart("story_log", |config| {
        config.sections = "[log]\nlevel = \"trace\"\n".into();
        config.source_lines = "loss_limit_percent = 100".into();
        config.sweep_interval = "1s".into();
    })
    .await;
    scene.settled().await;
    let mut values = telling(&scene).await;
    ask(&scene).await;
    scene.hospital.apply_day2(&scene.server).await.unwrap();
    scene.settled().await;
    values.extend(telling(&scene).await);
    scene.mark().await;
    scene.settled().await;
    values.extend(telling(&scene).await);
    ask(&scene).await;

    // Faults of every kind: a row that goes, a server that dies, a table that no longer fits.
    scene
        .sql("DELETE FROM patients WHERE patient_id MOD 12 = 1")
        .await;
    for order in [
        "source resync",
        "quarantine retry",
        "quarantine retry --accept",
    ] {
        assert_eq!(scene.run(order).0, 0, "{order}");
    }
    scene.server.own().kill().unwrap();
    scene
        .until_source("waiting", |s| s["state"] == "waiting")
        .await;
    scene.server.own().restart().await.unwrap();
    scene.settled().await;
    scene
        .sql("ALTER TABLE opd_visits RENAME COLUMN icd10 TO icd")
        .await;
    scene
        .until_source("held", |s| s["mappings"].to_string().contains("PIP0018"))
        .await;
    assert_eq!(scene.gateway.stop().unwrap(), 0);

    let log = scene.gateway.output();
    for said in ["DEBUG", "WARN", "SRC0001", "polled"] {
        assert!(log.contains(said), "the log is talkative: no {said}");
    }
    assert!(values.len() > 1_500, "{}", values.len());
    let lower = log.to_lowercase();
    let leaked: Vec<&String> = values
        .iter()
        .filter(|value| lower.contains(&value.to_lowercase()))
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    for word in [MARK, "Zulekhan", "Shaikh", PASSWORD] {
        assert!(!lower.contains(&word.to_lowercase()), "{word} in {log}");
    }
}
