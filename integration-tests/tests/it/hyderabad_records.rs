// SPDX-License-Identifier: Apache-2.0
//! H22 to H31: every planted row of `tblLab`, `tblTest` and `tblAllergy` comes out as the pack's README decides.

use silsila_mapping::RowOutcome;
use silsila_schema::Json;

use crate::hyderabad_hospital::{DayOne, day_one};
use crate::pack_hospital::{at, coding, text, warned};

const LOINC: &str = "http://loinc.org";
const OWN_TEST: &str = "https://hyderabad.example/ns/lab-test";
const SNOMED: &str = "http://snomed.info/sct";

fn results<'h>(h: &'h DayOne, id: &str, count: usize) -> Vec<(i64, &'h Json, &'h RowOutcome)> {
    h.planted_rows(id, count, "tblLab", "lab-result")
}

#[tokio::test]
async fn h22_a_test_that_is_not_in_the_list_keeps_its_code() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H22", 3) {
        assert_eq!(text(result, "code.text").as_deref(), Some("LFT2"), "{key}");
        let own = coding(result, "code.coding", OWN_TEST);
        assert_eq!(own.as_deref(), Some("LFT2"), "{key}");
        assert_eq!(coding(result, "code.coding", LOINC), None, "{key}");
        let written = h.raw("tblLab", key, "ValueText").expect("a result");
        let number = written.starts_with(|c: char| c.is_ascii_digit());
        let value = if number {
            "valueQuantity.value"
        } else {
            "valueCodeableConcept.text"
        };
        assert_eq!(text(result, value).as_deref(), Some(written), "{key}");
        assert_eq!(at(result, "valueQuantity.unit"), None, "{key}");
        assert!(warned(outcome, "MAP1012"), "{key}");
        assert_eq!(
            warned(outcome, "MAP1019"),
            number,
            "{key}: a number without a unit"
        );
    }
}

#[tokio::test]
async fn h23_a_time_that_nobody_noted_is_no_fault() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H23", 3) {
        assert_eq!(at(result, "effectiveDateTime"), None, "{key}");
        assert_eq!(at(result, "note"), None, "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn h24_a_time_without_its_day_is_kept_in_words() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H24", 3) {
        assert_eq!(at(result, "effectiveDateTime"), None, "{key}");
        let written = h.raw("tblLab", key, "TakenAt").expect("a time");
        let time = written.strip_prefix("1899-12-30 ").expect("the zero day");
        let note = format!("Taken at {time}, the day was not recorded");
        assert_eq!(text(result, "note[0].text"), Some(note), "{key}");
        assert!(warned(outcome, "MAP1004"), "{key}");
    }
}

