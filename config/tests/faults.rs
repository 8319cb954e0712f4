// SPDX-License-Identifier: Apache-2.0
//! A configuration with many mistakes reports all of them, each in its place.

use std::path::Path;

use silsila_config::parse;

const SOUND: &str = r#"
[hospital]
name = "Civil Hospital Mirpurkhas"
base_uri = "https://mirpurkhas.example"

[listen]
plain_http_on_loopback = true

[storage]
folder = "/var/lib/silsila/state"

[keys]
folder = "/var/lib/silsila/keys"

[source.mirpurkhas]
kind = "mysql"
host = "127.0.0.1"
database = "hospital"
user = "silsila"
password_file = "mysql-password"
tls = "off"

[mapping]
pack = "pack"
"#;

fn shown(text: &str) -> String {
    match parse("silsila.toml", text, Path::new("/etc/silsila")) {
        Ok(_) => "sound".to_owned(),
        Err(faults) => faults.to_string(),
    }
}

/// Changes one line of the sound configuration and demands exactly these codes at these lines.
fn check(from: &str, to: &str, expect: &[(&str, u32)]) {
    assert!(
        SOUND.contains(from),
        "{from:?} is in the sound configuration"
    );
    let text = SOUND.replacen(from, to, 1);
    let found: Vec<(String, u32)> = match parse("silsila.toml", &text, Path::new("/etc/silsila")) {
        Ok(_) => Vec::new(),
        Err(faults) => faults
            .iter()
            .map(|fault| {
                (
                    fault.code.to_owned(),
                    fault.place.as_ref().map_or(0, |place| place.line),
                )
            })
            .collect(),
    };
    let expect: Vec<(String, u32)> = expect
        .iter()
        .map(|(code, line)| ((*code).to_owned(), *line))
        .collect();
    assert_eq!(found, expect, "{to}");
}

#[test]
fn a_sound_configuration_is_sound() {
    assert_eq!(shown(SOUND), "sound");
}

#[test]
fn a_file_full_of_mistakes_reports_every_one_of_them_in_its_place() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/many-mistakes.toml"),
    )
    .expect("the file is there");
    insta::assert_snapshot!(shown(&text));
}

#[test]
fn without_tls_the_gateway_listens_on_loopback_only_and_says_so() {
    check(
        "plain_http_on_loopback = true",
        "plain_http_on_loopback = false",
        &[("CFG0011", 7)],
    );
    check("plain_http_on_loopback = true", "", &[("CFG0011", 6)]);
    check(
        "plain_http_on_loopback = true",
        "address = \"192.0.2.1:80\"\nplain_http_on_loopback = true",
        &[("CFG0010", 7), ("CFG0012", 7)],
    );
    check(
        "plain_http_on_loopback = true",
        "address = \"[::1]:80\"\nplain_http_on_loopback = true",
        &[],
    );
}

#[test]
fn off_loopback_tls_is_not_enough_without_tokens() {
    let tls = "address = \"0.0.0.0:8081\"\ntls_certificate_file = \"c\"\ntls_key_file = \"k\"";
    check("plain_http_on_loopback = true", tls, &[("CFG0012", 7)]);
    check(
        "plain_http_on_loopback = true",
        &format!("{tls}\n[access]\ntokens_file = \"t\""),
        &[],
    );
    check(
        "plain_http_on_loopback = true",
        "plain_http_on_loopback = true\ntls_key_file = \"k\"",
        &[("CFG0013", 8)],
    );
}

#[test]
fn a_database_elsewhere_is_reached_by_tls() {
    check(
        "host = \"127.0.0.1\"",
        "host = \"db.example\"",
        &[("CFG0014", 21)],
    );
    check("host = \"127.0.0.1\"", "host = \"localhost\"", &[]);
    check(
        "tls = \"off\"",
        "tls = \"off\"\ntls_ca_file = \"ca\"",
        &[("CFG0009", 22)],
    );
}

