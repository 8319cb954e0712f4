// SPDX-License-Identifier: Apache-2.0
//! The pack's own tests, which need no database.

use silsila_mapping::{Pack, PackFile, run_tests};

use crate::hyderabad_hospital::{pack, settings};
use crate::pack_hospital::files_of;

#[test]
fn the_hyderabad_pack_passes_its_own_tests() {
    let report = run_tests(&pack());
    for failure in &report.failures {
        println!("{:?} {}\n{}", failure.place, failure.name, failure.diff);
    }
    assert!(
        report.failures.is_empty(),
        "{} failed",
        report.failures.len()
    );
    assert!(report.passed >= 90, "{} passed", report.passed);
}

/// What the README tells a hospital that keeps refusals on paper, and what must come of it.
const README: &str = include_str!("../../../mappings/packs/sindh-hyderabad/README.md");
const REFUSALS: &str = "
tests: 1
cases:
  - name: whom nobody put on the list is shared
    mapping: patient
    row: { PatientID: 1 }
    tables: { tblNoShare: [ { PatientID: 2 } ] }
  - name: whoever stands on the list is not
    mapping: patient
    row: { PatientID: 2 }
    tables: { tblNoShare: [ { PatientID: 2 } ] }
    outcome: not-shared
  - name: nor is anything of theirs
    mapping: admission
    row: { AdmitID: 1, PatientID: 2 }
    tables: { tblPatient: [ { PatientID: 2 } ] }
    references: { patient: not-shared }
    outcome: not-shared
";

#[test]
fn a_list_of_refusals_works_as_the_readme_says() {
    let lookup = README
        .lines()
        .find(|line| line.contains("refusal: {"))
        .expect("the README shows a lookup");
    let share = README
        .lines()
        .find(|line| line.starts_with("share: refusal"))
        .expect("the README shows a rule");
    let mut files: Vec<PackFile> = files_of("sindh-hyderabad");
    files.retain(|file| !file.path.ends_with(".tests.yaml"));
    let patient = files
        .iter_mut()
        .find(|file| file.path.ends_with("/patient.yaml"))
        .expect("the mapping of patients");
    let with_lookup = patient
        .text
        .replacen("lookup:\n", &format!("lookup:\n{lookup}\n"), 1);
    let with_share = with_lookup.replacen("share: true", share, 1);
    assert!(with_share.contains(lookup) && with_share.contains(share));
    patient.text = with_share;
    files.push(PackFile {
        path: "refusals.tests.yaml".into(),
        text: REFUSALS.into(),
    });
    let pack = Pack::compile(&files, &settings()).unwrap_or_else(|m| panic!("{m:#?}"));
    let report = run_tests(&pack);
    let failed: Vec<_> = report.failures.iter().map(|f| (&f.name, &f.diff)).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(report.passed, 3);
}
