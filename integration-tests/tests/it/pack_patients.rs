// SPDX-License-Identifier: Apache-2.0
//! M01 to M29 and X10 to X13: every planted row of `patients` comes out as the pack's README decides.

use silsila_mapping::Outcome;
use silsila_schema::Json;

use crate::pack_hospital::{at, text, warned};
use crate::pack_legacy::{DayOne, day_one};

const CNIC: &str = "http://nadra.gov.pk/cnic";

fn cnic(patient: &Json) -> Option<String> {
    at(patient, "identifier")?
        .as_array()?
        .iter()
        .find(|i| text(i, "system").as_deref() == Some(CNIC))
        .and_then(|i| text(i, "value"))
}

fn gender_of(h: &DayOne, key: i64) -> &'static str {
    match h.raw("patients", key, "gender") {
        Some("male" | "M" | "Male") => "male",
        Some("female" | "F" | "Female") => "female",
        _ => "unknown",
    }
}

/// The number that a clerk wrote, as E.164, worked out without the engine.
fn e164(written: &str) -> String {
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    let national = digits
        .strip_prefix("0092")
        .or_else(|| digits.strip_prefix("92"))
        .or_else(|| digits.strip_prefix('0'))
        .unwrap_or(&digits);
    format!("+92{national}")
}

async fn genders(id: &str, count: usize) {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows(id, count, "patients", "patient") {
        let expected = gender_of(h, key);
        assert_eq!(
            text(patient, "gender").as_deref(),
            Some(expected),
            "{id} {key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{id} {key}");
    }
}

#[tokio::test]
async fn m01_lower_case_sex_is_read() {
    genders("M01", 48).await;
}

#[tokio::test]
async fn m02_one_letter_for_the_sex_is_read() {
    genders("M02", 40).await;
}

#[tokio::test]
async fn m03_blank_sex_is_unknown() {
    genders("M03", 3).await;
    let h = day_one().await;
    for key in h.keys("M03") {
        assert_eq!(gender_of(h, key), "unknown");
    }
}

async fn one_phone(id: &str, count: usize) {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows(id, count, "patients", "patient") {
        let written = h.raw("patients", key, "phone_no").expect("a number");
        assert_eq!(
            text(patient, "telecom[0].value"),
            Some(e164(written)),
            "{id} {key}"
        );
        assert_eq!(text(patient, "telecom[0].system").as_deref(), Some("phone"));
        assert_eq!(at(patient, "telecom[1]"), None, "{id} {key}");
        assert!(!warned(outcome, "MAP1007"), "{id} {key}");
    }
}

#[tokio::test]
async fn m04_a_dash_in_the_telephone_number_goes() {
    one_phone("M04", 100).await;
}

#[tokio::test]
async fn m05_plus_92_with_spaces_is_read() {
    one_phone("M05", 40).await;
}

#[tokio::test]
async fn m06_0092_is_read() {
    one_phone("M06", 16).await;
}

#[tokio::test]
async fn m07_a_lost_zero_is_understood() {
    one_phone("M07", 16).await;
}

#[tokio::test]
async fn m08_two_numbers_in_a_field_are_two_numbers() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M08", 6, "patients", "patient") {
        let written = h.raw("patients", key, "phone_no").expect("two numbers");
        let (first, second) = written.split_once('/').expect("a stroke between");
        assert_eq!(
            text(patient, "telecom[0].value"),
            Some(e164(first)),
            "{key}"
        );
        assert_eq!(
            text(patient, "telecom[1].value"),
            Some(e164(second)),
            "{key}"
        );
        assert_eq!(text(patient, "telecom[1].rank").as_deref(), Some("2"));
    }
}

#[tokio::test]
async fn m09_no_number_is_no_fault() {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows("M09", 16, "patients", "patient") {
        assert_eq!(at(patient, "telecom"), None, "{key}");
        assert!(!warned(outcome, "MAP1007"), "{key}");
    }
}

#[tokio::test]
async fn m10_junk_for_a_number_is_dropped_and_counted() {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows("M10", 4, "patients", "patient") {
        assert_eq!(at(patient, "telecom"), None, "{key}");
        assert!(warned(outcome, "MAP1007"), "{key}");
    }
}

