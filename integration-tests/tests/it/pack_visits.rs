// SPDX-License-Identifier: Apache-2.0
//! M30 to M47: every planted row of `opd_visits` and `prescriptions` comes out as the pack's README decides.

use silsila_mapping::Outcome;

use crate::pack_hospital::{at, coding, text, warned};
use crate::pack_legacy::{day_one, fault};

const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const ATC: &str = "http://www.whocc.no/atc";

/// Every mapping of a visit's row.
const OF_A_VISIT: [&str; 7] = [
    "visit",
    "visit-diagnosis",
    "visit-bp",
    "visit-pulse",
    "visit-temperature",
    "visit-weight",
    "visit-height",
];

#[tokio::test]
async fn m30_a_missing_code_leaves_the_text() {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows("M30", 68, "opd_visits", "visit-diagnosis") {
        assert_eq!(at(condition, "code.coding"), None, "{key}");
        let written = h.raw("opd_visits", key, "diagnosis_text");
        assert_eq!(text(condition, "code.text").as_deref(), written, "{key}");
        assert!(!warned(outcome, "MAP1009"), "{key}");
    }
}

async fn icd10_is_set_right(id: &str, count: usize) {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows(id, count, "opd_visits", "visit-diagnosis") {
        let written = h.raw("opd_visits", key, "icd10").expect("a code");
        let bare = written.to_uppercase().replace('.', "");
        let expected = match bare.split_at(3) {
            (category, "") => category.to_owned(),
            (category, rest) => format!("{category}.{rest}"),
        };
        assert_eq!(
            coding(condition, "code.coding", ICD10),
            Some(expected),
            "{id} {key}"
        );
        assert!(!warned(outcome, "MAP1009"), "{id} {key}");
    }
}

#[tokio::test]
async fn m31_lower_case_codes_are_read() {
    icd10_is_set_right("M31", 68).await;
}

#[tokio::test]
async fn m32_the_dot_is_set() {
    icd10_is_set_right("M32", 127).await;
}

#[tokio::test]
async fn m33_what_is_no_icd10_code_stays_the_hospitals() {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows("M33", 6, "opd_visits", "visit-diagnosis") {
        assert_eq!(coding(condition, "code.coding", ICD10), None, "{key}");
        let local = coding(
            condition,
            "code.coding",
            "https://mirpurkhas.example/ns/diagnosis-code",
        );
        assert_eq!(local.as_deref(), h.raw("opd_visits", key, "icd10"), "{key}");
        let written = h.raw("opd_visits", key, "diagnosis_text");
        assert_eq!(text(condition, "code.text").as_deref(), written, "{key}");
        assert!(warned(outcome, "MAP1009"), "{key}");
    }
}

#[tokio::test]
async fn m34_no_blood_pressure_makes_nothing() {
    let h = day_one().await;
    let keys = h.keys("M34");
    assert_eq!(keys.len(), 68);
    for key in keys {
        let shared = h.patient_of("opd_visits", key).map(|p| h.shared(p));
        let outcome = &h.mapped.outcome("visit-bp", key).outcome;
        match shared {
            Some(true) => assert!(matches!(outcome, Outcome::Empty), "{key}: {outcome:?}"),
            Some(false) => assert!(matches!(outcome, Outcome::NotShared), "{key}: {outcome:?}"),
            None => assert!(
                matches!(outcome, Outcome::Quarantined(_)),
                "{key}: {outcome:?}"
            ),
        }
    }
}

/// The systolic and the diastolic number of a resource.
fn pressures(bp: &silsila_schema::Json) -> (Option<String>, Option<String>) {
    let value = |code| {
        at(bp, "component")?
            .as_array()?
            .iter()
            .find(|c| text(c, "code.coding[0].code").as_deref() == Some(code))
            .and_then(|c| text(c, "valueQuantity.value"))
    };
    (value("8480-6"), value("8462-4"))
}

#[tokio::test]
async fn m35_a_missing_diastolic_pressure_says_so() {
    let h = day_one().await;
    for (key, bp, outcome) in h.planted_rows("M35", 8, "opd_visits", "visit-bp") {
        let written = h.raw("opd_visits", key, "bp").expect("a text");
        let systolic = written.trim_end_matches('/').to_owned();
        assert_eq!(pressures(bp), (Some(systolic), None), "{key}");
        let reason = text(bp, "component[1].dataAbsentReason.coding[0].code");
        assert_eq!(reason.as_deref(), Some("unknown"), "{key}");
        assert_eq!(
            text(bp, "component[1].code.coding[0].code").as_deref(),
            Some("8462-4")
        );
        assert!(warned(outcome, "MAP1011"), "{key}");
    }
}

