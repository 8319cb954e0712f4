// SPDX-License-Identifier: Apache-2.0
//! K14 to K19, K27 to K31 and K33: every planted row of encounters and of what was found, ordered and done in
//! them comes out as the pack's README decides.

use silsila_mapping::Outcome;

use crate::karachi_hospital::day_one;
use crate::pack_hospital::{at, coding, text, warned};
use crate::pack_legacy::fault;

const ICD10: &str = "http://hl7.org/fhir/sid/icd-10";
const ATC: &str = "http://www.whocc.no/atc";
const SNOMED: &str = "http://snomed.info/sct";

/// A time of a `datetime2` column, which is UTC, as FHIR writes it.
fn utc(written: &str) -> String {
    format!("{}Z", written[..19].replace(' ', "T"))
}

#[tokio::test]
async fn k14_whether_a_visit_without_an_end_goes_on_is_unknown() {
    let h = day_one().await;
    for (key, visit, outcome) in h.planted_rows("K14", 33, "Encounter", "encounter") {
        assert_eq!(text(visit, "status").as_deref(), Some("unknown"), "{key}");
        assert_eq!(at(visit, "period.end"), None, "{key}");
        assert!(!warned(outcome, "MAP1019"), "{key}");
    }
    let reversed = h.keys("K15", 2);
    for (key, row) in h.legacy.rows("Encounter") {
        if let Outcome::Produced(_) = h.mapped.outcome("encounter", key).outcome {
            let visit = h.mapped.resource("encounter", key);
            let start = row["StartUtc"].as_deref().map(utc);
            assert_eq!(text(visit, "period.start"), start, "{key}");
            let end = row["EndUtc"].as_deref().map(utc);
            let status = if end.is_some() { "finished" } else { "unknown" };
            assert_eq!(text(visit, "status").as_deref(), Some(status), "{key}");
            if !reversed.contains(&key) {
                assert_eq!(text(visit, "period.end"), end, "{key}");
            }
        }
    }
}

