// SPDX-License-Identifier: Apache-2.0
//! H01 to H13 and X01 to X12: every planted row of `tblPatient` comes out as the pack's README decides.

use std::collections::BTreeSet;

use silsila_schema::Json;

use crate::hyderabad_hospital::{DayOne, day_one};
use crate::pack_hospital::{at, text, warned};

const CNIC: &str = "http://nadra.gov.pk/cnic";
const LANGUAGE: &str = "http://hl7.org/fhir/StructureDefinition/language";
const ROLES: &str = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";

type Planted<'h> = Vec<(i64, &'h Json, &'h silsila_mapping::RowOutcome)>;

fn planted<'h>(h: &'h DayOne, id: &str, count: usize) -> Planted<'h> {
    h.planted_rows(id, count, "tblPatient", "patient")
}

fn entries<'j>(resource: &'j Json, path: &str) -> &'j [Json] {
    let list = at(resource, path).and_then(Json::as_array);
    list.unwrap_or_default()
}

fn identifier(patient: &Json, system: &str) -> Option<String> {
    let all = entries(patient, "identifier");
    let found = all
        .iter()
        .find(|i| text(i, "system").as_deref() == Some(system));
    found.and_then(|i| text(i, "value"))
}

/// The name that says it is Urdu.
fn urdu(patient: &Json) -> Option<&Json> {
    entries(patient, "name")
        .iter()
        .find(|n| text(n, "extension[0].url").as_deref() == Some(LANGUAGE))
}

/// The contact of that relationship, by its code.
fn contact<'j>(patient: &'j Json, code: &str) -> Option<&'j Json> {
    let is = |c: &&Json| {
        text(c, "relationship[0].coding[0].code").as_deref() == Some(code)
            && text(c, "relationship[0].coding[0].system").as_deref() == Some(ROLES)
    };
    entries(patient, "contact").iter().find(is)
}

/// The number that a clerk wrote, as E.164, worked out without the engine.
fn e164(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let national = digits.strip_prefix('0').unwrap_or(&digits);
    format!("+92{national}")
}

fn has_no_fault(outcome: &silsila_mapping::RowOutcome, column: &str) -> bool {
    outcome
        .warnings
        .iter()
        .all(|w| w.column.as_deref() != Some(column))
}

#[tokio::test]
async fn h01_lower_case_sex_is_read() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H01", 24) {
        let expected = match h.raw("tblPatient", key, "Sex") {
            Some("m") => "male",
            Some("f") => "female",
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(text(patient, "gender").as_deref(), Some(expected), "{key}");
        assert!(has_no_fault(outcome, "Sex"), "{key}");
    }
}

#[tokio::test]
async fn h02_a_sex_that_nobody_noted_is_unknown() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H02", 4) {
        assert_eq!(h.raw("tblPatient", key, "Sex"), None);
        assert_eq!(text(patient, "gender").as_deref(), Some("unknown"), "{key}");
        assert!(has_no_fault(outcome, "Sex"), "{key}");
    }
}

#[tokio::test]
async fn h03_no_birth_date_is_no_fault() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H03", 10) {
        assert_eq!(at(patient, "birthDate"), None, "{key}");
        assert!(has_no_fault(outcome, "DOB"), "{key}");
    }
}

#[tokio::test]
async fn h04_the_zero_date_of_access_is_nobodys_birthday() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H04", 4) {
        assert_eq!(at(patient, "birthDate"), None, "{key}");
        assert!(warned(outcome, "MAP1004"), "{key}");
    }
}

#[tokio::test]
async fn h05_an_unexplained_marital_code_stays_the_hospitals_own() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H05", 5) {
        let codings = entries(patient, "maritalStatus.coding");
        assert_eq!(codings.len(), 1, "{key}");
        assert_eq!(text(&codings[0], "code").as_deref(), Some("9"), "{key}");
        let system = text(&codings[0], "system");
        let own = "https://hyderabad.example/ns/marital-status";
        assert_eq!(system.as_deref(), Some(own), "{key}");
        assert_eq!(at(patient, "maritalStatus.text"), None, "{key}");
        assert!(warned(outcome, "MAP1012"), "{key}");
    }
}

