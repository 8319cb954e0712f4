// SPDX-License-Identifier: Apache-2.0
//! The demonstration as a newcomer sees it: start, look, the next day, look again, end, start again.

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
const HERO: &str = "/fhir/Patient?identifier=https://mirpurkhas.example/ns/patient%7C4485";

fn start(dir: &Path, port: u16) -> Supervised {
    let port = port.to_string();
    let dir_text = dir.to_str().unwrap();
    let command = [DEMO, "run", "--dir", dir_text, "--port", &port];
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

/// The one patient with the number 4485.
async fn hero(http: &mut Http) -> Value {
    let found = http.json(HERO).await.unwrap();
    assert_eq!(found["total"], 1, "{found:#}");
    found["entry"][0]["resource"].clone()
}

#[tokio::test]
async fn a_newcomer_sees_a_patient_move_and_the_chain_hold_both_versions() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let port = free_port().unwrap();

    let early = day2(&dir);
    assert!(!early.status.success());
    let error = String::from_utf8(early.stderr).unwrap();
    assert!(error.contains("start script/demo first"), "{error}");

    let demo = start(&dir, port);
    let json = announced(&dir, &demo).await;
    let fhir = format!("http://127.0.0.1:{port}/fhir");
    let expect =
        serde_json::json!({"gateways": [{"name": "mirpurkhas", "port": port, "fhir": fhir}]});
    assert_eq!(json, expect);

    let mut http = Http::open(port).await.unwrap();
    let before = hero(&mut http).await;
    assert_eq!(before["address"][0]["city"], "Mirpurkhas");
    assert_eq!(before["telecom"][0]["value"], "+923213122332");

    let played = day2(&dir);
    assert!(played.status.success(), "{played:?}");
    let until = Instant::now() + PATIENCE;
    let after = loop {
        let now = hero(&mut http).await;
        if now["meta"]["versionId"] != before["meta"]["versionId"] {
            break now;
        }
        assert!(Instant::now() < until, "the gateway does not notice");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(after["id"], before["id"]);
    assert_eq!(after["address"][0]["city"], "Hyderabad");
    assert_eq!(after["telecom"][0]["value"], "+923448556000");

    let id = after["id"].as_str().unwrap();
    let history = http
        .json(&format!("/fhir/Patient/{id}/_history"))
        .await
        .unwrap();
    let cities: Vec<_> = history["entry"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["resource"]["address"][0]["city"].as_str().unwrap())
        .collect();
    assert_eq!(cities, ["Hyderabad", "Mirpurkhas"], "the newest first");

    let config = dir.join("mirpurkhas/silsila.toml");
    let verify = Command::new(beside_us("silsila").unwrap())
        .args(["ledger", "verify", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert!(verify.status.success(), "{verify:?}");

    // Ctrl-C ends everything, and the state stays.
    let code = demo.end(Signal::Int, PATIENCE).unwrap();
    assert_eq!(code, 0, "{}", said(&dir));
    assert!(Http::open(port).await.is_err());
    assert!(!dir.join("demo.json").exists());

    let demo = start(&dir, port);
    announced(&dir, &demo).await;
    let again = day2(&dir);
    assert!(again.status.success(), "{again:?}");
    let text = String::from_utf8(again.stdout).unwrap();
    assert!(text.contains("has been played already"), "{text}");
    let mut http = Http::open(port).await.unwrap();
    assert_eq!(
        hero(&mut http).await["meta"],
        after["meta"],
        "nothing was committed twice"
    );
    assert_eq!(
        demo.end(Signal::Term, PATIENCE).unwrap(),
        0,
        "{}",
        said(&dir)
    );
}
