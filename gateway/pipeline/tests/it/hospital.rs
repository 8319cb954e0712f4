// SPDX-License-Identifier: Apache-2.0
//! A small hospital: patients, doctors, visits, prescriptions; and the pack that maps it.

use std::sync::Arc;

use silsila_mapping::{Pack, PackFile, PackSettings};
use silsila_source::{ColumnKind, Value};

use crate::memory::{Memory, moment};

const PATIENT: &str = "
mapping: 1
name: patient
resource: Patient
from: { table: patients, key: [patient_id], changed: updated_at, timezone: UTC }
share: share_optout == 0
on_delete: gone
set:
  name[0].text: name
  gender: gender
  birthDate: dob
";

const DOCTOR: &str = "
mapping: 1
name: doctor
resource: Practitioner
from: { table: doctors, key: [doctor_id], timezone: UTC }
on_delete: gone
set:
  name[0].text: name
";

const VISIT: &str = "
mapping: 1
name: visit
resource: Encounter
from: { table: visits, key: [visit_id], changed: updated_at, timezone: UTC }
lookup:
  patient: { table: patients, on: { patient_id: patient_id } }
  doctor: { table: doctors, on: { doctor_id: doctor_id } }
share: patient.share_optout == 0
when: kind != 'none'
on_delete: gone
set:
  status: kind
  subject: ref('patient', patient_id)
  participant[0].individual: ref('doctor', doctor_id)
  participant[0].individual.display: doctor.name
  reasonCode[0].text: complaint
