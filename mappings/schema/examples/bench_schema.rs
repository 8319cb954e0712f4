// SPDX-License-Identifier: Apache-2.0
//! What a resource costs in this crate: `cargo run --release -p silsila-schema --example bench_schema`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use silsila_schema::search::{extract, normalize, params};
use silsila_schema::{Json, R4, resource_types, validate};

/// A patient as a mapping gives it, of about 1.2 KiB.
const PATIENT: &str = r#"{"resourceType":"Patient","id":"k3f7q2m5x9a1b8c4d6e0g2h7jw",
"meta":{"source":"https://mirpurkhas.example","profile":["https://silsila.example/fhir/StructureDefinition/patient"]},
"identifier":[{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}],"text":"MR number"},"system":"https://mirpurkhas.example/id/mr","value":"MPK-004485"},
{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"NI"}]},"system":"https://mirpurkhas.example/id/cnic","value":"44101-1234567-8"}],
"active":true,"name":[{"use":"official","text":"Zahida Bibi Soomro","family":"Soomro","given":["Zahida","Bibi"]},{"use":"usual","text":"زاہدہ سومرو"}],
"telecom":[{"system":"phone","value":"+923331234567","use":"mobile"},{"system":"phone","value":"+92233861234","use":"home"}],
"gender":"female","birthDate":"1974-12-25","deceasedBoolean":false,
"address":[{"use":"home","text":"House 12, Satellite Town, Mirpurkhas","line":["House 12","Satellite Town"],"city":"Mirpurkhas","district":"Mirpurkhas","state":"Sindh","country":"PK"}],
"maritalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-MaritalStatus","code":"M"}],"text":"Married"},
"contact":[{"relationship":[{"text":"husband"}],"name":{"text":"Ghulam Soomro"},"telecom":[{"system":"phone","value":"+923001234567"}]}],
"managingOrganization":{"reference":"Organization/a1b2c3"}}"#;

const OBSERVATION: &str = r#"{"resourceType":"Observation","id":"k3f7q2m5x9a1b8c4d6e0g2h7jw","meta":{"source":"https://mirpurkhas.example"},
"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
"code":{"coding":[{"system":"http://loinc.org","code":"85354-9"}],"text":"BP"},"subject":{"reference":"Patient/k3f7q2m5x9a1b8c4d6e0g2h7jw"},
"encounter":{"reference":"Encounter/z3f7q2m5x9a1b8c4d6e0g2h7jw"},"effectiveDateTime":"2024-02-29T10:30:00+05:00",
"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":{"value":120,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},
{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueQuantity":{"value":80,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}}]}"#;

fn main() {
    let start = Instant::now();
    R4::load();
    println!("table decoded in {:?}", start.elapsed());
    let start = Instant::now();
    let count: usize = resource_types().map(|name| params(name).len()).sum();
    println!(
        "{count} search parameters compiled in {:?}",
        start.elapsed()
    );
    for (name, text) in [("Patient", PATIENT), ("Observation", OBSERVATION)] {
        resource(name, text);
    }
    time("normalize 'Zahida Bibi Soomro'", || {
        normalize(black_box("Zahida Bibi Soomro"))
    });
    time("normalize 'زاہدہ سومرو'", || {
        normalize(black_box("زاہدہ سومرو"))
    });
}

fn resource(name: &str, text: &str) {
    let json = Json::parse(text.as_bytes()).expect("the text is JSON");
    assert!(validate(&json).is_empty(), "the resource is valid");
    let mut values = 0;
    extract(&json, &mut |_, _| values += 1);
    println!(
        "{name}: {} bytes, {values} index values",
        json.canonical().len()
    );
    time("  parse", || Json::parse(black_box(text.as_bytes())));
    time("  canonical", || black_box(&json).canonical());
    time("  validate", || validate(black_box(&json)));
    time("  extract", || {
        extract(black_box(&json), &mut |param, value| {
            black_box((param, value));
        });
    });
}

/// The best of several rounds, because the slower ones measure the machine.
fn time<T>(name: &str, mut work: impl FnMut() -> T) {
    const TIMES: u32 = 20_000;
    let mut round = || {
        let start = Instant::now();
        for _ in 0..TIMES {
            black_box(work());
        }
        start.elapsed() / TIMES
    };
    let best = (0..10).map(|_| round()).min().unwrap_or(Duration::ZERO);
    println!("{name}: {best:?}");
}