#[test]
fn a_secret_never_stands_in_the_file_and_is_not_shown_when_it_does() {
    let secret = "password_file = \"mysql-password\"";
    check(secret, "password = \"hunter2\"", &[("CFG0008", 20)]);
    check(secret, "", &[("CFG0005", 15)]);
    check(
        secret,
        "password_file = \"a\"\npassword = \"hunter2\"",
        &[("CFG0008", 21)],
    );
    check(
        secret,
        "password_file = \"a\"\npassword_env = \"B\"",
        &[("CFG0009", 21)],
    );
    check(secret, "password_env = \"not a name\"", &[("CFG0007", 20)]);
    for written in [
        "password = \"hunter2\"",
        "password_env = \"hunter2 \"",
        "pasword = \"hunter2\"",
        "password = hunter2",
        "token = \"hunter2\"",
    ] {
        let text = shown(&SOUND.replacen(secret, written, 1));
        assert!(
            text.contains("CFG00") && !text.contains("hunter2"),
            "{written}: {text}"
        );
    }
}

#[test]
fn the_keys_never_lie_beside_the_data() {
    let keys = "folder = \"/var/lib/silsila/keys\"";
    check(
        keys,
        "folder = \"/var/lib/silsila/state\"",
        &[("CFG0017", 13)],
    );
    check(
        keys,
        "folder = \"/var/lib/silsila/state/keys\"",
        &[("CFG0017", 13)],
    );
    check(keys, "folder = \"/var/lib/silsila\"", &[("CFG0017", 13)]);
    check(
        keys,
        "folder = \"/var/lib/silsila/x/../state/./keys\"",
        &[("CFG0017", 13)],
    );
    check(keys, "folder = \"/var/lib/silsila/state-keys\"", &[]);
}

#[test]
fn there_is_exactly_one_source() {
    let second = "[source.zz]\nkind = \"mysql\"\nhost = \"127.0.0.1\"\ndatabase = \"d\"\nuser = \"u\"\npassword_env = \"P\"\ntls = \"off\"\n[mapping]";
    check("[mapping]", second, &[("CFG0015", 23)]);
    let none = &SOUND[..SOUND.find("[source").expect("a source")];
    assert!(shown(&format!("{none}[mapping]\npack = \"p\"")).contains("CFG0015"));
    check(
        "[source.mirpurkhas]",
        "[source.Mirpur_khas]",
        &[("CFG0007", 15)],
    );
    let misplaced: Vec<(&str, u32)> = (16..=21).map(|line| ("CFG0003", line)).collect();
    let expect: Vec<(&str, u32)> = [("CFG0015", 15)].into_iter().chain(misplaced).collect();
    check("[source.mirpurkhas]", "[source]", &expect);
}

#[test]
fn values_are_refused_outside_their_type_and_bounds() {
    let line = "tls = \"off\"";
    for (bad, code) in [
        ("port = 0", "CFG0007"),
        ("port = 70000", "CFG0007"),
        ("port = \"3306\"", "CFG0006"),
        ("poll_interval = 5", "CFG0006"),
        ("poll_interval = \"5\"", "CFG0007"),
        ("poll_interval = \"5 minutes\"", "CFG0007"),
        ("poll_interval = \"0s\"", "CFG0007"),
        ("poll_interval = \"99999999999999999d\"", "CFG0007"),
        ("loss_limit_percent = 101", "CFG0007"),
        ("loss_limit_percent = nan", "CFG0007"),
        ("utc_offset = \"5\"", "CFG0007"),
        ("utc_offset = \"+15:00\"", "CFG0007"),
        ("rows_per_second = -1", "CFG0007"),
        ("user = \"again\"", "CFG0004"),
    ] {
        check(line, &format!("{line}\n{bad}"), &[(code, 22)]);
    }
    for good in [
        "port = 3307",
        "poll_interval = \"500 ms\"",
        "sweep_interval = \"10s\"",
        "loss_limit_percent = 0.5",
        "utc_offset = \"-03:30\"",
        "rows_per_second = 0x10",
        "allowed_hours = \"22:00-06:00\"\nutc_offset = \"Z\"",
    ] {
        check(line, &format!("{line}\n{good}"), &[]);
    }
    check(
        line,
        &format!("{line}\nallowed_hours = \"22-6\"\nutc_offset = \"Z\""),
        &[("CFG0007", 22)],
    );
    check(
        line,
        &format!("{line}\nallowed_hours = \"22:00-06:00\""),
        &[("CFG0018", 22)],
    );
    check(
        line,
        &format!("{line}\npoll_interval = \"1h\"\nsweep_interval = \"1s\""),
        &[("CFG0016", 22)],
    );
}

