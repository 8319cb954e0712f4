// SPDX-License-Identifier: Apache-2.0
//! The demonstration as a newcomer sees it: a network of three hospitals starts, look, the next day, look again
//! at every gateway, end, start again.

use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::beside_us;
use silsila_integration_tests::http::Http;
use silsila_integration_tests::supervisor::{Signal, Supervised};

const DEMO: &str = env!("CARGO_BIN_EXE_silsila-demo");
const PATIENCE: Duration = Duration::from_secs(240);

/// All hospitals, in the order of `demo.json`.
const NAMES: [&str; 3] = ["mirpurkhas", "hyderabad", "karachi"];

/// What runs beside the hospitals: the registration authority, and its organization's own gateway.
const OTHERS: [&str; 2] = ["authority", "union"];

/// How Hyderabad finds him, whom it knows from the second day on.
const NEW_AT_HYDERABAD: &str =
    "/fhir/Patient?identifier=https://hyderabad.example/ns/patient%7C401";

/// The hospitals that know Aquib Shaikh from the first day on, and how each finds him. On the second day he
/// moves from Mirpurkhas to Hyderabad and has another telephone.
const HOSPITALS: [(&str, &str); 2] = [
    (
        "mirpurkhas",
        "/fhir/Patient?identifier=https://mirpurkhas.example/ns/patient%7C4485",
    ),
    (
        "karachi",
        "/fhir/Patient?identifier=https://karachi.example/ns/patient%7CKHI-100492",
    ),
];

/// Those hospitals, with the ports of their gateways.
fn who_know_him(ports: [u16; 3]) -> impl Iterator<Item = (&'static str, &'static str, u16)> {
    HOSPITALS.into_iter().map(move |(name, search)| {
        let at = NAMES.iter().position(|n| *n == name).unwrap();
        (name, search, ports[at])
    })
}

fn start(dir: &Path, ports: &[u16], others: &[u16]) -> Supervised {
    let ports: Vec<_> = (NAMES.iter().chain(&OTHERS))
        .zip(ports.iter().chain(others))
        .map(|(name, port)| format!("{name}={port}"))
        .collect();
    let mut command = vec![DEMO, "run", "--dir", dir.to_str().unwrap()];
    for port in &ports {
        command.extend(["--port", port]);
    }
    Supervised::start(&command, &dir.with_extension("log"), None).unwrap()
}

fn said(dir: &Path) -> String {
    std::fs::read_to_string(dir.with_extension("log")).unwrap_or_default()
}

