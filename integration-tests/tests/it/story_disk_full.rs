// SPDX-License-Identifier: Apache-2.0
//! The disk of the ledger is full in the middle of the first sweep: intake stops with a clear error, reads
//! go on, and once there is room everything is completed and nothing is lost.
//!
//! The disk is a small file system in memory, in a mount namespace of the gateway's own, so that nothing
//! stays mounted however the test ends. Where the system allows no such namespace the story is skipped.

use std::io::Write as _;
use std::process::Command;

use serde_json::Value;

use crate::story_record::Record;
use crate::story_scene::Scene;

/// Mounts the disk over the storage folder and becomes the gateway.
const ON_SMALL_DISK: &str = r#"mount -t tmpfs -o size=6m,mode=700 tmpfs "$0" && exec "$@""#;

/// `unshare` with what this system demands for a mount namespace.
pub fn namespace() -> Option<Vec<String>> {
    let ways = [
        &["unshare", "--mount"][..],
        &["unshare", "--mount", "--map-root-user"],
    ];
    ways.into_iter().find_map(|way| {
        let mount = "mount -t tmpfs tmpfs /tmp";
        let tried = Command::new(way[0])
            .args(&way[1..])
            .args(["sh", "-c", mount])
            .output();
        let allowed = tried.is_ok_and(|tried| tried.status.success());
        allowed.then(|| way.iter().map(|&word| word.to_owned()).collect())
    })
}

impl Scene {
    /// Runs a command where the gateway sees its disk: exit code and everything it printed.
    fn inside(&self, words: &[&str]) -> (i32, String) {
        let pid = self.gateway.pid().unwrap().to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &pid, "--mount"]);
        let users = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/user")).unwrap();
        if users(&pid) != users("self") {
            command.args(["--user", "--preserve-credentials"]);
        }
        let output = command.args(words).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        (output.status.code().unwrap(), said)
    }
}

#[tokio::test]
async fn a_full_disk_stops_intake_and_nothing_else_and_loses_nothing() {
    let Some(mut wrapper) = namespace() else {
        // Not by a macro: the test runner would keep the line to itself.
        let said = writeln!(
            std::io::stderr(),
            "skipped: no mount namespace is allowed here, so no disk is full"
        );
        return said.unwrap();
    };
    let mut scene = Scene::apart("story_disk_full", |config| {
        let state = config.folder.join("state");
        std::fs::create_dir_all(&state).unwrap();
        wrapper.extend(["sh", "-c", ON_SMALL_DISK].map(ToOwned::to_owned));
        wrapper.push(state.display().to_string());
        config.wrapper = wrapper;
        config.chunk_rows = 200;
        config.sweep_interval = "1d".into();
    })
    .await;

    let full = |source: &Value| source["fault"]["attempts"].as_u64() >= Some(2);
    let full = scene.until_source("full", full).await;
    assert_eq!(full["state"], "faulty", "{full:#}");
    assert_eq!(full["fault"]["code"], "LED0001");
    assert_eq!(full["sweep_completed"], 0, "it is in mid-sweep");
    let report = scene.gateway.look().unwrap();
    assert_eq!(report["ledger"]["failing"], "LED0001");
    assert!(report["disk_free_bytes"].as_u64() < Some(1 << 20));
    let binary = silsila_integration_tests::gateway::beside_us("silsila").unwrap();
    let config = scene.gateway.config().file();
    let (binary, config) = (binary.to_str().unwrap(), config.to_str().unwrap());
    let (code, said) = scene.inside(&[binary, "status", "--config", config]);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("cannot be written: LED0001"), "{said}");

    // What was committed is served, and stays as it is while intake tries again.
    let mut http = scene.http().await;
    let first = http.json("/fhir/Patient?_count=1000").await.unwrap();
    let patients = first["entry"].as_array().unwrap();
    assert!(patients.len() > 100, "{}", patients.len());
    for entry in patients.iter().take(50) {
        let id = entry["resource"]["id"].as_str().unwrap();
        let read = http.json(&format!("/fhir/Patient/{id}")).await.unwrap();
        assert_eq!(read, entry["resource"]);
    }

    let state = scene.folder.path().join("state");
    let (code, said) = scene.inside(&["mount", "-o", "remount,size=300m", state.to_str().unwrap()]);
    assert_eq!(code, 0, "{said}");
    let done = |source: &Value| source["sweep_completed"] == 1;
    let swept = scene.until_source("swept", done).await;
    assert!(swept["fault"].is_null());
    for (table, mapping) in crate::story_outage::WHOLE {
        let rows = scene.number(&format!("SELECT COUNT(*) FROM {table}")).await;
        assert_eq!(Scene::counter(&swept, mapping, "rows"), rows, "{table}");
    }
    let report = scene.gateway.look().unwrap();
    assert!(report["ledger"]["failing"].is_null());
    let record = Record::of(&mut http).await;
    record.must_not_repeat();
    assert_eq!(record.current().len() as i64, Scene::resources(&swept));
    assert_eq!(report["ledger"]["entries"], record.versions());
    for entry in patients {
        let id = entry["resource"]["id"].as_str().unwrap();
        let read = http.json(&format!("/fhir/Patient/{id}")).await.unwrap();
        assert_eq!(read, entry["resource"]);
    }
    let (code, said) = scene.inside(&[binary, "ledger", "verify", "--config", config]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(scene.gateway.stop().unwrap(), 0);
}
