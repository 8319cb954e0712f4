// SPDX-License-Identifier: Apache-2.0
//! What the index costs and how reads and searches scale, in one process, over a real store:
//!
//! ```text
//! cargo run --release -p silsila-fhir --example bench_fhir [patients] [folder] [only] [reader cache in MB]
//! ```
//!
//! Ingest is staging, ordering and indexing without a source or a mapping, 1,000 resources to a
//! transaction, 16 to a patient. Requests go through the whole router, without a socket, from one task
//! (latency) and from 16 tasks (rate), and beside them a bare axum handler that returns the same bytes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::routing::get;
use silsila_fhir::{Access, AccessSettings, FhirSettings, FhirState, SearchIndex};
use silsila_store::chain::{CustodianKey, MemberKey, Op};
use silsila_store::{Draft, Index, NoIndex, Payload, Store, StoreError, StoreOptions};
use tower::ServiceExt as _;

const BLOCK: usize = 1_000;
const REQUESTS: usize = 10_000;
const TASKS: usize = 16;
const CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";

fn main() {
    let patients: usize = argument(1).map_or(5_000, |text| text.parse().expect("a number"));
    let folder = argument(2).map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder).expect("a folder of its own");
    for (name, index) in [
        ("without index", Box::new(NoIndex) as Box<dyn Index>),
        ("with index", SearchIndex::new()),
    ] {
        let store = open(&folder.path().join(name), index);
        ingest(&store, patients, name);
        if name == "with index" {
            tables(&store);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(serve(store, patients));
        }
    }
}

/// An argument that was given and is not `-`.
fn argument(place: usize) -> Option<String> {
    std::env::args().nth(place).filter(|text| text != "-")
}

fn open(path: &std::path::Path, index: Box<dyn Index>) -> Store {
    let (member, custodian) = (MemberKey::from_seed(&[1; 32]), CustodianKey::new([2; 32]));
    let mut options = StoreOptions::new(path.with_extension("db"), member, custodian);
    options.readers = 6;
    if let Some(megabytes) = argument(4) {
        options.reader_cache_bytes = megabytes.parse::<usize>().expect("megabytes") << 20;
    }
    Store::open(options, index).expect("a new store")
}

fn ingest(store: &Store, patients: usize, name: &str) {
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut making = Duration::ZERO;
    let (mut resources, mut bytes) = (0, 0);
    let mut patient = 0;
    while patient < patients {
        let made = Instant::now();
        let until = (patient + BLOCK / 16).min(patients);
        let drafts: Vec<_> = (patient..until).flat_map(chart).collect();
        patient = until;
        making += made.elapsed();
        resources += drafts.len();
        bytes += drafts
            .iter()
            .filter_map(|draft| Some(draft.payload.as_ref()?.body.len()))
            .sum::<usize>();
        let id = store
            .stage::<StoreError>(drafts, |_| Ok(()))
            .expect("room")
            .expect("drafts");
        store.submit(id).expect("a commit");
    }
    let took = (begin.elapsed() - making).as_secs_f64();
    let cpu = cpu_seconds() - cpu - making.as_secs_f64();
    let each = |seconds: f64| seconds * 1e6 / resources as f64;
    println!(
        "{name}: {resources} resources of {} bytes, {:.0}/s, {:.1} us each, {:.1} us of processor",
        bytes / resources,
        resources as f64 / took,
        each(took),
        each(cpu),
    );
}

fn tables(store: &Store) {
    let names = [
        "fhir_version",
        "fhir_resource",
        "fhir_term",
        "fhir_fresh",
        "fhir_range",
        "fhir_text",
    ];
    for table in names {
        let sql = format!(
            "SELECT count(*), (SELECT sum(pgsize) FROM dbstat WHERE name = '{table}') FROM {table}"
        );
        let found = store.read::<_, StoreError>(|conn| {
            Ok(conn.query_row(&sql, [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
            })?)
        });
        match found {
            Ok((rows, size)) => println!("  {table}: {rows} rows, {} KB", size.unwrap_or(0) >> 10),
            Err(_) => println!("  {table}: not measured"),
        }
    }
}

