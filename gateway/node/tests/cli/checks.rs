// SPDX-License-Identifier: Apache-2.0
//! `silsila check`.

use serde_json::Value;

use crate::place::Place;

#[test]
fn a_faulty_configuration_shows_every_fault_with_its_place() {
    let place = Place::new();
    place.configure(
        "[hospital]\nnme = \"H\"\nbase_uri = \"mirpurkhas\"\n[listen]\naddress = \"0.0.0.0:80\"\n",
    );
    let ended = place.run("check");
    ended.expect(
        2,
        &[
            "silsila.toml:2:1",
            "did you mean \"name\"?",
            "silsila.toml:3:12",
            "error[CFG0010]",
            "error[CFG0012]",
            "the section [mapping] is missing",
        ],
    );
    // `serve` refuses the same file with the same words.
    let served = place.run("serve");
    served.expect(2, &[]);
    assert_eq!(served.err.trim(), ended.out.trim());
}

#[test]
fn the_json_form_is_for_scripts() {
    let place = Place::new();
    place.change("name = ", "nme = ");
    let ended = place.run("check --json");
    ended.expect(2, &[]);
    let found: Value = serde_json::from_str(&ended.out).expect("JSON");
    let codes: Vec<&str> = found
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|fault| fault["code"].as_str())
        .collect();
    assert_eq!(codes, ["CFG0005", "CFG0003"]);
    assert_eq!(found[1]["line"], 2);
}

#[test]
fn a_sound_configuration_and_pack_are_sound_offline() {
    Place::new()
        .run("check --offline")
        .expect(0, &["nothing wrong was found"]);
}

#[test]
fn a_database_that_is_away_is_named_at_its_host() {
    Place::new()
        .run("check")
        .expect(3, &["error[SRC0001]", "silsila.toml:13:8"]);
}

#[test]
fn missing_files_and_open_secrets_are_named_beside_each_other() {
    let place = Place::new();
    place.change("password_file = \"password\"", "password_file = \"lost\"");
    place
        .run("check --offline")
        .expect(2, &["error[CFG0032]", "lost"]);
    // `serve` refuses it likewise, before it touches anything.
    place.run("serve").expect(2, &["error[CFG0032]", "lost"]);
    assert!(!place.at("keys").exists() && !place.at("state").exists());
    place.configure(
        &place
            .sound()
            .replace("[storage]", "[access]\ntokens_file = \"tokens\"\n[storage]"),
    );
    place.secret("tokens", "ward short\n");
    place
        .run("check --offline")
        .expect(2, &["error[CLI0007]", "line 1"]);
    std::fs::write(place.at("tokens"), format!("ward {}\n", "x".repeat(40))).expect("written");
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o644);
    std::fs::set_permissions(place.at("tokens"), mode).expect("chmod");
    place
        .run("check --offline")
        .expect(0, &["warning[CFG0035]", "chmod 600", "1 warning"]);
}

#[test]
fn a_certificate_without_its_key_inside_is_named() {
    let place = Place::new();
    place.change(
        "plain_http_on_loopback = true",
        "tls_certificate_file = \"c.pem\"\ntls_key_file = \"k.pem\"",
    );
    place.secret("c.pem", "not a certificate\n");
    place.secret("k.pem", "not a key\n");
    place
        .run("check --offline")
        .expect(2, &["error[CLI0006]", "c.pem"]);
}
