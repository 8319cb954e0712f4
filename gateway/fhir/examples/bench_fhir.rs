// SPDX-License-Identifier: Apache-2.0
//! What the index costs and how search scales, in one process: `bench_fhir [patients] [seconds]`.
//!
//! Index rows alone, written to an SQLite file of its own as the store would: 1,000 resources to a
//! transaction. The bodies are of the size and kind that a hospital's mapping makes.

use std::time::Instant;

use silsila_fhir::SearchIndex;
use silsila_store::chain::{BlockHash, EntryHash, EventId, Height, Op, Record, Tag};
use silsila_store::rusqlite::Connection;
use silsila_store::{Applied, BlockInfo, Payload};

const BLOCK: usize = 1_000;
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

fn main() {
    let mut arguments = std::env::args().skip(1);
    let patients: usize = arguments
        .next()
        .map_or(5_000, |text| text.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut conn = Connection::open(folder.path().join("index.db")).expect("a new file");
    conn.execute_batch(
        "PRAGMA key = 'bench'; PRAGMA cipher_page_size = 16384; PRAGMA page_size = 16384;
         PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
         PRAGMA wal_autocheckpoint = 4000;",
    )
    .expect("the settings of the store");
    let mut index = SearchIndex::new();
    index.prepare(&conn).expect("tables");

    let bodies: Vec<Payload> = (0..patients).flat_map(chart).collect();
    let bytes: usize = bodies.iter().map(|payload| payload.body.len()).sum();
    println!(
        "{} resources, {} bytes on average",
        bodies.len(),
        bytes / bodies.len()
    );

    let begin = Instant::now();
    let mut seq = 0;
    for (height, block) in bodies.chunks(BLOCK).enumerate() {
        let records: Vec<_> = (seq..).zip(block).map(|(seq, _)| record(seq)).collect();
        let applied: Vec<_> = (seq..)
            .zip(&records)
            .zip(block)
            .map(|((seq, record), payload)| Applied {
                seq,
                record,
                entry_hash: EntryHash([0; 32]),
                plaintext: Some(payload),
            })
            .collect();
        let info = BlockInfo {
            height: Height(height as u64 + 1),
            time_ms: 1_750_000_000_000 + height as u64,
            hash: BlockHash([0; 32]),
        };
        let txn = conn.transaction().expect("a transaction");
        index.apply(&txn, &info, &applied).expect("rows");
        txn.commit().expect("a commit");
        seq += block.len() as u64;
    }
    let took = begin.elapsed().as_secs_f64();
    println!(
        "index apply: {:.0} resources/s, {:.1} us each",
        bodies.len() as f64 / took,
        took * 1e6 / bodies.len() as f64
    );
    println!(
        "  processor time: {:.1} us each",
        cpu_seconds() * 1e6 / bodies.len() as f64
    );
    for table in [
        "fhir_version",
        "fhir_resource",
        "fhir_fresh",
        "fhir_term",
        "fhir_range",
        "fhir_text",
    ] {
        let rows: i64 = conn
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get(0)
            })
            .expect("a count");
        println!(
            "  {table}: {rows} rows, {:.2} per resource",
            rows as f64 / bodies.len() as f64
        );
    }
    let pages: i64 = conn
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .expect("pages");
    println!(
        "  file: {} bytes per resource",
        pages * 16_384 / bodies.len() as i64
    );
}

/// Processor time of this process so far; the machine may be busy with other things.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok());
    (ticks(13).unwrap_or(0.0) + ticks(14).unwrap_or(0.0)) / 100.0
}

