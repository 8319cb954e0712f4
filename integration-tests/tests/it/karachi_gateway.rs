// SPDX-License-Identifier: Apache-2.0
//! The Karachi pack through a whole gateway over its database: the counts, what never reaches the record, a consent
//! that ends and returns, and blood pressures whose two rows change one by one.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, beside_us, pack};
use silsila_integration_tests::http::Http;
use silsila_integration_tests::mssql::Karachi;
use tempfile::TempDir;

use crate::karachi_counts::by_hand;
use crate::karachi_hospital::day_one;
use crate::pack_hospital::Counts;
use crate::story_record::entries;

const PATIENCE: Duration = Duration::from_secs(240);
const NS: &str = "https://karachi.example/ns";

/// The types that the pack makes, the patient and what belongs to one last.
const TYPES: [&str; 10] = [
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Patient",
    "Encounter",
    "Condition",
    "Observation",
    "MedicationRequest",
    "AllergyIntolerance",
    "Procedure",
];

/// A gateway over a hospital of its own.
pub struct City {
    pub gateway: Gateway,
    pub folder: TempDir,
    karachi: Karachi,
}

impl City {
    /// Loads the hospital, starts the gateway and waits for its first sweep.
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let karachi = Karachi::start().await.unwrap();
        let hospital = ("City Hospital Karachi", "https://karachi.example");
        let port = free_port().unwrap();
        let source = karachi.options().into();
        let mut config = GatewayConfig::of(hospital, folder.path(), port, source);
        config.pack = pack("sindh-karachi");
        config.sweep_interval = "2s".into();
        let silsila = beside_us("silsila").unwrap();
        let gateway = Gateway::start(&silsila, config).await.unwrap();
        gateway.swept(1, PATIENCE).await.unwrap();
        Self {
            gateway,
            folder,
            karachi,
        }
    }

    async fn sql(&self, sql: &str) {
        self.karachi.execute(sql).await.unwrap();
    }

    /// What `status` counts of a mapping.
    fn counts(&self, mapping: &str) -> Counts {
        let status = self.gateway.status().unwrap();
        let mappings = status["pipeline"]["sources"][0]["mappings"].as_array();
        let found = mappings.unwrap().iter().find(|m| m["name"] == mapping);
        let counters = &found.unwrap_or_else(|| panic!("no mapping {mapping}"))["counters"];
        let number = |name: &str| counters[name].as_i64().unwrap();
        Counts {
            rows: number("rows"),
            produced: number("produced"),
            empty: number("empty"),
            not_shared: number("not_shared"),
            quarantined: number("quarantined"),
        }
    }
}

/// What a search finds.
async fn found(http: &mut Http, target: &str) -> Vec<Value> {
    let bundle = http.json(target).await.unwrap();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries.map(|e| e["resource"].clone()).collect()
}

