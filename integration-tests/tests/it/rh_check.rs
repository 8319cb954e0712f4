// SPDX-License-Identifier: Apache-2.0
//! Everything that the three hospitals' gateways serve, held to the R4 base profiles by `rh-validator`, a program of its own
//! that `script/rh-check` builds; what it says and why that may be is in `docs/fhir/rh-validator.md`.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::hyderabad_gateway::Ward;
use crate::karachi_gateway::City;
use crate::validators::{mirpurkhas, written};

#[tokio::test]
async fn every_resource_of_three_hospitals_keeps_to_the_base_profiles() {
    let ready = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rh-check");
    let (program, definitions) = (ready.join("silsila-rh-check"), ready.join("definitions"));
    if !program.exists() || !definitions.exists() {
        // Not by a macro: the test runner would keep the line to itself.
        let said = writeln!(
            std::io::stderr(),
            "skipped: script/rh-check has not built rh-validator, so nothing is held to the base profiles"
        );
        return said.unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    let mut expected = Vec::new();
    let gateway = mirpurkhas("rh_check", folder.path()).await;
    let ward = Ward::begin().await;
    let city = City::begin().await;
    for (name, gateway) in [
        ("mirpurkhas", &gateway),
        ("hyderabad", &ward.gateway),
        ("karachi", &city.gateway),
    ] {
        let file = folder.path().join(format!("{name}.ndjson"));
        let count = written(gateway, &file).await;
        expected.push(format!("{name}.ndjson: {count} resources"));
        files.push(file);
    }

    let verdict = Command::new(program)
        .arg(definitions)
        .args(files)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verdict.stdout);
    println!("{said}");
    let complained = String::from_utf8_lossy(&verdict.stderr);
    assert!(verdict.status.success(), "{said}{complained}");
    for line in expected {
        assert!(said.contains(&line), "{line}: {said}");
    }
}