fixed:
  class: { system: http://terminology.hl7.org/CodeSystem/v3-ActCode, code: AMB }
";

const DRUG: &str = "
mapping: 1
name: drug
resource: MedicationRequest
from: { table: prescriptions, key: [rx_id], changed: updated_at, timezone: UTC }
lookup:
  visit: { table: visits, on: { visit_id: visit_id } }
  patient: { table: patients, on: { patient_id: visit.patient_id } }
share: patient.share_optout == 0
on_delete: entered-in-error
set:
  subject: ref('patient', visit.patient_id)
  encounter: ref('visit', visit_id)
  medicationCodeableConcept.text: drug
fixed:
  status: active
  intent: order
";

const VITALS: &str = "
mapping: 1
name: vitals
resource: Observation
from: { table: vitals, key: [visit_id], changed: updated_at, timezone: UTC }
group: { as: v, order: [vital_id], pivot: { by: sign, value: reading } }
lookup:
  visit: { table: visits, on: { visit_id: visit_id } }
  patient: { table: patients, on: { patient_id: visit.patient_id } }
share: patient.share_optout == 0
on_delete: gone
set:
  subject: ref('patient', visit.patient_id)
  valueString: \"[v['pulse'], v['weight']] | join(' ')\"
fixed:
  status: final
  code.text: vital signs
";

/// Says that a patient's visits are one row, which they are not.
const MISTAKEN: &str = "
mapping: 1
name: mistaken
resource: Encounter
from: { table: visits, key: [patient_id], timezone: UTC }
lookup:
  patient: { table: patients, on: { patient_id: patient_id } }
share: patient.share_optout == 0
on_delete: gone
set:
  status: kind
  subject: ref('patient', patient_id)
fixed:
  class: { system: http://terminology.hl7.org/CodeSystem/v3-ActCode, code: AMB }
";

/// Patients, and groups of vital signs.
pub fn grouping_pack() -> Arc<Pack> {
    pack_of(&[PATIENT, VITALS])
}

/// Patients, and a mapping whose key is not one.
pub fn mistaken_pack() -> Arc<Pack> {
    pack_of(&[PATIENT, MISTAKEN])
}

/// The hospital's mappings, compiled.
pub fn pack() -> Arc<Pack> {
    pack_of(&[PATIENT, DOCTOR, VISIT, DRUG])
}

/// The same, but visits also say something new.
pub fn changed_pack() -> Arc<Pack> {
    let visit = VISIT.replace("code: AMB", "code: IMP");
    pack_of(&[PATIENT, DOCTOR, &visit, DRUG])
}

/// The same without prescriptions.
pub fn smaller_pack() -> Arc<Pack> {
    pack_of(&[PATIENT, DOCTOR, VISIT])
}

fn pack_of(texts: &[&str]) -> Arc<Pack> {
    let files: Vec<PackFile> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| PackFile {
            path: format!("{i}.yaml"),
            text: (*text).trim_start().to_owned(),
        })
        .collect();
    let settings = PackSettings {
        source: "memory".to_owned(),
        base_uri: "https://hospital.example".to_owned(),
        hospital: "Hospital".to_owned(),
        ..PackSettings::default()
    };
    match Pack::compile(&files, &settings) {
        Ok(pack) => Arc::new(pack),
        Err(faults) => panic!("{faults:?}"),
    }
}

pub fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// Empty tables.
pub fn build() -> Memory {
    use ColumnKind::{DateTime, Integer, Text};
    let memory = Memory::default();
    memory.create(
        "patients",
        &[
            ("patient_id", Integer),
            ("name", Text),
            ("gender", Text),
            ("dob", Text),
            ("share_optout", Integer),
            ("updated_at", DateTime),
        ],
    );
    memory.create("doctors", &[("doctor_id", Integer), ("name", Text)]);
    memory.create(
        "vitals",
        &[
            ("vital_id", Integer),
            ("visit_id", Integer),
            ("sign", Text),
            ("reading", Text),
            ("updated_at", DateTime),
        ],
    );
    memory.create(
        "visits",
        &[
            ("visit_id", Integer),
            ("patient_id", Integer),
            ("doctor_id", Integer),
            ("kind", Text),
            ("complaint", Text),
            ("updated_at", DateTime),
        ],
    );
    memory.create(
        "prescriptions",
        &[
            ("rx_id", Integer),
            ("visit_id", Integer),
            ("drug", Text),
            ("updated_at", DateTime),
        ],
    );
    memory
}

impl Memory {
    pub fn patient(&self, id: i64, name: &str, optout: bool, at: u32) {
        let row = vec![
            Value::Int(id),
            text(name),
            text(if id % 2 == 0 { "female" } else { "male" }),
            text(&format!("19{:02}-01-01", id % 100)),
            Value::Int(optout.into()),
            Value::DateTime(moment(at)),
        ];
        self.put("patients", row);
    }

    pub fn doctor(&self, id: i64, name: &str) {
        self.put("doctors", vec![Value::Int(id), text(name)]);
    }

    pub fn visit(&self, id: i64, patient: i64, doctor: i64, complaint: &str, at: u32) {
        let row = vec![
            Value::Int(id),
            Value::Int(patient),
            Value::Int(doctor),
            text("finished"),
            text(complaint),
            Value::DateTime(moment(at)),
        ];
        self.put("visits", row);
    }

    pub fn drug(&self, id: i64, visit: i64, drug: &str, at: u32) {
        let row = vec![
            Value::Int(id),
            Value::Int(visit),
            text(drug),
            Value::DateTime(moment(at)),
        ];
        self.put("prescriptions", row);
    }

    pub fn vital(&self, id: i64, visit: i64, sign: &str, reading: &str, at: u32) {
        let row = vec![
            Value::Int(id),
            Value::Int(visit),
            text(sign),
            text(reading),
            Value::DateTime(moment(at)),
        ];
        self.put("vitals", row);
    }

    /// So many patients with two visits each and a prescription per visit.
    pub fn fill(&self, patients: i64) {
        for doctor in 1..=3 {
            self.doctor(doctor, &format!("Dr {doctor}"));
        }
        for id in 1..=patients {
            self.patient(id, &format!("Patient {id}"), false, 10);
            for n in 0..2 {
                let visit = id * 10 + n;
                self.visit(visit, id, 1 + id % 3, "cough", 20);
                self.drug(visit, visit, "ORS", 30);
            }
        }
    }
}