async fn no_birth_date(id: &str, count: usize, code: Option<&str>) {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows(id, count, "patients", "patient") {
        assert_eq!(at(patient, "birthDate"), None, "{id} {key}");
        for known in ["MAP1002", "MAP1003", "MAP1004", "MAP1005"] {
            assert_eq!(
                warned(outcome, known),
                Some(known) == code,
                "{id} {key} {known}"
            );
        }
    }
}

#[tokio::test]
async fn m11_a_zero_birth_date_is_dropped_and_counted() {
    no_birth_date("M11", 8, Some("MAP1004")).await;
}

#[tokio::test]
async fn m12_no_birth_date_is_no_fault() {
    no_birth_date("M12", 12, None).await;
}

#[tokio::test]
async fn m13_two_digit_years_turn_at_the_pivot() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M13", 20, "patients", "patient") {
        let written = h.raw("patients", key, "dob").expect("a date");
        let parts: Vec<u32> = written.split('/').filter_map(|p| p.parse().ok()).collect();
        let [day, month, year] = parts[..] else {
            panic!("{key}: not three numbers");
        };
        let year = if year < 30 { 2000 + year } else { 1900 + year };
        let expected = format!("{year:04}-{month:02}-{day:02}");
        assert_eq!(text(patient, "birthDate"), Some(expected), "{key}");
    }
}

#[tokio::test]
async fn m14_a_day_that_does_not_exist_is_dropped_and_counted() {
    no_birth_date("M14", 2, Some("MAP1003")).await;
}

#[tokio::test]
async fn m15_nobody_is_born_in_the_future() {
    no_birth_date("M15", 2, Some("MAP1005")).await;
}

