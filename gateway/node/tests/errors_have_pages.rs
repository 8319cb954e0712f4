// SPDX-License-Identifier: Apache-2.0
//! Every error code in the source has a page under `docs/errors/`, and every page belongs to a code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn files(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a folder entry").path();
        if path.is_dir() {
            files(&path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
}

/// Three capitals and four digits, not part of a longer word.
fn codes(text: &str) -> BTreeSet<&str> {
    let bytes = text.as_bytes();
    let word = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphanumeric);
    (0..bytes.len().saturating_sub(6))
        .filter(|&at| {
            bytes[at..at + 3].iter().all(u8::is_ascii_uppercase)
                && bytes[at + 3..at + 7].iter().all(u8::is_ascii_digit)
                && !word(at + 7)
                && (at == 0 || !word(at - 1))
        })
        .map(|at| &text[at..at + 7])
        .collect()
}

/// The codes that the program can show: those inside string literals of its own source, each with one
/// file that has it. Codes in comments, and in test files, are mentions.
fn codes_in_source() -> BTreeMap<String, PathBuf> {
    let mut sources = Vec::new();
    for room in ["config", "mappings", "adapters", "ledger", "gateway"] {
        files(&root().join(room), "rs", &mut sources);
    }
    let mut found = BTreeMap::new();
    for path in sources {
        // Tests and examples hold rows of demonstration data, such as a vaccine's batch number.
        let tests = (path.components())
            .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "examples");
        if tests || path.ends_with("tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("readable");
        let program = text.split("#[cfg(test)]\nmod ").next().unwrap_or(&text);
        for line in program
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
        {
            for literal in line.split('"').skip(1).step_by(2) {
                for code in codes(literal) {
                    found.entry(code.to_owned()).or_insert_with(|| path.clone());
                }
            }
        }
    }
    assert!(found.len() > 50, "the scan finds the codes there are");
    found
}

fn pages() -> BTreeMap<String, String> {
    let mut paths = Vec::new();
    files(&root().join("docs/errors"), "md", &mut paths);
    let name = |path: &Path| {
        path.file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    paths
        .into_iter()
        .filter(|path| name(path) != "README")
        .map(|path| (name(&path), fs::read_to_string(&path).expect("readable")))
        .collect()
}

#[test]
fn every_code_in_the_source_has_a_page() {
    let pages = pages();
    let without: Vec<String> = codes_in_source()
        .into_iter()
        .filter(|(code, _)| !pages.contains_key(code))
        .map(|(code, path)| format!("{code} ({})", path.display()))
        .collect();
    assert!(
        without.is_empty(),
        "no page in docs/errors for:\n{}",
        without.join("\n")
    );
}

#[test]
fn every_page_belongs_to_a_code() {
    let codes = codes_in_source();
    let orphans: Vec<String> = pages()
        .into_keys()
        .filter(|page| !codes.contains_key(page))
        .collect();
    assert!(
        orphans.is_empty(),
        "nothing in the source has these codes: {orphans:?}"
    );
}

#[test]
fn every_page_names_its_code_a_cause_and_a_remedy() {
    for (code, text) in pages() {
        let title = text.lines().next().unwrap_or_default();
        assert!(
            title
                .strip_prefix(&format!("# {code}: "))
                .is_some_and(|rest| !rest.is_empty()),
            "{code}: {title}"
        );
        for heading in ["\n## Cause\n", "\n## Remedy\n"] {
            let (_, body) = text
                .split_once(heading)
                .unwrap_or_else(|| panic!("{code} has no {heading:?}"));
            let body = body.split("\n## ").next().unwrap_or_default().trim();
            assert!(body.len() > 10, "{code}: {heading:?} says nothing");
        }
    }
}

#[test]
fn the_scan_knows_a_code_when_it_sees_one() {
    let found: Vec<&str> = codes("CFG0001: see (MAP1234), XCFG0002 CFG00031 cfg0004 PIP000")
        .into_iter()
        .collect();
    assert_eq!(found, ["CFG0001", "MAP1234"]);
}
