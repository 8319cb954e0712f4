// SPDX-License-Identifier: Apache-2.0
//! What the ledger's benches commit: blood pressures as a gateway maps them, about 1 KiB each.

use silsila_store::chain::Op;
use silsila_store::{Dictionary, Draft, Payload};

/// A version of a blood pressure of a patient's.
pub fn draft(resource: u64, patient: u64, seed: u64) -> Draft {
    Draft {
        op: Op::Put,
        resource: format!("Observation/{resource:026}"),
        subject: format!("Patient/{patient:026}"),
        kind: "Observation".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body: body(seed),
            mapping: "visit-bp".to_owned(),
            mapping_digest: [5; 32],
        }),
    }
}

/// A body, with numbers that differ from one seed to the next.
pub fn body(seed: u64) -> Vec<u8> {
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

/// Two other bodies, as a dictionary of raw content. A real one would hold a few of every kind.
pub fn dictionary(seeds: [u64; 2]) -> Dictionary {
    Dictionary {
        id: 1,
        bytes: seeds.map(body).concat().into(),
    }
}
