// SPDX-License-Identifier: Apache-2.0
//! K01 to K13 and X01 to X12: every planted row of people and their addresses comes out as the pack's README
//! decides.

use std::collections::BTreeSet;

use silsila_mapping::Outcome;
use silsila_schema::Json;

use crate::karachi_hospital::{DayOne, day_one};
use crate::pack_hospital::{at, text, warned};

fn cnic(patient: &Json) -> Option<String> {
    let identifiers = at(patient, "identifier")?.as_array()?.iter();
    identifiers
        .filter(|i| text(i, "system").as_deref() == Some("http://nadra.gov.pk/cnic"))
        .find_map(|i| text(i, "value"))
}

/// The planted people who are shared.
macro_rules! people {
    ($h:expr, $id:literal, $count:literal) => {
        $h.planted_rows($id, $count, "Person", "patient")
    };
}

#[tokio::test]
async fn k01_sex_not_known_and_not_applicable_are_unknown() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K01", 6) {
        assert!(matches!(h.raw("Person", key, "SexCode"), Some("0" | "9")));
        assert_eq!(text(patient, "gender").as_deref(), Some("unknown"), "{key}");
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn everybody_else_has_the_sex_that_the_code_says() {
    let h = day_one().await;
    let planted = h.keys("K01", 6);
    for (key, row) in h.legacy.rows("Person") {
        if planted.contains(&key) || !h.legacy.shared(key) {
            continue;
        }
        let expected = match row["SexCode"].as_deref() {
            Some("1") => "male",
            Some("2") => "female",
            other => panic!("{key}: {other:?}"),
        };
        let patient = h.mapped.resource("patient", key);
        assert_eq!(text(patient, "gender").as_deref(), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn k02_the_forms_default_is_no_birth_date() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K02", 5) {
        assert_eq!(at(patient, "birthDate"), None, "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
    let (default, all) = (h.keys("K02", 5), h.legacy.rows("Person"));
    for (key, row) in all.filter(|(key, _)| !default.contains(key)) {
        assert_ne!(row["BirthDate"].as_deref(), Some("1900-01-01"), "{key}");
        if h.legacy.shared(key) {
            let patient = h.mapped.resource("patient", key);
            assert_eq!(text(patient, "birthDate"), row["BirthDate"], "{key}");
        }
    }
}

#[tokio::test]
async fn k03_no_birth_date_is_no_fault() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K03", 4) {
        assert_eq!(at(patient, "birthDate"), None, "{key}");
        assert!(!warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn k04_no_cnic_is_no_fault() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K04", 68) {
        assert_eq!(cnic(patient), None, "{key}");
        assert!(!warned(outcome, "MAP1010"), "{key}");
    }
}

#[tokio::test]
async fn k05_a_cnic_with_dashes_is_13_digits() {
    let h = day_one().await;
    for (key, patient, _) in people!(h, "K05", 80) {
        let written = h.raw("Person", key, "NationalId").expect("a CNIC");
        assert_eq!(cnic(patient), Some(written.replace('-', "")), "{key}");
        assert_eq!(written.matches('-').count(), 2, "{key}");
    }
}

#[tokio::test]
async fn k06_zeros_identify_nobody() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K06", 3) {
        assert_eq!(cnic(patient), None, "{key}");
        assert!(warned(outcome, "MAP1010"), "{key}");
    }
}

#[tokio::test]
async fn k07_plus_92_is_read_and_so_is_zero() {
    let h = day_one().await;
    let plus = h.keys("K07", 200);
    assert_eq!(people!(h, "K07", 200).len(), people_shared(h, &plus));
    for (key, row) in h.legacy.rows("Person").filter(|(k, _)| h.legacy.shared(k)) {
        let written = row["MobileNumber"].as_deref().expect("a number");
        assert_eq!(written.starts_with("+92"), plus.contains(&key), "{key}");
        let national = written.trim_start_matches("+92").trim_start_matches('0');
        let patient = h.mapped.resource("patient", key);
        let expected = Some(format!("+92{national}"));
        assert_eq!(text(patient, "telecom[0].value"), expected, "{key}");
        assert_eq!(text(patient, "telecom[0].use").as_deref(), Some("mobile"));
        assert_eq!(at(patient, "telecom[1]"), None, "{key}");
    }
}

