// SPDX-License-Identifier: Apache-2.0
//! Per mapping, rows = produced + empty by rule + not shared + quarantined, against numbers that SQL
//! written by hand counts in the database; and every resource stands up to the R4 table.

use std::collections::BTreeSet;

use silsila_schema::{Json, validate};

use crate::pack_hospital::{Counts, id, pack};
use crate::pack_legacy::day_one;

const SHARED: &str = "p.is_deleted = 0 AND p.share_optout = 0";
const VISITS: &str = "opd_visits v LEFT JOIN patients p ON p.patient_id = v.patient_id";

/// For a mapping: the tables it joins, and the rows that its rule leaves empty or that are quarantined
/// although their patient is there and shared.
struct Sql {
    mapping: &'static str,
    joined: String,
    empty: &'static str,
    quarantined: &'static str,
}

fn of(table: &str) -> String {
    format!("{table} t LEFT JOIN patients p ON p.patient_id = t.patient_id")
}

fn by_hand() -> Vec<Sql> {
    let visits = |mapping, empty| Sql {
        mapping,
        joined: VISITS.into(),
        empty,
        quarantined: "FALSE",
    };
    let rows = |mapping, table: &str| Sql {
        mapping,
        joined: of(table),
        empty: "FALSE",
        quarantined: "FALSE",
    };
    let patients = |mapping, empty| Sql {
        mapping,
        joined: "patients p".into(),
        empty,
        quarantined: "FALSE",
    };
    vec![
        patients("patient", "FALSE"),
        patients(
            "patient-blood-group",
            "TRIM(COALESCE(p.blood_group, '')) = ''",
        ),
        visits("visit", "FALSE"),
        visits(
            "visit-diagnosis",
            "TRIM(CONCAT(COALESCE(v.icd10, ''), COALESCE(v.diagnosis_text, ''))) = ''",
        ),
        visits("visit-bp", "COALESCE(v.bp, '') IN ('', 'NA')"),
        visits("visit-pulse", "COALESCE(v.pulse, 0) <= 0"),
        visits("visit-temperature", "COALESCE(v.temp_f, 0) <= 0"),
        visits("visit-weight", "COALESCE(v.weight_kg, 0) <= 0"),
        visits("visit-height", "COALESCE(v.height_cm, 0) <= 0"),
        rows("lab-result", "lab_tests"),
        rows("allergy", "allergies"),
        Sql {
            quarantined: "t.given_on IS NULL OR (p.dob REGEXP '^[0-9]{2}/[0-9]{2}/[0-9]{4}$' AND p.dob <> '00/00/0000' AND t.given_on < STR_TO_DATE(p.dob, '%d/%m/%Y'))",
            ..rows("immunization", "immunizations")
        },
        Sql {
            joined: "prescriptions t LEFT JOIN opd_visits v ON v.visit_id = t.visit_id
                     LEFT JOIN patients p ON p.patient_id = v.patient_id"
                .into(),
            ..rows("prescription", "prescriptions")
        },
    ]
}

#[tokio::test]
async fn every_mapping_adds_up_against_counts_made_in_sql() {
    let h = day_one().await;
    let mut compared = BTreeSet::from(["practitioner", "practitioner-role"]);
    for sql in by_hand() {
        let count = async |condition: &str| {
            h.ask(&format!(
                "SELECT COUNT(*) FROM {} WHERE {condition}",
                sql.joined
            ))
            .await
        };
        let (empty, quarantined) = (sql.empty, sql.quarantined);
        let expected = Counts {
            rows: count("TRUE").await,
            produced: count(&format!(
                "{SHARED} AND NOT ({empty}) AND NOT ({quarantined})"
            ))
            .await,
            empty: count(&format!("{SHARED} AND ({empty})")).await,
            not_shared: count(&format!("NOT ({SHARED})")).await,
            quarantined: count(&format!(
                "p.patient_id IS NULL OR ({SHARED} AND ({quarantined}))"
            ))
            .await,
        };
        let Counts {
            rows,
            produced,
            empty,
            not_shared,
            quarantined,
        } = expected;
        assert_eq!(
            rows,
            produced + empty + not_shared + quarantined,
            "{}: by hand",
            sql.mapping
        );
        assert_eq!(h.mapped.counts(sql.mapping), expected, "{}", sql.mapping);
        assert!(produced > 0, "{}", sql.mapping);
        compared.insert(sql.mapping);
    }
    let doctors = h.ask("SELECT COUNT(*) FROM doctors").await;
    for mapping in ["practitioner", "practitioner-role"] {
        let expected = Counts {
            rows: doctors,
            produced: doctors,
            ..Counts::default()
        };
        assert_eq!(h.mapped.counts(mapping), expected, "{mapping}");
    }
    let all: BTreeSet<_> = h.mapped.mappings().collect();
    assert_eq!(compared, all, "no mapping is left out");
}

