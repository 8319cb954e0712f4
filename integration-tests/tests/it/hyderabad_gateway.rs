// SPDX-License-Identifier: Apache-2.0
//! The Hyderabad pack through a whole gateway over the hospital's Access file: what is served is what the pack makes of
//! every row, names are found in either spelling, and the next day's file brings its changes and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us, pack};
use silsila_integration_tests::http::Http;
use silsila_schema::Json;
use tempfile::TempDir;

use crate::hyderabad_counts::expected;
use crate::hyderabad_export::Export;
use crate::hyderabad_hospital::{day_one, files};
use crate::pack_hospital::{Counts, text};

const PATIENCE: Duration = Duration::from_secs(240);
const NS: &str = "https://hyderabad.example/ns";

/// The types that the pack makes.
const TYPES: [&str; 9] = [
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Encounter",
    "Condition",
    "DocumentReference",
    "MedicationRequest",
    "Observation",
    "AllergyIntolerance",
];

/// A gateway over a copy of the hospital's file.
pub struct Ward {
    pub gateway: Gateway,
    file: PathBuf,
    pub folder: TempDir,
}

impl Ward {
    /// Starts it over the file of day 1 and waits for its first sweep.
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("Hospital.accdb");
        std::fs::copy(files().join("hyderabad-day1.accdb"), &file).unwrap();
        let source = LegacySource::Access {
            name: "hyderabad".into(),
            file: file.clone(),
        };
        let hospital = ("Taluka Hospital Hyderabad", "https://hyderabad.example");
        let port = free_port().unwrap();
        let mut config = GatewayConfig::of(hospital, folder.path(), port, source);
        config.pack = pack("sindh-hyderabad");
        config.sweep_interval = "2s".into();
        let silsila = beside_us("silsila").unwrap();
        let gateway = Gateway::start(&silsila, config).await.unwrap();
        gateway.swept(1, PATIENCE).await.unwrap();
        Self {
            gateway,
            file,
            folder,
        }
    }

    /// Puts another file in the place of the first, as a program does that saves whole files.
    fn swap(&self, file: &str) {
        let beside = self.folder.path().join("Hospital.new");
        std::fs::copy(files().join(file), &beside).unwrap();
        std::fs::rename(beside, &self.file).unwrap();
    }

    /// Waits until the counts of all mappings are as expected.
    async fn until_counts(&self, expected: &BTreeMap<&str, Counts>) -> Value {
        let mut sweep = 1;
        loop {
            let status = self.gateway.swept(sweep, PATIENCE).await.unwrap();
            let source = &status["pipeline"]["sources"][0];
            if expected.iter().all(|(m, c)| counts(source, m) == *c) {
                return source.clone();
            }
            let done = source["sweep_completed"].as_u64().unwrap();
            assert!(done < 30, "never {expected:#?}: {source:#}");
            sweep = done + 1;
        }
    }
}

