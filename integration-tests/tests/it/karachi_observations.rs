// SPDX-License-Identifier: Apache-2.0
//! K20 to K26 and K32: every planted row of the table of observations comes out as the pack's README decides,
//! a blood pressure as one resource of two rows.

use std::collections::BTreeMap;

use silsila_mapping::{Outcome, RowOutcome};
use silsila_schema::Json;

use crate::karachi_hospital::{DayOne, day_one};
use crate::pack_hospital::{at, coding, text, warned};
use crate::pack_legacy::fault;

const TABLE: &str = "Observation";
const LOINC: &str = "http://loinc.org";
const SYSTOLIC: &str = "8480-6";
const DIASTOLIC: &str = "8462-4";
const ABSENT: &str = "dataAbsentReason.coding[0].code";

/// Where a row of the table came out: the resource, the place of its number within, and its outcome.
struct Placed<'d> {
    key: &'d str,
    resource: &'d Json,
    outcome: &'d RowOutcome,
    /// `component[0].`, `component[1].` or nothing.
    within: &'static str,
}

impl Placed<'_> {
    fn text(&self, path: &str) -> Option<String> {
        text(self.resource, &format!("{}{path}", self.within))
    }
}

/// The systolic row of the encounter of a diastolic one.
fn partner<'d>(h: &'d DayOne, key: &str) -> &'d str {
    let visit = h.raw(TABLE, key, "EncounterId").expect("NOT NULL");
    let of_visit = h.legacy.with(TABLE, "EncounterId", visit);
    let systolic = |key: &&str| h.raw(TABLE, key, "LoincCode") == Some(SYSTOLIC);
    of_visit.into_iter().find(systolic).expect("its partner")
}

