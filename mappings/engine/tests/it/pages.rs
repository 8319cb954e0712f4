// SPDX-License-Identifier: Apache-2.0
//! Every code has its page, and every page its code.

use std::collections::BTreeSet;
use std::path::Path;

fn codes_in(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            codes_in(&path, codes);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        let found = text.split("\"MAP").skip(1).filter_map(|rest| rest.get(..4));
        codes.extend(
            found
                .filter(|d| d.bytes().all(|b| b.is_ascii_digit()))
                .map(|d| format!("MAP{d}")),
        );
    }
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = BTreeSet::new();
    codes_in(&own.join("src"), &mut used);
    let mut described = BTreeSet::new();
    for entry in std::fs::read_dir(own.join("../../docs/errors")).expect("the pages") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .and_then(|n| n.to_str())
            .expect("a name")
            .to_owned();
        if !name.starts_with("MAP") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(
            text.starts_with(&format!("# {name}: ")),
            "{name} has no title"
        );
        assert!(
            text.contains("\n## Cause\n") && text.contains("\n## Remedy\n"),
            "{name}"
        );
        described.insert(name);
    }
    assert_eq!(used, described);
}