#[tokio::test]
async fn h25_more_and_less_than_are_comparators() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H25", 8) {
        let (comparator, value) = match h.raw("tblLab", key, "ValueText") {
            Some("> 500") => (">", "500"),
            Some("<0.5") => ("<", "0.5"),
            Some("<= 3") => ("<=", "3"),
            other => panic!("{key}: {other:?}"),
        };
        let found = text(result, "valueQuantity.comparator");
        assert_eq!(found.as_deref(), Some(comparator), "{key}");
        let found = text(result, "valueQuantity.value");
        assert_eq!(found.as_deref(), Some(value), "{key}");
        assert!(at(result, "valueQuantity.code").is_some(), "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn h26_a_unit_inside_the_value_is_the_unit() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H26", 4) {
        let written = h.raw("tblLab", key, "ValueText").expect("a value");
        let (value, unit) = written.split_once(' ').expect("a unit");
        let code = match unit {
            "mg/dl" => "mg/dL",
            "ng/ml" => "ng/mL",
            other => panic!("{key}: {other}"),
        };
        let found = text(result, "valueQuantity.value");
        assert_eq!(found.as_deref(), Some(value), "{key}");
        let found = text(result, "valueQuantity.code");
        assert_eq!(found.as_deref(), Some(code), "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn h27_a_missing_result_is_absent_and_counted() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H27", 3) {
        assert_eq!(at(result, "valueQuantity"), None, "{key}");
        assert_eq!(at(result, "valueCodeableConcept"), None, "{key}");
        let reason = text(result, "dataAbsentReason.coding[0].code");
        assert_eq!(reason.as_deref(), Some("unknown"), "{key}");
        assert_eq!(text(result, "status").as_deref(), Some("unknown"), "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn h28_a_refund_changes_nothing_for_the_reader() {
    let h = day_one().await;
    for (key, result, outcome) in results(h, "H28", 2) {
        assert_eq!(h.raw("tblLab", key, "Price"), Some("-350.2500"), "{key}");
        assert_eq!(text(result, "status").as_deref(), Some("final"), "{key}");
        let text = String::from_utf8(result.canonical()).expect("JSON");
        assert!(!text.contains("350.25"), "{key}: prices stay here");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn h29_a_test_without_loinc_has_the_hospitals_code() {
    let h = day_one().await;
    assert_eq!(h.planted("H29"), ["GENX"]);
    let mut results = 0;
    for (key, row) in h.export.rows("tblLab") {
        if row["TestCode"].as_deref() != Some("GENX") {
            continue;
        }
        let number: i64 = key.parse().expect("a number");
        let result = h.mapped.resource("lab-result", number);
        assert_eq!(coding(result, "code.coding", LOINC), None, "{key}");
        let own = coding(result, "code.coding", OWN_TEST);
        assert_eq!(own.as_deref(), Some("GENX"), "{key}");
        let name = text(result, "code.text");
        assert_eq!(name.as_deref(), Some("GeneXpert MTB/RIF"), "{key}");
        assert_eq!(h.mapped.outcome("lab-result", number).warnings, [], "{key}");
        results += 1;
    }
    assert_eq!(results, 4);
}

#[tokio::test]
async fn every_other_test_has_the_loinc_code_of_the_hospitals_list() {
    let h = day_one().await;
    let mut results = 0;
    for (key, row) in h.export.rows("tblLab") {
        let test = row["TestCode"].as_deref().expect("a test");
        if test == "GENX" || !h.export.has("tblTest", test) {
            continue;
        }
        let result = h
            .mapped
            .resource("lab-result", key.parse().expect("a number"));
        let listed = h.export.raw("tblTest", test, "LOINC");
        let found = coding(result, "code.coding", LOINC);
        assert_eq!(found.as_deref(), listed, "{key}");
        results += 1;
    }
    assert_eq!(results, 773);
}

#[tokio::test]
async fn a_box_that_is_ticked_says_abnormal_and_one_that_is_not_says_nothing() {
    let h = day_one().await;
    for (key, row) in h.export.rows("tblLab") {
        let result = h
            .mapped
            .resource("lab-result", key.parse().expect("a number"));
        let said = text(result, "interpretation[0].coding[0].code");
        match row["Abnormal"].as_deref() {
            Some("1") => assert_eq!(said.as_deref(), Some("A"), "{key}"),
            _ => assert!(!matches!(said.as_deref(), Some("A" | "N")), "{key}"),
        }
    }
}

#[tokio::test]
async fn h30_no_known_drug_allergy_is_said_and_is_no_allergy() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("H30", 3, "tblAllergy", "allergy") {
        let code = coding(allergy, "code.coding", SNOMED);
        assert_eq!(code.as_deref(), Some("716186003"), "{key}");
        assert_eq!(text(allergy, "code.text").as_deref(), Some("NKDA"), "{key}");
        assert_eq!(
            text(allergy, "category[0]").as_deref(),
            Some("medication"),
            "{key}"
        );
        assert_eq!(at(allergy, "reaction"), None, "{key}");
        let written = h.raw("tblAllergy", key, "Reaction").expect("a reaction");
        let note = format!("Reaction as written: {written}");
        assert_eq!(text(allergy, "note[0].text"), Some(note), "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn h31_a_reaction_that_nobody_noted_is_no_fault() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("H31", 4, "tblAllergy", "allergy") {
        assert_eq!(at(allergy, "reaction"), None, "{key}");
        assert!(at(allergy, "code.text").is_some(), "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}
