// SPDX-License-Identifier: Apache-2.0
//! Nothing that came out of a row, or went into a search, is in the log, however talkative it is told to be.

use std::collections::BTreeSet;
use std::time::Duration;

use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us};
use silsila_integration_tests::hospital::{Hospital, sindh};
use silsila_integration_tests::mariadb::shared;

const PATIENCE: Duration = Duration::from_secs(240);

/// First and last names, telephones and identity cards of `patients.csv`: values of more than three
/// characters, which cannot occur in a log by chance. The address between them, which may hold commas, is
/// passed over by counting from both ends.
fn telling_values() -> BTreeSet<String> {
    let text = std::fs::read_to_string(sindh().join("mirpurkhas/patients.csv")).unwrap();
    let mut values = BTreeSet::new();
    for row in text.lines().skip(1) {
        let before = [1, 2, 4].map(|column| row.split(',').nth(column));
        let card = row.rsplit(',').nth(4);
        let told = before.into_iter().chain([card]).flatten().map(str::trim);
        values.extend(
            told.filter(|value| value.chars().count() > 3)
                .map(ToOwned::to_owned),
        );
    }
    values
}

#[tokio::test]
async fn nothing_of_a_patient_reaches_the_log_at_its_most_talkative() {
    let server = shared().await;
    let hospital = Hospital::load(&server, "quiet_log", &sindh())
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut config = GatewayConfig::new(
        folder.path(),
        free_port().unwrap(),
        hospital.options(&server),
    );
    config.sections = "[log]\nlevel = \"trace\"\n".into();
    let mut gateway = Gateway::start(&beside_us("silsila").unwrap(), config)
        .await
        .unwrap();
    let status = gateway.swept(1, PATIENCE).await.unwrap();

    let mut http = gateway.http().await.unwrap();
    let found = http
        .json("/fhir/Patient?family=shaikh&phone=%2B923213122332")
        .await
        .unwrap();
    let id = found["entry"][0]["resource"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    for target in [
        format!("/fhir/Patient/{id}/_history"),
        format!("/fhir/Observation?patient={id}"),
        "/fhir/Patient?family=shaikh&nonsense=Zulekhan".to_owned(),
        "/fhir/Patient?birthdate=Zulekhan".to_owned(),
    ] {
        http.get(&target).await.unwrap();
    }
    hospital.apply_day2(&server).await.unwrap();
    let swept = status["pipeline"]["sources"][0]["sweep"].as_u64().unwrap();
    gateway.swept(swept + 2, PATIENCE).await.unwrap();
    gateway.command(&["source", "resync"]).unwrap();
    gateway.command(&["quarantine", "retry"]).unwrap();
    assert_eq!(gateway.stop().unwrap(), 0);

    let log = gateway.output();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "the log is talkative: {log}"
    );
    let values = telling_values();
    assert!(values.len() > 500, "{}", values.len());
    let words: BTreeSet<&str> = log.split(|c: char| !c.is_alphanumeric()).collect();
    let leaked: Vec<&String> = values
        .iter()
        .filter(|value| {
            words.contains(value.as_str()) || (value.contains(' ') && log.contains(value.as_str()))
        })
        .collect();
    assert!(leaked.is_empty(), "{leaked:?}");
    assert!(
        !log.contains(&id) && !log.contains("Zulekhan") && !log.contains("shaikh"),
        "{log}"
    );
    assert!(!log.contains(silsila_integration_tests::hospital::PASSWORD));
}