fn people_shared(h: &DayOne, keys: &[&str]) -> usize {
    keys.iter().filter(|key| h.legacy.shared(key)).count()
}

#[tokio::test]
async fn k08_nothing_of_who_refused_is_shared() {
    let h = day_one().await;
    let refused = h.keys("K08", 16);
    let mut rows = 0;
    for (table, mappings) in [
        ("Person", &["patient"][..]),
        ("Encounter", &["encounter"]),
        ("Diagnosis", &["diagnosis"]),
        ("Observation", &["observation", "blood-pressure"]),
        ("MedicationOrder", &["medication-order"]),
        ("AllergyIntolerance", &["allergy"]),
        ("Procedure", &["procedure"]),
    ] {
        for (key, _) in h.legacy.rows(table) {
            let person = h.legacy.person_of(table, key);
            let refuses = person.is_some_and(|p| refused.contains(&p));
            for mapping in mappings {
                let outcome = &h.mapped.outcome(mapping, key).outcome;
                let withheld = matches!(outcome, Outcome::NotShared);
                assert_eq!(withheld, refuses, "{mapping} {key}: {outcome:?}");
            }
            rows += usize::from(refuses);
        }
    }
    assert!(rows > 100, "they have records: {rows}");
}

#[tokio::test]
async fn k09_a_dot_is_no_family_name() {
    let h = day_one().await;
    for (key, patient, _) in people!(h, "K09", 8) {
        assert_eq!(at(patient, "name[0].family"), None, "{key}");
        let given = h.raw("Person", key, "GivenNames").map(str::trim);
        assert_eq!(text(patient, "name[0].text").as_deref(), given, "{key}");
    }
}

#[tokio::test]
async fn k10_spaces_around_a_name_go() {
    let h = day_one().await;
    for (key, patient, _) in people!(h, "K10", 20) {
        let written = h.raw("Person", key, "GivenNames").expect("a name");
        assert!(written.starts_with(' ') && written.ends_with(' '), "{key}");
        let given = at(patient, "name[0].given").and_then(|g| g.as_array());
        let given: Vec<_> = given.expect("names").iter().map(|g| g.as_str()).collect();
        let expected: Vec<_> = written.split_whitespace().map(Some).collect();
        assert_eq!(given, expected, "{key}");
    }
}

