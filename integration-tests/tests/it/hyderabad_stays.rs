// SPDX-License-Identifier: Apache-2.0
//! H14 to H21: every planted row of `tblAdmission` and `tblMedicine` comes out as the pack's README decides.

use crate::hyderabad_hospital::day_one;
use crate::pack_hospital::{at, coding, text, warned};
use crate::pack_legacy::fault;

const ICD: &str = "http://hl7.org/fhir/sid/icd-10";
const OWN: &str = "https://hyderabad.example/ns/diagnosis-code";
const STAY: &str = "admission";
const DIAGNOSIS: &str = "admission-diagnosis";

#[tokio::test]
async fn h14_icd_codes_get_their_dot_and_upper_case() {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows("H14", 50, "tblAdmission", DIAGNOSIS) {
        let written = h.raw("tblAdmission", key, "DiagnosisCode");
        let written = written.expect("a code");
        let mut expected = written.to_uppercase();
        if expected.len() > 3 && !expected.contains('.') {
            expected.insert(3, '.');
        }
        assert_eq!(
            coding(condition, "code.coding", ICD),
            Some(expected),
            "{key}"
        );
        assert_eq!(coding(condition, "code.coding", OWN), None, "{key}");
        assert_eq!(
            text(condition, "code.text").as_deref(),
            Some(written),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1009"), "{key}");
    }
}

#[tokio::test]
async fn h15_words_for_a_code_are_kept_as_the_hospitals_and_doubt_is_said() {
    let h = day_one().await;
    let mut doubted = 0;
    for (key, condition, outcome) in h.planted_rows("H15", 6, "tblAdmission", DIAGNOSIS) {
        let written = h.raw("tblAdmission", key, "DiagnosisCode");
        let written = written.expect("words");
        assert_eq!(coding(condition, "code.coding", ICD), None, "{key}");
        assert_eq!(
            coding(condition, "code.coding", OWN).as_deref(),
            Some(written),
            "{key}"
        );
        assert_eq!(
            text(condition, "code.text").as_deref(),
            Some(written),
            "{key}"
        );
        let status = if written.starts_with('?') {
            "provisional"
        } else {
            "confirmed"
        };
        doubted += usize::from(written.starts_with('?'));
        let said = text(condition, "verificationStatus.coding[0].code");
        assert_eq!(said.as_deref(), Some(status), "{key}");
        assert!(warned(outcome, "MAP1009"), "{key}");
    }
    assert!(doubted > 0, "?TB is among them");
}

#[tokio::test]
async fn h16_without_a_discharge_nobody_knows_whether_a_stay_has_ended() {
    let h = day_one().await;
    for (key, encounter, outcome) in h.planted_rows("H16", 30, "tblAdmission", STAY) {
        assert_eq!(
            text(encounter, "status").as_deref(),
            Some("unknown"),
            "{key}"
        );
        assert!(at(encounter, "period.start").is_some(), "{key}");
        assert_eq!(at(encounter, "period.end"), None, "{key}");
        assert!(!warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn h17_a_discharge_before_the_admission_is_dropped_and_counted() {
    let h = day_one().await;
    for (key, encounter, outcome) in h.planted_rows("H17", 2, "tblAdmission", STAY) {
        assert_eq!(
            text(encounter, "status").as_deref(),
            Some("finished"),
            "{key}"
        );
        assert_eq!(at(encounter, "period.end"), None, "{key}");
        assert!(at(encounter, "period.start").is_some(), "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
        let notes = h.mapped.resource("admission-notes", key);
        assert_eq!(at(notes, "context.period.end"), None, "{key}");
    }
}

#[tokio::test]
async fn every_other_stay_lasts_from_admission_to_discharge() {
    let h = day_one().await;
    let wrong = h.keys("H17");
    let mut ended = 0;
    for (key, row) in h.export.rows("tblAdmission") {
        let number: i64 = key.parse().expect("a number");
        if wrong.contains(&number) || h.export.patient_of("tblAdmission", key).is_none() {
            continue;
        }
        let encounter = h.mapped.resource(STAY, number);
        assert_eq!(
            text(encounter, "class.code").as_deref(),
            Some("IMP"),
            "{key}"
        );
        let expected = |column: &str| {
            let local = row[column].as_deref()?;
            Some(format!("{}+05:00", local.replace(' ', "T")))
        };
        assert_eq!(
            text(encounter, "period.start"),
            expected("AdmitDate"),
            "{key}"
        );
        assert_eq!(
            text(encounter, "period.end"),
            expected("DischargeDate"),
            "{key}"
        );
        let ward = text(encounter, "location[0].location.display");
        assert_eq!(ward.as_deref(), row["Ward"].as_deref(), "{key}");
        ended += usize::from(row["DischargeDate"].is_some());
    }
    assert!(ended > 400, "{ended}");
}

#[tokio::test]
async fn h18_the_stay_of_a_patient_who_does_not_exist_waits_with_all_that_hangs_on_it() {
    let h = day_one().await;
    let keys = h.keys("H18");
    assert_eq!(keys.len(), 2);
    for key in &keys {
        for mapping in [STAY, DIAGNOSIS, "admission-notes"] {
            let outcome = h.mapped.outcome(mapping, *key);
            assert_eq!(fault(outcome), Some("MAP2003"), "{mapping} {key}");
        }
    }
    for (order, row) in h.export.rows("tblMedicine") {
        let stay = row["AdmitID"].as_deref().and_then(|s| s.parse().ok());
        if stay.is_some_and(|s| keys.contains(&s)) {
            let outcome = h
                .mapped
                .outcome("prescription", order.parse().expect("a number"));
            assert_eq!(fault(outcome), Some("MAP2003"), "{order}");
        }
    }
}

/// The bytes of a base64 text, read without the engine.
fn from_base64(text: &str) -> Vec<u8> {
    let value = |c: u8| match c {
        b'A'..=b'Z' => u32::from(c - b'A'),
        b'a'..=b'z' => u32::from(c - b'a') + 26,
        b'0'..=b'9' => u32::from(c - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("not base64"),
    };
    let digits: Vec<u8> = text.bytes().filter(|b| *b != b'=').collect();
    let groups = digits.chunks(4).flat_map(|group| {
        let bits = (0..4).fold(0, |bits, i| {
            bits << 6 | group.get(i).map_or(0, |c| value(*c))
        });
        let [_, bytes @ ..] = bits.to_be_bytes();
        bytes.into_iter().take(group.len() * 6 / 8)
    });
    groups.collect()
}

#[tokio::test]
async fn h19_notes_of_20000_characters_come_through_letter_for_letter() {
    let h = day_one().await;
    for (key, document, outcome) in h.planted_rows("H19", 1, "tblAdmission", "admission-notes") {
        let written = h.raw("tblAdmission", key, "Notes").expect("notes");
        assert!(written.chars().count() > 20_000, "{key}");
        assert!(
            ["\t", "\"", "\r\n", "۔"]
                .iter()
                .all(|c| written.contains(c))
        );
        let data = text(document, "content[0].attachment.data").expect("data");
        let kept = String::from_utf8(from_base64(&data)).expect("UTF-8");
        assert!(kept == written, "{key}: the notes differ");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn all_notes_come_through_letter_for_letter() {
    let h = day_one().await;
    let mut documents = 0;
    for (key, row) in h.export.rows("tblAdmission") {
        let number: i64 = key.parse().expect("a number");
        if h.export.patient_of("tblAdmission", key).is_some() {
            let document = h.mapped.resource("admission-notes", number);
            let data = text(document, "content[0].attachment.data").expect("data");
            let kept = String::from_utf8(from_base64(&data)).expect("UTF-8");
            assert!(
                Some(&*kept) == row["Notes"].as_deref(),
                "{key}: the notes differ"
            );
            documents += 1;
        }
    }
    assert_eq!(documents, 501);
}

const BOUNDS: &str = "dosageInstruction[0].timing.repeat.boundsPeriod";

#[tokio::test]
async fn h20_an_end_that_nobody_noted_is_no_fault() {
    let h = day_one().await;
    for (key, order, outcome) in h.planted_rows("H20", 80, "tblMedicine", "prescription") {
        let started = h.raw("tblMedicine", key, "StartDate");
        let start = text(order, &format!("{BOUNDS}.start"));
        assert_eq!(start.as_deref(), started, "{key}");
        assert_eq!(at(order, &format!("{BOUNDS}.end")), None, "{key}");
        assert_eq!(outcome.warnings, [], "{key}");
    }
}

#[tokio::test]
async fn h21_an_end_before_the_start_is_dropped_and_counted() {
    let h = day_one().await;
    for (key, order, outcome) in h.planted_rows("H21", 3, "tblMedicine", "prescription") {
        let started = h.raw("tblMedicine", key, "StartDate");
        let start = text(order, &format!("{BOUNDS}.start"));
        assert_eq!(start.as_deref(), started, "{key}");
        assert_eq!(at(order, &format!("{BOUNDS}.end")), None, "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn every_order_has_its_drug_dose_frequency_and_route_in_codes() {
    let h = day_one().await;
    let mut orders = 0;
    for (key, row) in h.export.rows("tblMedicine") {
        if h.export.patient_of("tblMedicine", key).is_none() {
            continue;
        }
        let number: i64 = key.parse().expect("a number");
        let order = h.mapped.resource("prescription", number);
        let dosage = |path: &str| text(order, &format!("dosageInstruction[0].{path}"));
        assert_eq!(dosage("text").as_deref(), row["Dose"].as_deref(), "{key}");
        assert!(
            dosage("doseAndRate[0].doseQuantity.value").is_some(),
            "{key}"
        );
        let often = dosage("timing.repeat.frequency").or_else(|| dosage("asNeededBoolean"));
        assert!(often.is_some(), "{key}");
        let route = match row["Route"].as_deref() {
            Some("Inhaled") => "IH",
            Some(known @ ("PO" | "IV")) => known,
            other => panic!("{key}: {other:?}"),
        };
        assert_eq!(
            dosage("route.coding[0].code").as_deref(),
            Some(route),
            "{key}"
        );
        let drug = text(order, "medicationCodeableConcept.text");
        assert_eq!(drug.as_deref(), row["Drug"].as_deref(), "{key}");
        assert!(
            at(order, "medicationCodeableConcept.coding[0]").is_some(),
            "{key}"
        );
        orders += 1;
    }
    assert!(orders > 790, "{orders}");
}
