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

/// The kinds of sources that the reference shows, in its order.
fn kinds(text: &str) -> Vec<&str> {
    let kinds = text.lines().filter_map(|line| line.strip_prefix("kind = "));
    kinds.map(|kind| kind.trim_matches('"')).collect()
}

/// The reference as a gateway with a source of one kind would have it: without the sections of the others.
fn of_kind(text: &str, kind: &str) -> String {
    let word = format!("\nkind = \"{kind}\"\n");
    let parts = text.split("\n[");
    let kept = parts.filter(|part| !part.starts_with("source.") || part.contains(&word));
    kept.collect::<Vec<_>>().join("\n[")
}

struct Line<'t> {
    path: String,
    active: bool,
    text: &'t str,
}

/// Every setting line of the reference for one kind, also those behind a `#`, by its full name.
fn setting_lines<'t>(text: &'t str, kind: &str, known: &BTreeSet<Known>) -> Vec<Line<'t>> {
    let mut section = String::new();
    let mut lines = Vec::new();
    for text in text.lines() {
        if let Some(name) = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            let source = name.starts_with("source.");
            section = if source { "source.NAME" } else { name }.to_owned();
        }
        let bare = text.strip_prefix("# ").unwrap_or(text);
        let Some((key, _)) = bare.split_once(" = ") else {
            continue;
        };
        if !key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
            continue;
        }
        let own = format!("{section}({kind}).{key}");
        let path = if known.iter().any(|known| known.path == own) {
            own
        } else {
            format!("{section}.{key}")
        };
        let active = bare == text;
        lines.push(Line { path, active, text });
    }
    lines
}

/// What the reference says for one kind.
struct View {
    kind: String,
    text: String,
    loaded: Loaded,
}

impl View {
    fn lines(&self) -> Vec<Line<'_>> {
        setting_lines(&self.text, &self.kind, &self.loaded.known)
    }

    fn requires(&self, path: &str) -> bool {
        let mut known = self.loaded.known.iter();
        known.any(|known| known.path == path && known.required)
    }
}

/// The reference for every kind of source that it shows.
fn views() -> Vec<View> {
    let text = usable(&reference());
    let view = |kind: &str| {
        let text = of_kind(&text, kind);
        View {
            kind: kind.to_owned(),
            loaded: parsed(&text),
            text,
        }
    };
    kinds(&text).into_iter().map(view).collect()
}

#[test]
fn every_setting_of_every_kind_is_in_the_reference_and_the_reference_has_no_other() {
    let views = views();
    let names = |lines: Vec<Line<'_>>| lines.into_iter().map(|line| line.path).collect::<Vec<_>>();
    let mut documented: Vec<String> = names(views[0].lines());
    for view in &views[1..] {
        let own = view
            .lines()
            .into_iter()
            .filter(|line| line.path.starts_with("source.") && line.path != "source.NAME.kind");
        documented.extend(names(own.collect()));
    }
    let once: BTreeSet<String> = documented.iter().cloned().collect();
    assert_eq!(
        once.len(),
        documented.len(),
        "no setting is documented twice"
    );
    let known = views[0].loaded.known.iter();
    assert_eq!(
        known
            .map(|known| known.path.clone())
            .collect::<BTreeSet<_>>(),
        once
    );
}

#[test]
fn a_setting_shown_with_its_value_has_that_value_when_it_is_left_out() {
    let kept = [
        "listen.plain_http_on_loopback",
        "source.NAME(mysql).password_file",
        "source.NAME(mssql).password_file",
    ];
    for view in views() {
        let optional: Vec<&str> = view
            .lines()
            .into_iter()
            .filter(|line| {
                line.active && !view.requires(&line.path) && !kept.contains(&line.path.as_str())
            })
            .map(|line| line.text)
            .collect();
        assert!(optional.len() > 5, "the reference shows defaults");
        let lines = view.text.lines().filter(|line| !optional.contains(line));
        let without = parsed(&lines.collect::<Vec<_>>().join("\n"));
        assert_eq!(without.settings, view.loaded.settings, "{}", view.kind);
    }
}

#[test]
fn a_setting_is_marked_required_exactly_where_it_is() {
    for view in views() {
        for line in view.lines() {
            let above = view
                .text
                .lines()
                .take_while(|other| !std::ptr::eq(*other, line.text));
            let comment: Vec<&str> = above
                .collect::<Vec<_>>()
                .into_iter()
                .rev()
                .take_while(|above| above.starts_with('#') && !above.contains(" = "))
                .collect();
            let marked = comment
                .iter()
                .any(|above| above.starts_with("# Required. "));
            assert_eq!(
                marked,
                view.requires(&line.path),
                "{}: {comment:?}",
                line.path
            );
        }
    }
}

#[test]
fn every_setting_that_is_off_parses_when_its_comment_sign_is_removed() {
    for view in views() {
        let off: Vec<&str> = view
            .lines()
            .into_iter()
            .filter(|line| !line.active)
            .map(|line| line.text)
            .collect();
        assert!(off.len() > 5);
        for line in off {
            let on = line
                .strip_prefix("# ")
                .expect("it is behind a comment sign");
            let one = view.text.replace(line, on);
            let codes: Vec<&str> = match parse("reference.toml", &one, Path::new("/etc/silsila")) {
                Ok(_) => Vec::new(),
                Err(faults) => faults.iter().map(|fault| fault.code).collect(),
            };
            let key = on.split(" = ").next().expect("a key");
            let expected: &[&str] = match (view.kind.as_str(), key) {
                ("mysql" | "mssql", "password_env") => &["CFG0009"],
                (_, "tls_certificate_file" | "tls_key_file") => &["CFG0013"],
                (_, "allowed_hours") => &["CFG0018"],
                _ => &[],
            };
            assert_eq!(codes, expected, "{}: {on}", view.kind);
        }
    }
}

#[test]
fn the_reference_as_it_stands_wants_only_one_source_and_the_word_about_plain_http() {
    let faults =
        parse("reference.toml", &reference(), Path::new("/")).expect_err("no TLS, no permission");
    let codes: Vec<&str> = faults.iter().map(|fault| fault.code).collect();
    let second = kinds(&reference()).len() - 1;
    assert_eq!(codes, [vec!["CFG0011"], vec!["CFG0015"; second]].concat());
}

#[test]
fn every_example_parses() {
    let examples = std::fs::read_dir(folder().join("examples")).expect("the examples are there");
    let mut count = 0;
    for example in examples {
        let file = example.expect("a folder entry").path();
        if file.is_dir() {
            continue;
        }
        silsila_config::load(&file).unwrap_or_else(|faults| panic!("{faults}"));
        count += 1;
    }
    assert!(count >= 1);
}
