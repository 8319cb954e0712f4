// SPDX-License-Identifier: Apache-2.0
//! The directions of dependency between the rooms, and what must never be reached from where.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// What each crate may depend on, of the workspace's own, outside its tests.
const ALLOWED: &[(&str, &[&str])] = &[
    ("silsila-diagnostics", &[]),
    ("silsila-config", &["silsila-diagnostics"]),
    ("silsila-schema", &[]),
    ("silsila-source", &[]),
    (
        "silsila-mapping",
        &["silsila-diagnostics", "silsila-schema", "silsila-source"],
    ),
    ("silsila-access", &["silsila-source"]),
    ("silsila-mssql", &["silsila-source"]),
    ("silsila-tds-stand-in", &[]), // stands in for a foreign server and must know nothing of ours
    ("silsila-mysql", &["silsila-source"]),
    ("silsila-odbc", &["silsila-source"]),
    ("silsila-chain", &[]),
    ("silsila-seal", &["silsila-chain"]),
    ("silsila-verify", &["silsila-chain"]),
    ("silsila-store", &["silsila-chain", "silsila-seal"]),
    ("silsila-engine", &["silsila-chain", "silsila-store"]),
    ("silsila-replica", &["silsila-chain"]),
    (
        "silsila-authority",
        &["silsila-chain", "silsila-replica", "silsila-seal"],
    ),
    (
        "silsila-fhir",
        &["silsila-chain", "silsila-schema", "silsila-store"],
    ),
    (
        "silsila-pipeline",
        &[
            "silsila-chain",
            "silsila-mapping",
            "silsila-schema",
            "silsila-source",
            "silsila-store",
        ],
    ),
];

/// What must not be reachable, through any number of steps.
const FORBIDDEN: &[(&str, &[&str])] = &[
    // An auditor's verifier builds on it alone.
    (
        "silsila-chain",
        &[
            "rusqlite",
            "libsqlite3-sys",
            "tokio",
            "axum",
            "hyper",
            "mysql_async",
            "fhir-sdk",
            "cedar-policy",
            "x509-parser",
        ],
    ),
    // What members of a channel decide depends on its blocks alone.
    (
        "silsila-replica",
        &["rusqlite", "tokio", "axum", "hyper", "fhir-sdk"],
    ),
    // The authority never sees a patient.
    (
        "silsila-authority",
        &["silsila-store", "silsila-schema", "mysql_async", "fhir-sdk"],
    ),
    // Consensus stays in one room.
    (
        "silsila-store",
        &["commonware-consensus", "commonware-runtime"],
    ),
    // An auditor's program: no database, no network, no clock's runtime, no consensus, whatever it pulls in.
    (
        "silsila-verify",
        &[
            "rusqlite",
            "libsqlite3-sys",
            "tokio",
            "async-trait",
            "futures-util",
            "axum",
            "hyper",
            "rustls",
            "mysql_async",
            "fhir-sdk",
            "commonware-consensus",
            "commonware-cryptography",
            "commonware-runtime",
            "serde",
            "serde_json",
            "zstd",
            "zstd-sys",
        ],
    ),
    // The ledger knows no FHIR, no SQL of others and no HTTP.
    (
        "silsila-store",
        &[
            "axum",
            "hyper",
            "fhir-sdk",
            "mysql_async",
            "silsila-schema",
            "silsila-mapping",
            "silsila-source",
        ],
    ),
    // Mapping does no input or output.
    (
        "silsila-mapping",
        &[
            "tokio",
            "rusqlite",
            "mysql_async",
            "axum",
            "hyper",
            "fhir-sdk",
        ],
    ),
    (
        "silsila-schema",
        &[
            "tokio",
            "rusqlite",
            "mysql_async",
            "axum",
            "hyper",
            "fhir-sdk",
        ],
    ),
    // Adapters know rows, never resources.
    (
        "silsila-access",
        &[
            "silsila-schema",
            "silsila-mapping",
            "silsila-store",
            "axum",
            "fhir-sdk",
        ],
    ),
    (
        "silsila-mssql",
        &[
            "silsila-schema",
            "silsila-mapping",
            "silsila-store",
            "axum",
            "fhir-sdk",
        ],
    ),
    (
        "silsila-mysql",
        &[
            "silsila-schema",
            "silsila-mapping",
            "silsila-store",
            "axum",
            "fhir-sdk",
        ],
    ),
    (
        "silsila-odbc",
        &[
            "silsila-schema",
            "silsila-mapping",
            "silsila-store",
            "axum",
            "fhir-sdk",
        ],
    ),
    (
        "silsila-source",
        &[
            "silsila-schema",
            "silsila-mapping",
            "silsila-store",
            "axum",
            "fhir-sdk",
        ],
    ),
    // Configuration is read by every command and must stay light.
    (
        "silsila-config",
        &["tokio", "rusqlite", "axum", "mysql_async", "fhir-sdk"],
    ),
    // fhir-sdk's decimals are floating point: it never sees a mapped resource on its way to the ledger.
    ("silsila-pipeline", &["fhir-sdk", "axum", "mysql_async"]),
];