#[test]
fn an_empty_file_names_each_missing_section_once() {
    let text = shown("");
    let missing = text.matches("CFG0005").count();
    assert_eq!(missing, 4, "hospital, storage, keys, mapping: {text}");
    assert_eq!(text.matches("CFG0015").count(), 1, "{text}");
}

#[test]
fn relative_paths_are_relative_to_the_file() {
    let loaded = parse("silsila.toml", SOUND, Path::new("/etc/silsila")).expect("sound");
    let mapping = loaded.settings.mapping.expect("there is a pack");
    assert_eq!(mapping.pack, Path::new("/etc/silsila/pack"));
    assert_eq!(
        loaded.settings.keys.folder,
        Path::new("/var/lib/silsila/keys")
    );
}

#[test]
fn a_byte_order_mark_is_no_fault() {
    assert_eq!(shown(&format!("\u{feff}{SOUND}")), "sound");
}

const ACCESS: &str = "[source.h]\nkind = \"access\"\nfile = \"h.accdb\"\n";

fn with_access(line: &str) -> String {
    let (from, to) = (
        SOUND.find("[source").expect("a source"),
        SOUND.find("[mapping]"),
    );
    let rest = &SOUND[to.expect("a mapping")..];
    shown(&format!("{}{ACCESS}{line}\n{rest}", &SOUND[..from]))
}

#[test]
fn each_kind_of_source_has_settings_of_its_own() {
    assert_eq!(with_access(""), "sound");
    assert_eq!(
        with_access("password_env = \"P\"\nchunk_rows = 10"),
        "sound"
    );
    for (line, words) in [
        (
            "host = \"127.0.0.1\"",
            "\"host\" belongs in [source.NAME] of kind \"mssql\" or [source.NAME] of kind \"mysql\"",
        ),
        ("flie = \"h.mdb\"", "did you mean \"file\"?"),
        ("poll_intervall = \"1s\"", "did you mean \"poll_interval\"?"),
        ("password = \"hunter2\"", "set password_file"),
        (
            "password_file = \"f\"\npassword_env = \"P\"",
            "keep one of them",
        ),
    ] {
        let text = with_access(line);
        assert!(text.contains(words), "{line}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_password_in_a_connection_string_is_refused_and_not_shown() {
    let odbc = |connection: &str| {
        let (from, to) = (SOUND.find("[source"), SOUND.find("[mapping]"));
        let (before, rest) = (
            &SOUND[..from.expect("a source")],
            &SOUND[to.expect("a mapping")..],
        );
        let source = format!("[source.h]\nkind = \"odbc\"\nconnection = \"{connection}\"\n");
        shown(&format!("{before}{source}{rest}"))
    };
    assert_eq!(odbc("Driver={SQLite3};Database=/a/pwd.db"), "sound");
    for connection in ["DSN=his;PWD=hunter2", "dsn=his; Password = hunter2"] {
        let text = odbc(connection);
        assert!(
            text.contains("CFG0008") && text.contains("password_file"),
            "{text}"
        );
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn of_a_source_without_a_kind_only_what_all_kinds_have_is_judged() {
    check("kind = \"mysql\"", "", &[("CFG0005", 15)]);
    check("kind = \"mysql\"", "kind = \"oracle\"", &[("CFG0007", 16)]);
    check(
        "kind = \"mysql\"",
        "kind = \"mysq\"\nprot = 1",
        &[("CFG0007", 16), ("CFG0003", 17)],
    );
}
