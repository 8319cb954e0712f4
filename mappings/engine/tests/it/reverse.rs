// SPDX-License-Identifier: Apache-2.0
//! From a changed row elsewhere back to the rows that depend on it.

use silsila_mapping::{ReversePath, ReverseStep};

use crate::hospital::pack;

const RX: &str = "\
mapping: 1
name: rx
resource: MedicationRequest
from: { table: prescriptions, key: [rx_id] }
lookup:
  visit: { table: opd_visits, on: { visit_id: visit_id } }
  patient: { table: patients, on: { patient_id: visit.patient_id } }
each:
  line: { table: lines, by: { rx: rx_id }, into: dosageInstruction, set: { text: line.text } }
share: patient.is_deleted == 0
set:
  subject: ref('patient', visit.patient_id)
  medicationCodeableConcept.text: drug
  requester: ref('doctor', doctor_id | int)
fixed: { status: active, intent: order }
";

const DOCTOR: &str = "\
mapping: 1
name: doctor
resource: Practitioner
from: { table: doctors, key: [doctor_id] }
set: { \"name[0].text\": name }
";

fn step(table: &str, by: &str, from: &str) -> ReverseStep {
    ReverseStep {
        table: table.to_owned(),
        by: vec![by.to_owned()],
        from: vec![from.to_owned()],
    }
}

#[test]
fn the_way_back_goes_through_every_lookup_between() {
    let files = [
        ("p.yaml", crate::hospital::PATIENT),
        ("d.yaml", DOCTOR),
        ("m.yaml", RX),
    ];
    let pack = crate::hospital::compile(&files)
        .map_err(|e| e.to_string())
        .expect("a pack");
    let rx = pack.mapping("rx").expect("rx");
    let path = |via: &str, steps| ReversePath {
        via: via.to_owned(),
        steps,
    };
    let through_visits = vec![
        step("opd_visits", "patient_id", "patient_id"),
        step("prescriptions", "visit_id", "visit_id"),
    ];
    assert_eq!(
        rx.dependants_via("patients"),
        [
            path("patient", Some(through_visits.clone())),
            path("ref patient", Some(through_visits))
        ]
    );
    let visit = vec![step("prescriptions", "visit_id", "visit_id")];
    assert_eq!(
        rx.dependants_via("opd_visits"),
        [path("visit", Some(visit))]
    );
    let line = vec![step("prescriptions", "rx_id", "rx")];
    assert_eq!(rx.dependants_via("lines"), [path("line", Some(line))]);
    assert_eq!(rx.dependants_via("doctors"), [path("ref doctor", None)]);
    assert_eq!(rx.dependants_via("prescriptions"), []);
    assert_eq!(
        rx.depends_on(),
        ["doctors", "lines", "opd_visits", "patients"]
    );
}

#[test]
fn mappings_come_after_those_they_refer_to() {
    let pack = pack(
        &RX.replace("  requester: ref('doctor', doctor_id | int)\n", "")
            .replace("name: rx", "name: aaa"),
    );
    let names: Vec<_> = pack.mappings().iter().map(|m| m.name()).collect();
    assert_eq!(names, ["patient", "aaa"]);
}
