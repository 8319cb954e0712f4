// SPDX-License-Identifier: Apache-2.0
//! A few hand-written resources: two hospitals' worth of variety in a small chart.

use serde_json::{Value, json};

use crate::bed::Bed;

pub const MR: &str = "https://civil.example/ns/patient";
pub const CNIC: &str = "http://nadra.gov.pk/cnic";

pub fn patients() -> Vec<Value> {
    vec![
        json!({
            "resourceType": "Patient", "id": "p1", "active": true,
            "meta": {"source": "https://civil.example"},
            "identifier": [
                {"system": MR, "value": "4485"},
                {"system": CNIC, "value": "9912345678901"}
            ],
            "name": [{"family": "Shaikh", "given": ["Aquib"], "text": "Aquib Shaikh"}],
            "telecom": [
                {"system": "phone", "value": "03908556000"},
                {"system": "email", "value": "aquib@mail.example"}
            ],
            "gender": "male", "birthDate": "1990-03-05",
            "address": [{"city": "Mirpurkhas", "state": "Sindh", "country": "PK", "line": ["Street 5"]}]
        }),
        json!({
            "resourceType": "Patient", "id": "p2", "active": true,
            "meta": {"source": "https://civil.example"},
            "identifier": [{"system": MR, "value": "4486"}],
            "name": [
                {"family": "خان", "given": ["فاطمہ"], "text": "فاطمہ خان"},
                {"family": "Khan", "given": ["Fatima", "Bibi"]}
            ],
            "gender": "female", "birthDate": "1985",
            "address": [{"city": "Hyderabad", "country": "PK"}]
        }),
        json!({
            "resourceType": "Patient", "id": "p3", "active": false,
            "identifier": [{"value": "4485"}],
            "name": [{"family": "O'Brien-Müller", "given": ["Zoë"]}],
            "birthDate": "1990-03",
            "deceasedDateTime": "2024-12-31T23:30:00+05:00"
        }),
    ]
}

pub fn observation(id: &str, patient: &str, code: &str, value: &str, when: &str) -> Value {
    let number: Value = serde_json::from_str(value).unwrap();
    json!({
        "resourceType": "Observation", "id": id, "status": "final",
        "category": [{"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/observation-category",
            "code": "laboratory"
        }]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": "test"},
        "subject": {"reference": format!("Patient/{patient}")},
        "effectiveDateTime": when,
        "valueQuantity": {
            "value": number, "unit": "mg per dl", "system": "http://unitsofmeasure.org", "code": "mg/dL"
        }
    })
}

pub fn clinical() -> Vec<Value> {
    vec![
        observation("o1", "p1", "2339-0", "5.4", "2025-06-01T09:30:00+05:00"),
        observation("o2", "p1", "718-7", "13.5", "2025-06-02"),
        observation("o3", "p2", "2339-0", "7.10", "2025-06-03T10:00:00Z"),
        json!({
            "resourceType": "Observation", "id": "o4", "status": "final",
            "category": [{"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/observation-category",
                "code": "vital-signs"
            }]}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
            "subject": {"reference": "Patient/p1"},
            "effectivePeriod": {"start": "2025-05-01", "end": "2025-05-20"},
            "component": [
                {
                    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]},
                    "valueQuantity": {"value": 120, "unit": "mmHg",
                        "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
                },
                {
                    "code": {"coding": [{"system": "http://loinc.org", "code": "8462-4"}]},
                    "valueQuantity": {"value": 80, "unit": "mmHg",
                        "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
                }
            ]
        }),
        json!({
            "resourceType": "Encounter", "id": "e1", "status": "finished",
            "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
            "subject": {"reference": "Patient/p1", "display": "Aquib Shaikh"},
            "period": {"start": "2025-06-01T09:00:00+05:00", "end": "2025-06-01T10:00:00+05:00"}
        }),
        json!({
            "resourceType": "Condition", "id": "c1",
            "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "E11.9"}],
                "text": "diabetes"},
            "subject": {"identifier": {"system": CNIC, "value": "9912345678901"}},
            "encounter": {"reference": "Encounter/e1"},
            "recordedDate": "2025-06-01"
        }),
    ]
}

/// A bed with all of it.
pub fn filled() -> Bed {
    let bed = Bed::new();
    bed.put(&patients());
    bed.put(&clinical());
    bed
}
