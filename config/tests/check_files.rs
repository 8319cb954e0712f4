// SPDX-License-Identifier: Apache-2.0
//! What a configuration names is looked for, all of it at once, where `check` asks.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use silsila_config::{Loaded, parse};

const TEXT: &str = r#"
[hospital]
name = "H"
base_uri = "https://h.example"
[listen]
tls_certificate_file = "chain.pem"
tls_key_file = "key.pem"
[access]
tokens_file = "tokens"
[storage]
folder = "state"
[keys]
folder = "keys"
[source.h]
kind = "mysql"
host = "db.example"
database = "d"
user = "u"
password_file = "password"
tls_ca_file = "ca.pem"
[mapping]
pack = "pack"
"#;

fn loaded(folder: &Path) -> Loaded {
    parse("silsila.toml", TEXT, folder).unwrap_or_else(|faults| panic!("{faults}"))
}

fn found(folder: &Path) -> Vec<(String, u32)> {
    loaded(folder)
        .check_files()
        .iter()
        .map(|d| {
            (
                d.code.to_owned(),
                d.place.as_ref().map_or(0, |place| place.line),
            )
        })
        .collect()
}

fn write(file: &Path, mode: u32) {
    fs::write(file, "content\n").expect("written");
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[test]
fn everything_missing_is_named_at_its_setting() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let expect = [
        ("CFG0030", 6),
        ("CFG0030", 7),
        ("CFG0030", 9),
        ("CFG0032", 19),
        ("CFG0030", 20),
        ("CFG0031", 22),
    ];
    assert_eq!(
        found(folder.path()),
        expect.map(|(code, line)| (code.to_owned(), line))
    );
}

#[test]
fn a_complete_set_with_closed_modes_is_clean_and_an_open_secret_is_warned_of() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for (name, mode) in [
        ("chain.pem", 0o644),
        ("key.pem", 0o600),
        ("tokens", 0o600),
        ("password", 0o600),
        ("ca.pem", 0o644),
    ] {
        write(&at(name), mode);
    }
    fs::create_dir(at("pack")).expect("made");
    assert_eq!(found(folder.path()), []);

    write(&at("password"), 0o640);
    write(&at("tokens"), 0o604);
    fs::create_dir(at("keys")).expect("made");
    fs::set_permissions(at("keys"), fs::Permissions::from_mode(0o750)).expect("chmod");
    let warned = loaded(folder.path()).check_files();
    assert!(!warned.has_errors());
    assert_eq!(
        found(folder.path()),
        [
            ("CFG0035".to_owned(), 9),
            ("CFG0035".to_owned(), 13),
            ("CFG0035".to_owned(), 19)
        ]
    );
    assert!(warned.to_string().contains("chmod 700"), "{warned}");
}

#[test]
fn a_file_where_a_folder_belongs_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write(&folder.path().join("state"), 0o600);
    assert!(found(folder.path()).contains(&("CFG0031".to_owned(), 11)));
}
