// SPDX-License-Identifier: Apache-2.0
//! Every reason for which something is not accepted is shown by a test.

use std::path::Path;

fn texts(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut all = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&std::fs::read_to_string(path).unwrap());
        }
    }
    all
}

#[test]
fn every_reason_is_shown_by_a_test() {
    let source = texts("../chain/src");
    let codes = source
        .split("pub const fn code(&self) -> &'static str {")
        .nth(1)
        .unwrap();
    let codes = codes.split("\n    }\n").next().unwrap();
    let reasons: Vec<&str> = codes
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Self::"))
        .filter_map(|line| line.split([' ', '(']).next())
        .collect();
    assert!(reasons.len() > 45, "{reasons:?}");
    let tests = texts("../chain/tests/it") + &texts("tests/channel");
    // No entry that decodes is too long for its kind; the check is there for kinds to come.
    let unreachable = ["EntrySize"];
    let unseen: Vec<&&str> = reasons
        .iter()
        .filter(|reason| !unreachable.contains(reason))
        .filter(|reason| {
            let name = format!("Reason::{reason}");
            !tests.match_indices(&name).any(|(at, _)| {
                let after = tests[at + name.len()..].chars().next();
                after.is_none_or(|c| !c.is_alphanumeric())
            })
        })
        .collect();
    assert!(unseen.is_empty(), "no test shows {unseen:?}");
}