/// The hospital itself, which comes from the configuration.
fn organization() -> Json {
    let made = pack()
        .organization(&id)
        .unwrap_or_else(|m| panic!("{m:#?}"));
    Json::parse(made.body()).expect("canonical JSON")
}

#[tokio::test]
async fn every_resource_stands_up_to_the_r4_table() {
    let h = day_one().await;
    let mut checked = 0;
    for (mapping, key, resource) in h.mapped.resources() {
        let faults = validate(resource);
        assert!(faults.is_empty(), "{mapping} {key}: {faults:?}");
        checked += 1;
    }
    let faults = validate(&organization());
    assert!(faults.is_empty(), "organization: {faults:?}");
    assert!(checked > 9_000, "{checked}");
}

#[tokio::test]
async fn no_two_resources_have_one_id() {
    let h = day_one().await;
    let mut ids = BTreeSet::new();
    for (mapping, key, resource) in h.mapped.resources() {
        let id = resource
            .get("id")
            .and_then(|id| id.as_str())
            .expect("an id");
        assert!(ids.insert(id), "{mapping} {key}");
    }
}

#[tokio::test]
async fn the_pack_fits_the_database_that_it_was_written_for() {
    let h = day_one().await;
    let schema = silsila_source::Source::schema(&h.source())
        .await
        .expect("the database answers");
    let mistakes = pack().check_against(&schema);
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

/// Every planted defect of this hospital has a test of its own, named after it.
#[tokio::test]
async fn every_planted_defect_has_its_test() {
    let h = day_one().await;
    let tests = [
        include_str!("pack_patients.rs"),
        include_str!("pack_visits.rs"),
        include_str!("pack_records.rs"),
    ];
    let readme = include_str!("../../../mappings/packs/sindh-mirpurkhas/README.md");
    let here = h
        .defects()
        .filter(|d| d.starts_with('M') || ("X10"..="X13").contains(d));
    let mut count = 0;
    for defect in here {
        let name = format!("async fn {}_", defect.to_lowercase());
        assert!(
            tests.iter().any(|t| t.contains(&name)),
            "{defect} has no test"
        );
        assert!(
            readme.contains(&format!("| {defect} |")),
            "{defect} is not decided in the README"
        );
        count += 1;
    }
    assert_eq!(count, 68);
}

/// `integration-tests/validators/validate.mjs` reads this file; `script/test` runs it where Node is.
#[tokio::test]
async fn the_whole_hospital_is_written_down_for_validators_of_others() {
    let h = day_one().await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut text = Vec::new();
    let organization = organization();
    let resources = h.mapped.resources().map(|(_, _, resource)| resource);
    for resource in resources.chain([&organization]) {
        text.extend(resource.canonical());
        text.push(b'\n');
    }
    let half = folder.join(format!("mirpurkhas.{}", std::process::id()));
    std::fs::write(&half, &text).expect("the target folder is writable");
    std::fs::rename(half, folder.join("mirpurkhas.ndjson")).expect("one folder");
    let lines = text.iter().filter(|b| **b == b'\n').count();
    assert_eq!(lines, h.mapped.resources().count() + 1);
}