async fn serve(store: Store, patients: usize) {
    let access = Access::new(AccessSettings {
        loopback_without_token: true,
        tokens: Vec::new(),
    });
    let state = FhirState::new(store, FhirSettings::default(), access).expect("a prepared index");
    let router = silsila_fhir::router(state);
    let one = fetch(&router, format!("/fhir/Patient/{}", id("Patient", 0))).await;
    let bare = Router::new().route(
        "/fhir/Patient/{id}",
        get(move || {
            let body = one.clone();
            async move { ([("content-type", "application/fhir+json")], body) }
        }),
    );
    let pick = move |n: usize| n.wrapping_mul(7_919) % patients;
    let patient = move |n: usize| format!("/fhir/Patient/{}", id("Patient", pick(n)));
    measure("bare handler", &bare, patient).await;
    measure("read", &router, patient).await;
    measure("by identifier", &router, move |n| {
        format!(
            "/fhir/Patient?identifier=http://nadra.gov.pk/cnic%7C99{:011}",
            pick(n)
        )
    })
    .await;
    measure("by patient and code", &router, move |n| {
        let number = pick(n);
        let code = CODES[(number + n) % CODES.len()];
        format!(
            "/fhir/Observation?patient={}&code=http://loinc.org%7C{code}",
            id("Patient", number)
        )
    })
    .await;
    measure("by whole name", &router, move |n| {
        let (given, family) = name_of(pick(n));
        format!("/fhir/Patient?family={family}&given={given}&_count=10")
    })
    .await;
    measure("by name and birth date", &router, move |n| {
        let number = pick(n);
        format!(
            "/fhir/Patient?name={}&birthdate={}",
            name_of(number).1,
            birth(number)
        )
    })
    .await;
    measure("by family name", &router, move |n| {
        format!("/fhir/Patient?family={}&_count=10", name_of(pick(n)).1)
    })
    .await;
    measure("by code, 10 newest", &router, move |n| {
        format!(
            "/fhir/Observation?code={}&_count=10",
            CODES[n % CODES.len()]
        )
    })
    .await;
    measure("a patient's newest by date", &router, move |n| {
        format!(
            "/fhir/Observation?patient={}&_sort=-date&_count=5",
            id("Patient", pick(n))
        )
    })
    .await;
}

async fn measure(
    name: &str,
    router: &Router,
    url: impl Fn(usize) -> String + Copy + Send + 'static,
) {
    if argument(3).is_some_and(|only| !name.starts_with(&only)) {
        return;
    }
    let mut times = Vec::with_capacity(REQUESTS);
    let mut bytes = 0;
    for n in 0..REQUESTS {
        let url = url(n);
        let begin = Instant::now();
        bytes += fetch(router, url).await.len();
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    let micros = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let router = router.clone();
        tasks.spawn(async move {
            for n in 0..REQUESTS / TASKS {
                fetch(&router, url(n * TASKS + task)).await;
            }
        });
    }
    while tasks.join_next().await.is_some() {}
    let each = |seconds: f64| seconds * 1e6 / REQUESTS as f64;
    println!(
        "  {name}: p50 {:.0} us, p99 {:.0} us; {TASKS} tasks {:.0}/s, {:.0} us of processor; {} bytes",
        micros(50),
        micros(99),
        1e6 / each(begin.elapsed().as_secs_f64()),
        each(cpu_seconds() - cpu),
        bytes / REQUESTS,
    );
}

