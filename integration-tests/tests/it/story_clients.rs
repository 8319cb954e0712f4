// SPDX-License-Identifier: Apache-2.0
//! A FHIR client that others wrote (npm `fhir-kit-client`) reads a gateway over HTTPS with a token, as a
//! program at another hospital would. Needs Node.js; says that it is skipped where there is none.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::node_program::NodeProgram;
use crate::story_door::{Door, WARD};

const HERO: &str = "https://mirpurkhas.example/ns/patient|4485";

#[tokio::test]
async fn a_client_that_others_wrote_finds_reads_and_pages() {
    let skipped = "no client that others wrote reads the gateway";
    let Some(client) = NodeProgram::installed("clients", "browse.mjs", skipped) else {
        return;
    };
    let mut door = Door::open("story_clients", "127.0.0.1").await;
    let server = format!("https://localhost:{}/fhir", door.gateway.port());
    let output = client
        .command()
        .args([&server, WARD, HERO])
        .env("NODE_EXTRA_CA_CERTS", door.authority.ca_file())
        .output()
        .unwrap();
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failed}");
    let saw: Value = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(saw["fhirVersion"], "4.0.1");
    assert_eq!(saw["searchable"], true);
    let patient = &saw["patient"];
    assert_eq!(patient["name"][0]["family"], "Shaikh");
    for same in ["read", "vread", "posted"] {
        assert_eq!(saw[same], *patient, "{same}");
    }
    assert_eq!(saw["versions"], json!(["1"]));
    assert_eq!(saw["subject"], patient["id"]);

    let ids = saw["patients"]["ids"].as_array().unwrap();
    let distinct: BTreeSet<&str> = ids.iter().map(|id| id.as_str().unwrap()).collect();
    assert_eq!(saw["patients"]["total"], ids.len());
    assert_eq!(distinct.len(), ids.len(), "no page repeats a patient");
    assert_eq!(saw["patients"]["pages"], ids.len().div_ceil(50));
    assert!(ids.len() > 350, "{}", ids.len());

    let dates: Vec<&str> = saw["chart"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    assert!(
        dates.len() > 5 && dates.is_sorted_by(|a, b| a >= b),
        "the newest first: {dates:?}"
    );

    let refusal = |status: u16, code: &str| json!({"status": status, "type": "OperationOutcome", "code": code});
    assert_eq!(saw["unknown"], refusal(404, "not-found"));
    assert_eq!(saw["malformed"], refusal(400, "value"));
    assert_eq!(saw["stranger"], refusal(401, "login"));
    assert_eq!(door.gateway.stop().unwrap(), 0);
}
