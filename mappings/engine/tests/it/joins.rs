// SPDX-License-Identifier: Apache-2.0
//! Lookups, children, groups.

use silsila_source::Value;

use crate::hospital::{Hospital, body, int, pack, text, warnings};

const RX: &str = "\
mapping: 1
name: rx
resource: MedicationRequest
from: { table: visits, key: [visit_id] }
share: true
lookup:
  doctor: { table: doctors, on: { doctor_id: doctor_id } }
  ward: { table: wards, on: { code: doctor.ward } }
  address: { table: addresses, on: { PersonId: \"row['Patient No']\" }, where: address.IsCurrent == 1, order: [-Id] }
each:
  med:
    table: lines
    by: { visit_id: visit_id }
    where: med.days > 0
    order: [-line_id]
    into: dosageInstruction
    set: { text: med.dose, timing.repeat.boundsDuration.value: med.days }
    fixed: { timing.repeat.boundsDuration: { unit: days, code: d, system: http://unitsofmeasure.org } }
  attr: { table: attrs, by: { visit_id: visit_id }, order: [id], pivot: { by: name, value: value } }
set:
  subject: ref('patient', patient_id)
  medicationCodeableConcept.text: \"med | map('dose') | join('; ') or 'none'\"
  requester.display: \"doctor.name if doctor else 'nobody'\"
  note[0].text: ward.title
  note[1].text: address.city
  reasonCode[0].text: attr['reason']
fixed: { status: active, intent: order }
";

fn hospital() -> Hospital {
    Hospital::default()
        .with(
            "visits",
            &[
                ("visit_id", int(1)),
                ("patient_id", int(7)),
                ("doctor_id", int(3)),
                ("Patient No", text("p7")),
            ],
        )
        .with(
            "doctors",
            &[
                ("doctor_id", int(3)),
                ("name", text("Dr A")),
                ("ward", text("icu")),
            ],
        )
        .with(
            "wards",
            &[("code", text("icu")), ("title", text("Intensive care"))],
        )
        .with(
            "addresses",
            &[
                ("PersonId", text("p7")),
                ("Id", int(1)),
                ("IsCurrent", int(1)),
                ("city", text("Old")),
            ],
        )
        .with(
            "addresses",
            &[
                ("PersonId", text("p7")),
                ("Id", int(2)),
                ("IsCurrent", int(1)),
                ("city", text("New")),
            ],
        )
        .with(
            "addresses",
            &[
                ("PersonId", text("p7")),
                ("Id", int(3)),
                ("IsCurrent", int(0)),
                ("city", text("Not")),
            ],
        )
        .with(
            "lines",
            &[
                ("visit_id", int(1)),
                ("line_id", int(1)),
                ("days", int(3)),
                ("dose", text("1 tab")),
            ],
        )
        .with(
            "lines",
            &[
                ("visit_id", int(1)),
                ("line_id", int(2)),
                ("days", int(5)),
                ("dose", text("2 tab")),
            ],
        )
        .with(
            "lines",
            &[
                ("visit_id", int(1)),
                ("line_id", int(3)),
                ("days", int(0)),
                ("dose", text("0 tab")),
            ],
        )
        .with(
            "attrs",
            &[
                ("visit_id", int(1)),
                ("id", int(1)),
                ("name", text("reason")),
                ("value", text("pain")),
            ],
        )
        .with(
            "attrs",
            &[
                ("visit_id", int(1)),
                ("id", int(2)),
                ("name", text("reason")),
                ("value", text("late")),
            ],
        )
}

#[test]
fn lookups_chain_children_come_in_order_and_attributes_by_name() {
    let got = hospital().map(&pack(RX), "rx");
    let body = body(&got[0]);
    for part in [
        "\"requester\":{\"display\":\"Dr A\"}",
        "\"note\":[{\"text\":\"Intensive care\"},{\"text\":\"New\"}]",
        "\"reasonCode\":[{\"text\":\"pain\"}]",
        "\"medicationCodeableConcept\":{\"text\":\"2 tab; 1 tab\"}",
        "\"dosageInstruction\":[{\"text\":\"2 tab\",\"timing\":{\"repeat\":{\"boundsDuration\":{\"code\":\"d\",\
         \"system\":\"http://unitsofmeasure.org\",\"unit\":\"days\",\"value\":5}}}},{\"text\":\"1 tab\",",
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
    // The repeated attribute.
    assert_eq!(warnings(&got[0]), [("MAP1021", String::new())]);
}

#[test]
fn a_lookup_without_a_row_is_null_and_counted_once_unless_our_side_is_null() {
    let visit = |doctor: Value| {
        Hospital::default().with(
            "visits",
            &[
                ("visit_id", int(1)),
                ("patient_id", int(7)),
                ("doctor_id", doctor),
            ],
        )
    };
    let got = visit(int(9)).map(&pack(RX), "rx");
    assert!(body(&got[0]).contains("\"requester\":{\"display\":\"nobody\"}"));
    assert_eq!(warnings(&got[0]), []);
    let reads = RX.replace(
        "doctor.name if doctor else 'nobody'",
        "doctor.name or doctor.ward or 'nobody'",
    );
    let got = visit(int(9)).map(&pack(&reads), "rx");
    assert_eq!(
        warnings(&got[0]),
        [("MAP1012", "MedicationRequest.requester.display".to_owned())]
    );
    assert_eq!(
        warnings(&visit(Value::Null).map(&pack(&reads), "rx")[0]),
        []
    );
}

#[test]
fn several_rows_without_an_order_are_taken_stably_and_counted() {
    let unordered = RX.replace(", order: [-Id]", "");
    let got = hospital().map(&pack(&unordered), "rx");
    assert!(warnings(&got[0]).contains(&("MAP1018", String::new())));
    let mut turned = hospital();
    turned.tables.get_mut("addresses").expect("there").reverse();
    let again = turned.map(&pack(&unordered), "rx");
    assert_eq!(body(&got[0]), body(&again[0]));
}

#[test]
fn keys_match_across_number_and_text_and_case_as_databases_do() {
    let mut hospital = hospital();
    hospital.tables.get_mut("visits").expect("there")[0][2].1 = text("3");
    let batch = hospital.batch(&pack(RX), "rx").wants();
    assert!(batch.is_empty());
    let pack = pack(RX);
    let mapping = pack.mapping("rx").expect("rx");
    let visit = &hospital.tables["visits"][0];
    let row = crate::hospital::row(mapping.columns(), visit);
    let mut batch = silsila_mapping::Batch::new(mapping, vec![row]);
    for want in batch.wants() {
        let found = match want.table.as_str() {
            "doctors" => hospital.tables["doctors"]
                .iter()
                .map(|d| crate::hospital::row(&want.columns, d))
                .collect(),
            _ => vec![],
        };
        batch.supply(want.id, found);
    }
    for want in batch.wants() {
        let shouting = [("code", text("ICU")), ("title", text("Intensive care"))];
        batch.supply(
            want.id,
            vec![crate::hospital::row(&want.columns, &shouting)],
        );
    }
    assert!(batch.wants().is_empty());
    let ids =
        |m: &str, k: &silsila_source::Key| silsila_mapping::LogicalId::derive(&[9; 32], "h", m, k);
    let context = silsila_mapping::Context {
        as_of: crate::hospital::AS_OF,
        ids: &ids,
        references: &hospital,
    };
    let got = body(&batch.map(0, &context));
    assert!(
        got.contains("Dr A") && got.contains("Intensive care"),
        "{got}"
    );
}

#[test]
fn wants_come_in_rounds_with_distinct_keys() {
    let pack = pack(RX);
    let mapping = pack.mapping("rx").expect("rx");
    let visit = |id: i64| {
        let values = [
            ("visit_id", int(id)),
            ("patient_id", int(7)),
            ("doctor_id", int(3)),
        ];
        crate::hospital::row(mapping.columns(), &values)
    };
    let mut batch = silsila_mapping::Batch::new(mapping, vec![visit(1), visit(2)]);
    let first: Vec<_> = batch
        .wants()
        .iter()
        .map(|w| (w.table.clone(), w.keys.len()))
        .collect();
    let table = |t: &str, n| (t.to_owned(), n);
    assert_eq!(
        first,
        [table("doctors", 1), table("lines", 2), table("attrs", 2)]
    );
    for want in batch.wants() {
        batch.supply(want.id, vec![]);
    }
    // Without a doctor nobody asks for a ward.
    assert!(batch.wants().is_empty());
}

const VITALS: &str = "\
mapping: 1
name: vitals
resource: Observation
from: { table: vitals, key: [visit_id] }
group: { as: v, order: [taken_at], pivot: { by: sign, value: reading } }
share: true
set:
  subject: ref('patient', visit_id)
  component[sys].valueQuantity.value: v['SBP'] | decimal
  component[dia].valueQuantity.value: v['DBP'] | decimal
fixed:
  status: final
  code.text: Blood pressure
  component[sys].code.text: systolic
  component[dia].code.text: diastolic
";

#[test]
fn rows_of_a_group_make_one_resource() {
    let sign = |visit: i64, sign: &str, reading: &str, at: i64| {
        [
            ("visit_id", int(visit)),
            ("sign", text(sign)),
            ("reading", text(reading)),
            ("taken_at", int(at)),
        ]
    };
    let hospital = Hospital::default()
        .with("vitals", &sign(1, "DBP", "80", 2))
        .with("vitals", &sign(1, "SBP", "120.0", 1))
        .with("vitals", &sign(2, "SBP", "99", 1));
    let pack = pack(VITALS);
    assert!(pack.mapping("vitals").expect("there").grouped());
    let got = hospital.map(&pack, "vitals");
    assert_eq!(got.len(), 2);
    assert!(body(&got[0]).contains("\"value\":120.0") && body(&got[0]).contains("\"value\":80"));
    assert!(!body(&got[1]).contains("diastolic"));
}

#[test]
fn a_child_with_a_fault_loses_the_faulty_element_alone() {
    let faulty = RX.replace(
        "set: { text: med.dose,",
        "set: { method: \"{'coding': med.line_id if med.line_id == 1 else none}\", asNeededBoolean: med.prn, text: med.dose,",
    );
    let mut hospital = hospital();
    hospital.tables.get_mut("lines").expect("there")[1].push(("prn", text("maybe")));
    let got = hospital.map(&pack(&faulty), "rx");
    let body = body(&got[0]);
    assert!(
        body.contains("\"text\":\"1 tab\"") && body.contains("\"text\":\"2 tab\""),
        "{body}"
    );
    assert!(
        !body.contains("method") && !body.contains("asNeeded"),
        "{body}"
    );
    let dropped: Vec<_> = warnings(&got[0])
        .into_iter()
        .filter(|w| w.0 == "MAP1014")
        .collect();
    assert_eq!(
        dropped,
        [
            (
                "MAP1014",
                "MedicationRequest.dosageInstruction.asNeededBoolean".to_owned()
            ),
            (
                "MAP1014",
                "MedicationRequest.dosageInstruction[1].method.coding".to_owned()
            ),
        ]
    );
}
