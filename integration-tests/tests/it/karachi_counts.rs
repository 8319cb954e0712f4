// SPDX-License-Identifier: Apache-2.0
//! Per mapping, rows = produced + empty by rule + not shared + quarantined, against numbers counted by hand in
//! the data's own files; and every resource stands up to the R4 table.

use std::collections::BTreeSet;

use silsila_schema::{Json, validate};

use crate::karachi_hospital::{DayOne, day_one, id, pack};
use crate::karachi_legacy::Cells;
use crate::pack_hospital::Counts;

/// What a mapping should make of a row whose person is there and shared.
#[derive(Clone, Copy)]
enum Fate {
    Produced,
    Empty,
    Quarantined,
}

fn always(_: &DayOne, _: &Cells) -> Fate {
    Fate::Produced
}

const PRESSURE: [&str; 2] = ["8480-6", "8462-4"];

fn observation(_: &DayOne, row: &Cells) -> Fate {
    match row["LoincCode"].as_deref() {
        None => Fate::Quarantined,
        Some(code) if PRESSURE.contains(&code) => Fate::Empty,
        Some(_) => Fate::Produced,
    }
}

/// Every systolic row has one diastolic partner in this hospital (another test counts them).
fn blood_pressure(_: &DayOne, row: &Cells) -> Fate {
    match row["LoincCode"].as_deref() {
        Some("8480-6") => Fate::Produced,
        _ => Fate::Empty,
    }
}

/// The counts of a mapping over a table, by hand.
pub fn by_hand(h: &DayOne, mapping: &str) -> Counts {
    let (table, fate): (&str, fn(&DayOne, &Cells) -> Fate) = match mapping {
        "patient" => ("Person", always),
        "encounter" => ("Encounter", always),
        "diagnosis" => ("Diagnosis", always),
        "observation" => ("Observation", observation),
        "blood-pressure" => ("Observation", blood_pressure),
        "medication-order" => ("MedicationOrder", always),
        "allergy" => ("AllergyIntolerance", always),
        "procedure" => ("Procedure", always),
        "practitioner" | "practitioner-role" => ("Practitioner", always),
        other => panic!("nobody counted {other}"),
    };
    let mut counts = Counts::default();
    for (key, row) in h.legacy.rows(table) {
        counts.rows += 1;
        let shared = match table {
            "Practitioner" => Some(true),
            _ => h.legacy.person_of(table, key).map(|p| h.legacy.shared(p)),
        };
        *match (shared, fate(h, row)) {
            (None, _) => &mut counts.quarantined,
            (Some(false), _) => &mut counts.not_shared,
            (Some(true), Fate::Produced) => &mut counts.produced,
            (Some(true), Fate::Empty) => &mut counts.empty,
            (Some(true), Fate::Quarantined) => &mut counts.quarantined,
        } += 1;
    }
    counts
}

#[tokio::test]
async fn every_mapping_of_karachi_adds_up_against_counts_made_by_hand() {
    let h = day_one().await;
    let compiled = pack();
    let named: BTreeSet<_> = compiled.mappings().iter().map(|m| m.name()).collect();
    let mapped: BTreeSet<_> = h.mapped.mappings().collect();
    assert_eq!(named, mapped, "no mapping is left out");
    let mut rows = 0;
    for mapping in mapped {
        let expected = by_hand(h, mapping);
        assert_eq!(h.mapped.counts(mapping), expected, "{mapping}");
        assert!(expected.produced > 0, "{mapping}");
        rows += expected.rows;
    }
    // PersonAddress is part of its person; Practitioner and Observation make two kinds each.
    assert_eq!(rows, 400 + 8 * 2 + 665 + 821 + 4388 * 2 + 1130 + 66 + 90);
}

/// The hospital itself, which comes from the configuration.
fn organization() -> Json {
    let made = pack()
        .organization(&id)
        .unwrap_or_else(|m| panic!("{m:#?}"));
    Json::parse(made.body()).expect("canonical JSON")
}

#[tokio::test]
async fn every_resource_of_karachi_stands_up_to_the_r4_table() {
    let h = day_one().await;
    let mut ids = BTreeSet::new();
    for (mapping, key, resource) in h.mapped.resources() {
        let faults = validate(resource);
        assert!(faults.is_empty(), "{mapping} {key}: {faults:?}");
        let id = resource.get("id").and_then(|id| id.as_str());
        assert!(ids.insert(id.expect("an id")), "{mapping} {key}");
    }
    let faults = validate(&organization());
    assert!(faults.is_empty(), "organization: {faults:?}");
    assert!(ids.len() > 6_000, "{}", ids.len());
}

#[tokio::test]
async fn the_pack_fits_the_database_of_karachi() {
    let h = day_one().await;
    let schema = silsila_source::Source::schema(&h.source()).await;
    let mistakes = pack().check_against(&schema.expect("the database answers"));
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}

/// Every planted defect of this hospital has a test of its own, named after it.
#[tokio::test]
async fn every_planted_defect_of_karachi_has_its_test() {
    let h = day_one().await;
    let tests = [
        include_str!("karachi_people.rs"),
        include_str!("karachi_visits.rs"),
        include_str!("karachi_observations.rs"),
    ];
    let readme = include_str!("../../../mappings/packs/sindh-karachi/README.md");
    let here = h
        .defects()
        .filter(|d| d.starts_with('K') || ("X10"..="X12").contains(d));
    let mut count = 0;
    for defect in here {
        let name = format!("async fn {}_", defect.to_lowercase());
        let tested = tests.iter().any(|t| t.contains(&name));
        assert!(tested, "{defect} has no test");
        let decided = readme.contains(&format!("| {defect} |"));
        assert!(decided, "{defect} is not decided in the README");
        count += 1;
    }
    assert_eq!(count, 36);
}
