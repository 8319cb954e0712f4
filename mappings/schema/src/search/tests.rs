// SPDX-License-Identifier: Apache-2.0
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use super::*;

#[test]
fn what_is_not_offered_is_listed_with_the_reason() {
    let mut by_reason: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for id in &table().resources {
        for left in Plan::compile(*id).1 {
            let what = if left.whole { "left out" } else { "in part" };
            let key = (left.reason, what, left.code);
            by_reason
                .entry(key)
                .or_default()
                .push(table().get(*id).name);
        }
    }
    let mut text = String::new();
    for ((reason, what, code), types) in by_reason {
        let types = match types.len() {
            0..10 => types.join(", "),
            many => format!("{many} types"),
        };
        writeln!(text, "{reason}: {what}: {code} of {types}").unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn parameters_are_sorted_and_their_numbers_mean_one_definition() {
    let mut urls = HashMap::new();
    let mut count = 0;
    for resource_type in crate::resource_types() {
        let params = params(resource_type);
        count += params.len();
        assert!(
            params.is_sorted_by(|a, b| a.code < b.code),
            "{resource_type}"
        );
        for param in params {
            assert_eq!(*urls.entry(param.id).or_insert(param.url), param.url);
        }
        for common in [
            "_id",
            "_lastUpdated",
            "_profile",
            "_security",
            "_source",
            "_tag",
        ] {
            assert!(param(resource_type, common).unwrap().common);
        }
        assert_eq!(params.iter().filter(|param| param.common).count(), 6);
    }
    assert_eq!(count, 2500);
}

#[test]
fn numbers_of_parameters_never_change() {
    let ids = [
        ("Patient", "name"),
        ("Observation", "code"),
        ("Provenance", "target"),
    ]
    .map(|(resource_type, code)| param(resource_type, code).unwrap().id);
    assert_eq!(ids, [976, 1336, 1057]);
}

#[test]
fn the_parameters_that_profiles_demand_are_there() {
    for (resource_type, codes) in [
        (
            "Patient",
            "_id active address address-city birthdate death-date email family gender given identifier mothersMaidenName name phone telecom",
        ),
        (
            "Condition",
            "abatement-date asserter category clinical-status code encounter onset-date patient recorded-date subject",
        ),
        (
            "Observation",
            "category code combo-code component-code date patient status value-quantity",
        ),
        ("DiagnosticReport", "category code date patient status"),
        (
            "DocumentReference",
            "_id category contenttype date patient period status type",
        ),
        (
            "Encounter",
            "_id class date identifier location patient status type",
        ),
        (
            "MedicationRequest",
            "authoredon encounter intent medication patient status",
        ),
        ("AllergyIntolerance", "clinical-status patient"),
        ("Immunization", "date patient status"),
        ("Procedure", "code date patient status"),
        ("ServiceRequest", "authored category code patient status"),
        ("Practitioner", "identifier name"),
        ("PractitionerRole", "practitioner specialty"),
        ("Provenance", "patient recorded target"),
    ] {
        for code in codes.split(' ') {
            assert!(
                param(resource_type, code).is_some(),
                "{resource_type} {code}"
            );
        }
    }
    assert!(param("Patient", "nom").is_none());
    assert!(params("Patiant").is_empty());
}

#[test]
fn targets_are_what_the_element_allows() {
    let targets = |resource_type, code| param(resource_type, code).unwrap().targets.clone();
    assert_eq!(targets("Observation", "patient"), ["Patient"]);
    assert_eq!(
        targets("Observation", "subject"),
        ["Device", "Group", "Location", "Patient"]
    );
    assert_eq!(targets("Immunization", "patient"), ["Patient"]);
    assert!(targets("Patient", "name").is_empty());
}

/// The index values of one parameter, spelled out.
fn values(resource: &str, code: &str) -> Vec<String> {
    let resource = Json::parse(resource.as_bytes()).unwrap();
    let mut values = Vec::new();
    extract(&resource, &mut |param, value| {
        if param.code == code {
            values.push(spell(value));
        }
    });
    values
}

fn spell(value: IndexValue<'_>) -> String {
    let or = |text: Option<&str>| text.unwrap_or("-").to_owned();
    match value {
        IndexValue::Token { system, code, text } => [system, code, text].map(or).join(" "),
        IndexValue::String(text) | IndexValue::Uri(text) => text.to_owned(),
        IndexValue::Date { lo_ms, hi_ms } => format!("{lo_ms}..{hi_ms}"),
        IndexValue::Reference(ReferenceValue::Relative { kind, id }) => format!("{kind} {id}"),
        IndexValue::Reference(ReferenceValue::Absolute(url)) => url.to_owned(),
        IndexValue::Reference(ReferenceValue::Identifier { system, value }) => {
            [system, value].map(or).join("|")
        }
        IndexValue::Quantity {
            value,
            lo,
            hi,
            system,
            code,
            unit,
        } => {
            let named = [value, system, code, unit].map(or).join(" ");
            format!("{lo}..{hi} {named}")
        }
        IndexValue::Number { value, lo, hi } => format!("{lo}..{hi} {}", or(value)),
    }
}

#[track_caller]
fn gives(resource: &str, code: &str, expected: &[&str]) {
    assert_eq!(values(resource, code), expected, "{code}");
}

const PATIENT: &str = r##"{
  "resourceType": "Patient", "id": "p1",
  "meta": {"source": "https://mirpurkhas.example", "tag": [{"system": "urn:t", "code": "x"}]},
  "extension": [
    {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Bhutto"},
    {"url": "urn:other", "valueString": "no"}],
  "identifier": [{"type": {"text": "MR"}, "system": "urn:mr", "value": "44101"}, {"value": "x"}],
  "active": true,
  "name": [{"use": "official", "family": "Soomro", "given": ["Zahida", "Bibi"], "text": "Z"}],
  "telecom": [{"system": "phone", "use": "home", "value": "+92233"}, {"system": "email", "value": "z@x"}],
  "gender": "female", "birthDate": "1970-01",
  "address": [{"use": "home", "line": ["Street 1"], "city": "Mirpurkhas", "country": "PK"}],
  "generalPractitioner": [{"reference": "Practitioner/7/_history/2"}, {"reference": "#c"}],
  "managingOrganization": {"identifier": {"system": "urn:o", "value": "5"}}
}"##;

#[test]
fn a_patient_is_found_by_everything_it_says() {
    gives(PATIENT, "identifier", &["urn:mr 44101 MR", "- x -"]);
    gives(PATIENT, "active", &["- true -"]);
    gives(PATIENT, "name", &["Soomro", "Zahida", "Bibi", "Z"]);
    gives(PATIENT, "given", &["Zahida", "Bibi"]);
    gives(PATIENT, "family", &["Soomro"]);
    gives(PATIENT, "telecom", &["- +92233 -", "- z@x -"]);
    gives(PATIENT, "phone", &["- +92233 -"]);
    gives(PATIENT, "email", &["- z@x -"]);
    gives(
        PATIENT,
        "gender",
        &["http://hl7.org/fhir/administrative-gender female -"],
    );
    gives(PATIENT, "birthdate", &["0..2678399999"]);
    gives(PATIENT, "address", &["Street 1", "Mirpurkhas", "PK"]);
    gives(PATIENT, "address-city", &["Mirpurkhas"]);
    gives(
        PATIENT,
        "address-use",
        &["http://hl7.org/fhir/address-use home -"],
    );
    gives(PATIENT, "general-practitioner", &["Practitioner 7"]);
    gives(PATIENT, "organization", &["urn:o|5"]);
    gives(PATIENT, "mothersMaidenName", &["Bhutto"]);
    gives(PATIENT, "_tag", &["urn:t x -"]);
    gives(PATIENT, "_source", &["https://mirpurkhas.example"]);
    gives(PATIENT, "_id", &[]);
}

#[test]
fn deceased_is_answered_for_every_patient() {
    for (element, expected) in [
        ("\"deceasedBoolean\": true", "- true -"),
        ("\"deceasedBoolean\": false", "- false -"),
        ("\"deceasedDateTime\": \"2020\"", "- true -"),
        ("\"active\": true", "- false -"),
    ] {
        gives(
            &format!("{{\"resourceType\": \"Patient\", {element}}}"),
            "deceased",
            &[expected],
        );
    }
    gives(
        r#"{"resourceType": "Patient", "deceasedDateTime": "1970"}"#,
        "death-date",
        &["0..31535999999"],
    );
    gives(
        r#"{"resourceType": "Patient", "deceasedBoolean": true}"#,
        "death-date",
        &[],
    );
}

const OBSERVATION: &str = r#"{
  "resourceType": "Observation", "status": "final",
  "category": [{"coding": [{"system": "urn:c", "code": "lab", "display": "Laboratory"}], "text": "Lab"}],
  "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
  "subject": {"reference": "https://x.example/fhir/Patient/9"},
  "effectivePeriod": {"start": "1970-01-01T00:00:00Z"},
  "valueQuantity": {"value": 7.10, "comparator": "<", "unit": "mg", "system": "urn:u", "code": "mg"},
  "component": [
    {"code": {"text": "x"}, "valueQuantity": {"value": 120, "unit": "mmHg"}},
    {"code": {"text": "y"}, "valueCodeableConcept": {"coding": [{"code": "z"}]}}]
}"#;

#[test]
fn an_observation_is_found_by_code_patient_date_and_value() {
    gives(
        OBSERVATION,
        "status",
        &["http://hl7.org/fhir/observation-status final -"],
    );
    gives(
        OBSERVATION,
        "category",
        &["urn:c lab Laboratory", "- - Lab"],
    );
    gives(
        OBSERVATION,
        "combo-code",
        &["http://loinc.org 85354-9 -", "- - x", "- - y"],
    );
    gives(
        OBSERVATION,
        "patient",
        &["https://x.example/fhir/Patient/9"],
    );
    gives(
        OBSERVATION,
        "subject",
        &["https://x.example/fhir/Patient/9"],
    );
    gives(OBSERVATION, "date", &["0..9223372036854775807"]);
    gives(
        OBSERVATION,
        "value-quantity",
        &["-inf..7.1 7.10 urn:u mg mg"],
    );
    gives(
        OBSERVATION,
        "component-value-quantity",
        &["120..120 120 - - mmHg"],
    );
    gives(OBSERVATION, "component-value-concept", &["- z -"]);
    gives(OBSERVATION, "value-concept", &[]);
}

#[test]
fn patient_finds_only_references_to_patients() {
    let with =
        |subject: &str| format!(r#"{{"resourceType": "Observation", "subject": {subject}}}"#);
    for (subject, expected) in [
        (r#"{"reference": "Patient/1"}"#, &["Patient 1"][..]),
        (r#"{"reference": "Group/1"}"#, &[]),
        (r#"{"reference": "urn:uuid:1"}"#, &[]),
        (
            r#"{"reference": "urn:uuid:1", "type": "Patient"}"#,
            &["urn:uuid:1"],
        ),
        (
            r#"{"reference": "https://x.example/fhir/Group/9/_history/1"}"#,
            &[],
        ),
        (
            r#"{"reference": "https://x.example/fhir/Patient/9/_history/1"}"#,
            &["https://x.example/fhir/Patient/9/_history/1"],
        ),
        (
            r#"{"identifier": {"value": "5"}, "type": "Patient"}"#,
            &["-|5"],
        ),
        (r#"{"display": "x"}"#, &[]),
    ] {
        gives(&with(subject), "patient", expected);
    }
}

#[test]
fn ranges_money_periods_and_schedules_cover_their_limits() {
    let condition = r#"{"resourceType": "Condition",
        "onsetRange": {"low": {"value": 3, "unit": "a"}}, "abatementAge": {"value": 10, "unit": "a"}}"#;
    gives(condition, "onset-age", &["3..inf - - - a"]);
    gives(condition, "abatement-age", &["10..10 10 - - a"]);
    let invoice = r#"{"resourceType": "Invoice", "totalGross": {"value": 1.5, "currency": "PKR"}}"#;
    gives(
        invoice,
        "totalgross",
        &["1.5..1.5 1.5 urn:iso:std:iso:4217 PKR PKR"],
    );
    let risk = r#"{"resourceType": "RiskAssessment", "prediction": [
        {"probabilityDecimal": 0.5}, {"probabilityRange": {"low": {"value": 1}, "high": {"value": 2}}}]}"#;
    gives(risk, "probability", &["0.5..0.5 0.5", "1..2 -"]);
    let supply = r#"{"resourceType": "Observation", "effectiveTiming": {
        "event": ["1970-01-02", "1970-01-01"], "repeat": {"boundsPeriod": {"start": "1970-01-01", "end": "1970-01-03"}}}}"#;
    gives(supply, "date", &["0..259199999"]);
    let wrong =
        r#"{"resourceType": "Observation", "effectivePeriod": {"start": "1971", "end": "1970"}}"#;
    gives(wrong, "date", &[]);
}

#[test]
fn canonical_references_come_with_and_without_version() {
    let plan = r##"{"resourceType": "CarePlan", "instantiatesCanonical": ["http://x.example/p|2", "#c"]}"##;
    gives(
        plan,
        "instantiates-canonical",
        &["http://x.example/p|2", "http://x.example/p"],
    );
}

#[test]
fn what_is_not_a_resource_gives_nothing() {
    for text in [
        "1",
        "{}",
        r#"{"resourceType": "Patiant", "id": "1"}"#,
        r#"{"resourceType": 1}"#,
    ] {
        assert!(values(text, "_tag").is_empty());
    }
    let odd = r#"{"resourceType": "Patient", "name": "x", "birthDate": 5, "gender": {"a": 1}, "active": "true"}"#;
    for code in ["name", "birthdate", "gender", "active"] {
        gives(odd, code, &[]);
    }
}

#[test]
fn debug_of_a_value_does_not_show_it() {
    assert_eq!(format!("{:?}", IndexValue::String("Soomro")), "string");
}