#[tokio::test]
async fn m16_words_for_the_marital_status_are_read() {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows("M16", 60, "patients", "patient") {
        let written = h.raw("patients", key, "marital_status").expect("a text");
        let code = match written {
            "" => None,
            "M" | "MARRIED" => Some("M"),
            "single" => Some("S"),
            "unmarried" => Some("U"),
            other => panic!("{key}: {other}"),
        };
        assert_eq!(
            text(patient, "maritalStatus.coding[0].code").as_deref(),
            code,
            "{key}"
        );
        assert_eq!(
            text(patient, "maritalStatus.text").as_deref(),
            Some(written).filter(|w| !w.is_empty())
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

async fn no_cnic(id: &str, count: usize, counted: bool) {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows(id, count, "patients", "patient") {
        assert_eq!(cnic(patient), None, "{id} {key}");
        assert_eq!(warned(outcome, "MAP1010"), counted, "{id} {key}");
    }
}

#[tokio::test]
async fn m17_no_cnic_is_no_fault() {
    no_cnic("M17", 76, false).await;
}

#[tokio::test]
async fn m18_dashes_in_the_cnic_go() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M18", 180, "patients", "patient") {
        let written = h.raw("patients", key, "cnic").expect("a number");
        assert_eq!(cnic(patient), Some(written.replace('-', "")), "{key}");
    }
}

#[tokio::test]
async fn m19_a_cnic_of_zeros_identifies_nobody() {
    no_cnic("M19", 3, true).await;
}

#[tokio::test]
async fn m20_a_cnic_that_lost_a_digit_is_dropped_and_counted() {
    no_cnic("M20", 3, true).await;
}

#[tokio::test]
async fn m21_upper_case_names_are_set_right() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M21", 24, "patients", "patient") {
        let written = h.raw("patients", key, "first_name").expect("a name");
        for (i, word) in written.split_whitespace().enumerate() {
            let expected = word[..1].to_owned() + &word[1..].to_lowercase();
            assert_eq!(
                text(patient, &format!("name[0].given[{i}]")),
                Some(expected),
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn m22_stray_spaces_in_names_go() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M22", 16, "patients", "patient") {
        let written = h.raw("patients", key, "first_name").expect("a name");
        let words: Vec<_> = written.split_whitespace().collect();
        let given = at(patient, "name[0].given")
            .and_then(Json::as_array)
            .expect("names");
        let given: Vec<_> = given.iter().filter_map(Json::as_str).collect();
        assert_eq!(given, words, "{key}");
        let whole = text(patient, "name[0].text").expect("a text");
        assert!(!whole.contains("  ") && whole.trim() == whole, "{key}");
    }
}

#[tokio::test]
async fn m23_who_goes_by_one_name_has_no_family_name() {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows("M23", 8, "patients", "patient") {
        assert_eq!(at(patient, "name[0].family"), None, "{key}");
        assert!(at(patient, "name[0].given[0]").is_some(), "{key}");
        assert!(
            outcome
                .warnings
                .iter()
                .all(|w| w.column.as_deref() != Some("last_name")),
            "{key}"
        );
    }
}

#[tokio::test]
async fn m24_the_town_has_one_spelling() {
    let h = day_one().await;
    for (key, patient, outcome) in h.planted_rows("M24", 60, "patients", "patient") {
        assert_eq!(
            text(patient, "address[0].city").as_deref(),
            Some("Mirpurkhas"),
            "{key}"
        );
        assert_eq!(
            text(patient, "address[0].country").as_deref(),
            Some("PK"),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m25_blood_groups_in_other_notations_are_read_and_blank_ones_make_nothing() {
    let h = day_one().await;
    let keys = h.keys("M25");
    assert_eq!(keys.len(), 60);
    for key in keys {
        let outcome = h.mapped.outcome("patient-blood-group", key);
        let written = h.raw("patients", key, "blood_group").expect("a text");
        let code = match written {
            _ if !h.shared(key) => {
                assert!(matches!(outcome.outcome, Outcome::NotShared), "{key}");
                continue;
            }
            "" => {
                assert!(matches!(outcome.outcome, Outcome::Empty), "{key}");
                continue;
            }
            "B +ve" => "278150003",
            "O Positive" => "278147001",
            "A+ve" => "278149003",
            other => panic!("{key}: {other}"),
        };
        let group = h.mapped.resource("patient-blood-group", key);
        assert_eq!(
            text(group, "valueCodeableConcept.coding[0].code").as_deref(),
            Some(code),
            "{key}"
        );
        assert_eq!(
            text(group, "valueCodeableConcept.text").as_deref(),
            Some(written),
            "{key}"
        );
    }
}

async fn nothing_of_theirs_is_shared(id: &str, count: usize) {
    let h = day_one().await;
    let keys = h.keys(id);
    assert_eq!(keys.len(), count);
    let tables = [
        ("patients", "patient"),
        ("patients", "patient-blood-group"),
        ("opd_visits", "visit"),
        ("opd_visits", "visit-diagnosis"),
        ("opd_visits", "visit-bp"),
        ("opd_visits", "visit-pulse"),
        ("opd_visits", "visit-temperature"),
        ("opd_visits", "visit-weight"),
        ("opd_visits", "visit-height"),
        ("lab_tests", "lab-result"),
        ("prescriptions", "prescription"),
        ("allergies", "allergy"),
        ("immunizations", "immunization"),
    ];
    let mut rows = 0;
    for (table, mapping) in tables {
        for key in h.numbers(table) {
            if h.patient_of(table, key).is_some_and(|p| keys.contains(&p)) {
                let outcome = &h.mapped.outcome(mapping, key).outcome;
                assert!(
                    matches!(outcome, Outcome::NotShared),
                    "{mapping} {key}: {outcome:?}"
                );
                rows += 1;
            }
        }
    }
    assert!(rows > 2 * count, "they have visits too");
}

#[tokio::test]
async fn m26_nothing_of_who_refused_sharing_is_shared() {
    nothing_of_theirs_is_shared("M26", 12).await;
}

#[tokio::test]
async fn m27_nothing_of_who_was_struck_out_is_shared() {
    nothing_of_theirs_is_shared("M27", 5).await;
}

#[tokio::test]
async fn m28_rows_without_a_watermark_are_mapped() {
    let h = day_one().await;
    for (key, patient, _) in h.planted_rows("M28", 5, "patients", "patient") {
        assert_eq!(h.raw("patients", key, "updated_at"), None);
        assert_eq!(text(patient, "identifier[0].value"), Some(key.to_string()));
    }
}

#[tokio::test]
async fn m29_all_of_patient_4485_comes_through_without_a_warning() {
    let h = day_one().await;
    assert_eq!(h.keys("M29"), [4485]);
    let patient = h.mapped.resource("patient", 4485);
    let expected = [
        ("name[0].text", "Aquib Shaikh"),
        ("name[0].family", "Shaikh"),
        ("name[0].given[0]", "Aquib"),
        ("gender", "male"),
        ("birthDate", "1997-05-16"),
        ("telecom[0].value", "+923213122332"),
        ("address[0].city", "Mirpurkhas"),
        ("maritalStatus.coding[0].code", "S"),
    ];
    for (path, value) in expected {
        assert_eq!(text(patient, path).as_deref(), Some(value), "{path}");
    }
    assert_eq!(cnic(patient).as_deref(), Some("9944100044851"));
    let mappings = [
        ("patients", "patient"),
        ("patients", "patient-blood-group"),
        ("opd_visits", "visit"),
        ("opd_visits", "visit-diagnosis"),
        ("opd_visits", "visit-bp"),
        ("opd_visits", "visit-pulse"),
        ("opd_visits", "visit-temperature"),
        ("opd_visits", "visit-weight"),
        ("opd_visits", "visit-height"),
        ("lab_tests", "lab-result"),
        ("prescriptions", "prescription"),
        ("allergies", "allergy"),
    ];
    for (table, mapping) in mappings {
        let his: Vec<_> = h
            .numbers(table)
            .filter(|k| h.patient_of(table, *k) == Some(4485))
            .collect();
        assert!(!his.is_empty(), "{mapping}");
        for key in his {
            let outcome = h.mapped.outcome(mapping, key);
            assert!(
                matches!(outcome.outcome, Outcome::Produced(_)),
                "{mapping} {key}"
            );
            assert_eq!(outcome.warnings, [], "{mapping} {key}");
        }
    }
}

fn here(pair: &str) -> Vec<i64> {
    pair.split(['~', '='])
        .filter_map(|side| side.trim().strip_prefix("mirpurkhas/")?.parse().ok())
        .collect()
}

/// Whoever is taken for one person is a Patient of their own as long as they may be shared.
async fn stay_apart(id: &str, count: usize) {
    let h = day_one().await;
    let pairs = h.planted(id);
    assert_eq!(pairs.len(), count, "{id}");
    let mut both = 0;
    for pair in pairs {
        let mut ids = std::collections::BTreeSet::new();
        for key in here(pair) {
            if !h.shared(key) {
                let outcome = &h.mapped.outcome("patient", key).outcome;
                assert!(matches!(outcome, Outcome::NotShared), "{id} {key}");
                continue;
            }
            let patient = h.mapped.resource("patient", key);
            assert_eq!(
                text(patient, "identifier[0].value"),
                Some(key.to_string()),
                "{id}"
            );
            assert!(ids.insert(text(patient, "id")), "{id} {key}: merged");
        }
        both += usize::from(ids.len() == 2);
    }
    assert!(
        both > 0
            || !pairs
                .iter()
                .any(|p| here(p).iter().filter(|k| h.shared(**k)).count() == 2),
        "{id}"
    );
}

#[tokio::test]
async fn x10_twins_stay_two_people() {
    stay_apart("X10", 4).await;
}

#[tokio::test]
async fn x11_father_and_son_stay_two_people() {
    stay_apart("X11", 4).await;
}

#[tokio::test]
async fn x12_a_child_under_a_parents_cnic_stays_a_person() {
    stay_apart("X12", 4).await;
    let h = day_one().await;
    let (a, b) = (
        h.mapped.resource("patient", 4436),
        h.mapped.resource("patient", 4458),
    );
    assert_eq!(cnic(a), cnic(b), "one number");
    assert!(cnic(a).is_some());
    assert_ne!(text(a, "id"), text(b, "id"), "two people");
}

#[tokio::test]
async fn x13_who_was_registered_twice_stays_two_patients() {
    stay_apart("X13", 4).await;
}
