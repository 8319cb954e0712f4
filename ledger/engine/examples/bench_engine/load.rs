// SPDX-License-Identifier: Apache-2.0
//! What is committed: blood pressures as a gateway maps them, about 1 KiB each.

use silsila_chain::Op;
use silsila_store::{Dictionary, Draft, Payload};

/// Records of one transaction.
const RECORDS: u64 = 500;

/// A kind of load.
pub struct Load {
    /// How it is asked for.
    pub name: &'static str,
    /// What it is, for the table.
    pub says: &'static str,
    /// How many records each patient has; none where the patients were known before.
    each: Option<u64>,
}

/// From the cheapest to the dearest.
pub const LOADS: [Load; 3] = [
    Load {
        name: "known",
        says: "records of 1 KiB, patients known before",
        each: None,
    },
    Load {
        name: "six",
        says: "records of 1 KiB, six for each new patient, and the patients' grants of five envelopes",
        each: Some(6),
    },
    Load {
        name: "new",
        says: "records of 1 KiB, each of a new patient, and as many grants of five envelopes",
        each: Some(1),
    },
];

impl Load {
    /// What makes patients known where they are to be: all of one transaction's.
    pub fn known(&self, at: u64, own: u64) -> Vec<Draft> {
        let count = if self.each.is_some() {
            1
        } else {
            RECORDS / 6 + 1
        };
        (0..count)
            .map(|patient| draft(seed(at, own, 0) + patient, seed(at, own, 0) + patient))
            .collect()
    }

    /// The drafts of a member's transaction of this number, from 1.
    pub fn drafts(&self, at: u64, own: u64, number: u64) -> Vec<Draft> {
        let first = seed(at, own, number);
        let patient = |record: u64| match self.each {
            Some(each) => first + record / each,
            None => seed(at, own, 0) + record / 6,
        };
        (0..RECORDS)
            .map(|record| draft(first + record, patient(record)))
            .collect()
    }
}

/// One record alone, of a patient that is mostly known.
pub fn single(number: u64) -> Vec<Draft> {
    vec![draft(
        seed(1 << 10, 0, 0) + number,
        seed(1 << 10, 0, 0) + number % 4,
    )]
}

fn seed(at: u64, own: u64, number: u64) -> u64 {
    ((at * 8 + own) * 1_000_000 + number) * 1_000
}

fn draft(resource: u64, patient: u64) -> Draft {
    Draft {
        op: Op::Put,
        resource: format!("Observation/{resource:026}"),
        subject: format!("Patient/{patient:026}"),
        kind: "Observation".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body: body(resource),
            mapping: "visit-bp".to_owned(),
            mapping_digest: [5; 32],
        }),
    }
}

fn body(seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let id = identifier(&mut random);
    let (patient, encounter) = (identifier(&mut random), identifier(&mut random));
    let (systolic, diastolic) = (95 + random(80), 55 + random(50));
    let (month, day, hour, minute) = (1 + random(12), 1 + random(28), random(24), random(60));
    let doctor = random(400);
    let component = |code: &str, name: &str, value: u64| {
        format!(
            r#"{{"code":{{"coding":[{{"code":"{code}","display":"{name}","system":"http://loinc.org"}}]}},"valueQuantity":{{"code":"mm[Hg]","system":"http://unitsofmeasure.org","unit":"mmHg","value":{value}}}}}"#
        )
    };
    format!(
        r#"{{"category":[{{"coding":[{{"code":"vital-signs","display":"Vital Signs","system":"http://terminology.hl7.org/CodeSystem/observation-category"}}]}}],"code":{{"coding":[{{"code":"85354-9","display":"Blood pressure panel with all children optional","system":"http://loinc.org"}}],"text":"BP {systolic}/{diastolic}"}},"component":[{},{}],"effectiveDateTime":"2024-{month:02}-{day:02}T{hour:02}:{minute:02}:00+05:00","encounter":{{"reference":"Encounter/{encounter}"}},"id":"{id}","meta":{{"source":"https://mirpurkhas.example"}},"performer":[{{"display":"Dr. No. {doctor}"}}],"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/{patient}"}}}}"#,
        component("8480-6", "Systolic blood pressure", systolic),
        component("8462-4", "Diastolic blood pressure", diastolic),
    )
    .into_bytes()
}

fn identifier(random: &mut impl FnMut(u64) -> u64) -> String {
    (0..26)
        .map(|_| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[random(32) as usize]))
        .collect()
}

/// Two other bodies, as a dictionary of raw content.
pub fn dictionary() -> Dictionary {
    Dictionary {
        id: 1,
        bytes: [body(1 << 60), body(2 << 60)].concat().into(),
    }
}
