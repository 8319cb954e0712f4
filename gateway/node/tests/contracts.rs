// SPDX-License-Identifier: Apache-2.0
//! Contracts in files: the worked ones keep what their cases promise, and faults are shown in their place.

use std::path::{Path, PathBuf};

use silsila_gateway::contract::{Outcome, read, read_cases};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples/contracts")
}

fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("written");
    }
    folder
}

#[test]
fn the_worked_contracts_answer_as_their_cases_say() {
    let mut cases = 0;
    for name in ["open-treatment", "consent-first", "laboratory"] {
        let file = examples().join(format!("{name}.cedar"));
        let contract = read(&file).unwrap_or_else(|faults| panic!("{faults}"));
        for case in read_cases(&file).unwrap_or_else(|faults| panic!("{faults}")) {
            assert_eq!(
                case.run(&contract.compiled),
                Outcome::Held,
                "{name}: {}",
                case.name
            );
            cases += 1;
        }
    }
    assert!(cases >= 30, "{cases}");
}

#[test]
fn a_case_that_expects_otherwise_is_broken() {
    let file = examples().join("laboratory.cedar");
    let contract = read(&file).unwrap();
    let folder = written(&[(
        "x.tests.toml",
        r#"
[[case]]
name = "a laboratory deletes what it likes"
who = { organization = "Aga Khan laboratory", role = "laboratory" }
action = "append"
type = "Observation"
custodian = "Aga Khan laboratory"
deletes = true
expect = "permit"
"#,
    )]);
    let cases = read_cases(&folder.path().join("x.cedar")).unwrap();
    let Outcome::Broken { found } = cases[0].run(&contract.compiled) else {
        panic!("the case held")
    };
    assert_eq!(found, "denied");
    assert_eq!(cases[0].place.line, 2);
}

#[test]
fn every_fault_of_policies_and_limits_is_shown_at_once_in_its_place() {
    let policies = r#"permit (principal, action in [Action::"append", Action::"renew"], resource);
permit (principal, action == Action::"changeContract", resource);
permit (principal, action == Action::"read", resource)
when { principal.organisation == "Karachi" };
"#;
    let limits = "entries = 0\nhorison = 5\nmax_staleness = \"soon\"\n";
    let folder = written(&[("a.cedar", policies), ("a.limits.toml", limits)]);
    let faults = read(&folder.path().join("a.cedar"))
        .unwrap_err()
        .to_string();
    for part in [
        "CON0002",
        "a.cedar:4:8",
        "CON0008",
        "a.limits.toml:1:11",
        "a.limits.toml:2:1",
        "did you mean \"horizon\"",
        "a.limits.toml:3:17",
    ] {
        assert!(faults.contains(part), "{part} is missing in\n{faults}");
    }
}

#[test]
fn every_fault_of_a_case_is_shown() {
    let cases = r#"
[[case]]
name = "one"
who = { organization = "Karachi" }
action = "reed"
expect = "maybe"

[[case]]
who = { organization = "Karachi", role = "hospital" }
action = "grant"
custodian = "Karachi"
deletes = true
class = 256
expect = "deny"
"#;
    let folder = written(&[("a.tests.toml", cases)]);
    let faults = read_cases(&folder.path().join("a.cedar"))
        .unwrap_err()
        .to_string();
    for part in [
        "`role` is missing",
        "there is no action `reed`",
        "did you mean \"read\"",
        "`expect` must be",
        "`name` is missing",
        "`deletes` does not belong here",
        "`class` must be a number from 0 to 255",
    ] {
        assert!(faults.contains(part), "{part} is missing in\n{faults}");
    }
}

#[test]
fn limits_that_are_left_out_have_their_defaults_and_hash_with_the_policies() {
    let text = std::fs::read_to_string(examples().join("laboratory.cedar")).unwrap();
    let folder = written(&[
        ("a.cedar", &text),
        ("b.cedar", &text),
        ("b.limits.toml", "entries = 7\n"),
    ]);
    let of = |name: &str| read(&folder.path().join(name)).unwrap().contract;
    let (with_default, with_limit) = (of("a.cedar"), of("b.cedar"));
    assert_eq!(with_default.limits.entries, 10_000);
    assert_eq!(
        (with_limit.limits.entries, with_limit.limits.horizon),
        (7, 100_000)
    );
    assert_ne!(with_default.hash(), with_limit.hash());
}

#[test]
fn what_is_no_contract_file_is_refused() {
    let folder = written(&[("a.txt", "")]);
    for name in ["a.txt", "missing.cedar"] {
        let faults = read(&folder.path().join(name)).unwrap_err().to_string();
        assert!(faults.contains("CON0011"), "{faults}");
    }
}