#[tokio::test]
async fn k15_an_end_before_the_start_is_dropped_and_counted() {
    let h = day_one().await;
    for (key, visit, outcome) in h.planted_rows("K15", 2, "Encounter", "encounter") {
        assert_eq!(at(visit, "period.end"), None, "{key}");
        assert!(at(visit, "period.start").is_some(), "{key}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
}

#[tokio::test]
async fn k16_a_visit_of_nobody_waits_with_its_diagnoses_and_leaves_the_rest_without_it() {
    let h = day_one().await;
    for visit in h.keys("K16", 2) {
        let outcome = h.mapped.outcome("encounter", visit);
        let Outcome::Quarantined(why) = &outcome.outcome else {
            panic!("{visit}: {:?}", outcome.outcome);
        };
        assert_eq!(why.code, "MAP2003", "{visit}");
        assert!(why.withdraws && why.retry_on_patient, "{visit}");
        for (table, mapping) in [("Diagnosis", "diagnosis"), ("Procedure", "procedure")] {
            for key in h.legacy.with(table, "EncounterId", visit) {
                let outcome = h.mapped.outcome(mapping, key);
                assert_eq!(fault(outcome), Some("MAP2003"), "{mapping} {key}");
            }
        }
        let mut kept = 0;
        for (table, mapping) in [
            ("Observation", "observation"),
            ("Observation", "blood-pressure"),
            ("MedicationOrder", "medication-order"),
        ] {
            let keys = h.legacy.with(table, "EncounterId", visit);
            for key in keys {
                let outcome = h.mapped.outcome(mapping, key);
                if let Outcome::Produced(_) = outcome.outcome {
                    let resource = h.mapped.resource(mapping, key);
                    assert_eq!(at(resource, "encounter"), None, "{mapping} {key}");
                    assert!(warned(outcome, "MAP1012"), "{mapping} {key}");
                    kept += 1;
                }
            }
        }
        assert!(kept >= 4, "{visit}: {kept}");
    }
}

#[tokio::test]
async fn everything_else_names_its_encounter() {
    let h = day_one().await;
    let lost = h.keys("K16", 2);
    let mut named = 0;
    for (table, mapping) in [
        ("Observation", "observation"),
        ("Observation", "blood-pressure"),
        ("MedicationOrder", "medication-order"),
        ("Diagnosis", "diagnosis"),
        ("Procedure", "procedure"),
    ] {
        for (key, row) in h.legacy.rows(table) {
            let visit = row["EncounterId"].as_deref().expect("NOT NULL");
            let outcome = &h.mapped.outcome(mapping, key).outcome;
            if !lost.contains(&visit) && matches!(outcome, Outcome::Produced(_)) {
                let resource = h.mapped.resource(mapping, key);
                let id = text(h.mapped.resource("encounter", visit), "id");
                let expected = id.map(|id| format!("Encounter/{id}"));
                assert_eq!(
                    text(resource, "encounter.reference"),
                    expected,
                    "{mapping} {key}"
                );
                named += 1;
            }
        }
    }
    assert!(named > 5_000, "{named}");
}

/// The rank that a diagnosis may claim, worked out from the flags of its encounter.
fn rank(h: &crate::karachi_hospital::DayOne, key: &str) -> Option<&'static str> {
    let visit = h.raw("Diagnosis", key, "EncounterId").expect("NOT NULL");
    let all = h.legacy.with("Diagnosis", "EncounterId", visit);
    let primary = |key: &&str| h.raw("Diagnosis", key, "IsPrimary") == Some("1");
    if all.iter().filter(|key| primary(key)).count() != 1 {
        return None;
    }
    Some(if primary(&key) {
        "primary"
    } else {
        "secondary"
    })
}

async fn unranked(id: &str) {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows(id, 3, "Diagnosis", "diagnosis") {
        assert_eq!(rank(h, key), None, "{id} {key}: planted so");
        assert_eq!(at(condition, "category[1]"), None, "{id} {key}");
        assert!(warned(outcome, "MAP1019"), "{id} {key}");
    }
}

#[tokio::test]
async fn k17_without_a_primary_diagnosis_nothing_is_ranked() {
    unranked("K17").await;
}

#[tokio::test]
async fn k33_of_two_primary_diagnoses_neither_is_ranked() {
    unranked("K33").await;
}

#[tokio::test]
async fn every_other_diagnosis_has_the_rank_that_its_row_says() {
    let h = day_one().await;
    for (key, _) in h.legacy.rows("Diagnosis") {
        if let Outcome::Produced(_) = h.mapped.outcome("diagnosis", key).outcome {
            let condition = h.mapped.resource("diagnosis", key);
            let got = text(condition, "category[1].coding[0].code");
            assert_eq!(got.as_deref(), rank(h, key), "{key}");
            let first = text(condition, "category[0].coding[0].code");
            assert_eq!(first.as_deref(), Some("encounter-diagnosis"), "{key}");
        }
    }
}

#[tokio::test]
async fn k18_a_trailing_space_is_no_part_of_a_code() {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows("K18", 4, "Diagnosis", "diagnosis") {
        let written = h.raw("Diagnosis", key, "Icd10").expect("a code");
        assert!(written.ends_with(' '), "{key}");
        let code = coding(condition, "code.coding", ICD10);
        assert_eq!(code.as_deref(), Some(written.trim()), "{key}");
        assert!(!warned(outcome, "MAP1009"), "{key}");
    }
}

#[tokio::test]
async fn k19_a_dagger_stays_in_the_text_alone() {
    let h = day_one().await;
    for (key, condition, outcome) in h.planted_rows("K19", 2, "Diagnosis", "diagnosis") {
        assert_eq!(
            coding(condition, "code.coding", ICD10).as_deref(),
            Some("A17.0")
        );
        assert_eq!(
            text(condition, "code.text").as_deref(),
            Some("A17.0+"),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1009"), "{key}");
    }
}

#[tokio::test]
async fn k27_other_words_for_the_status_are_read() {
    let h = day_one().await;
    for (key, order, outcome) in h.planted_rows("K27", 113, "MedicationOrder", "medication-order") {
        let written = h.raw("MedicationOrder", key, "Status").expect("a word");
        let expected = Some(written.to_lowercase());
        assert_eq!(text(order, "status"), expected, "{key}");
        assert_ne!(text(order, "status").as_deref(), Some(written), "{key}");
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn k28_a_drug_of_the_formulary_has_its_code() {
    let h = day_one().await;
    for (key, order, _) in h.planted_rows("K28", 113, "MedicationOrder", "medication-order") {
        let name = h.raw("MedicationOrder", key, "DrugName").expect("a name");
        let others = h.legacy.with("MedicationOrder", "DrugName", name);
        let known = others
            .iter()
            .find_map(|other| h.raw("MedicationOrder", other, "AtcCode"));
        let code = coding(order, "medicationCodeableConcept.coding", ATC);
        assert_eq!(
            code.as_deref(),
            known,
            "{key}: as in every other order of it"
        );
        let kept = text(order, "medicationCodeableConcept.text");
        assert_eq!(kept.as_deref(), Some(name), "{key}");
    }
}

#[tokio::test]
async fn every_order_has_a_dose_and_a_course() {
    let h = day_one().await;
    for (key, row) in h.legacy.rows("MedicationOrder") {
        if let Outcome::Produced(_) = h.mapped.outcome("medication-order", key).outcome {
            let order = h.mapped.resource("medication-order", key);
            let written = row["DoseText"].as_deref().expect("a text");
            let kept = text(order, "dosageInstruction[0].text");
            assert_eq!(kept.as_deref(), Some(written), "{key}");
            let days = written.rsplit(' ').nth(1).expect("so many days");
            let bounds = "dosageInstruction[0].timing.repeat.boundsDuration.value";
            assert_eq!(text(order, bounds).as_deref(), Some(days), "{key}");
            let amount = "dosageInstruction[0].doseAndRate[0].doseQuantity.value";
            let expected = written.split(' ').next();
            assert_eq!(text(order, amount).as_deref(), expected, "{key}");
        }
    }
}

#[tokio::test]
async fn k29_an_allergy_without_a_code_gets_one_where_the_table_may_hold_it() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("K29", 4, "AllergyIntolerance", "allergy") {
        let written = h.raw("AllergyIntolerance", key, "Display").expect("a text");
        let expected = match written {
            "Allergy to penicillin" => Some("91936005"),
            "Allergy to sulfonamide" => None,
            other => panic!("{key}: {other}"),
        };
        let code = coding(allergy, "code.coding", SNOMED);
        assert_eq!(code.as_deref(), expected, "{key}");
        assert_eq!(
            text(allergy, "code.text").as_deref(),
            Some(written),
            "{key}"
        );
        let own = coding(
            allergy,
            "code.coding",
            "https://karachi.example/ns/allergen",
        );
        assert!(own.is_some(), "{key}");
        assert!(outcome.warnings.is_empty(), "{key}");
    }
}

#[tokio::test]
async fn codes_that_the_hospital_recorded_are_passed_on() {
    let h = day_one().await;
    for (table, mapping) in [
        ("AllergyIntolerance", "allergy"),
        ("Procedure", "procedure"),
    ] {
        let mut seen = 0;
        for (key, row) in h.legacy.rows(table) {
            let produced = matches!(h.mapped.outcome(mapping, key).outcome, Outcome::Produced(_));
            if let (true, Some(written)) = (produced, row["SnomedCode"].as_deref()) {
                let resource = h.mapped.resource(mapping, key);
                let code = coding(resource, "code.coding", SNOMED);
                assert_eq!(code.as_deref(), Some(written), "{mapping} {key}");
                seen += 1;
            }
        }
        assert!(seen > 50, "{mapping}: {seen}");
    }
}

#[tokio::test]
async fn k30_other_words_for_the_criticality_are_read() {
    let h = day_one().await;
    for (key, allergy, outcome) in h.planted_rows("K30", 4, "AllergyIntolerance", "allergy") {
        let written = h.raw("AllergyIntolerance", key, "Criticality");
        assert!(matches!(written, Some("High" | "H")), "{key}");
        assert_eq!(
            text(allergy, "criticality").as_deref(),
            Some("high"),
            "{key}"
        );
        assert!(!warned(outcome, "MAP1001"), "{key}");
    }
}

#[tokio::test]
async fn k31_a_procedure_without_a_time_is_not_known_to_be_done() {
    let h = day_one().await;
    for (key, procedure, outcome) in h.planted_rows("K31", 3, "Procedure", "procedure") {
        assert_eq!(
            text(procedure, "status").as_deref(),
            Some("unknown"),
            "{key}"
        );
        assert_eq!(at(procedure, "performedDateTime"), None, "{key}");
        assert!(outcome.warnings.is_empty(), "{key}");
    }
}