#[tokio::test]
async fn h06_titles_and_fathers_come_out_of_the_name() {
    let h = day_one().await;
    let (mut women, mut men) = (0, 0);
    for (key, patient, outcome) in planted(h, "H06", 24) {
        let written = h.raw("tblPatient", key, "Full Name").expect("a name");
        let name = match (written.strip_prefix("Mst. "), written.split_once(" S/O ")) {
            (Some(name), None) => {
                women += 1;
                let prefix = text(patient, "name[0].prefix[0]");
                assert_eq!(prefix.as_deref(), Some("Mst."), "{key}");
                name
            }
            (None, Some((name, father))) => {
                men += 1;
                let kept = contact(patient, "FTH").and_then(|c| text(c, "name.text"));
                assert_eq!(kept.as_deref(), Some(father), "{key}");
                name
            }
            other => panic!("{key}: {other:?}"),
        };
        let (given, family) = name.rsplit_once(' ').expect("two words at least");
        assert_eq!(
            text(patient, "name[0].text").as_deref(),
            Some(name),
            "{key}"
        );
        assert_eq!(
            text(patient, "name[0].family").as_deref(),
            Some(family),
            "{key}"
        );
        let words = entries(patient, "name[0].given").iter();
        let words: Vec<_> = words.filter_map(Json::as_str).collect();
        assert_eq!(words.join(" "), given, "{key}");
        assert!(has_no_fault(outcome, "Full Name"), "{key}");
    }
    assert!(women > 5 && men > 5, "{women} and {men}");
}

#[tokio::test]
async fn h07_the_number_of_somebody_else_is_not_the_patients() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H07", 40) {
        let written = h.raw("tblPatient", key, "Phone No").expect("a number");
        let (number, whose) = written.split_once(" (").expect("a word in brackets");
        let (whose, code) = match whose.trim_end_matches(')') {
            "son" => ("son", "SONC"),
            "husband" => ("husband", "HUSB"),
            "neighbour" => ("neighbour", "NBOR"),
            other => panic!("{key}: {other}"),
        };
        assert_eq!(at(patient, "telecom"), None, "{key}");
        let them = contact(patient, code).unwrap_or_else(|| panic!("{key}: no {code}"));
        assert_eq!(text(them, "telecom[0].value"), Some(e164(number)), "{key}");
        assert_eq!(
            text(them, "telecom[0].system").as_deref(),
            Some("phone"),
            "{key}"
        );
        assert_eq!(
            text(them, "relationship[0].text").as_deref(),
            Some(whose),
            "{key}"
        );
        assert!(has_no_fault(outcome, "Phone No"), "{key}");
    }
}

#[tokio::test]
async fn h08_no_cnic_is_no_fault() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H08", 72) {
        assert_eq!(identifier(patient, CNIC), None, "{key}");
        assert!(has_no_fault(outcome, "CNIC"), "{key}");
    }
}

async fn thirteen_digits(id: &str, count: usize) {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, id, count) {
        let written = h.raw("tblPatient", key, "CNIC").expect("a number");
        let digits: String = written.chars().filter(char::is_ascii_digit).collect();
        assert_eq!(digits.len(), 13, "{id} {key}");
        assert_eq!(identifier(patient, CNIC), Some(digits), "{id} {key}");
        assert!(has_no_fault(outcome, "CNIC"), "{id} {key}");
    }
}

#[tokio::test]
async fn h09_a_cnic_without_dashes_is_read() {
    thirteen_digits("H09", 80).await;
}

#[tokio::test]
async fn h10_a_cnic_with_spaces_is_read() {
    thirteen_digits("H10", 5).await;
}

#[tokio::test]
async fn h11_no_urdu_name_is_no_second_name() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H11", 60) {
        assert_eq!(entries(patient, "name").len(), 1, "{key}");
        assert!(urdu(patient).is_none(), "{key}");
        assert!(has_no_fault(outcome, "NameUrdu"), "{key}");
    }
}