/// Waits until what a search finds is as `holds` says, and gives it.
async fn until(http: &mut Http, target: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let now = found(http, target).await;
        if holds(&now) {
            return now;
        }
        assert!(start.elapsed() < PATIENCE, "{target}: {now:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_counts_add_up_and_nothing_of_who_refused_ever_reached_the_record() {
    let h = day_one().await;
    let mut city = City::begin().await;
    let mut produced = 0;
    for mapping in h.mapped.mappings() {
        let expected = by_hand(h, mapping);
        assert_eq!(city.counts(mapping), expected, "{mapping}");
        produced += usize::try_from(expected.produced).unwrap();
    }
    let mut http = city.gateway.http().await.unwrap();
    let mut versions = Vec::new();
    for kind in TYPES {
        let history = format!("/fhir/{kind}/_history?_count=1000");
        for entry in entries(&mut http, &history).await {
            versions.push(String::from_utf8(entry.canonical()).unwrap());
        }
    }
    assert_eq!(versions.len(), produced + 1, "and the hospital itself");
    let refused = h.keys("K08", 16);
    for key in &refused {
        let column = |name| h.raw("Person", key, name);
        for mark in [Some(*key), column("MRN"), column("NationalId")] {
            // Another's number may be a part of nothing; a placeholder is everybody's.
            let Some(mark) = mark.filter(|m| !m.starts_with("0000000")) else {
                continue;
            };
            let spoken = versions.iter().filter(|v| v.contains(mark)).count();
            assert_eq!(spoken, 0, "{key}: a mark of theirs is on record");
        }
    }
    // The same search finds those who agreed: a mark is a mark.
    let agreed: Vec<_> = h.legacy.rows("Person").map(|(key, _)| key).collect();
    for key in agreed.iter().filter(|key| !refused.contains(key)) {
        assert!(versions.iter().any(|v| v.contains(key)), "{key}");
    }
    assert_eq!(city.gateway.stop().unwrap(), 0);
}

/// `Type/id` of everything of a patient, the patient included.
async fn chart(http: &mut Http, patient: &str) -> BTreeSet<String> {
    let mut all = BTreeSet::from([format!("Patient/{patient}")]);
    for kind in &TYPES[4..] {
        let target = format!("/fhir/{kind}?patient={patient}&_count=1000");
        for resource in found(http, &target).await {
            all.insert(format!("{kind}/{}", resource["id"].as_str().unwrap()));
        }
    }
    all
}

async fn status_of(http: &mut Http, name: &str) -> u16 {
    let answer = http.get(&format!("/fhir/{name}")).await.unwrap();
    answer.status.as_u16()
}

#[tokio::test]
async fn a_consent_that_ends_withdraws_the_whole_chart_and_one_that_returns_brings_it_back() {
    let mut city = City::begin().await;
    let mut http = city.gateway.http().await.unwrap();
    let search = format!("/fhir/Patient?identifier={NS}/patient%7CKHI-100492");
    let aqib = found(&mut http, &search).await;
    let id = aqib[0]["id"].as_str().unwrap().to_owned();
    let all = chart(&mut http, &id).await;
    let kinds: BTreeSet<_> = all.iter().map(|n| n.split('/').next().unwrap()).collect();
    assert!(kinds.len() >= 5 && all.len() > 8, "he has a chart: {all:?}");

    let consent = |yes: u8| {
        format!("UPDATE [dbo].[Person] SET [ConsentToShare] = {yes} WHERE [MRN] = 'KHI-100492'")
    };
    city.sql(&consent(0)).await;
    for name in &all {
        becomes(&mut http, name, 410).await;
    }
    assert!(found(&mut http, &search).await.is_empty());
    assert_eq!(chart(&mut http, &id).await.len(), 1, "nothing is found");

    city.sql(&consent(1)).await;
    for name in &all {
        becomes(&mut http, name, 200).await;
    }
    assert_eq!(chart(&mut http, &id).await, all, "the same resources again");
    assert_eq!(city.gateway.stop().unwrap(), 0);
}

async fn becomes(http: &mut Http, name: &str, status: u16) {
    let start = Instant::now();
    while status_of(http, name).await != status {
        assert!(start.elapsed() < PATIENCE, "{name} never answers {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The blood pressure with one of the row numbers among its identifiers.
fn pressure_of(row: &str) -> String {
    format!("/fhir/Observation?code=85354-9&identifier={NS}/observation%7C{row}")
}

#[tokio::test]
async fn a_blood_pressure_follows_both_of_its_rows() {
    let (systolic, diastolic) = ("9007199254741001", "9007199254741002");
    let mut city = City::begin().await;
    let mut http = city.gateway.http().await.unwrap();
    let of_systolic = found(&mut http, &pressure_of(systolic)).await;
    let of_diastolic = found(&mut http, &pressure_of(diastolic)).await;
    assert_eq!(of_systolic.len(), 1);
    assert_eq!(of_systolic, of_diastolic, "one resource of two rows");
    assert_eq!(of_systolic[0]["component"][1]["valueQuantity"]["value"], 65);

    // The other row is corrected.
    city.sql(&format!(
        "UPDATE [dbo].[Observation] SET [ValueDecimal] = 66.5 WHERE [ObservationId] = {diastolic}"
    ))
    .await;
    let corrected = until(&mut http, &pressure_of(systolic), |found| {
        found[0]["component"][1]["valueQuantity"]["value"] == 66.5
    })
    .await;
    assert_eq!(corrected[0]["meta"]["versionId"], "2");

    // The other row goes: its component says that nothing is known.
    let delete = |row| format!("DELETE FROM [dbo].[Observation] WHERE [ObservationId] = {row}");
    city.sql(&delete(diastolic)).await;
    let alone = until(&mut http, &pressure_of(systolic), |found| {
        let absent = &found[0]["component"][1]["dataAbsentReason"];
        absent["coding"][0]["code"] == "unknown"
    })
    .await;
    assert_eq!(alone[0]["component"][0]["valueQuantity"]["value"], 102);
    assert!(found(&mut http, &pressure_of(diastolic)).await.is_empty());

    // A pair elsewhere loses the row that speaks for it: the resource is taken back, the other row makes its own.
    let (systolic, diastolic) = elsewhere(systolic).await;
    assert_eq!(found(&mut http, &pressure_of(&diastolic)).await.len(), 1);
    city.sql(&delete(&systolic)).await;
    let both = until(&mut http, &pressure_of(&diastolic), |found| {
        found.len() == 2 && found.iter().any(|o| o["status"] == "entered-in-error")
    })
    .await;
    let by_status = |status: &str| both.iter().find(|o| o["status"] == status);
    let (gone, left) = (by_status("entered-in-error"), by_status("final"));
    assert_eq!(gone.unwrap()["identifier"][0]["value"], systolic.as_str());
    assert_eq!(left.unwrap()["identifier"][0]["value"], diastolic.as_str());
    let components = &left.unwrap()["component"];
    assert_eq!(
        components[0]["dataAbsentReason"]["coding"][0]["code"],
        "unknown"
    );
    assert!(components[1]["valueQuantity"]["value"].is_number());
    assert_eq!(city.gateway.stop().unwrap(), 0);
}

/// A complete pair of rows of somebody else, who is shared.
async fn elsewhere(but: &str) -> (String, String) {
    let h = day_one().await;
    let systolic = h.legacy.with("Observation", "LoincCode", "8480-6");
    for key in systolic.into_iter().filter(|key| *key != but) {
        let person = h.legacy.person_of("Observation", key).unwrap();
        let visit = h.raw("Observation", key, "EncounterId").unwrap();
        let of_visit = h.legacy.with("Observation", "EncounterId", visit);
        let other = of_visit
            .into_iter()
            .find(|k| h.raw("Observation", k, "LoincCode") == Some("8462-4"));
        let value = other.and_then(|k| h.raw("Observation", k, "ValueDecimal"));
        if let (true, Some(other), Some(_)) = (h.legacy.shared(person), other, value) {
            return (key.to_owned(), other.to_owned());
        }
    }
    panic!("nobody has a blood pressure");
}