/// What `status` counts of a mapping.
fn counts(source: &Value, mapping: &str) -> Counts {
    let mappings = source["mappings"].as_array().unwrap();
    let found = mappings.iter().find(|m| m["name"] == mapping);
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

/// Everything of a type that is served, page by page, with its digits as they are sent.
async fn all_of(http: &mut Http, kind: &str) -> Vec<Json> {
    let (mut found, mut target) = (Vec::new(), format!("/fhir/{kind}?_count=500"));
    loop {
        let answer = http.get(&target).await.unwrap();
        let page = Json::parse(&answer.body).unwrap();
        let entries = page.get("entry").and_then(Json::as_array);
        let resources = entries.unwrap_or_default().iter();
        found.extend(resources.map(|e| e.get("resource").unwrap().clone()));
        let links = page.get("link").and_then(Json::as_array).unwrap();
        let next = links
            .iter()
            .find(|l| text(l, "relation").as_deref() == Some("next"));
        let Some(url) = next.and_then(|l| text(l, "url")) else {
            return found;
        };
        url[url.find("/fhir/").unwrap()..].clone_into(&mut target);
    }
}

/// `Type/id` of everything that has a number of the hospital's, and that number.
fn numbered(resources: &[Json]) -> BTreeMap<String, String> {
    let name = |r: &Json| {
        let kind = text(r, "resourceType").unwrap();
        let number = text(r, "identifier[0].value").unwrap_or_default();
        (format!("{kind}/{}", text(r, "id").unwrap()), number)
    };
    resources.iter().map(name).collect()
}

/// A resource without what differs from gateway to gateway: no id, no meta, references by the hospital's numbers.
fn bare(resource: &Json, numbers: &BTreeMap<String, String>) -> String {
    fn walk(json: &mut Json, numbers: &BTreeMap<String, String>) {
        match json {
            Json::Array(items) => items.iter_mut().for_each(|item| walk(item, numbers)),
            Json::Object(object) => {
                let target = object.get("reference").and_then(Json::as_str);
                if let Some(target) = target {
                    let number = numbers.get(target).map_or("no number", String::as_str);
                    let kind = target.split('/').next().unwrap_or_default();
                    let named = format!("{kind} {number}");
                    object.insert("reference", Json::from(named));
                }
                let members: Vec<_> = object.iter().map(|(name, _)| name.to_owned()).collect();
                for name in members {
                    if let Some(member) = object.get_mut(&name) {
                        walk(member, numbers);
                    }
                }
            }
            _ => {}
        }
    }
    let mut copy = resource.clone();
    if let Json::Object(object) = &mut copy {
        object.remove("id");
        object.remove("meta");
    }
    walk(&mut copy, numbers);
    String::from_utf8(copy.canonical()).unwrap()
}

/// All resources, bare and sorted.
fn compared(resources: &[Json]) -> Vec<String> {
    let numbers = numbered(resources);
    let mut bare: Vec<_> = resources.iter().map(|r| bare(r, &numbers)).collect();
    bare.sort();
    bare
}

fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|b| format!("%{b:02X}"));
    bytes.collect()
}