#[tokio::test]
async fn h12_arabic_yeh_and_kaf_become_the_urdu_letters() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H12", 32) {
        let written = h.raw("tblPatient", key, "NameUrdu").expect("a name");
        assert!(written.contains(['\u{64a}', '\u{643}']), "{key}");
        let expected = written.replace('\u{64a}', "\u{6cc}");
        let expected = expected.replace('\u{643}', "\u{6a9}");
        let name = urdu(patient).expect("a second name");
        assert_eq!(text(name, "text"), Some(expected), "{key}");
        assert_eq!(
            text(name, "extension[0].valueCode").as_deref(),
            Some("ur"),
            "{key}"
        );
        assert!(has_no_fault(outcome, "NameUrdu"), "{key}");
    }
}

#[tokio::test]
async fn every_name_of_the_register_is_there_in_both_scripts_and_in_its_parts() {
    let h = day_one().await;
    let (mut scripts, mut families) = (0, 0);
    for (key, row) in h.export.rows("tblPatient") {
        let patient = h.mapped.resource("patient", key.parse().expect("a number"));
        let all = entries(patient, "name");
        let expected = 1 + usize::from(row["NameUrdu"].is_some());
        assert_eq!(all.len(), expected, "{key}");
        scripts += all.len();
        for name in all {
            let given = entries(name, "given").iter().filter_map(Json::as_str);
            let mut parts: Vec<_> = given.map(str::to_owned).collect();
            families += usize::from(at(name, "family").is_some());
            parts.extend(text(name, "family"));
            assert_eq!(Some(parts.join(" ")), text(name, "text"), "{key}");
        }
    }
    assert_eq!(scripts, 740);
    assert_eq!(
        families, scripts,
        "every family name is in the pack's table"
    );
}

#[tokio::test]
async fn h13_the_town_has_one_spelling() {
    let h = day_one().await;
    for (key, patient, outcome) in planted(h, "H13", 32) {
        assert_ne!(h.raw("tblPatient", key, "City"), Some("Hyderabad"));
        let city = text(patient, "address[0].city");
        assert_eq!(city.as_deref(), Some("Hyderabad"), "{key}");
        let country = text(patient, "address[0].country");
        assert_eq!(country.as_deref(), Some("PK"), "{key}");
        assert!(has_no_fault(outcome, "City"), "{key}");
    }
}

/// The numbers of this hospital in an entry such as `mirpurkhas/4429 ~ hyderabad/360`.
fn here(entry: &str) -> Vec<i64> {
    entry
        .split(['~', '='])
        .filter_map(|side| side.trim().strip_prefix("hyderabad/")?.parse().ok())
        .collect()
}

/// The planted keys of this hospital that were there on day 1.
fn keys_here(h: &DayOne, id: &str) -> Vec<i64> {
    let keys = h.planted(id).iter().flat_map(|entry| here(entry));
    keys.filter(|k| h.export.has("tblPatient", &k.to_string()))
        .collect()
}

/// A row is a Patient of its own, whatever another hospital or row says of the same person.
async fn is_a_patient_of_its_own(id: &str) {
    let h = day_one().await;
    let keys = keys_here(h, id);
    assert!(!keys.is_empty(), "{id}");
    let mut ids = BTreeSet::new();
    for key in &keys {
        let patient = h.mapped.resource("patient", *key);
        let number = identifier(patient, "https://hyderabad.example/ns/patient");
        assert_eq!(number, Some(key.to_string()), "{id}");
        ids.insert(text(patient, "id"));
    }
    assert_eq!(ids.len(), keys.len(), "{id}: merged");
}

#[tokio::test]
async fn x01_to_x09_what_a_clerk_wrote_otherwise_elsewhere_is_mapped_as_it_is_written() {
    for id in [
        "X01", "X02", "X03", "X04", "X05", "X06", "X07", "X08", "X09",
    ] {
        is_a_patient_of_its_own(id).await;
    }
}

#[tokio::test]
async fn x10_twins_stay_two_people() {
    is_a_patient_of_its_own("X10").await;
}

#[tokio::test]
async fn x11_father_and_son_stay_two_people() {
    is_a_patient_of_its_own("X11").await;
}

#[tokio::test]
async fn x12_a_child_keeps_the_cnic_of_its_parent_and_stays_a_person() {
    is_a_patient_of_its_own("X12").await;
    let h = day_one().await;
    for key in keys_here(h, "X12") {
        let patient = h.mapped.resource("patient", key);
        assert!(identifier(patient, CNIC).is_some(), "{key}");
    }
}