/// Waits for `demo.json` and gives it.
async fn announced(dir: &Path, demo: &Supervised) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(text) = std::fs::read(dir.join("demo.json")) {
            return serde_json::from_slice(&text).unwrap();
        }
        assert!(
            demo.ended().is_none() && Instant::now() < until,
            "{}",
            said(dir)
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn day2(dir: &Path) -> Output {
    Command::new(DEMO)
        .args(["day2", "--dir"])
        .arg(dir)
        .output()
        .unwrap()
}

/// What a search finds: one patient, or none yet.
async fn found(port: u16, search: &str) -> Option<Value> {
    let mut http = Http::open(port).await.unwrap();
    let found = http.json(search).await.unwrap();
    assert!(found["total"].as_u64() <= Some(1), "{found:#}");
    found.pointer("/entry/0/resource").cloned()
}

/// The one patient that a search finds.
async fn hero(port: u16, search: &str) -> Value {
    let patient = found(port, search).await;
    patient.unwrap_or_else(|| panic!("{search}: nobody at {port}"))
}

/// The patient once another version of him is served.
async fn moved(port: u16, search: &str, before: &Value) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let now = hero(port, search).await;
        if now["meta"]["versionId"] != before["meta"]["versionId"] {
            return now;
        }
        assert!(
            Instant::now() < until,
            "{search}: the gateway does not notice"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The patient as one gateway serves him, once it has the version that another serves.
async fn replicated(port: u16, search: &str, there: &Value) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(here) = found(port, search).await
            && here["meta"]["versionId"] == there["meta"]["versionId"]
        {
            return here;
        }
        assert!(Instant::now() < until, "{search}: not replicated to {port}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What a gateway says of its ledger.
fn ledger(dir: &Path, name: &str) -> Value {
    let status = Command::new(beside_us("silsila").unwrap())
        .args(["status", "--json", "--config"])
        .arg(dir.join(name).join("silsila.toml"))
        .output()
        .unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    status["ledger"].clone()
}

/// The first city of every version, the newest first.
async fn cities(port: u16, id: &Value) -> Vec<String> {
    let id = id.as_str().unwrap();
    let mut http = Http::open(port).await.unwrap();
    let target = format!("/fhir/Patient/{id}/_history");
    let history = http.json(&target).await.unwrap();
    let city = |e: &Value| {
        e["resource"]["address"][0]["city"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    history["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(city)
        .collect()
}

#[tokio::test]
async fn a_newcomer_sees_a_patient_move_and_the_chain_hold_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let ports = NAMES.map(|_| free_port().unwrap());
    let others = OTHERS.map(|_| free_port().unwrap());

    let early = day2(&dir);
    assert!(!early.status.success());
    let error = String::from_utf8(early.stderr).unwrap();
    assert!(error.contains("start script/demo first"), "{error}");

    let demo = start(&dir, &ports, &others);
    let json = announced(&dir, &demo).await;
    let listed: Vec<_> = NAMES
        .iter()
        .zip(ports)
        .map(|(name, port)| {
            let fhir = format!("http://127.0.0.1:{port}/fhir");
            serde_json::json!({"name": name, "port": port, "fhir": fhir})
        })
        .collect();
    assert_eq!(json["gateways"], serde_json::json!(listed));
    assert_eq!(json["authority"]["port"], others[0]);
    assert_eq!(json["union"]["port"], others[1]);

    let mut before = Vec::new();
    for (_, search, port) in who_know_him(ports) {
        let now = hero(port, search).await;
        assert_eq!(now["address"][0]["city"], "Mirpurkhas");
        assert_eq!(now["telecom"][0]["value"], "+923213122332");
        before.push(now);
    }

    let played = day2(&dir);
    assert!(played.status.success(), "{played:?}");
    // Hyderabad has shown the day by the time the command returns.
    let new = hero(ports[1], NEW_AT_HYDERABAD).await;
    assert_eq!(new["name"][0]["text"], "Aqib Sheikh");
    assert_eq!(new["telecom"][0]["value"], "+923448556000");
    let mut after = Vec::new();
    for ((name, search, port), before) in who_know_him(ports).zip(&before) {
        let now = moved(port, search, before).await;
        assert_eq!(now["id"], before["id"]);
        assert_eq!(now["address"][0]["city"], "Hyderabad");
        assert_eq!(now["telecom"][0]["value"], "+923448556000");
        assert_eq!(
            cities(port, &now["id"]).await,
            ["Hyderabad", "Mirpurkhas"],
            "{name}"
        );
        let verify = Command::new(beside_us("silsila").unwrap())
            .args(["ledger", "verify", "--config"])
            .arg(dir.join(name).join("silsila.toml"))
            .output()
            .unwrap();
        assert!(verify.status.success(), "{verify:?}");
        after.push(now);
    }

    // Every gateway of the network has what each hospital committed, and says whose it is.
    for port in ports {
        for ((name, search), after) in HOSPITALS.iter().zip(&after) {
            let here = replicated(port, search, after).await;
            assert_eq!(here["meta"], after["meta"], "{name} on {port}");
            let source = format!("https://{name}.example");
            assert_eq!(here["meta"]["source"], source.as_str());
        }
        let here = replicated(port, NEW_AT_HYDERABAD, &new).await;
        assert_eq!(here["meta"]["source"], "https://hyderabad.example");
    }

    // The authority's gateway has the same chain, and can open none of it.
    let mut http = Http::open(others[1]).await.unwrap();
    let nobody = http.json("/fhir/Patient?_total=accurate").await.unwrap();
    assert_eq!(nobody["total"], 0, "{nobody:#}");
    let until = Instant::now() + PATIENCE;
    let same = loop {
        let [karachi, union] = ["karachi", OTHERS[1]].map(|name| ledger(&dir, name));
        if karachi["hash"] == union["hash"] {
            break union;
        }
        assert!(Instant::now() < until, "{karachi:#} {union:#}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(same["entries"].as_u64() > Some(20_000), "{same:#}");

    // Ctrl-C ends everything, and the state stays.
    let code = demo.end(Signal::Int, PATIENCE).unwrap();
    assert_eq!(code, 0, "{}", said(&dir));
    for port in ports {
        assert!(Http::open(port).await.is_err());
    }
    assert!(!dir.join("demo.json").exists());

    let demo = start(&dir, &ports, &others);
    announced(&dir, &demo).await;
    let again = day2(&dir);
    assert!(again.status.success(), "{again:?}");
    let text = String::from_utf8(again.stdout).unwrap();
    let repeated = text.matches("has been played already").count();
    assert_eq!(repeated, NAMES.len(), "{text}");
    for ((_, search, port), after) in who_know_him(ports).zip(&after) {
        let now = hero(port, search).await;
        assert_eq!(now["meta"], after["meta"], "nothing was committed twice");
    }
    assert_eq!(
        demo.end(Signal::Term, PATIENCE).unwrap(),
        0,
        "{}",
        said(&dir)
    );
}