/// The numbers of the patients that a search finds.
async fn found(http: &mut Http, query: &str) -> BTreeSet<String> {
    let target = format!("/fhir/Patient?{query}&_count=1000");
    let bundle = http.json(&target).await.unwrap();
    let entries = bundle["entry"].as_array().into_iter().flatten();
    entries
        .map(|e| {
            e["resource"]["identifier"][0]["value"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn the_gateway_serves_what_the_pack_makes_of_every_row_and_finds_names_in_either_spelling() {
    let h = day_one().await;
    let mut ward = Ward::begin().await;
    let source = ward.until_counts(&expected(&h.export)).await;
    assert_eq!(source["state"], "running");

    let mut http = ward.gateway.http().await.unwrap();
    let mut served = Vec::new();
    for kind in TYPES {
        served.extend(all_of(&mut http, kind).await);
    }
    let made: Vec<_> = h.mapped.resources().map(|(_, _, r)| r.clone()).collect();
    let (served, made) = (compared(&served), compared(&made));
    assert_eq!(served.len(), made.len());
    for (served, made) in served.iter().zip(&made) {
        assert_eq!(served, made);
    }

    either_spelling_finds_the_name(&mut http).await;
    assert_eq!(ward.gateway.stop().unwrap(), 0);
}

/// Every Urdu name of the register, asked for as a whole and by its last word, on an Arabic keyboard and on an Urdu
/// one: each way finds the person.
async fn either_spelling_finds_the_name(http: &mut Http) {
    let h = day_one().await;
    let arabic_rows = h.keys("H12");
    let (mut asked, mut arabic) = (0, 0);
    for (key, row) in h.export.rows("tblPatient") {
        let Some(written) = row["NameUrdu"].as_deref() else {
            continue;
        };
        let is_arabic = arabic_rows.contains(&key.parse().unwrap());
        // All that are stored with foreign letters, and some of the others.
        if !is_arabic && !key.ends_with('7') {
            continue;
        }
        let urdu = written
            .replace('\u{64a}', "\u{6cc}")
            .replace('\u{643}', "\u{6a9}");
        let other = urdu
            .replace('\u{6cc}', "\u{64a}")
            .replace('\u{6a9}', "\u{643}");
        for name in [&urdu, &other] {
            let family = name.split_whitespace().next_back().unwrap();
            for query in [
                format!("name={}", encoded(name)),
                format!("family={}", encoded(family)),
                format!("name={}", encoded(family)),
            ] {
                assert!(found(http, &query).await.contains(key), "{key}: {query}");
                asked += 1;
            }
        }
        arabic += usize::from(is_arabic);
    }
    assert_eq!(arabic, 32);
    assert!(asked > 300, "{asked}");
    let nobody = found(http, &format!("name={}", encoded("کوئینہیں"))).await;
    assert!(nobody.is_empty(), "{nobody:?}");
    let latin = found(http, "name=chandio").await;
    assert!(latin.contains("4"), "Sughra Bibi Chandio: {latin:?}");
}

#[tokio::test]
async fn the_next_days_file_brings_its_changes_and_nothing_else() {
    let (before, after) = (
        Export::read_file(&files().join("hyderabad-day1.accdb")),
        Export::read_file(&files().join("hyderabad-day2.accdb")),
    );
    let mut ward = Ward::begin().await;
    ward.until_counts(&expected(&before)).await;
    let mut http = ward.gateway.http().await.unwrap();
    let gone = gone_stays(&before, &after, &mut http).await;

    ward.swap("hyderabad-day2.accdb");
    ward.until_counts(&expected(&after)).await;

    let mut http = ward.gateway.http().await.unwrap();
    new_patients(&before, &after, &mut http).await;
    let moved = changed_addresses(&before, &after, &mut http).await;
    new_results(&before, &after, &mut http).await;
    deleted_stays(&gone, &mut http).await;
    let mut second = BTreeSet::new();
    for kind in TYPES {
        for resource in all_of(&mut http, kind).await {
            let name = format!("{kind}/{}", text(&resource, "id").unwrap());
            if text(&resource, "meta.versionId").as_deref() != Some("1") {
                second.insert(name);
            }
        }
    }
    assert_eq!(
        second,
        moved.union(&gone).cloned().collect(),
        "nothing else has a new version"
    );
    assert_eq!(ward.gateway.stop().unwrap(), 0);
}

/// The keys that a table has in `a` and not in `b`.
fn only_in(table: &str, a: &Export, b: &Export) -> Vec<String> {
    let keys = a.rows(table).map(|(key, _)| key.to_owned());
    keys.filter(|key| !b.has(table, key)).collect()
}

/// The one resource with that number of the hospital's.
async fn by_number(http: &mut Http, kind: &str, space: &str, number: &str) -> Value {
    let target = format!("/fhir/{kind}?identifier={NS}/{space}%7C{number}");
    let bundle = http.json(&target).await.unwrap();
    let entries = bundle["entry"].as_array().map_or(&[][..], Vec::as_slice);
    assert_eq!(entries.len(), 1, "{target}");
    entries[0]["resource"].clone()
}

fn name_of(resource: &Value) -> String {
    let part = |name: &str| resource[name].as_str().unwrap().to_owned();
    format!("{}/{}", part("resourceType"), part("id"))
}

/// The stays that are deleted on day 2, with their diagnoses and notes, as `Type/id`.
async fn gone_stays(before: &Export, after: &Export, http: &mut Http) -> BTreeSet<String> {
    let keys = only_in("tblAdmission", before, after);
    assert_eq!(keys.len(), 2);
    let mut gone = BTreeSet::new();
    for key in keys {
        let stay = by_number(http, "Encounter", "admission", &key).await;
        for kind in ["Condition", "DocumentReference"] {
            let target = format!("/fhir/{kind}?encounter={}", stay["id"].as_str().unwrap());
            let bundle = http.json(&target).await.unwrap();
            let entries = bundle["entry"].as_array().unwrap();
            assert_eq!(entries.len(), 1, "{target}");
            gone.insert(name_of(&entries[0]["resource"]));
        }
        gone.insert(name_of(&stay));
    }
    gone
}

async fn deleted_stays(gone: &BTreeSet<String>, http: &mut Http) {
    assert_eq!(gone.len(), 6);
    for name in gone {
        let resource = http.json(&format!("/fhir/{name}")).await.unwrap();
        let status = match resource["resourceType"].as_str() {
            Some("Condition") => {
                assert!(resource.get("clinicalStatus").is_none(), "{name}");
                &resource["verificationStatus"]["coding"][0]["code"]
            }
            _ => &resource["status"],
        };
        assert_eq!(status, "entered-in-error", "{name}");
    }
}

async fn new_patients(before: &Export, after: &Export, http: &mut Http) {
    let keys = only_in("tblPatient", after, before);
    let expected: Vec<_> = (401..=408).map(|n| n.to_string()).collect();
    assert_eq!(keys, expected);
    for key in &keys {
        let patient = by_number(http, "Patient", "patient", key).await;
        let written = after.raw("tblPatient", key, "Full Name");
        assert_eq!(patient["name"][0]["text"].as_str(), written, "{key}");
    }
    let aquib = by_number(http, "Patient", "patient", "401").await;
    assert_eq!(aquib["name"][0]["text"], "Aqib Sheikh");
    assert_eq!(aquib["name"][0]["family"], "Sheikh");
    assert_eq!(aquib["name"][1]["text"], "عاقب شیخ");
    assert_eq!(aquib["identifier"][1]["value"], "9944100044851");
    assert_eq!(aquib["telecom"][0]["value"], "+923448556000");
    assert_eq!(aquib["birthDate"], "1997-05-16");
}

/// The patients who moved, as `Type/id`.
async fn changed_addresses(before: &Export, after: &Export, http: &mut Http) -> BTreeSet<String> {
    let mut moved = BTreeSet::new();
    for (key, row) in before.rows("tblPatient") {
        let new = after.raw("tblPatient", key, "Address").unwrap();
        if row["Address"].as_deref() == Some(new) {
            continue;
        }
        assert!(new.ends_with(" (new house)"), "{key}");
        let patient = by_number(http, "Patient", "patient", key).await;
        assert_eq!(patient["address"][0]["line"][0], new, "{key}");
        let city = after.raw("tblPatient", key, "City").unwrap();
        assert_eq!(patient["address"][0]["city"], city, "{key}");
        let name = name_of(&patient);
        let history = http.json(&format!("/fhir/{name}/_history")).await.unwrap();
        let versions = history["entry"].as_array().unwrap();
        assert_eq!(versions.len(), 2, "{key}");
        let old = &versions[1]["resource"]["address"][0]["line"][0];
        assert_eq!(old.as_str(), row["Address"].as_deref(), "{key}");
        moved.insert(name);
    }
    assert_eq!(moved.len(), 5);
    moved
}

async fn new_results(before: &Export, after: &Export, http: &mut Http) {
    let keys = only_in("tblLab", after, before);
    assert_eq!(keys.len(), 20);
    let mut of_new_patients = 0;
    for key in &keys {
        let result = by_number(http, "Observation", "lab-result", key).await;
        let subject = result["subject"]["reference"].as_str().unwrap();
        let patient = http.json(&format!("/fhir/{subject}")).await.unwrap();
        let number = patient["identifier"][0]["value"].as_str().unwrap();
        assert_eq!(Some(number), after.raw("tblLab", key, "PatientID"), "{key}");
        let digits: f64 = after
            .raw("tblLab", key, "ValueText")
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(
            result["valueQuantity"]["value"].as_f64(),
            Some(digits),
            "{key}"
        );
        let taken = after
            .raw("tblLab", key, "TakenAt")
            .unwrap()
            .replace(' ', "T");
        assert_eq!(
            result["effectiveDateTime"],
            format!("{taken}+05:00"),
            "{key}"
        );
        of_new_patients += usize::from(number.len() == 3 && number >= "401");
    }
    assert_eq!(of_new_patients, 8);
}
