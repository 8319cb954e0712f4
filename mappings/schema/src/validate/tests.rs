// SPDX-License-Identifier: Apache-2.0
//! One mutation of a valid resource per rule, each found at its place.

use super::*;
use crate::primitive::Primitive;

const PATIENT: &str = r##"{
  "resourceType": "Patient", "id": "p1",
  "meta": {"profile": ["http://mirpurkhas.example/Patient"]},
  "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">p</div>"},
  "contained": [{"resourceType": "Organization", "id": "o1", "name": "Clinic"}],
  "extension": [{"url": "http://mirpurkhas.example/caste", "valueString": "x"}],
  "identifier": [{"system": "urn:oid:2.16.586", "value": "44101"}],
  "active": true,
  "name": [{"family": "Soomro", "given": ["Zahida", null],
            "_given": [null, {"extension": [{"url": "urn:x", "valueCode": "masked"}]}]}],
  "gender": "female",
  "birthDate": "1974-12-25",
  "_birthDate": {"id": "b"},
  "deceasedBoolean": false,
  "multipleBirthInteger": 2,
  "contact": [{"gender": "male", "name": {"text": "x"}}],
  "communication": [{"language": {"text": "Sindhi"}}],
  "generalPractitioner": [{"reference": "Practitioner/1/_history/2", "type": "Practitioner"},
                          {"reference": "#o1"}],
  "managingOrganization": {"reference": "https://mirpurkhas.example/fhir/Organization/1"}
}"##;

const OBSERVATION: &str = r#"{
  "resourceType": "Observation", "status": "final",
  "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]},
  "effectiveDateTime": "2024-02-29T10:00:00+05:00",
  "valueQuantity": {"value": 7.10, "unit": "mg"},
  "component": [{"code": {"text": "x"}, "valueInteger": 3}]
}"#;

/// Replaces a piece of a valid resource and expects exactly these faults.
#[track_caller]
fn mutate(resource: &str, from: &str, to: &str, expected: &[(&str, FaultRule)]) {
    assert_eq!(resource.matches(from).count(), 1, "{from} stands once");
    let mutated = resource.replacen(from, to, 1);
    let faults = validate(&Json::parse(mutated.as_bytes()).unwrap());
    let found: Vec<_> = faults.iter().map(|f| (f.path.as_str(), f.rule)).collect();
    assert_eq!(found, expected);
}

fn patient(from: &str, to: &str, path: &str, rule: FaultRule) {
    mutate(PATIENT, from, to, &[(path, rule)]);
}

fn observation(from: &str, to: &str, path: &str, rule: FaultRule) {
    mutate(OBSERVATION, from, to, &[(path, rule)]);
}

#[test]
fn valid_resources_have_no_fault() {
    mutate(PATIENT, "1974-12-25", "1974-12", &[]);
    mutate(OBSERVATION, "7.10", "7.1e0", &[]);
}

