// SPDX-License-Identifier: Apache-2.0
//! M48 to M64: every planted row of `lab_tests`, `allergies` and `immunizations` comes out as the pack's
//! README decides.

use silsila_mapping::Outcome;

use crate::pack_hospital::{at, coding, text, warned};
use crate::pack_legacy::{day_one, fault};

const SNOMED: &str = "http://snomed.info/sct";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";

fn reason(resource: &silsila_schema::Json) -> Option<String> {
    text(resource, "dataAbsentReason.coding[0].code")
}

#[tokio::test]
async fn m48_a_decimal_comma_is_a_point_and_keeps_its_digits() {
    let h = day_one().await;
    for (key, result, outcome) in h.planted_rows("M48", 5, "lab_tests", "lab-result") {
        if text(result, "status").as_deref() == Some("cancelled") {
            continue; // carries no value
        }
        let written = h.raw("lab_tests", key, "result").expect("a number");
        assert_eq!(
            text(result, "valueQuantity.value"),
            Some(written.replace(',', ".")),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1008"), "{key}");
    }
}

#[tokio::test]
async fn m49_final_without_a_result_says_that_none_is_known() {
    let h = day_one().await;
    for (key, result, outcome) in h.planted_rows("M49", 4, "lab_tests", "lab-result") {
        assert_eq!(at(result, "valueQuantity"), None, "{key}");
        assert_eq!(at(result, "valueCodeableConcept"), None, "{key}");
        let expected = match text(result, "status").as_deref() {
            Some("cancelled") => "not-performed",
            Some("registered") => "temp-unknown",
            _ => "unknown",
        };
        assert_eq!(reason(result).as_deref(), Some(expected), "{key}");
        assert_eq!(warned(outcome, "MAP1019"), expected == "unknown", "{key}");
    }
}

#[tokio::test]
async fn m50_a_remark_is_a_note_and_never_a_value() {
    let h = day_one().await;
    for (key, result, outcome) in h.planted_rows("M50", 3, "lab_tests", "lab-result") {
        assert!(warned(outcome, "MAP1008"), "{key}: counted");
        let written = h.raw("lab_tests", key, "result").expect("a remark");
        assert_eq!(at(result, "valueQuantity"), None, "{key}");
        assert_eq!(at(result, "valueCodeableConcept"), None, "{key}");
        let expected = match (text(result, "status").as_deref(), written) {
            (Some("cancelled"), _) | (_, "sample insufficient") => "not-performed",
            _ => "error",
        };
        assert_eq!(reason(result).as_deref(), Some(expected), "{key}");
        let note = text(result, "note[0].text").expect("a note");
        assert!(note.ends_with(written), "{key}: {note}");
    }
}

#[tokio::test]
async fn m51_words_for_the_status_are_read_and_a_cancelled_test_has_no_value() {
    let h = day_one().await;
    for (key, result, _) in h.planted_rows("M51", 159, "lab_tests", "lab-result") {
        let blank = h.raw("lab_tests", key, "result") == Some("");
        let expected = match h.raw("lab_tests", key, "status") {
            Some("F" | "final" | "FINAL") => "final",
            Some("P") if blank => "registered",
            Some("P") => "preliminary",
            Some("cancelled") => "cancelled",
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(text(result, "status").as_deref(), Some(expected), "{key}");
        if expected == "cancelled" {
            let values = ["valueQuantity", "valueCodeableConcept", "interpretation"];
            assert!(values.iter().all(|v| at(result, v).is_none()), "{key}");
            assert_eq!(reason(result).as_deref(), Some("not-performed"), "{key}");
        }
    }
}

#[tokio::test]
async fn m52_a_unit_read_in_the_wrong_code_page_is_repaired() {
    let h = day_one().await;
    for (key, result, outcome) in h.planted_rows("M52", 3, "lab_tests", "lab-result") {
        assert_eq!(h.raw("lab_tests", key, "unit"), Some("x10Â³/ÂµL"), "{key}");
        if text(result, "status").as_deref() == Some("cancelled") {
            continue;
        }
        assert_eq!(
            text(result, "valueQuantity.unit").as_deref(),
            Some("x10³/µL"),
            "{key}"
        );
        assert_eq!(
            text(result, "valueQuantity.code").as_deref(),
            Some("10*3/uL"),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m53_a_missing_unit_is_never_guessed() {
    let h = day_one().await;
    let mut numbers = 0;
    for (key, result, outcome) in h.planted_rows("M53", 53, "lab_tests", "lab-result") {
        let members = ["unit", "code", "system"].map(|m| format!("valueQuantity.{m}"));
        assert!(members.iter().all(|m| at(result, m).is_none()), "{key}");
        if at(result, "valueQuantity.value").is_some() {
            assert!(warned(outcome, "MAP1019"), "{key}: counted");
            numbers += 1;
        }
    }
    assert!(numbers > 30, "most have a number: {numbers}");
}

#[tokio::test]
async fn m54_a_zero_datetime_is_dropped_and_counted() {
    let h = day_one().await;
    for (key, result, outcome) in h.planted_rows("M54", 2, "lab_tests", "lab-result") {
        assert_eq!(at(result, "effectiveDateTime"), None, "{key}");
        assert!(warned(outcome, "MAP1004"), "{key}");
    }
}

#[tokio::test]
async fn m55_a_hundred_rows_of_one_moment_are_a_hundred_results() {
    let h = day_one().await;
    let rows = h.planted_rows("M55", 100, "lab_tests", "lab-result");
    let ids: std::collections::BTreeSet<_> = rows.iter().map(|(_, r, _)| text(r, "id")).collect();
    assert_eq!(ids.len(), rows.len());
}

#[tokio::test]
async fn m56_a_result_posted_twice_is_two_results() {
    let h = day_one().await;
    let pairs = h.planted("M56");
    assert_eq!(pairs.len(), 3);
    let mut twice = 0;
    for pair in pairs {
        let keys: Vec<i64> = pair
            .split('=')
            .filter_map(|k| k.trim().parse().ok())
            .collect();
        let [a, b] = keys[..] else {
            panic!("{pair}");
        };
        let patient = h.patient_of("lab_tests", a).expect("a patient");
        assert_eq!(h.patient_of("lab_tests", b), Some(patient), "{pair}");
        if !h.shared(patient) {
            let outcomes = [a, b].map(|key| &h.mapped.outcome("lab-result", key).outcome);
            assert!(
                outcomes.iter().all(|o| matches!(o, Outcome::NotShared)),
                "{pair}"
            );
            continue;
        }
        let ids = [a, b].map(|key| text(h.mapped.resource("lab-result", key), "id"));
        assert_ne!(ids[0], ids[1], "{pair}");
        twice += 1;
    }
    assert!(twice > 0, "some pair is shared");
}

#[tokio::test]
async fn m57_misspelt_allergens_are_recognized() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("M57", 4, "allergies", "allergy") {
        let written = h.raw("allergies", key, "substance").expect("a text");
        let (name, snomed) = match written {
            "Pencillin" | "inj penicilin" | "PCN" => ("Penicillin", Some("91936005")),
            "Sulpha" | "septran" => ("Sulfa drugs", None),
            other => panic!("{key}: {other}"),
        };
        let local = coding(
            allergy,
            "code.coding",
            "https://mirpurkhas.example/ns/allergen",
        );
        assert_eq!(local.as_deref(), Some(name), "{key}");
        assert_eq!(
            coding(allergy, "code.coding", SNOMED).as_deref(),
            snomed,
            "{key}"
        );
        assert_eq!(
            text(allergy, "code.text").as_deref(),
            Some(written),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m58_no_severity_is_no_fault() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("M58", 4, "allergies", "allergy") {
        assert_eq!(at(allergy, "reaction[0].severity"), None, "{key}");
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m59_no_date_of_an_allergy_is_no_fault() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("M59", 3, "allergies", "allergy") {
        assert_eq!(at(allergy, "recordedDate"), None, "{key}");
        assert!(
            !warned(outcome, "MAP1002") && !warned(outcome, "MAP1004"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn m60_nkda_says_that_no_allergy_is_known() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("M60", 5, "allergies", "allergy") {
        assert_eq!(
            coding(allergy, "code.coding", SNOMED).as_deref(),
            Some("716186003"),
            "{key}"
        );
        assert_eq!(text(allergy, "code.text").as_deref(), Some("NKDA"), "{key}");
        assert_eq!(
            text(allergy, "category[0]").as_deref(),
            Some("medication"),
            "{key}"
        );
        assert_eq!(at(allergy, "reaction"), None, "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn m61_other_names_of_vaccines_are_read_and_claim_no_more_than_they_say() {
    let h = day_one().await;
    for (key, dose, outcome) in h.planted_rows("M61", 152, "immunizations", "immunization") {
        let written = h.raw("immunizations", key, "vaccine").expect("a name");
        let code = match written {
            "polio drops" => "182",
            "Penta" => "198",
            "Pneumo" => "109",
            "Measles" => "05",
            "rota" => "122",
            "ipv" => "10",
            "tcv" => "190",
            "bcg" => "19",
            "hep-b" => "45",
            other => panic!("{key}: {other}"),
        };
        assert_eq!(
            coding(dose, "vaccineCode.coding", CVX).as_deref(),
            Some(code),
            "{key}"
        );
        assert_eq!(
            text(dose, "vaccineCode.text").as_deref(),
            Some(written),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m62_no_batch_is_no_fault() {
    let h = day_one().await;
    for (key, dose, _) in h.planted_rows("M62", 76, "immunizations", "immunization") {
        assert_eq!(at(dose, "lotNumber"), None, "{key}");
    }
}

#[tokio::test]
async fn m63_a_dose_before_birth_is_quarantined_and_nothing_else_is() {
    let h = day_one().await;
    let mut planted = h.keys("M63");
    assert_eq!(planted.len(), 2);
    planted.sort_unstable();
    for key in &planted {
        let patient = h.patient_of("immunizations", *key).expect("a patient");
        assert!(h.shared(patient), "{key}");
        let outcome = h.mapped.outcome("immunization", *key);
        assert!(warned(outcome, "MAP1019"), "{key}");
        let Outcome::Quarantined(fault) = &outcome.outcome else {
            panic!("{key}: {:?}", outcome.outcome);
        };
        assert!(!fault.withdraws, "{key}: the subject is known");
        assert!(
            fault
                .element
                .as_deref()
                .is_some_and(|e| e.starts_with("Immunization.occurrence")),
            "{key}: {fault:?}"
        );
    }
    let all: Vec<_> = h
        .mapped
        .rows("immunization")
        .filter(|(_, o)| fault(o).is_some())
        .map(|(key, _)| key)
        .collect();
    assert_eq!(all, planted);
}

#[tokio::test]
async fn m64_no_dose_number_is_no_fault() {
    let h = day_one().await;
    for (key, dose, _) in h.planted_rows("M64", 4, "immunizations", "immunization") {
        assert_eq!(at(dose, "protocolApplied"), None, "{key}");
    }
}