#[tokio::test]
async fn k11_who_died_before_a_treatment_is_dead_without_a_date() {
    let h = day_one().await;
    for (key, patient, outcome) in people!(h, "K11", 1) {
        assert_eq!(text(patient, "deceasedBoolean").as_deref(), Some("true"));
        assert_eq!(at(patient, "deceasedDateTime"), None, "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
    let planted = h.keys("K11", 1);
    let mut dead = 0;
    for (key, row) in h.legacy.rows("Person") {
        let died = row["DeceasedAt"].as_deref();
        if planted.contains(&key) || !h.legacy.shared(key) {
            continue;
        }
        let patient = h.mapped.resource("patient", key);
        let expected = died.map(|at| format!("{}Z", at[..19].replace(' ', "T")));
        assert_eq!(text(patient, "deceasedDateTime"), expected, "{key}");
        assert_eq!(at(patient, "deceasedBoolean"), None, "{key}");
        dead += usize::from(died.is_some());
    }
    assert!(dead > 5, "{dead}");
}

#[tokio::test]
async fn k12_two_current_addresses_are_two() {
    let h = day_one().await;
    for (key, patient, _) in people!(h, "K12", 3) {
        let mut rows = h.legacy.with("PersonAddress", "PersonId", key);
        rows.sort_by_key(|id| std::cmp::Reverse(id.parse::<u32>().expect("a number")));
        assert_eq!(rows.len(), 2, "{key}");
        for (i, row) in rows.iter().enumerate() {
            let line = h.raw("PersonAddress", row, "Line1").expect("a line");
            let path = format!("address[{i}]");
            let words: Vec<_> = line.split_whitespace().collect();
            let got = text(patient, &format!("{path}.line[0]"));
            assert_eq!(got, Some(words.join(" ")), "{key}");
            let purpose = text(patient, &format!("{path}.use"));
            assert_eq!(purpose.as_deref(), Some("home"), "{key}");
        }
    }
}

#[tokio::test]
async fn k13_an_address_that_is_not_current_is_old() {
    let h = day_one().await;
    let mut seen = 0;
    for (key, row) in h.legacy.rows("PersonAddress") {
        let person = row["PersonId"].as_deref().expect("NOT NULL");
        let old = h.keys("K13", 3).contains(&key);
        assert_eq!(row["IsCurrent"].as_deref() == Some("0"), old, "{key}");
        if old && h.legacy.shared(person) {
            let patient = h.mapped.resource("patient", person);
            assert_eq!(text(patient, "address[0].use").as_deref(), Some("old"));
            assert_eq!(at(patient, "address[1]"), None, "{key}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

/// The two people of a pair, of whom one or both are Karachi's.
fn here(pair: &str) -> Vec<&str> {
    let sides = pair.split(" ~ ");
    sides.filter_map(|s| s.strip_prefix("karachi/")).collect()
}

/// Everybody of Karachi in these pairs is a Patient with an id and a number of their own.
async fn stay_apart(id: &str, people: usize) {
    let h = day_one().await;
    let pairs = h.keys(id, 4);
    let keys: Vec<&str> = pairs.iter().flat_map(|p| here(p)).collect();
    assert_eq!(keys.len(), people, "{id}");
    for (key, patient, _) in h.produced(id, &keys, "Person", "patient") {
        let numbers = at(patient, "identifier").and_then(|i| i.as_array());
        let own = |column| h.raw("Person", key, column).map(str::to_owned);
        let numbers: Vec<_> = numbers
            .expect("numbers")
            .iter()
            .map(|i| text(i, "value"))
            .collect();
        assert_eq!(numbers[..2], [own("MRN"), own("PersonId")], "{id} {key}");
    }
}

#[tokio::test]
async fn x10_twins_are_separate_patients() {
    stay_apart("X10", 2).await;
}

#[tokio::test]
async fn x11_father_and_son_are_separate_patients() {
    stay_apart("X11", 2).await;
}

#[tokio::test]
async fn x12_a_child_keeps_the_cnic_under_which_it_was_registered() {
    stay_apart("X12", 2).await;
    let h = day_one().await;
    let pairs = h.keys("X12", 4);
    let keys: Vec<&str> = pairs.iter().flat_map(|p| here(p)).collect();
    for (key, patient, _) in h.produced("X12", &keys, "Person", "patient") {
        let written = h
            .raw("Person", key, "NationalId")
            .map(|c| c.replace('-', ""));
        assert!(written.is_some(), "{key}");
        assert_eq!(cnic(patient), written, "{key}");
    }
}

#[tokio::test]
async fn x01_to_x09_second_registrations_stay_as_this_hospital_wrote_them() {
    let h = day_one().await;
    let marks = [
        "X01", "X02", "X03", "X04", "X05", "X06", "X07", "X08", "X09",
    ];
    let here: BTreeSet<&str> = marks.iter().flat_map(|m| h.of_karachi(m)).collect();
    assert!(here.len() > 30, "{}", here.len());
    let keys: Vec<&str> = here.into_iter().collect();
    for (key, patient, _) in h.produced("X01 to X09", &keys, "Person", "patient") {
        let column = |name| h.raw("Person", key, name).unwrap_or_default();
        let names = [column("GivenNames"), column("FamilyName")].join(" ");
        let written: Vec<_> = names.split_whitespace().filter(|n| *n != ".").collect();
        let name = text(patient, "name[0].text");
        assert_eq!(name, Some(written.join(" ")), "{key}");
        let born = h.raw("Person", key, "BirthDate");
        let born = born.filter(|b| *b != "1900-01-01");
        assert_eq!(text(patient, "birthDate").as_deref(), born, "{key}");
        let newest = h.legacy.with("PersonAddress", "PersonId", key).into_iter();
        let newest = newest.max_by_key(|id| id.parse::<u32>().expect("a number"));
        let city = newest.and_then(|id| h.raw("PersonAddress", id, "City"));
        assert_eq!(text(patient, "address[0].city").as_deref(), city, "{key}");
    }
}