async fn fetch(router: &Router, url: String) -> Vec<u8> {
    let mut request = Request::get(url).body(Body::empty()).expect("an address");
    let peer = SocketAddr::from(([127, 0, 0, 1], 4711));
    request.extensions_mut().insert(ConnectInfo(peer));
    let response = router.clone().oneshot(request).await.expect("an answer");
    assert!(response.status().is_success(), "{}", response.status());
    let body = to_bytes(response.into_body(), usize::MAX).await;
    body.expect("a body in memory").to_vec()
}

/// Processor time of this process so far; the machine may be busy with other things.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |place: usize| fields.get(place).and_then(|text| text.parse::<f64>().ok());
    (ticks(13).unwrap_or(0.0) + ticks(14).unwrap_or(0.0)) / 100.0
}

fn id(kind: &str, number: usize) -> String {
    let mixed = (number as u64 + kind.len() as u64 * 7_919).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    format!("{mixed:016x}{:010x}", mixed.rotate_left(17) >> 24)
}

/// One patient with what a hospital knows of an average one.
fn chart(number: usize) -> Vec<Draft> {
    let own = id("Patient", number);
    let (given, family) = name_of(number);
    let mut bodies = vec![format!(
        r#"{{"active":true,"address":[{{"city":"Mirpurkhas","country":"PK","line":["House {number}, Street {}"],"state":"Sindh"}}],"birthDate":"{}","gender":"{}","id":"{own}","identifier":[{{"system":"https://h.example/ns/patient","type":{{"coding":[{{"code":"MR","system":"http://terminology.hl7.org/CodeSystem/v2-0203"}}]}},"use":"usual","value":"{number}"}},{{"system":"http://nadra.gov.pk/cnic","value":"99{number:011}"}}],"meta":{{"source":"https://h.example"}},"name":[{{"family":"{}","given":["{}"],"text":"{} {}"}}],"resourceType":"Patient","telecom":[{{"system":"phone","value":"039{number:08}"}}]}}"#,
        number % 90,
        birth(number),
        if number.is_multiple_of(2) {
            "male"
        } else {
            "female"
        },
        family,
        given,
        given,
        family,
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
    bodies.into_iter().map(draft).collect()
}

fn draft(body: String) -> Draft {
    let text = |member: &str| {
        let begin = body.find(&format!("\"{member}\":\"")).expect("a member") + member.len() + 4;
        body[begin..].split('"').next().expect("a text").to_owned()
    };
    let kind = text("resourceType");
    let own = body.rfind("\"id\":\"").map_or_else(String::new, |at| {
        body[at + 6..].split('"').next().unwrap_or("").to_owned()
    });
    Draft {
        op: Op::Put,
        resource: format!("{kind}/{own}"),
        subject: format!("{kind}/{own}"),
        kind,
        label_class: 0,
        payload: Some(Payload {
            body: body.into_bytes(),
            mapping: "bench".into(),
            mapping_digest: [0; 32],
        }),
    }
}

fn birth(number: usize) -> String {
    let mixed = (number as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9) as usize >> 9;
    format!(
        "19{:02}-{:02}-{:02}",
        mixed % 90 + 10,
        mixed / 90 % 12 + 1,
        mixed / 1_080 % 28 + 1
    )
}

fn name_of(number: usize) -> (String, String) {
    // 16 by 20 syllables on either side: about 100,000 names, as uneven as names are.
    let mixed = (number as u64).wrapping_mul(0x94d0_49bb_1331_11eb) as usize >> 7;
    let rare = |n: usize| {
        if n.is_multiple_of(3) {
            SYLLABLES[n / 3 % SYLLABLES.len()]
        } else {
            ""
        }
    };
    (
        format!("{}{}", GIVEN[mixed % GIVEN.len()], rare(mixed >> 9)),
        format!(
            "{}{}",
            FAMILY[(mixed >> 17) % FAMILY.len()],
            rare(mixed >> 25)
        ),
    )
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
const SYLLABLES: [&str; 12] = [
    "ullah", "uddin", "zai", "ani", "pur", "wala", "iya", "een", "sha", "dad", "bux", "rani",
];