#[test]
fn what_is_not_a_resource_is_named() {
    let rule = FaultRule::ResourceType;
    patient(r#""Patient", "id""#, r#""Pateint", "id""#, "Resource", rule);
    patient(r#""resourceType": "Patient", "#, "", "Resource", rule);
    let unresolved = FaultRule::ReferenceTarget;
    mutate(
        PATIENT,
        r#""Organization", "id""#,
        r#""HumanName", "id""#,
        &[
            ("Patient.contained[0]", rule),
            ("Patient.generalPractitioner[1].reference", unresolved),
        ],
    );
    for text in ["1", "null", "[]", "{}", "\"Patient\""] {
        let faults = validate(&Json::parse(text.as_bytes()).unwrap());
        assert_eq!((faults.len(), faults[0].rule), (1, rule), "{text}");
    }
}

#[test]
fn unknown_elements_are_found() {
    let rule = FaultRule::UnknownElement;
    patient(
        r#""family""#,
        r#""surname""#,
        "Patient.name[0].surname",
        rule,
    );
    patient(
        r#""_birthDate""#,
        r#""_contact2""#,
        "Patient._contact2",
        rule,
    );
    patient(
        r#""active""#,
        r#""Zahida Soomro""#,
        "Patient.(unnamed)",
        rule,
    );
    patient(
        r#""gender": "male""#,
        r#""resourceType": "Patient""#,
        "Patient.contact[0].resourceType",
        rule,
    );
    patient(
        r#"{"text": "Sindhi"}"#,
        r#"{"text": "x"}, "_language": {"id": "x"}"#,
        "Patient.communication[0]._language",
        rule,
    );
    observation(
        r#""valueQuantity""#,
        r#""valueMoney""#,
        "Observation.valueMoney",
        rule,
    );
    observation(
        r#""valueInteger": 3"#,
        r#""value": 3"#,
        "Observation.component[0].value",
        rule,
    );
}

#[test]
fn wrong_json_types_are_found() {
    let shape = |expected| FaultRule::Shape { expected };
    patient("true", "\"true\"", "Patient.active", shape("true or false"));
    patient(
        r#""1974-12-25""#,
        "1974",
        "Patient.birthDate",
        shape("a string"),
    );
    patient(r#""female""#, "null", "Patient.gender", shape("a string"));
    patient(
        r#"{"text": "Sindhi"}"#,
        "\"sd\"",
        "Patient.communication[0].language",
        shape("an object"),
    );
    patient(
        r#"{"id": "b"}"#,
        "\"b\"",
        "Patient._birthDate",
        shape("an object"),
    );
    observation(
        "7.10",
        "\"7.10\"",
        "Observation.valueQuantity.value",
        shape("a number"),
    );
}

#[test]
fn cardinality_is_held() {
    observation(
        r#""status": "final","#,
        "",
        "Observation.status",
        FaultRule::Missing,
    );
    observation(
        r#""code": {"text": "x"}, "#,
        "",
        "Observation.component[0].code",
        FaultRule::Missing,
    );
    patient(
        r#"{"language": {"text": "Sindhi"}}"#,
        r#"{"preferred": true}"#,
        "Patient.communication[0].language",
        FaultRule::Missing,
    );
    patient(
        r#"[{"system": "urn:oid:2.16.586", "value": "44101"}]"#,
        r#"{"value": "44101"}"#,
        "Patient.identifier",
        FaultRule::NotArray,
    );
    patient(
        r#""Soomro""#,
        r#"["Soomro"]"#,
        "Patient.name[0].family",
        FaultRule::Repeated,
    );
    patient(
        r#"{"id": "b"}"#,
        r#"[{"id": "b"}]"#,
        "Patient._birthDate",
        FaultRule::Repeated,
    );
    mutate(
        r#"{"resourceType": "MedicationRequest", "status": "active", "intent": "order",
            "subject": {"display": "x"}, "medicationCodeableConcept": {"text": "x"}}"#,
        r#", "medicationCodeableConcept": {"text": "x"}"#,
        "",
        &[("MedicationRequest.medication[x]", FaultRule::Missing)],
    );
}

#[test]
fn one_type_of_a_choice_at_most() {
    patient(
        r#""deceasedBoolean": false"#,
        r#""deceasedBoolean": false, "deceasedDateTime": "2020""#,
        "Patient.deceasedDateTime",
        FaultRule::Choice,
    );
    patient(
        r#""deceasedBoolean": false"#,
        r#""deceasedBoolean": false, "_deceasedDateTime": {"id": "x"}"#,
        "Patient._deceasedDateTime",
        FaultRule::Choice,
    );
    mutate(
        PATIENT,
        r#""deceasedBoolean": false"#,
        r#""deceasedBoolean": false, "_deceasedBoolean": {"id": "x"}"#,
        &[],
    );
}

#[test]
fn primitives_keep_their_syntax() {
    let rule = |primitive| FaultRule::Primitive { primitive };
    patient(
        "1974-12-25",
        "1974-02-30",
        "Patient.birthDate",
        rule(Primitive::Date),
    );
    patient(r#""p1""#, r#""p 1""#, "Patient.id", rule(Primitive::Id));
    patient(
        "urn:oid:2.16.586",
        "urn oid",
        "Patient.identifier[0].system",
        rule(Primitive::Uri),
    );
    patient(
        "44101",
        "44\\u0000101",
        "Patient.identifier[0].value",
        rule(Primitive::String),
    );
    patient(
        "Integer\": 2",
        "Integer\": 2.0",
        "Patient.multipleBirthInteger",
        rule(Primitive::Integer),
    );
    observation(
        "+05:00",
        "",
        "Observation.effectiveDateTime",
        rule(Primitive::DateTime),
    );
    observation(
        "2024-02-29",
        "2023-02-29",
        "Observation.effectiveDateTime",
        rule(Primitive::DateTime),
    );
    patient(
        ">p<",
        "><script>x</script><",
        "Patient.text.div",
        FaultRule::Narrative,
    );
}

#[test]
fn required_codes_come_from_their_value_set() {
    let rule = |set| FaultRule::Binding { value_set: set };
    let gender = rule("http://hl7.org/fhir/ValueSet/administrative-gender");
    patient("\"female\"", "\"F\"", "Patient.gender", gender);
    patient("\"male\"", "\"Male\"", "Patient.contact[0].gender", gender);
    let status = rule("http://hl7.org/fhir/ValueSet/observation-status");
    observation("final", "finished", "Observation.status", status);
    let allergy = r#"{"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/1"},
        "clinicalStatus": {"coding": [{"system": "urn:local", "code": "A"},
            {"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}}"#;
    let clinical = rule("http://hl7.org/fhir/ValueSet/allergyintolerance-clinical");
    for wrong in ["\"code\": \"on\"", "\"display\": \"active\""] {
        let expected = [("AllergyIntolerance.clinicalStatus", clinical)];
        mutate(allergy, "\"code\": \"active\"", wrong, &expected);
    }
    mutate(allergy, "active", "resolved", &[]);
}

#[test]
fn references_lead_to_allowed_types() {
    let target = FaultRule::ReferenceTarget;
    let first = "Patient.generalPractitioner[0].reference";
    mutate(
        PATIENT,
        r#"Practitioner/1/_history/2", "type": "Practitioner""#,
        r#"Device/1", "type": "Device""#,
        &[
            (first, target),
            ("Patient.generalPractitioner[0].type", target),
        ],
    );
    patient(
        "/1/_history/2\", \"type\": \"Practitioner\"",
        "Nurse/1\"",
        first,
        target,
    );
    patient(
        "\"type\": \"Practitioner\"",
        "\"type\": \"Organization\"",
        "Patient.generalPractitioner[0].type",
        target,
    );
    patient(
        "\"#o1\"",
        "\"#o2\"",
        "Patient.generalPractitioner[1].reference",
        FaultRule::ReferenceContained,
    );
    patient(
        "\"Organization\", \"id\": \"o1\"",
        "\"Location\", \"id\": \"o1\"",
        "Patient.generalPractitioner[1].reference",
        target,
    );
    mutate(
        PATIENT,
        "Practitioner/1/_history/2",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        &[],
    );
}

#[test]
fn nothing_is_empty() {
    patient(
        "\"Soomro\"",
        "\"\"",
        "Patient.name[0].family",
        FaultRule::Empty,
    );
    patient(
        r#"{"text": "Sindhi"}"#,
        "{}",
        "Patient.communication[0].language",
        FaultRule::Empty,
    );
    patient(
        r#"["http://mirpurkhas.example/Patient"]"#,
        "[]",
        "Patient.meta.profile",
        FaultRule::Empty,
    );
    patient(
        r#"{"id": "b"}"#,
        "{}",
        "Patient._birthDate",
        FaultRule::Empty,
    );
}

#[test]
fn primitives_and_their_extensions_lie_side_by_side() {
    let rule = FaultRule::Sibling;
    patient(
        r#""Zahida", null"#,
        r#""Zahida", "x", "y""#,
        "Patient.name[0]._given",
        rule,
    );
    mutate(
        PATIENT,
        r#"[null, {"extension": [{"url": "urn:x", "valueCode": "masked"}]}]"#,
        r#"[{"id": "x"}, null]"#,
        &[("Patient.name[0].given[1]", rule)],
    );
    mutate(
        PATIENT,
        r#""given": ["Zahida", null],"#,
        "",
        &[("Patient.name[0]._given[0]", rule)],
    );
}

#[test]
fn extensions_have_a_value_or_extensions() {
    let rule = FaultRule::Extension;
    patient(r#", "valueString": "x""#, "", "Patient.extension[0]", rule);
    patient(
        r#", "valueString": "x""#,
        r#", "valueString": "x", "extension": [{"url": "y", "valueBoolean": true}]"#,
        "Patient.extension[0]",
        rule,
    );
    patient(
        r#""url": "http://mirpurkhas.example/caste", "#,
        "",
        "Patient.extension[0].url",
        FaultRule::Missing,
    );
    mutate(
        PATIENT,
        r#", "valueString": "x""#,
        r#", "_valueString": {"id": "y"}"#,
        &[],
    );
}

#[test]
fn contained_resources_are_checked_and_contain_nothing() {
    patient(
        "\"name\": \"Clinic\"",
        "\"nom\": \"Clinic\"",
        "Patient.contained[0].nom",
        FaultRule::UnknownElement,
    );
    patient(
        "\"name\": \"Clinic\"",
        r#""contained": [{"resourceType": "Basic", "code": {"text": "x"}}]"#,
        "Patient.contained[0].contained",
        FaultRule::Contained,
    );
}

#[test]
fn resources_in_a_bundle_are_checked_each_with_its_own_contained() {
    let bundle = format!(
        r#"{{"resourceType": "Bundle", "type": "collection", "entry": [{{"resource": {PATIENT}}}]}}"#
    );
    mutate(&bundle, "\"female\"", "\"female\"", &[]);
    let path = "Bundle.entry[0].resource.generalPractitioner[1].reference";
    mutate(
        &bundle,
        "\"#o1\"",
        "\"#o2\"",
        &[(path, FaultRule::ReferenceContained)],
    );
}

#[test]
fn several_faults_are_all_reported_up_to_a_limit() {
    let many = format!(
        r#"{{"resourceType": "Patient", "gender": "x", "name": [{}]}}"#,
        vec!["{}"; 1000].join(",")
    );
    let faults = validate(&Json::parse(many.as_bytes()).unwrap());
    assert_eq!(faults.len(), MAX_FAULTS);
    assert_eq!(faults[0].path, "Patient.gender");
    assert_eq!(faults[99].path, "Patient.name[98]");
}

#[test]
fn a_fault_says_place_and_rule_without_the_value() {
    let text = PATIENT.replace("\"female\"", "\"Zahida\"");
    let faults = validate(&Json::parse(text.as_bytes()).unwrap());
    assert_eq!(
        faults[0].to_string(),
        "Patient.gender: the code is not in the required value set \
         http://hl7.org/fhir/ValueSet/administrative-gender"
    );
    assert_eq!(faults[0].code, "SCH0008");
}