fn record(seq: u64) -> Record {
    let mut tag = [0; 16];
    // Tags are as good as random.
    tag[..8].copy_from_slice(&seq.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
    Record {
        op: Op::Put,
        resource_tag: Tag(tag),
        subject_tag: Tag(tag),
        kind: "Observation".into(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 0,
        event_id: EventId([0; 16]),
        payload: None,
    }
}

fn id(kind: &str, number: usize) -> String {
    let mixed = (number as u64 + kind.len() as u64 * 7_919).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!("{mixed:016x}{:010x}", mixed.rotate_left(17) >> 24)
}

/// One patient with what a hospital knows of an average one.
fn chart(number: usize) -> Vec<Payload> {
    let own = id("Patient", number);
    let mut bodies = vec![format!(
        r#"{{"active":true,"address":[{{"city":"Mirpurkhas","country":"PK","line":["House {number}, Street {}"],"state":"Sindh"}}],"birthDate":"19{:02}-0{}-1{}","gender":"{}","id":"{own}","identifier":[{{"system":"https://h.example/ns/patient","type":{{"coding":[{{"code":"MR","system":"http://terminology.hl7.org/CodeSystem/v2-0203"}}]}},"use":"usual","value":"{number}"}},{{"system":"http://nadra.gov.pk/cnic","value":"99{number:011}"}}],"meta":{{"source":"https://h.example"}},"name":[{{"family":"{}","given":["{}"],"text":"{} {}"}}],"resourceType":"Patient","telecom":[{{"system":"phone","value":"039{number:08}"}}]}}"#,
        number % 90,
        number % 90,
        number % 9 + 1,
        number % 9,
        if number.is_multiple_of(2) {
            "male"
        } else {
            "female"
        },
        FAMILY[number % FAMILY.len()],
        GIVEN[number / 7 % GIVEN.len()],
        GIVEN[number / 7 % GIVEN.len()],
        FAMILY[number % FAMILY.len()],
    )];
    for visit in 0..3 {
        let encounter = id("Encounter", number * 3 + visit);
        bodies.push(format!(
            r#"{{"class":{{"code":"AMB","system":"http://terminology.hl7.org/CodeSystem/v3-ActCode"}},"id":"{encounter}","identifier":[{{"system":"https://h.example/ns/visit","value":"{}"}}],"meta":{{"source":"https://h.example"}},"period":{{"start":"2025-0{}-1{}T09:30:00+05:00"}},"resourceType":"Encounter","status":"finished","subject":{{"reference":"Patient/{own}"}}}}"#,
            number * 3 + visit,
            visit + 1,
            number % 9,
        ));
        for test in 0..4 {
            let observation = id("Observation", (number * 3 + visit) * 4 + test);
            bodies.push(format!(
                r#"{{"category":[{{"coding":[{{"code":"laboratory","system":"{CATEGORY}"}}]}}],"code":{{"coding":[{{"code":"{}","system":"http://loinc.org"}},{{"code":"L{}","system":"https://h.example/ns/lab-test"}}],"text":"test {test}"}},"effectiveDateTime":"2025-0{}-1{}T10:30:00+05:00","encounter":{{"reference":"Encounter/{encounter}"}},"id":"{observation}","identifier":[{{"system":"https://h.example/ns/lab-result","value":"{observation}"}}],"meta":{{"source":"https://h.example"}},"resourceType":"Observation","status":"final","subject":{{"reference":"Patient/{own}"}},"valueQuantity":{{"code":"mg/dL","system":"http://unitsofmeasure.org","unit":"mg/dL","value":{}.{}}}}}"#,
                CODES[(number + test) % CODES.len()],
                (number + test) % CODES.len(),
                visit + 1,
                number % 9,
                number % 200,
                test
            ));
        }
    }
    bodies
        .into_iter()
        .map(|body| Payload {
            body: body.into_bytes(),
            mapping: "bench".into(),
            mapping_digest: [0; 32],
        })
        .collect()
}

const FAMILY: [&str; 16] = [
    "Shaikh", "Khan", "Memon", "Soomro", "Baloch", "Junejo", "Talpur", "Bhutto", "Rajput",
    "Abbasi", "Qureshi", "Ansari", "Laghari", "Panhwar", "Chandio", "Mirani",
];
const GIVEN: [&str; 20] = [
    "Aquib", "Fatima", "Ali", "Zainab", "Hassan", "Ayesha", "Bilal", "Sana", "Imran", "Maryam",
    "Usman", "Hina", "Tariq", "Nadia", "Faisal", "Rabia", "Kamran", "Saima", "Asad", "Iqra",
];
const CODES: [&str; 8] = [
    "2339-0", "718-7", "2160-0", "2951-2", "2823-3", "4548-4", "1742-6", "3094-0",
];
