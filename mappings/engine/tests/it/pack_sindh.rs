// SPDX-License-Identifier: Apache-2.0
//! The packs that ship with the product, read by this engine.

use std::path::Path;

use silsila_mapping::{Pack, PackFile, run_tests};

use crate::hospital::settings;

pub fn files(folder: &Path, files: &mut Vec<PackFile>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).expect("a folder").collect();
    entries.sort_by_key(|e| e.as_ref().map(|e| e.path()).ok());
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            self::files(&path, files);
        } else {
            let text = std::fs::read_to_string(&path).expect("text");
            files.push(PackFile {
                path: path.display().to_string(),
                text,
            });
        }
    }
}

pub fn sindh() -> Vec<PackFile> {
    let mut all = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/sindh-mirpurkhas");
    files(&folder, &mut all);
    all
}

#[test]
fn every_pack_has_no_mistake_and_passes_its_own_tests() {
    let packs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs");
    for folder in
        ["sindh-mirpurkhas", "sindh-hyderabad", "sindh-karachi"].map(|name| packs.join(name))
    {
        let mut all = Vec::new();
        files(&folder, &mut all);
        let pack = match Pack::compile(&all, &settings()) {
            Ok(pack) => pack,
            Err(found) => panic!("{}: {found}", folder.display()),
        };
        let report = run_tests(&pack);
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|f| format!("{}\n{}", f.name, f.diff))
            .collect();
        assert!(failures.is_empty(), "{}", failures.join("\n"));
        assert!(report.passed >= 90, "{}", folder.display());
    }
}

#[test]
fn a_test_that_expects_something_else_fails_readably() {
    let mut files = sindh();
    let test = files
        .iter_mut()
        .find(|f| f.path.ends_with("patient.tests.yaml"))
        .expect("tests");
    test.text = "\
tests: 1
defaults: { patients: { is_deleted: 0, share_optout: 0 } }
cases:
  - name: wrong in every way
    mapping: patient
    row: { patient_id: 1, gender: M, dob: 31/02/1990 }
    expect: { gender: female, identifier: [ { value: 1 } ] }
    absent: [ active ]
    warnings: [ MAP1002 ]
  - name: another outcome
    mapping: patient
    row: { patient_id: 1, share_optout: 1 }
    outcome: quarantined
    code: MAP2002
"
    .to_owned();
    let pack = Pack::compile(&files, &settings())
        .map_err(|e| e.to_string())
        .expect("a pack");
    let report = run_tests(&pack);
    let diffs: Vec<_> = report.failures.iter().map(|f| f.diff.as_str()).collect();
    assert!(
        diffs[0].starts_with(
            "warnings: expected [MAP1002], found [MAP1003]\n\
         gender: expected \"female\", found \"male\"\n\
         identifier[0].value: expected 1, found \"1\"\n\
         active: expected nothing\n\
         produced\n{\n  \"resourceType\": \"Patient\",\n"
        ),
        "{}",
        diffs[0]
    );
    assert!(
        diffs[0].contains("warning MAP1003, column dob, element Patient.birthDate"),
        "{}",
        diffs[0]
    );
    assert_eq!(
        diffs[1],
        "outcome: expected quarantined, found not-shared\ncode: expected MAP2002, found none\n\
         not shared: `share` is not true, or the patient is not shared\n"
    );
    let places: Vec<_> = report
        .failures
        .iter()
        .map(|f| (f.place.line, f.place.column))
        .collect();
    assert_eq!(places, [(4, 11), (10, 11)]);
}
