// SPDX-License-Identifier: Apache-2.0
//! Per mapping, rows = produced + empty by rule + not shared + quarantined, against numbers counted in the
//! hospital's export without our code; and every resource stands up to the R4 table.

use std::collections::{BTreeMap, BTreeSet};

use silsila_schema::{Json, validate};

use crate::hyderabad_export::{Cells, Export, TABLES};
use crate::hyderabad_hospital::{DayOne, day_one, files, pack};
use crate::pack_hospital::{Counts, id};

/// The mappings, the tables they read and the column without which there is nothing to make.
const MAPPINGS: [(&str, &str, Option<&str>); 9] = [
    ("patient", "tblPatient", None),
    ("practitioner", "tblDoctor", None),
    ("practitioner-role", "tblDoctor", Some("Dept")),
    ("admission", "tblAdmission", None),
    ("admission-diagnosis", "tblAdmission", Some("DiagnosisCode")),
    ("admission-notes", "tblAdmission", Some("Notes")),
    ("prescription", "tblMedicine", None),
    ("lab-result", "tblLab", None),
    ("allergy", "tblAllergy", None),
];

/// What must become of the rows of every mapping, by the export alone.
pub fn expected(export: &Export) -> BTreeMap<&'static str, Counts> {
    let of = |(mapping, table, needs): (&'static str, &str, Option<&str>)| {
        let mut counts = Counts::default();
        for (key, row) in export.rows(table) {
            counts.rows += 1;
            let blank = |row: &Cells| needs.is_some_and(|c| row[c].is_none());
            *if table != "tblDoctor" && export.patient_of(table, key).is_none() {
                &mut counts.quarantined
            } else if blank(row) {
                &mut counts.empty
            } else {
                &mut counts.produced
            } += 1;
        }
        (mapping, counts)
    };
    MAPPINGS.into_iter().map(of).collect()
}

#[tokio::test]
async fn every_mapping_adds_up_against_counts_made_in_the_export() {
    let h = day_one().await;
    let expected = expected(&h.export);
    for (mapping, counts) in &expected {
        assert_eq!(h.mapped.counts(mapping), *counts, "{mapping}");
        let sum = counts.produced + counts.empty + counts.not_shared + counts.quarantined;
        assert_eq!(counts.rows, sum, "{mapping}: by hand");
        assert!(counts.produced > 0, "{mapping}");
    }
    let all: BTreeSet<_> = h.mapped.mappings().collect();
    assert_eq!(expected.keys().copied().collect::<BTreeSet<_>>(), all);
    let orphans = |mapping| expected[mapping].quarantined;
    assert_eq!(orphans("admission"), 2);
    assert_eq!(orphans("admission-notes"), 2);
    assert!(orphans("prescription") > 0, "orders in those stays");
}

/// The export, against which the tests count, and the file, which the gateway reads, say the same.
#[tokio::test]
async fn the_file_holds_what_the_export_holds_in_both_of_its_formats() {
    let export = &day_one().await.export;
    for file in ["hyderabad-day1.accdb", "hyderabad-day1.mdb"] {
        let read = Export::read_file(&files().join(file));
        for (table, _) in TABLES {
            let (a, b): (Vec<_>, Vec<_>) =
                (export.rows(table).collect(), read.rows(table).collect());
            assert!(a == b, "{file}: {table} differs");
        }
    }
}

/// A warning names a planted row; nothing else is doubtful.
#[tokio::test]
async fn every_warning_is_about_a_planted_defect() {
    let h = day_one().await;
    let planted = [
        ("H04", "patient", "MAP1004"),
        ("H05", "patient", "MAP1012"),
        ("H15", "admission-diagnosis", "MAP1009"),
        ("H17", "admission", "MAP1019"),
        ("H21", "prescription", "MAP1019"),
        ("H22", "lab-result", "MAP1012"),
        ("H24", "lab-result", "MAP1004"),
        ("H27", "lab-result", "MAP1019"),
        ("H30", "allergy", "MAP1019"),
    ];
    let keys = |(id, mapping, code)| h.keys(id).into_iter().map(move |k| (mapping, code, k));
    let mut expected: BTreeSet<_> = planted.into_iter().flat_map(keys).collect();
    let unit_unknown = |key: &i64| {
        let value = h.raw("tblLab", *key, "ValueText").expect("a result");
        value.starts_with(|c: char| c.is_ascii_digit())
    };
    let numbers = h.keys("H22").into_iter().filter(unit_unknown);
    expected.extend(numbers.map(|key| ("lab-result", "MAP1019", key)));
    let mut found = BTreeSet::new();
    for (mapping, _, _) in MAPPINGS {
        for (key, outcome) in h.mapped.rows(mapping) {
            found.extend(outcome.warnings.iter().map(|w| (mapping, w.code, key)));
        }
    }
    assert_eq!(found, expected);
}

/// The hospital itself, which comes from the configuration.
fn organization() -> Json {
    let made = pack()
        .organization(&id)
        .unwrap_or_else(|m| panic!("{m:#?}"));
    Json::parse(made.body()).expect("canonical JSON")
}

#[tokio::test]
async fn every_resource_of_hyderabad_stands_up_to_the_r4_table() {
    let h = day_one().await;
    let (mut checked, mut ids) = (0, BTreeSet::new());
    for (mapping, key, resource) in h.mapped.resources() {
        let faults = validate(resource);
        assert!(faults.is_empty(), "{mapping} {key}: {faults:?}");
        let id = resource.get("id").and_then(Json::as_str);
        assert!(ids.insert(id.expect("an id")), "{mapping} {key}");
        checked += 1;
    }
    assert!(validate(&organization()).is_empty());
    assert!(checked > 3_500, "{checked}");
}

#[tokio::test]
async fn the_pack_fits_the_file_that_it_was_written_for() {
    let source = crate::hyderabad_hospital::source();
    let schema = silsila_source::Source::schema(&source).await;
    let mistakes = pack().check_against(&schema.expect("the file is read"));
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

/// The test of a defect is named after it; X01 to X09 share one.
fn is_tested(h: &DayOne, defect: &str) -> bool {
    let tests = [
        include_str!("hyderabad_patients.rs"),
        include_str!("hyderabad_stays.rs"),
        include_str!("hyderabad_records.rs"),
    ];
    assert!(!h.planted(defect).is_empty());
    let name = match defect {
        "X01" | "X02" | "X03" | "X04" | "X05" | "X06" | "X07" | "X08" | "X09" => {
            "async fn x01_to_x09_".to_owned()
        }
        other => format!("async fn {}_", other.to_lowercase()),
    };
    tests.iter().any(|t| t.contains(&name))
}

#[tokio::test]
async fn every_defect_planted_in_hyderabad_has_its_test() {
    let h = day_one().await;
    let readme = include_str!("../../../mappings/packs/sindh-hyderabad/README.md");
    let touches = |id: &str| h.planted(id).iter().any(|key| key.contains("hyderabad/"));
    let here = h.defects().filter(|d| d.starts_with('H') || touches(d));
    let mut count = 0;
    for defect in here {
        assert!(is_tested(h, defect), "{defect} has no test");
        let decided = readme.contains(&format!("| {defect} |"));
        assert!(decided, "{defect} is not decided in the README");
        count += 1;
    }
    assert_eq!(count, 31 + 12);
}
