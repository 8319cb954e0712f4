// SPDX-License-Identifier: Apache-2.0
//! Help, keys, and commands that need no gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::place::Place;

#[test]
fn without_a_command_the_help_is_shown_and_names_the_exit_codes() {
    let place = Place::new();
    place.run("").expect(
        2,
        &[
            "Usage: silsila",
            "serve",
            "quarantine",
            "Exit codes: 0 all is well",
        ],
    );
    place.run("--help").expect(0, &["Usage: silsila"]);
    place.run("--version").expect(0, &["silsila 0."]);
}

#[test]
fn an_unknown_command_or_option_is_a_usage_fault_with_a_suggestion() {
    let place = Place::new();
    place.run("serv").expect(2, &["similar", "serve"]);
    place.run("status --jsn").expect(2, &["--json"]);
}

#[test]
fn every_group_of_commands_shows_its_help() {
    let place = Place::new();
    for group in [
        "mapping",
        "source",
        "quarantine",
        "ledger",
        "channel",
        "channel contract",
    ] {
        place.run(group).expect(2, &["Usage: silsila"]);
        place
            .run(&format!("{group} --help"))
            .expect(0, &["Usage: silsila"]);
    }
    place
        .run("ledger verify --help")
        .expect(0, &["Example: silsila ledger verify"]);
}

#[test]
fn a_contract_is_checked_and_tested_without_a_gateway() {
    let place = Place::new();
    let example = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../config/examples/contracts/consent-first.cedar"
    );
    place
        .run(&format!("channel contract check {example}"))
        .expect(0, &["nothing wrong", "hash: "]);
    place
        .run(&format!("channel contract test {example}"))
        .expect(0, &["passed, 0 failed"]);
    place
        .run("channel contract test /nowhere/x.cedar --json")
        .expect(1, &["CON0011", "CON0009"]);
    place
        .run("channel contract test --help")
        .expect(0, &["Example: silsila channel contract test"]);
}

#[test]
fn a_missing_configuration_is_named_with_the_ways_to_name_another() {
    let place = Place::new();
    for command in ["serve", "check", "status", "init", "ledger blocks"] {
        place
            .run(&format!("{command} --config /nowhere/s.toml"))
            .expect(2, &["CFG0001", "/nowhere/s.toml", "SILSILA_CONFIG"]);
    }
}

#[test]
fn init_makes_closed_folders_and_keys_once() {
    let place = Place::new();
    let first = place.run("init");
    first.expect(0, &["made the keys", "signs as", "the recovery key"]);
    let again = place.run("init");
    again.expect(0, &["found the keys"]);
    let signs = |text: &str| {
        text.lines()
            .find(|line| line.contains("signs as"))
            .map(ToOwned::to_owned)
    };
    assert_eq!(signs(&first.out), signs(&again.out));
    for (name, expect) in [
        ("keys", 0o700),
        ("state", 0o700),
        ("keys/gateway.keys", 0o600),
    ] {
        let mode = fs::metadata(place.at(name))
            .expect("there")
            .permissions()
            .mode()
            & 0o777;
        assert_eq!(mode, expect, "{name}");
    }
}

#[test]
fn with_no_gateway_and_no_ledger_there_is_nothing_to_ask() {
    let place = Place::new();
    for command in [
        "status",
        "status --json",
        "quarantine list",
        "quarantine retry",
        "source confirm",
        "source resync",
    ] {
        place
            .run(command)
            .expect(4, &["error[CLI0001]", "admin.sock", "silsila serve"]);
    }
}

#[test]
fn an_unknown_source_is_named_with_those_there_are() {
    Place::new()
        .run("source status hyderabad")
        .expect(2, &["CLI0009", "hyderabad", "mirpurkhas"]);
}

#[test]
fn a_database_that_is_away_is_a_code_of_its_own() {
    Place::new()
        .run("source status")
        .expect(3, &["SRC0001", "mirpurkhas"]);
}

#[test]
fn a_folder_that_holds_no_mappings_is_no_pack() {
    let place = Place::new();
    fs::create_dir(place.at("empty")).expect("made");
    let empty = place.at("empty");
    place
        .run(&format!("mapping check {}", empty.display()))
        .expect(2, &["CLI0010", "empty"]);
    place
        .run("mapping check /nowhere")
        .expect(2, &["CLI0010", "/nowhere"]);
}