struct Graph {
    /// Package name to the names it needs outside its tests.
    needs: BTreeMap<String, BTreeSet<String>>,
    /// Package name to its features that are on.
    features: BTreeMap<String, BTreeSet<String>>,
}

fn graph() -> Graph {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--offline",
            "--format-version",
            "1",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo speaks JSON");
    let names: BTreeMap<&str, &str> = list(&metadata["packages"])
        .map(|package| (text(&package["id"]), text(&package["name"])))
        .collect();
    let mut graph = Graph {
        needs: BTreeMap::new(),
        features: BTreeMap::new(),
    };
    for node in list(&metadata["resolve"]["nodes"]) {
        let name = names[text(&node["id"])].to_owned();
        // No gateway runs in a browser: what a crate wants there alone is never built.
        let elsewhere = |kind: &Value| {
            let target = kind["target"].as_str();
            target.is_some_and(|target| target.contains("wasm"))
        };
        let normal = |dependency: &&Value| {
            list(&dependency["dep_kinds"]).any(|kind| kind["kind"].is_null() && !elsewhere(kind))
        };
        let needs = list(&node["deps"])
            .filter(normal)
            .map(|dependency| names[text(&dependency["pkg"])].to_owned());
        graph.needs.entry(name.clone()).or_default().extend(needs);
        let features = list(&node["features"]).map(|feature| text(feature).to_owned());
        graph.features.entry(name).or_default().extend(features);
    }
    graph
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

impl Graph {
    fn reach(&self, from: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut next = vec![from];
        while let Some(name) = next.pop() {
            for needed in &self.needs[name] {
                if reached.insert(needed.as_str()) {
                    next.push(needed);
                }
            }
        }
        reached
    }
}

#[test]
fn rooms_depend_on_each_other_in_the_agreed_directions_only() {
    let graph = graph();
    let ours: BTreeSet<&str> = graph
        .needs
        .keys()
        .map(String::as_str)
        .filter(|name| name.starts_with("silsila-"))
        .collect();
    let judged: BTreeSet<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    let free: BTreeSet<&str> = ["silsila-gateway", "silsila-integration-tests"]
        .into_iter()
        .collect();
    let unjudged: Vec<&&str> = ours
        .iter()
        .filter(|name| !judged.contains(**name) && !free.contains(**name))
        .collect();
    assert!(
        unjudged.is_empty(),
        "say in this test what these may depend on: {unjudged:?}"
    );
    for (name, allowed) in ALLOWED {
        let inside = graph.needs[*name]
            .iter()
            .filter(|needed| needed.starts_with("silsila-"));
        let beyond: Vec<&String> = inside
            .filter(|needed| !allowed.contains(&needed.as_str()))
            .collect();
        assert!(beyond.is_empty(), "{name} must not depend on {beyond:?}");
    }
}

#[test]
fn no_room_reaches_what_it_must_not_know() {
    let graph = graph();
    for (name, forbidden) in FORBIDDEN {
        let reached = graph.reach(name);
        let found: Vec<&&str> = forbidden
            .iter()
            .filter(|banned| reached.contains(**banned))
            .collect();
        assert!(found.is_empty(), "{name} reaches {found:?}");
    }
}

#[test]
fn the_forbidden_names_are_those_of_crates_that_exist() {
    let graph = graph();
    for banned in FORBIDDEN.iter().flat_map(|(_, banned)| *banned) {
        assert!(
            graph.needs.contains_key(*banned),
            "{banned} is not in the lockfile: is it misspelt?"
        );
    }
}

/// It turns serde_json's numbers into maps, which fhir-sdk cannot read back.
#[test]
fn serde_json_keeps_its_plain_numbers() {
    let graph = graph();
    let features = &graph.features["serde_json"];
    assert!(!features.is_empty(), "serde_json is in the graph");
    assert!(!features.contains("arbitrary_precision"), "{features:?}");
}

/// Two crypto providers in one process would leave the choice to whichever is installed first.
#[test]
fn there_is_one_crypto_provider() {
    let graph = graph();
    let features = &graph.features["rustls"];
    assert!(
        features.contains("aws_lc_rs") || features.contains("aws-lc-rs"),
        "{features:?}"
    );
    assert!(!features.contains("ring"), "{features:?}");
}
