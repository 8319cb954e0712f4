// SPDX-License-Identifier: Apache-2.0
//! What `docs/integrators/first-pack.md` promises an integrator, done: a clinic that no pack covers, over ODBC.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use silsila_integration_tests::free_port;
use silsila_integration_tests::gateway::{Gateway, GatewayConfig, LegacySource, beside_us};

use crate::odbc_ground::{SqliteFile, sqlite_driver};

const PATIENCE: Duration = Duration::from_secs(60);

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/integrators/badin")
}

fn clinic(skipped: &str) -> Option<SqliteFile> {
    let file = SqliteFile::new(skipped)?;
    file.execute(&std::fs::read_to_string(example().join("badin.sql")).unwrap());
    Some(file)
}

fn config(folder: &Path, file: &SqliteFile) -> GatewayConfig {
    let hospital = ("Badin Camp Clinic", "https://badin.example");
    let source = LegacySource::Odbc {
        name: "badin".into(),
        connection: file.options().connection,
    };
    let mut config = GatewayConfig::of(hospital, folder, free_port().unwrap(), source);
    config.pack = example().join("pack");
    config
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Rows, produced, empty, not shared, quarantined of a mapping.
fn counts(status: &Value, mapping: &str) -> [u64; 5] {
    let mappings = status["pipeline"]["sources"][0]["mappings"].as_array();
    let mut mappings = mappings.unwrap().iter();
    let counters = &mappings.find(|m| m["name"] == mapping).unwrap()["counters"];
    let names = ["rows", "produced", "empty", "not_shared", "quarantined"];
    names.map(|name| counters[name].as_u64().unwrap())
}

#[tokio::test]
async fn the_first_pack_maps_its_clinic_from_the_file_to_the_search() {
    let Some(file) = clinic("the integrator's first pack is not served") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), &file);
    let gateway = Gateway::start(&beside_us("silsila").unwrap(), config)
        .await
        .unwrap();
    gateway.swept(1, PATIENCE).await.unwrap();
    let mut http = gateway.http().await.unwrap();

    let columns = gateway.command(&["source", "columns", "PERSON"]).unwrap();
    assert!(
        said(&columns).contains("CARD_NO   VARCHAR(10)  text"),
        "{}",
        said(&columns)
    );
    let preview = gateway
        .command(&["mapping", "preview", "patient", "--limit", "2"])
        .unwrap();
    assert!(
        said(&preview).contains("PERSON 1/A-002: not shared"),
        "{}",
        said(&preview)
    );

    let status = gateway.status().unwrap();
    assert_eq!(counts(&status, "patient"), [6, 3, 0, 3, 0]);
    assert_eq!(counts(&status, "visit"), [6, 2, 0, 3, 1]);
    assert_eq!(counts(&status, "diagnosis"), [6, 2, 0, 3, 1]);
    assert_eq!(counts(&status, "bp"), [6, 2, 0, 3, 1]);
    assert_eq!(counts(&status, "weight"), [9, 1, 4, 4, 0]);

    let found = http.json("/fhir/Patient?family=bibi").await.unwrap();
    let patient = &found["entry"][0]["resource"];
    assert_eq!(patient["name"][0]["given"], serde_json::json!(["Zainab"]));
    assert_eq!(patient["birthDate"], "1984-07-01");

    // Without a column of changes, the sweep finds the silent one.
    file.execute("UPDATE PERSON SET FULLNAME = 'KHAN, Gul Muhammad' WHERE CARD_NO = 'B-17'");
    gateway.command(&["source", "resync"]).unwrap();
    gateway.swept(2, PATIENCE).await.unwrap();
    let found = http.json("/fhir/Patient?identifier=2/B-17").await.unwrap();
    let patient = &found["entry"][0]["resource"];
    assert_eq!(
        patient["name"][0]["given"],
        serde_json::json!(["Gul", "Muhammad"])
    );
    assert_eq!(patient["meta"]["versionId"], "2");
}

#[test]
fn the_first_packs_configuration_and_tests_hold() {
    let folder = tempfile::tempdir().unwrap();
    let program = beside_us("silsila").unwrap();
    let run = |arguments: &[&str]| {
        let output = std::process::Command::new(&program)
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        (
            output.status.code(),
            said(&output) + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let pack = example().join("pack");
    let pack = pack.to_str().unwrap();
    assert_eq!(
        run(&["mapping", "check", pack]),
        (Some(0), "5 mappings, nothing wrong\n".into())
    );
    assert_eq!(
        run(&["mapping", "test", pack]),
        (Some(0), "7 passed, 0 failed\n".into())
    );
    if sqlite_driver("the first pack's configuration is not tried").is_some() {
        // Its database is not there, and that is all that is wrong with it.
        let config = example().join("silsila.toml");
        let (code, text) = run(&["--config", config.to_str().unwrap(), "check", "--offline"]);
        assert_eq!(code, Some(0), "{text}");
    }
}
