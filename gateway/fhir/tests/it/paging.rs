// SPDX-License-Identifier: Apache-2.0
//! Pages show the records as they were when the search began.

use serde_json::{Value, json};

use crate::bed::{Bed, below};

fn patient(number: usize, gender: &str) -> Value {
    json!({
        "resourceType": "Patient", "id": format!("p{number:03}"), "gender": gender,
        "name": [{"family": format!("Family{:02}", number % 7)}],
        "birthDate": format!("19{:02}-01-01", number % 100)
    })
}

fn crowd(count: usize) -> Bed {
    let bed = Bed::new();
    let all: Vec<_> = (0..count).map(|number| patient(number, "male")).collect();
    for chunk in all.chunks(10) {
        bed.put(chunk);
    }
    bed
}

#[test]
fn pages_stay_as_they_were_while_records_change_between_them() {
    for query in [
        "Patient?gender=male",
        "Patient",
        "Patient?name=family",
        "Patient?birthdate=ge1900",
        "Patient?gender=male&_sort=family,-birthdate",
        "Patient?_sort=_lastUpdated&gender=male",
    ] {
        let bed = crowd(47);
        let mark = if query.contains('?') { '&' } else { '?' };
        let expect = bed.get(&format!("{query}{mark}_count=1000")).ok().ids();
        assert_eq!(expect.len(), 47);
        let mut reply = bed.get(&format!("{query}{mark}_count=10")).ok();
        let mut seen = Vec::new();
        let mut round = 0;
        loop {
            assert_eq!(reply.total(), Some(47), "{query}");
            seen.extend(reply.ids());
            let Some(next) = reply.link("next") else {
                break;
            };
            // Between the pages: changed, deleted, and new records.
            bed.later(1_000);
            bed.put(&[patient(round * 9, "female"), patient(500 + round, "male")]);
            bed.delete(&format!("Patient/p{:03}", 40 - round));
            round += 1;
            reply = bed.get(below(&next)).ok();
        }
        assert_eq!(seen, expect, "{query}");
        assert!(round >= 4);
    }
}

#[test]
fn a_client_may_ask_for_larger_pages_on_the_way() {
    let bed = crowd(30);
    let first = bed.get("Patient?gender=male&_count=10").ok();
    let next = first.link("next").unwrap();
    let rest = bed.get(&format!("{}&_count=1000", below(&next))).ok();
    assert_eq!(rest.ids().len(), 20);
    assert_eq!(rest.link("next"), None);
    assert_eq!(rest.total(), Some(30));
    let again = bed.get(below(&rest.link("first").unwrap())).ok();
    assert_eq!(again.ids().len(), 30);
}

#[test]
fn a_page_link_is_bound_to_its_search() {
    let bed = crowd(30);
    let next = bed
        .get("Patient?gender=male&_count=10")
        .ok()
        .link("next")
        .unwrap();
    let path = below(&next);
    for changed in [
        path.replace("gender=male", "gender=female"),
        path.replace("Patient?", "Person?"),
        format!("{path}&name=family"),
        format!("{path}0"),
        "Patient?gender=male&_page=00".to_owned(),
    ] {
        assert_eq!(bed.get(&changed).refused(400), "FHR0010", "{changed}");
    }
}

#[test]
fn an_old_page_link_expires_when_its_records_left_the_index() {
    let bed = crowd(30);
    let next = bed
        .get("Patient?gender=male&_count=10")
        .ok()
        .link("next")
        .unwrap();
    bed.put(&[patient(3, "female")]);
    // Without a change the link lives on; the change has to be older than its life in block time.
    purge(&bed);
    assert_eq!(bed.get(below(&next)).ok().ids().len(), 10);
    bed.later(11 * 60_000);
    bed.put(&[patient(4, "female")]);
    purge(&bed);
    assert_eq!(bed.get(below(&next)).refused(410), "FHR0009");
    let fresh = bed.get("Patient?gender=male&_count=1000").ok();
    assert_eq!(fresh.ids().len(), 28);
    assert_eq!(fresh.total(), Some(28));
}

fn purge(bed: &Bed) {
    let now = bed.store.health().unwrap().time_ms;
    while silsila_fhir::index::upkeep::purge(&bed.store, now).unwrap() {}
}

#[test]
fn rows_of_replaced_versions_leave_the_index_and_no_others() {
    let bed = crowd(20);
    let fresh = rows(&bed);
    for _ in 0..3 {
        bed.put(&[patient(1, "female"), patient(2, "other")]);
        bed.delete("Patient/p003");
        bed.put(&[patient(3, "male")]);
    }
    bed.put(&[patient(1, "male"), patient(2, "male")]);
    bed.later(11 * 60_000);
    bed.put(&[json!({"resourceType": "Basic", "id": "b", "code": {}})]);
    assert!(rows(&bed) > fresh);
    purge(&bed);
    // The one `Basic` has three terms: its type, its name and its tag.
    assert_eq!(rows(&bed), (fresh.0 + 3, fresh.1, fresh.2));
    assert_eq!(
        bed.get("Patient?gender=male&_count=0").ok().total(),
        Some(20)
    );
    let report = bed.store.verify(&mut |_| {}).unwrap();
    assert!(report.is_clean(), "{:?}", report.faults);
}

/// Rows of terms, ranges and texts.
fn rows(bed: &Bed) -> (i64, i64, i64) {
    let count = |table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        bed.store
            .read::<_, silsila_store::StoreError>(|conn| {
                Ok(conn.query_row(&sql, [], |row| row.get(0))?)
            })
            .unwrap()
    };
    let terms = count("fhir_term") + count("fhir_fresh");
    (terms, count("fhir_range"), count("fhir_text"))
}

#[test]
fn counts_are_clamped_to_a_thousand() {
    let bed = crowd(5);
    for count in ["1001", "99999999999999999999999"] {
        let reply = bed.get(&format!("Patient?_count={count}")).ok();
        assert_eq!(reply.ids().len(), 5);
    }
}