#[tokio::test]
async fn m36_a_dash_in_a_blood_pressure_is_read() {
    let h = day_one().await;
    for (key, bp, outcome) in h.planted_rows("M36", 3, "opd_visits", "visit-bp") {
        let written = h.raw("opd_visits", key, "bp").expect("a text");
        let (systolic, diastolic) = written.split_once('-').expect("a dash");
        assert_eq!(
            pressures(bp),
            (Some(systolic.into()), Some(diastolic.into())),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1011"), "{key}");
    }
}

#[tokio::test]
async fn m37_a_reversed_blood_pressure_is_exchanged_and_counted() {
    let h = day_one().await;
    for (key, bp, outcome) in h.planted_rows("M37", 2, "opd_visits", "visit-bp") {
        let written = h.raw("opd_visits", key, "bp").expect("a text");
        let (smaller, larger) = written.split_once('/').expect("a stroke");
        assert_eq!(
            pressures(bp),
            (Some(larger.into()), Some(smaller.into())),
            "{key}"
        );
        assert!(warned(outcome, "MAP1011"), "{key}");
    }
}

#[tokio::test]
async fn m38_celsius_in_the_fahrenheit_column_is_celsius() {
    let h = day_one().await;
    let planted = h.keys("M38");
    for (key, temperature, _) in h.planted_rows("M38", 17, "opd_visits", "visit-temperature") {
        assert_eq!(
            text(temperature, "valueQuantity.code").as_deref(),
            Some("Cel"),
            "{key}"
        );
        let written = h.raw("opd_visits", key, "temp_f");
        assert_eq!(
            text(temperature, "valueQuantity.value").as_deref(),
            written,
            "{key}"
        );
    }
    for key in h.numbers("opd_visits").filter(|k| !planted.contains(k)) {
        if let Outcome::Produced(_) = h.mapped.outcome("visit-temperature", key).outcome {
            let other = h.mapped.resource("visit-temperature", key);
            assert_eq!(
                text(other, "valueQuantity.code").as_deref(),
                Some("[degF]"),
                "{key}"
            );
        }
    }
}

#[tokio::test]
async fn m39_who_was_not_weighed_has_no_weight() {
    let h = day_one().await;
    let keys = h.keys("M39");
    assert_eq!(keys.len(), 17);
    for key in keys {
        let shared = h.patient_of("opd_visits", key).map(|p| h.shared(p));
        let outcome = &h.mapped.outcome("visit-weight", key).outcome;
        let expected = match outcome {
            Outcome::Empty => Some(true),
            Outcome::NotShared => Some(false),
            Outcome::Quarantined(_) => None,
            Outcome::Produced(_) => panic!("{key}: a weight of 0"),
        };
        assert_eq!(shared, expected, "{key}");
    }
}

#[tokio::test]
async fn m40_feet_in_the_centimetre_column_become_centimetres_with_a_note() {
    let h = day_one().await;
    for (key, height, _) in h.planted_rows("M40", 25, "opd_visits", "visit-height") {
        let written = h.raw("opd_visits", key, "height_cm").expect("a number");
        let feet: f64 = written.parse().expect("a number");
        let expected = format!("{:.0}", feet * 30.48);
        assert_eq!(text(height, "valueQuantity.value"), Some(expected), "{key}");
        assert_eq!(
            text(height, "valueQuantity.code").as_deref(),
            Some("cm"),
            "{key}"
        );
        let note = text(height, "note[0].text").expect("a note");
        assert!(
            note.contains(written) && note.contains("feet"),
            "{key}: {note}"
        );
    }
}

#[tokio::test]
async fn m41_a_zero_datetime_is_dropped_and_counted() {
    let h = day_one().await;
    let paths = ["period", "recordedDate", "effectiveDateTime"];
    for mapping in OF_A_VISIT {
        for key in h.keys("M41") {
            let patient = h.patient_of("opd_visits", key).expect("a patient");
            assert!(h.shared(patient), "{key}");
            let outcome = h.mapped.outcome(mapping, key);
            if matches!(outcome.outcome, Outcome::Empty) {
                continue; // nothing was measured
            }
            let resource = h.mapped.resource(mapping, key);
            assert!(
                paths.iter().all(|p| at(resource, p).is_none()),
                "{mapping} {key}"
            );
            assert!(warned(outcome, "MAP1004"), "{mapping} {key}");
        }
    }
    assert_eq!(h.planted_rows("M41", 2, "opd_visits", "visit").len(), 2);
}

#[tokio::test]
async fn m42_a_missing_doctor_becomes_a_display() {
    let h = day_one().await;
    for (key, visit, outcome) in h.planted_rows("M42", 6, "opd_visits", "visit") {
        assert_eq!(
            at(visit, "participant[0].individual.reference"),
            None,
            "{key}"
        );
        let display = text(visit, "participant[0].individual.display");
        assert_eq!(display.as_deref(), Some("Not recorded"), "{key}");
        assert!(
            warned(outcome, "MAP1012") && warned(outcome, "MAP1013"),
            "{key}"
        );
    }
}

#[tokio::test]
async fn m43_a_visit_without_a_patient_waits_in_quarantine_with_its_prescriptions() {
    let h = day_one().await;
    let visits = h.keys("M43");
    assert_eq!(visits.len(), 3);
    for visit in &visits {
        for mapping in OF_A_VISIT {
            let outcome = h.mapped.outcome(mapping, *visit);
            assert_eq!(fault(outcome), Some("MAP2003"), "{mapping} {visit}");
            let Outcome::Quarantined(fault) = &outcome.outcome else {
                unreachable!("asserted above");
            };
            assert!(
                fault.withdraws && fault.retry_on_patient,
                "{mapping} {visit}"
            );
        }
    }
    let theirs = h.numbers("prescriptions").filter(|rx| {
        let visit = h
            .raw("prescriptions", *rx, "visit_id")
            .and_then(|v| v.parse().ok());
        visit.is_some_and(|v: i64| visits.contains(&v))
    });
    for rx in theirs {
        assert_eq!(
            fault(h.mapped.outcome("prescription", rx)),
            Some("MAP2003"),
            "{rx}"
        );
    }
}

#[tokio::test]
async fn m44_words_for_how_often_are_read() {
    let h = day_one().await;
    for (key, request, outcome) in h.planted_rows("M44", 86, "prescriptions", "prescription") {
        let written = h.raw("prescriptions", key, "frequency").expect("a text");
        let times = match written {
            "once daily" => "1",
            "bd" | "1-0-1" => "2",
            "tds" => "3",
            other => panic!("{key}: {other}"),
        };
        let repeat = "dosageInstruction[0].timing.repeat";
        assert_eq!(
            text(request, &format!("{repeat}.frequency")).as_deref(),
            Some(times),
            "{key}"
        );
        assert_eq!(
            text(request, &format!("{repeat}.periodUnit")).as_deref(),
            Some("d"),
            "{key}"
        );
        let kept = text(request, "dosageInstruction[0].timing.code.text");
        assert_eq!(kept.as_deref(), Some(written), "{key}");
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m45_a_strength_that_runs_into_the_name_is_no_other_drug() {
    let h = day_one().await;
    for (key, request, outcome) in h.planted_rows("M45", 58, "prescriptions", "prescription") {
        let written = h.raw("prescriptions", key, "drug_name").expect("a name");
        assert!(!written.contains(' '), "{key}: {written}");
        let kept = text(request, "medicationCodeableConcept.text");
        assert_eq!(kept.as_deref(), Some(written), "{key}");
        let drug = "https://mirpurkhas.example/ns/drug";
        let name = coding(request, "medicationCodeableConcept.coding", drug).expect("a drug");
        assert_eq!(
            name.replace(' ', "").to_lowercase(),
            written.to_lowercase(),
            "{key}"
        );
        assert!(name.contains(' '), "{key}: {name}");
        assert!(
            coding(request, "medicationCodeableConcept.coding", ATC).is_some(),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn m46_a_course_of_no_days_has_no_length() {
    let h = day_one().await;
    for (key, request, outcome) in h.planted_rows("M46", 6, "prescriptions", "prescription") {
        let bounds = "dosageInstruction[0].timing.repeat.boundsDuration";
        assert_eq!(at(request, bounds), None, "{key}");
        let words = text(request, "dosageInstruction[0].text").expect("a text");
        assert!(!words.contains("days"), "{key}: {words}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn m47_a_prescription_without_a_visit_waits_in_quarantine() {
    let h = day_one().await;
    let keys = h.keys("M47");
    assert_eq!(keys.len(), 2);
    for key in keys {
        assert_eq!(
            fault(h.mapped.outcome("prescription", key)),
            Some("MAP2003"),
            "{key}"
        );
    }
}
