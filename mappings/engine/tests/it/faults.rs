// SPDX-License-Identifier: Apache-2.0
//! A fault in an optional element drops that element; only a required one quarantines the row.

use silsila_mapping::Outcome;
use silsila_source::Value;

use crate::hospital::{Hospital, PATIENT, body, compile, int, pack, text, warnings, word};

const OBSERVATION: &str = "\
mapping: 1
name: lab
resource: Observation
from: { table: labs, key: [lab_id] }
share: true
when: skip != 1
set:
  subject: ref('patient', patient_id)
  status: status
  code.text: name
  effectiveDateTime: taken
  issued: taken
  valueQuantity.value: value
  valueQuantity.comparator: comparator
  note[0]: \"{'text': note, 'authorReference': {'reference': author}}\"
  component[a].valueInteger: a
  component[a].code.text: a_name
  performer[0]: ref('patient', performer)
  performer[0].display: performer_name
fixed:
  valueQuantity.unit: mg
";

fn map(values: &[(&'static str, Value)]) -> silsila_mapping::RowOutcome {
    let mut all = vec![
        ("lab_id", int(1)),
        ("patient_id", int(7)),
        ("status", text("final")),
        ("name", text("x")),
    ];
    all.retain(|(n, _)| !values.iter().any(|(own, _)| own == n));
    all.extend(values.iter().cloned());
    let hospital = Hospital::default()
        .with("labs", &all)
        .state(int(99), silsila_mapping::RefState::Absent);
    hospital.map(&pack(OBSERVATION), "lab").remove(0)
}

#[test]
fn a_value_that_does_not_fit_drops_its_element_and_what_joined_it() {
    let got = map(&[("value", text("much")), ("taken", text("soon"))]);
    assert_eq!(
        warnings(&got),
        [
            ("MAP1014", "Observation.effectiveDateTime".to_owned()),
            ("MAP1014", "Observation.issued".to_owned()),
            ("MAP1014", "Observation.valueQuantity.value".to_owned()),
        ]
    );
    assert!(!body(&got).contains("valueQuantity"));
    assert_eq!(got.warnings[2].column.as_deref(), Some("value"));
}

#[test]
fn a_code_outside_fhirs_list_drops_its_element() {
    let got = map(&[("value", int(5)), ("comparator", text("about"))]);
    assert_eq!(
        warnings(&got),
        [("MAP1014", "Observation.valueQuantity.comparator".to_owned())]
    );
    assert!(body(&got).contains("\"valueQuantity\":{\"unit\":\"mg\",\"value\":5}"));
}

#[test]
fn a_required_element_without_a_value_quarantines_the_row() {
    let got = map(&[("status", Value::Null)]);
    assert_eq!(word(&got), "MAP2007");
    let Outcome::Quarantined(fault) = &got.outcome else {
        panic!("quarantined")
    };
    assert_eq!(fault.element.as_deref(), Some("Observation.status"));
    assert_eq!(fault.column.as_deref(), Some("status"));
}

#[test]
fn a_required_element_with_a_wrong_value_quarantines_the_row_and_keeps_what_was_committed() {
    let got = map(&[("status", text("done"))]);
    assert_eq!(word(&got), "MAP2007");
    assert_eq!(
        warnings(&got),
        [("MAP1014", "Observation.status".to_owned())]
    );
}

#[test]
fn an_optional_element_that_lacks_a_required_part_is_dropped_whole() {
    let got = map(&[("a", int(5))]);
    assert_eq!(
        warnings(&got),
        [("MAP1014", "Observation.component[0].code".to_owned())]
    );
    assert!(!body(&got).contains("component"));
    assert_eq!(warnings(&map(&[("a", int(5)), ("a_name", text("n"))])), []);
}

#[test]
fn a_fault_inside_a_whole_value_drops_that_value() {
    let got = map(&[("note", text("n")), ("author", text("Nonsense/1"))]);
    assert_eq!(warnings(&got).len(), 1, "{:?}", warnings(&got));
    assert!(!body(&got).contains("note"));
    let got = map(&[("note", text("n"))]);
    assert!(body(&got).contains("\"note\":[{\"text\":\"n\"}]"));
}

#[test]
fn a_reference_to_nobody_leaves_its_display() {
    let got = map(&[("performer", int(99)), ("performer_name", text("Dr X"))]);
    assert_eq!(
        warnings(&got),
        [("MAP1013", "Observation.performer[0]".to_owned())]
    );
    assert!(body(&got).contains("\"performer\":[{\"display\":\"Dr X\"}]"));
    let got = map(&[("performer", Value::Null), ("performer_name", text("Dr X"))]);
    assert_eq!(warnings(&got), []);
}

#[test]
fn a_key_that_is_null_quarantines_and_when_makes_empty() {
    assert_eq!(word(&map(&[("lab_id", Value::Null)])), "MAP2001");
    assert_eq!(word(&map(&[("skip", int(1))])), "empty");
    let wrong = OBSERVATION.replace("when: skip != 1", "when: skip < 1");
    let hospital = Hospital::default().with(
        "labs",
        &[
            ("lab_id", int(1)),
            ("patient_id", int(7)),
            ("skip", text("no")),
        ],
    );
    assert_eq!(word(&hospital.map(&pack(&wrong), "lab")[0]), "MAP2009");
}

#[test]
fn the_same_row_gives_the_same_bytes() {
    let values = [
        ("value", Value::Decimal("7.10".into())),
        ("taken", text("2024-01-02")),
    ];
    let (a, b) = (map(&values), map(&values));
    assert_eq!(body(&a), body(&b));
    assert!(body(&a).contains("\"value\":7.10"));
}

#[test]
fn nothing_that_debug_shows_comes_from_a_row() {
    let got = map(&[("status", text("SECRET")), ("value", text("SECRET"))]);
    let shown = format!("{got:?}");
    assert!(!shown.contains("SECRET"), "{shown}");
}

#[test]
fn meta_source_is_added_beside_what_the_mapping_says() {
    let mapping = PATIENT.replace("set:", "set:\n  meta.profile: \"'http://p.example/x'\"\n");
    let pack = compile(&[("p.yaml", &mapping)]).expect("a pack");
    let hospital = Hospital::default().with(
        "patients",
        &[
            ("patient_id", int(1)),
            ("is_deleted", int(0)),
            ("share_optout", int(0)),
        ],
    );
    let got = hospital.map(&pack, "patient");
    let meta = "\"meta\":{\"profile\":[\"http://p.example/x\"],\"source\":\"https://h.example\"}";
    assert!(body(&got[0]).contains(meta), "{}", body(&got[0]));
}
