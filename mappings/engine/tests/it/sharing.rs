// SPDX-License-Identifier: Apache-2.0
//! Sharing fails closed: a test per clause.

use silsila_mapping::RefState;
use silsila_source::{Column, ColumnKind, Schema, Table, Value};

use crate::hospital::{Hospital, PATIENT, compile, int, pack, text, word};

const VISIT: &str = "\
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id] }
lookup: { patient: { table: patients, on: { patient_id: patient_id } } }
share: SHARE
set:
  status: \"'finished'\"
  class.code: \"'AMB'\"
  subject: ref('patient', patient_id)
";

fn visit(share: &str) -> String {
    VISIT.replace("SHARE", share)
}

#[track_caller]
fn check(share: &str, patient: Option<&[(&'static str, Value)]>, expect: &str) {
    let mut hospital =
        Hospital::default().with("visits", &[("visit_id", int(1)), ("patient_id", int(7))]);
    if let Some(patient) = patient {
        hospital = hospital.with("patients", patient);
    }
    let got = hospital.map(&pack(&visit(share)), "visit");
    assert_eq!(word(&got[0]), expect, "{share}");
}

const FLAGS: &str = "patient.is_deleted == 0 and patient.share_optout == 0";

#[test]
fn only_exactly_true_is_shared() {
    let patient = |deleted: Value, optout: Value| {
        [
            ("patient_id", int(7)),
            ("is_deleted", deleted),
            ("share_optout", optout),
        ]
    };
    check(FLAGS, Some(&patient(int(0), int(0))), "produced");
    check(FLAGS, Some(&patient(int(0), int(1))), "not shared");
    check(FLAGS, Some(&patient(int(1), int(0))), "not shared");
    check("1", Some(&patient(int(0), int(0))), "MAP2002 withdraws");
    check(
        "\"'true'\"",
        Some(&patient(int(0), int(0))),
        "MAP2002 withdraws",
    );
    check("none", Some(&patient(int(0), int(0))), "not shared");
}

#[test]
fn a_null_flag_is_never_shared_however_the_condition_is_written() {
    let patient = [
        ("patient_id", int(7)),
        ("is_deleted", int(0)),
        ("share_optout", Value::Null),
    ];
    for share in [
        FLAGS,
        "patient.share_optout != 1",
        "not (patient.share_optout == 1)",
        "patient.share_optout not in [1]",
        "not patient.share_optout",
        "false if patient.share_optout == 1 else true",
    ] {
        check(share, Some(&patient), "not shared");
    }
}

#[test]
fn a_null_flag_stays_unknown_through_a_let() {
    let mapping = visit("not refused").replace(
        "set:",
        "let: { refused: optout == 1, optout: patient.share_optout }\nset:",
    );
    let hospital = |optout| {
        Hospital::default()
            .with("visits", &[("visit_id", int(1)), ("patient_id", int(7))])
            .with(
                "patients",
                &[("patient_id", int(7)), ("share_optout", optout)],
            )
    };
    let pack = pack(&mapping);
    assert_eq!(word(&hospital(int(0)).map(&pack, "visit")[0]), "produced");
    assert_eq!(word(&hospital(int(1)).map(&pack, "visit")[0]), "not shared");
    assert_eq!(
        word(&hospital(Value::Null).map(&pack, "visit")[0]),
        "not shared"
    );
}

#[test]
fn an_error_in_share_quarantines_and_withdraws() {
    let patient = [
        ("patient_id", int(7)),
        ("is_deleted", text("no")),
        ("share_optout", int(0)),
    ];
    check(
        "patient.is_deleted == 0",
        Some(&patient),
        "MAP2002 withdraws",
    );
    check(
        "patient.is_deleted != 1",
        Some(&patient),
        "MAP2002 withdraws",
    );
    check("patient.share_optout", Some(&patient), "MAP2002 withdraws");
}

#[test]
fn a_lookup_without_a_row_quarantines_an_orphan_that_is_tried_again() {
    check(FLAGS, None, "MAP2003 withdraws retries");
    check(
        "patient.share_optout is none",
        None,
        "MAP2003 withdraws retries",
    );
}

#[test]
fn the_patients_state_decides_even_when_share_says_true() {
    let pack = pack(&visit("true"));
    for (state, expect) in [
        (RefState::Shared, "produced"),
        (RefState::NotShared, "not shared"),
        (RefState::Quarantined, "MAP2005 withdraws retries"),
        (RefState::Absent, "MAP2004 withdraws retries"),
    ] {
        let hospital = Hospital::default()
            .with("visits", &[("visit_id", int(1)), ("patient_id", int(7))])
            .state(int(7), state);
        assert_eq!(word(&hospital.map(&pack, "visit")[0]), expect);
    }
    let nobody = Hospital::default().with("visits", &[("visit_id", int(1))]);
    assert_eq!(word(&nobody.map(&pack, "visit")[0]), "MAP2006 withdraws");
}

#[test]
fn what_is_produced_names_its_patient() {
    let hospital =
        Hospital::default().with("visits", &[("visit_id", int(1)), ("patient_id", int(7))]);
    let got = hospital.map(&pack(&visit("true")), "visit");
    let silsila_mapping::Outcome::Produced(resource) = &got[0].outcome else {
        panic!("produced")
    };
    let (mapping, key) = resource.subject().expect("a subject");
    assert_eq!((mapping, key.0 == [int(7)]), ("patient", true));
}

#[test]
fn a_misspelt_column_is_an_error_against_the_schema_and_at_run_time() {
    let misspelt = PATIENT.replace("share_optout", "share_optot");
    let pack = compile(&[("patient.yaml", &misspelt)]).expect("compiles without a schema");
    let column = |name: &str| Column {
        name: name.to_owned(),
        sql_type: "int".to_owned(),
        kind: ColumnKind::Integer,
        nullable: true,
        charset: None,
    };
    let schema = Schema {
        tables: vec![Table {
            name: "patients".to_owned(),
            columns: ["patient_id", "is_deleted", "share_optout", "gender"]
                .map(column)
                .into(),
            primary_key: vec!["patient_id".to_owned()],
        }],
    };
    let found = pack.check_against(&schema);
    let problem = found.iter().next().expect("one");
    assert_eq!((problem.code, found.len()), ("MAP0012", 1));
    assert_eq!(problem.help, ["did you mean \"share_optout\"?"]);
    assert_eq!(
        problem.place.as_ref().map(|p| (p.line, p.column)),
        Some((5, 28))
    );

    let names =
        silsila_source::Columns::new(["patient_id", "is_deleted", "share_optout", "gender"]);
    let values = vec![int(1), int(0), int(0), text("male")];
    let row = silsila_source::Row::new(names, values);
    let batch = silsila_mapping::Batch::new(&pack.mappings()[0], vec![row]);
    let hospital = Hospital::default();
    let ids =
        |m: &str, k: &silsila_source::Key| silsila_mapping::LogicalId::derive(&[0; 32], "", m, k);
    let context = silsila_mapping::Context {
        as_of: crate::hospital::AS_OF,
        ids: &ids,
        references: &hospital,
    };
    assert_eq!(word(&batch.map(0, &context)), "MAP2011 withdraws");
}

#[track_caller]
fn refused(mapping: &str, code: &str) {
    let found = compile(&[("patient.yaml", PATIENT), ("m.yaml", mapping)])
        .err()
        .expect("refused");
    assert_eq!(
        found.iter().map(|d| d.code).collect::<Vec<_>>(),
        [code],
        "{found}"
    );
}

#[test]
fn a_resource_of_the_compartment_needs_share_and_a_plain_ref_to_its_patient() {
    refused(&visit("true").replace("share: true\n", ""), "MAP0028");
    refused(
        &visit("true").replace("  subject: ref('patient', patient_id)\n", ""),
        "MAP0029",
    );
    let conditional = "subject: ref('patient', patient_id) if patient_id else none";
    refused(
        &visit("true").replace("subject: ref('patient', patient_id)", conditional),
        "MAP0029",
    );
    refused(
        &PATIENT
            .replace("share: is_deleted == 0 and share_optout == 0\n", "")
            .replace("name: patient", "name: p"),
        "MAP0028",
    );
}

#[test]
fn share_does_not_look_at_the_states_of_others() {
    refused(&visit("ref('patient', patient_id) is not none"), "MAP0018");
    let through = visit("them is not none").replace(
        "set:",
        "let: { them: \"ref('patient', patient_id)\" }\nset:",
    );
    refused(&through, "MAP0018");
}
