// SPDX-License-Identifier: Apache-2.0
//! Resources with one known fault each. A validator that finds nothing in these would find nothing in ours.

use anyhow::{Context, Result, bail};

use crate::judge::{Judge, Remarks};

/// What must be said, and of what.
const FAULTS: [(&str, &str); 18] = [
    (
        "required ValueSet",
        r#"{"resourceType":"Patient","gender":"boy"}"#,
    ),
    (
        "Unrecognized property",
        r#"{"resourceType":"Patient","nickname":"x"}"#,
    ),
    (
        "Not a valid date",
        r#"{"resourceType":"Patient","birthDate":"2020-02-30"}"#,
    ),
    (
        "pat-1",
        r#"{"resourceType":"Patient","contact":[{"relationship":[{"text":"father"}]}]}"#,
    ),
    (
        "Type mismatch",
        r#"{"resourceType":"Patient","active":"yes"}"#,
    ),
    (
        "at most 1",
        r#"{"resourceType":"Patient","gender":["male","female"]}"#,
    ),
    ("Empty array", r#"{"resourceType":"Patient","name":[]}"#),
    (
        "Observation.status",
        r#"{"resourceType":"Observation","code":{"text":"x"}}"#,
    ),
    (
        "obs-6",
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"a","dataAbsentReason":{"text":"b"}}"#,
    ),
    (
        "Observation.value[x]",
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"valueString":"a","valueInteger":1}"#,
    ),
    (
        "not a valid Target",
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"},"subject":{"reference":"Practitioner/1"}}"#,
    ),
    (
        "Encounter.class",
        r#"{"resourceType":"Encounter","status":"finished"}"#,
    ),
    (
        "per-1",
        r#"{"resourceType":"Encounter","status":"finished","class":{"code":"AMB"},"period":{"start":"2025-01-02","end":"2025-01-01"}}"#,
    ),
    (
        "Unknown code",
        r#"{"resourceType":"Condition","subject":{"reference":"Patient/1"},"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"maybe"}]}}"#,
    ),
    (
        "Condition.subject",
        r#"{"resourceType":"Condition","code":{"text":"x"}}"#,
    ),
    (
        "ait-1",
        r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/1"}}"#,
    ),
    (
        "MedicationRequest.intent",
        r#"{"resourceType":"MedicationRequest","status":"active","medicationCodeableConcept":{"text":"x"},"subject":{"reference":"Patient/1"}}"#,
    ),
    (
        "required ValueSet",
        r#"{"resourceType":"Procedure","status":"done","subject":{"reference":"Patient/1"}}"#,
    ),
];

/// Asks about each of them.
pub fn must_be_found(judge: &Judge) -> Result<()> {
    for (expected, text) in FAULTS {
        let resource = serde_json::from_str(text).context(text)?;
        let mut remarks = Remarks::default();
        judge.look(&resource, &mut remarks)?;
        let mut errors = remarks
            .iter()
            .filter(|(remark, _)| remark.severity == "error");
        if !errors.any(|(remark, _)| remark.says.contains(expected)) {
            bail!("the validator does not find {expected:?} in {text}");
        }
    }
    println!(
        "the validator finds all {} faults made for it",
        FAULTS.len()
    );
    Ok(())
}
