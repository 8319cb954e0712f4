// SPDX-License-Identifier: Apache-2.0
//! The reference is complete, true and parses; so do the examples.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use silsila_config::{Known, Loaded, parse};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_path_buf()
}

fn reference() -> String {
    std::fs::read_to_string(folder().join("reference.toml")).expect("the reference is there")
}

/// The reference gives one setting that must be said aloud no value of its own, because the default
/// (plain HTTP not allowed) together with no TLS is refused.
fn usable(text: &str) -> String {
    text.replace(
        "plain_http_on_loopback = false",
        "plain_http_on_loopback = true",
    )
}

fn parsed(text: &str) -> Loaded {
    parse("reference.toml", text, Path::new("/etc/silsila"))
        .unwrap_or_else(|faults| panic!("{faults}"))
}

struct Line<'t> {
    path: String,
    active: bool,
    text: &'t str,
}

/// Every setting line of the reference, also those behind a `#`, by its full name.
fn setting_lines(text: &str) -> Vec<Line<'_>> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for text in text.lines() {
        if let Some(name) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            section = name.replace("source.mirpurkhas", "source.NAME");
        }
        let bare = text.strip_prefix("# ").unwrap_or(text);
        let Some((key, _)) = bare.split_once(" = ") else {
            continue;
        };
        if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            let (path, active) = (format!("{section}.{key}"), bare == text);
            lines.push(Line { path, active, text });
        }
    }
    lines
}

#[test]
fn every_setting_is_in_the_reference_and_the_reference_has_no_other() {
    let text = usable(&reference());
    let known: BTreeSet<String> = parsed(&text)
        .known
        .into_iter()
        .map(|known| known.path)
        .collect();
    let documented: BTreeSet<String> = setting_lines(&text)
        .into_iter()
        .map(|line| line.path)
        .collect();
    assert_eq!(known, documented);
    assert_eq!(
        setting_lines(&text).len(),
        documented.len(),
        "no setting is documented twice"
    );
}

#[test]
fn a_setting_shown_with_its_value_has_that_value_when_it_is_left_out() {
    let text = usable(&reference());
    let with = parsed(&text);
    let required: BTreeSet<&str> = with
        .known
        .iter()
        .filter(|Known { required, .. }| *required)
        .map(|known| known.path.as_str())
        .collect();
    let kept = ["listen.plain_http_on_loopback", "source.NAME.password_file"];
    let without: Vec<&str> = {
        let optional: Vec<&str> = setting_lines(&text)
            .into_iter()
            .filter(|line| {
                line.active
                    && !required.contains(line.path.as_str())
                    && !kept.contains(&line.path.as_str())
            })
            .map(|line| line.text)
            .collect();
        assert!(optional.len() > 15, "the reference shows defaults");
        text.lines()
            .filter(|line| !optional.contains(line))
            .collect()
    };
    assert_eq!(parsed(&without.join("\n")).settings, with.settings);
}

#[test]
fn a_setting_is_marked_required_exactly_where_it_is() {
    let text = reference();
    let known = parsed(&usable(&text)).known;
    for line in setting_lines(&text) {
        let comment: Vec<&str> = text
            .lines()
            .take_while(|other| !std::ptr::eq(*other, line.text))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .take_while(|above| above.starts_with('#') && !above.contains(" = "))
            .collect();
        let marked = comment
            .iter()
            .any(|above| above.starts_with("# Required. "));
        let required = known.iter().any(|k| k.path == line.path && k.required);
        assert_eq!(marked, required, "{}: {comment:?}", line.path);
    }
}

#[test]
fn every_setting_that_is_off_parses_when_its_comment_sign_is_removed() {
    let text = usable(&reference());
    let off: Vec<&str> = setting_lines(&text)
        .into_iter()
        .filter(|line| !line.active)
        .map(|line| line.text)
        .collect();
    assert!(off.len() > 10);
    for line in off {
        let on = line
            .strip_prefix("# ")
            .expect("it is behind a comment sign");
        let one = text.replace(line, on);
        let codes: Vec<&str> = match parse("reference.toml", &one, Path::new("/etc/silsila")) {
            Ok(_) => Vec::new(),
            Err(faults) => faults.iter().map(|fault| fault.code).collect(),
        };
        let key = on.split(" = ").next().expect("a key");
        let expected: &[&str] = match key {
            "password_env" => &["CFG0009"],
            "tls_certificate_file" | "tls_key_file" => &["CFG0013"],
            "allowed_hours" => &["CFG0018"],
            _ => &[],
        };
        assert_eq!(codes, expected, "{on}");
    }
}

#[test]
fn the_reference_as_it_stands_wants_only_the_word_about_plain_http() {
    let faults =
        parse("reference.toml", &reference(), Path::new("/")).expect_err("no TLS, no permission");
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["CFG0011"]);
}

#[test]
fn every_example_parses() {
    let examples = std::fs::read_dir(folder().join("examples")).expect("the examples are there");
    let mut count = 0;
    for example in examples {
        let file = example.expect("a folder entry").path();
        silsila_config::load(&file).unwrap_or_else(|faults| panic!("{faults}"));
        count += 1;
    }
    assert!(count >= 1);
}