/// Where these rows of people who are shared came out.
fn placed<'d>(h: &'d DayOne, id: &str, keys: &[&'d str]) -> Vec<Placed<'d>> {
    let mut all = Vec::new();
    for key in keys {
        let (mapping, maker, within) = match h.raw(TABLE, key, "LoincCode") {
            Some(SYSTOLIC) => ("blood-pressure", *key, "component[0]."),
            Some(DIASTOLIC) => ("blood-pressure", partner(h, key), "component[1]."),
            _ => ("observation", *key, ""),
        };
        let found = h.produced(id, &[maker], TABLE, mapping);
        all.extend(found.into_iter().map(|(_, resource, outcome)| Placed {
            key,
            resource,
            outcome,
            within,
        }));
    }
    assert!(!all.is_empty(), "{id}: some row is shared");
    all
}

/// A value without the zeros with which the column pads it.
fn unpadded(written: &str) -> &str {
    written.trim_end_matches('0').trim_end_matches('.')
}

#[tokio::test]
async fn k20_units_that_are_not_ucum_become_ucum() {
    let h = day_one().await;
    let ucum = BTreeMap::from([
        ("mmHg", "mm[Hg]"),
        ("mg/dl", "mg/dL"),
        ("g/dl", "g/dL"),
        ("bpm", "/min"),
        ("C", "Cel"),
    ]);
    let (empty, swollen) = (h.keys("K23", 4), h.keys("K24", 2));
    let keys = h.keys("K20", 219);
    let keys: Vec<&str> = keys
        .into_iter()
        .filter(|k| !empty.contains(k) && !swollen.contains(k))
        .collect();
    for row in placed(h, "K20", &keys) {
        let written = h.raw(TABLE, row.key, "UcumUnit").expect("a unit");
        let code = row.text("valueQuantity.code");
        assert_eq!(code.as_deref(), ucum.get(written).copied(), "{}", row.key);
        assert!(!warned(row.outcome, "MAP1001"), "{}", row.key);
    }
}

#[tokio::test]
async fn k21_a_number_of_nobody_knows_what_is_quarantined() {
    let h = day_one().await;
    let mut shared = 0;
    for key in h.keys("K21", 4) {
        let person = h.legacy.person_of(TABLE, key).expect("a person");
        if h.legacy.shared(person) {
            let outcome = h.mapped.outcome("observation", key);
            assert_eq!(fault(outcome), Some("MAP2007"), "{key}");
            shared += 1;
        }
        let other = &h.mapped.outcome("blood-pressure", key).outcome;
        assert!(!matches!(other, Outcome::Produced(_)), "{key}");
    }
    assert!(shared > 0);
}

#[tokio::test]
async fn k22_a_code_with_a_wrong_check_digit_stays_as_the_hospitals() {
    let h = day_one().await;
    for (key, observation, outcome) in h.planted_rows("K22", 3, TABLE, "observation") {
        let written = h.raw(TABLE, key, "LoincCode");
        assert_eq!(coding(observation, "code.coding", LOINC), None, "{key}");
        let own = "https://karachi.example/ns/observation-code";
        let kept = coding(observation, "code.coding", own);
        assert_eq!(kept.as_deref(), written, "{key}");
        assert_eq!(text(observation, "code.text").as_deref(), written, "{key}");
        assert_eq!(at(observation, "category"), None, "{key}");
        assert!(at(observation, "valueQuantity.value").is_some(), "{key}");
        assert!(warned(outcome, "MAP1022"), "{key}");
    }
}

#[tokio::test]
async fn every_other_code_is_a_known_one() {
    let h = day_one().await;
    let wrong = h.keys("K22", 3);
    for (key, row) in h.legacy.rows(TABLE) {
        let outcome = h.mapped.outcome("observation", key);
        if !wrong.contains(&key) && matches!(outcome.outcome, Outcome::Produced(_)) {
            let observation = h.mapped.resource("observation", key);
            let code = coding(observation, "code.coding", LOINC);
            assert_eq!(code, row["LoincCode"], "{key}");
            let category = text(observation, "category[0].coding[0].code");
            let vital = ["8867-4", "8310-5", "29463-7"].contains(&code.as_deref().unwrap_or(""));
            let expected = if vital { "vital-signs" } else { "laboratory" };
            assert_eq!(category.as_deref(), Some(expected), "{key}");
            assert!(!warned(outcome, "MAP1001"), "{key}");
        }
    }
}

#[tokio::test]
async fn k23_a_row_without_a_value_says_so() {
    let h = day_one().await;
    for row in placed(h, "K23", &h.keys("K23", 4)) {
        assert_eq!(row.text("valueQuantity"), None, "{}", row.key);
        assert!(at(row.resource, &format!("{}valueQuantity", row.within)).is_none());
        assert_eq!(row.text(ABSENT).as_deref(), Some("unknown"), "{}", row.key);
        let status = text(row.resource, "status");
        let expected = if row.within.is_empty() {
            "unknown"
        } else {
            "final"
        };
        assert_eq!(status.as_deref(), Some(expected), "{}", row.key);
    }
}

#[tokio::test]
async fn k24_haemoglobin_in_grams_per_litre_says_so() {
    let h = day_one().await;
    for (key, observation, outcome) in h.planted_rows("K24", 2, TABLE, "observation") {
        let written = unpadded(h.raw(TABLE, key, "ValueDecimal").expect("a number"));
        let unit = h.raw(TABLE, key, "UcumUnit").expect("a unit");
        let value = text(observation, "valueQuantity.value");
        assert_eq!(value.as_deref(), Some(written), "{key}");
        let code = text(observation, "valueQuantity.code");
        assert_eq!(code.as_deref(), Some("g/L"), "{key}");
        let note = text(observation, "note[0].text").expect("a note");
        assert!(note.contains(&format!("{written} {unit}")), "{key}: {note}");
        assert!(warned(outcome, "MAP1019"), "{key}");
    }
    let planted = h.keys("K24", 2);
    for key in h.legacy.with(TABLE, "LoincCode", "718-7") {
        let outcome = &h.mapped.outcome("observation", key).outcome;
        if !planted.contains(&key) && matches!(outcome, Outcome::Produced(_)) {
            let observation = h.mapped.resource("observation", key);
            let code = text(observation, "valueQuantity.code");
            assert_eq!(code.as_deref(), Some("g/dL"), "{key}");
        }
    }
}

#[tokio::test]
async fn k25_a_text_beside_a_number_is_a_note() {
    let h = day_one().await;
    for row in placed(h, "K25", &h.keys("K25", 3)) {
        let written = h.raw(TABLE, row.key, "ValueDecimal").map(unpadded);
        assert_eq!(
            row.text("valueQuantity.value").as_deref(),
            written,
            "{}",
            row.key
        );
        let note = text(row.resource, "note[0].text").expect("a note");
        assert!(note.ends_with(": see paper report"), "{}: {note}", row.key);
        assert!(warned(row.outcome, "MAP1019"), "{}", row.key);
    }
}

#[tokio::test]
async fn k26_every_time_keeps_its_own_offset() {
    let h = day_one().await;
    let utc = h.keys("K26", 439);
    for (key, row) in h.legacy.rows(TABLE) {
        let written = row["EffectiveAt"].as_deref().expect("NOT NULL");
        assert_eq!(written.ends_with("+00:00"), utc.contains(&key), "{key}");
        if let Outcome::Produced(_) = h.mapped.outcome("observation", key).outcome {
            let observation = h.mapped.resource("observation", key);
            let got = text(observation, "effectiveDateTime");
            assert_eq!(got, Some(fhir_time(written)), "{key}");
        }
    }
}

/// A `datetimeoffset` as FHIR writes it.
fn fhir_time(written: &str) -> String {
    let zone = match &written[20..] {
        "+00:00" => "Z",
        zone => zone,
    };
    format!("{}T{}{zone}", &written[..10], &written[11..19])
}

/// Minutes since some day, in UTC, of a `datetimeoffset`.
fn instant(written: &str) -> i64 {
    let number = |range: std::ops::Range<usize>| written[range].parse::<i64>().expect("digits");
    let (y, m, d) = (number(0..4), number(5..7), number(8..10));
    // Every month as 31 days: enough to tell which of two is earlier, within a day across zones.
    let days = (y * 12 + m) * 31 + d;
    (days * 24 + number(11..13) - number(21..23)) * 60 + number(14..16)
}

#[tokio::test]
async fn every_pair_of_pressures_is_one_observation_over_the_time_between() {
    let h = day_one().await;
    let mut pairs = 0;
    for key in h.legacy.with(TABLE, "LoincCode", SYSTOLIC) {
        if !matches!(
            h.mapped.outcome("blood-pressure", key).outcome,
            Outcome::Produced(_)
        ) {
            continue;
        }
        let bp = h.mapped.resource("blood-pressure", key);
        let visit = h.raw(TABLE, key, "EncounterId").expect("NOT NULL");
        let of_visit = h.legacy.with(TABLE, "EncounterId", visit);
        let diastolic: Vec<&str> = of_visit
            .into_iter()
            .filter(|k| h.raw(TABLE, k, "LoincCode") == Some(DIASTOLIC))
            .collect();
        let [other] = diastolic[..] else {
            panic!("{key}: {diastolic:?}");
        };
        assert_eq!(text(bp, "code.coding[0].code").as_deref(), Some("85354-9"));
        for (i, (row, code)) in [(key, SYSTOLIC), (other, DIASTOLIC)]
            .into_iter()
            .enumerate()
        {
            let number = text(bp, &format!("identifier[{i}].value"));
            assert_eq!(number.as_deref(), Some(row), "{key}");
            let of = |path: &str| text(bp, &format!("component[{i}].{path}"));
            assert_eq!(of("code.coding[0].code").as_deref(), Some(code), "{key}");
            let written = h.raw(TABLE, row, "ValueDecimal").map(unpadded);
            assert_eq!(of("valueQuantity.value").as_deref(), written, "{row}");
        }
        let (a, b) = (time(h, key), time(h, other));
        let (first, last) = if instant(b) < instant(a) {
            (b, a)
        } else {
            (a, b)
        };
        if instant(a) == instant(b) {
            assert_eq!(text(bp, "effectiveDateTime"), Some(fhir_time(a)), "{key}");
        } else {
            assert_eq!(text(bp, "effectivePeriod.start"), Some(fhir_time(first)));
            assert_eq!(
                text(bp, "effectivePeriod.end"),
                Some(fhir_time(last)),
                "{key}"
            );
        }
        let outcome = &h.mapped.outcome("blood-pressure", other).outcome;
        assert!(matches!(outcome, Outcome::Empty), "{other}: {outcome:?}");
        pairs += 1;
    }
    assert!(pairs > 600, "{pairs}");
}

fn time<'d>(h: &'d DayOne, key: &str) -> &'d str {
    h.raw(TABLE, key, "EffectiveAt").expect("NOT NULL")
}

#[tokio::test]
async fn k32_numbers_above_two_to_the_53_stay_exact() {
    let h = day_one().await;
    assert_eq!(h.keys("K32", 1), ["9007199254741001 and up"]);
    let mut seen = std::collections::BTreeSet::new();
    for (key, _) in h.legacy.rows(TABLE) {
        assert!(key.parse::<i64>().expect("a number") > 1 << 53, "{key}");
        if let Outcome::Produced(_) = h.mapped.outcome("observation", key).outcome {
            let observation = h.mapped.resource("observation", key);
            let number = text(observation, "identifier[0].value");
            assert_eq!(number.as_deref(), Some(key));
            assert!(
                seen.insert(text(observation, "id").expect("an id")),
                "{key}"
            );
        }
    }
    assert!(seen.len() > 2_500, "{}", seen.len());
}
