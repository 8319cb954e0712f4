// SPDX-License-Identifier: Apache-2.0
//! Each kind of parameter finds what FHIR says it finds.

use crate::chart::{CNIC, MR, filled};

#[track_caller]
fn check(cases: &[(&str, &[&str])]) {
    let bed = filled();
    for (query, expect) in cases {
        assert_eq!(bed.ids(query), *expect, "{query}");
        // The same by POST.
        let (path, form) = query.split_once('?').unwrap_or((query, ""));
        let encoded = crate::bed::encode(form).replace('\'', "%27");
        let mut posted = bed
            .post_form(&format!("{path}/_search"), &encoded)
            .ok()
            .ids();
        posted.sort();
        assert_eq!(posted, *expect, "POST {query}");
    }
}

#[test]
fn a_search_without_filters_finds_the_type() {
    check(&[
        ("Patient", &["p1", "p2", "p3"]),
        ("Observation", &["o1", "o2", "o3", "o4"]),
        ("Immunization", &[]),
    ]);
}

#[test]
fn tokens_match_by_code_by_system_and_by_both() {
    check(&[
        ("Patient?identifier=4485", &["p1", "p3"]),
        (&format!("Patient?identifier={MR}|4485"), &["p1"]),
        ("Patient?identifier=|4485", &["p3"]),
        (&format!("Patient?identifier={MR}|"), &["p1", "p2"]),
        (&format!("Patient?identifier={MR}|,{CNIC}|"), &["p1", "p2"]),
        ("Patient?identifier=urn:unknown|4485", &[]),
        ("Patient?identifier=4486,9912345678901", &["p1", "p2"]),
        ("Patient?identifier=4485&identifier=9912345678901", &["p1"]),
        ("Patient?gender=male", &["p1"]),
        ("Patient?gender=MALE", &["p1"]),
        ("Patient?gender:not=male", &["p2", "p3"]),
        ("Patient?gender:not=male,female", &["p3"]),
        ("Patient?active=false", &["p3"]),
        ("Patient?deceased=true", &["p3"]),
        ("Observation?code=2339-0", &["o1", "o3"]),
        ("Observation?code=http://loinc.org|2339-0", &["o1", "o3"]),
        (
            "Observation?code=http://loinc.org|",
            &["o1", "o2", "o3", "o4"],
        ),
        ("Observation?code:not=http://loinc.org|", &[]),
        ("Observation?code=urn:other|,718-7", &["o2"]),
        ("Observation?category=vital-signs", &["o4"]),
        ("Observation?component-code=8480-6", &["o4"]),
        ("Observation?combo-code=8480-6,718-7", &["o2", "o4"]),
        ("Encounter?class=AMB", &["e1"]),
        ("Patient?phone=03908556000", &["p1"]),
        ("Patient?email=aquib@mail.example", &["p1"]),
        ("Patient?phone=aquib@mail.example", &[]),
        ("Patient?telecom=aquib@mail.example", &["p1"]),
        ("Patient?telecom=|aquib@mail.example", &["p1"]),
    ]);
}

#[test]
fn strings_match_by_beginning_exactly_or_anywhere() {
    check(&[
        ("Patient?family=sha", &["p1"]),
        ("Patient?family=SHAIKH", &["p1"]),
        ("Patient?family=haikh", &[]),
        ("Patient?family:contains=haik", &["p1"]),
        ("Patient?family:exact=Shaikh", &["p1"]),
        ("Patient?family:exact=shaikh", &[]),
        ("Patient?family:exact=Shaik", &[]),
        ("Patient?family=o'brien-muller", &["p3"]),
        ("Patient?given=zoe", &["p3"]),
        ("Patient?given:exact=Zoe", &[]),
        ("Patient?given:exact=Zoë", &["p3"]),
        ("Patient?given=bibi", &["p2"]),
        ("Patient?name=fatima", &["p2"]),
        ("Patient?name=khan", &["p2"]),
        ("Patient?name=خان", &["p2"]),
        ("Patient?name=فاطمه", &["p2"]),
        ("Patient?name=aquib shai", &["p1"]),
        ("Patient?name:contains=b sh", &["p1"]),
        ("Patient?name=fatima,aquib", &["p1", "p2"]),
        ("Patient?name=fatima&name=khan", &["p2"]),
        ("Patient?address=mirpur", &["p1"]),
        ("Patient?address=street", &["p1"]),
        ("Patient?address-city=hyderabad", &["p2"]),
        ("Patient?address-country=pk", &["p1", "p2"]),
    ]);
}

#[test]
fn family_and_given_names_match_together_however_many_there_are() {
    let bed = filled();
    let names: Vec<_> = (0..6)
        .map(|n| serde_json::json!({"family": format!("Many{n}"), "given": [format!("First{n}")]}))
        .collect();
    bed.put(&[serde_json::json!({"resourceType": "Patient", "id": "p4", "name": names})]);
    for (query, expect) in [
        ("family=kha&given=bib", vec!["p2"]),
        ("family=khan&given=fatima", vec!["p2"]),
        ("family=خان&given=bibi", vec!["p2"]),
        ("family=khan&given=aquib", vec![]),
        ("family=khan,shaikh&given=aquib", vec!["p1"]),
        ("family=many5&given=first0", vec!["p4"]),
        ("family=man&given=f", vec!["p4"]),
        ("family=many&given=first7", vec![]),
        ("family:exact=Khan&given=bibi", vec!["p2"]),
        ("family:contains=ha&given=a", vec!["p1"]),
    ] {
        assert_eq!(bed.ids(&format!("Patient?{query}")), expect, "{query}");
    }
}

#[test]
fn dates_match_as_ranges_with_every_prefix() {
    check(&[
        ("Patient?birthdate=1990-03-05", &["p1"]),
        ("Patient?birthdate=1990-03", &["p1", "p3"]),
        ("Patient?birthdate=1990", &["p1", "p3"]),
        ("Patient?birthdate=ne1990", &["p2"]),
        ("Patient?birthdate=lt1990", &["p2"]),
        ("Patient?birthdate=le1985", &["p2"]),
        ("Patient?birthdate=gt1985", &["p1", "p3"]),
        ("Patient?birthdate=ge1990-03-05", &["p1", "p3"]),
        ("Patient?birthdate=ge1985&birthdate=lt1990-03-01", &["p2"]),
        ("Patient?birthdate=1985,1990-03-05", &["p1", "p2"]),
        ("Patient?birthdate=sa1990-02", &["p1", "p3"]),
        ("Patient?birthdate=eb1990-03-01", &["p2"]),
        ("Patient?birthdate=ap1990-03-07", &["p1", "p3"]),
        ("Patient?death-date=ge2024", &["p3"]),
        ("Observation?date=2025-06-02", &["o2"]),
        ("Observation?date=2025-06-01", &["o1"]),
        ("Observation?date=2025-05", &["o4"]),
        ("Observation?date=2025-05-10", &[]),
        ("Observation?date=ap2025-05-10", &["o4"]),
        ("Observation?date=ge2025-05-10&date=le2025-05-11", &["o4"]),
        ("Observation?date=gt2025-06-02", &["o3"]),
        ("Observation?date=2025-06-01T09:30:00%2B05:00", &["o1"]),
        ("Observation?date=2025-06-01T04:30Z", &["o1"]),
        ("Encounter?date=2025-06-01", &["e1"]),
    ]);
}

#[test]
fn references_match_with_and_without_type_and_by_url() {
    check(&[
        ("Observation?subject=Patient/p1", &["o1", "o2", "o4"]),
        ("Observation?patient=Patient/p1", &["o1", "o2", "o4"]),
        ("Observation?patient=p1", &["o1", "o2", "o4"]),
        ("Observation?subject=p1", &["o1", "o2", "o4"]),
        ("Observation?subject:Patient=p2", &["o3"]),
        (
            "Observation?subject=http://localhost/fhir/Patient/p2",
            &["o3"],
        ),
        (
            "Observation?subject=Patient/p1,Patient/p2",
            &["o1", "o2", "o3", "o4"],
        ),
        ("Observation?subject=Group/p1", &[]),
        ("Observation?patient=Group/p1", &[]),
        ("Condition?encounter=Encounter/e1", &["c1"]),
        ("Condition?encounter=e1", &["c1"]),
        (
            &format!("Condition?subject:identifier={CNIC}|9912345678901"),
            &["c1"],
        ),
        (
            &format!("Condition?patient:identifier={CNIC}|9912345678901"),
            &["c1"],
        ),
        ("Condition?subject:identifier=urn:other|9912345678901", &[]),
    ]);
}

#[test]
fn quantities_match_by_number_and_unit() {
    check(&[
        ("Observation?value-quantity=5.4", &["o1"]),
        ("Observation?value-quantity=5", &["o1"]),
        ("Observation?value-quantity=7.1", &["o3"]),
        ("Observation?value-quantity=gt5.4", &["o2", "o3"]),
        ("Observation?value-quantity=ge5.4", &["o1", "o2", "o3"]),
        ("Observation?value-quantity=lt7", &["o1"]),
        ("Observation?value-quantity=5.4||mg/dL", &["o1"]),
        ("Observation?value-quantity=5.4||mg per dl", &["o1"]),
        (
            "Observation?value-quantity=gt1|http://unitsofmeasure.org|mg/dL",
            &["o1", "o2", "o3"],
        ),
        (
            "Observation?value-quantity=5.4|http://unitsofmeasure.org|g",
            &[],
        ),
        ("Observation?component-value-quantity=120", &["o4"]),
        ("Observation?combo-value-quantity=gt13||mm[Hg]", &["o4"]),
        ("Observation?combo-value-quantity=gt13", &["o2", "o4"]),
    ]);
}

#[test]
fn a_missing_value_can_be_asked_for() {
    check(&[
        ("Patient?gender:missing=true", &["p3"]),
        ("Patient?gender:missing=false", &["p1", "p2"]),
        ("Observation?value-quantity:missing=true", &["o4"]),
        ("Condition?subject:missing=false", &["c1"]),
        ("Patient?death-date:missing=true&gender=male", &["p1"]),
    ]);
}

#[test]
fn ids_and_times_of_commit_can_be_asked_for() {
    check(&[
        ("Patient?_id=p1", &["p1"]),
        ("Patient?_id=p1,p3,nobody", &["p1", "p3"]),
        ("Patient?_id=p1&_id=p3", &[]),
        ("Patient?_id=p1&gender=female", &[]),
        ("Patient?_id=not an id", &[]),
        ("Patient?_lastUpdated=ge2025-07-01", &["p1", "p2", "p3"]),
        ("Patient?_lastUpdated=2025-07-01", &["p1", "p2", "p3"]),
        ("Patient?_lastUpdated=gt2025-07-01", &[]),
        ("Patient?_lastUpdated=lt2025-07-01", &[]),
        ("Patient?_lastUpdated=ne2025-07-01", &[]),
        ("Patient?_lastUpdated=lt2020,gt2024", &["p1", "p2", "p3"]),
        ("Patient?_source=https://civil.example", &["p1", "p2"]),
    ]);
}

#[test]
fn a_reference_chains_by_one_step() {
    check(&[
        (
            "Observation?patient.identifier=9912345678901",
            &["o1", "o2", "o4"],
        ),
        (
            &format!("Observation?patient.identifier={MR}|4486"),
            &["o3"],
        ),
        ("Observation?subject:Patient.name=fatima", &["o3"]),
        ("Observation?patient.gender:not=male&code=2339-0", &["o3"]),
        ("Observation?patient.identifier=nobody", &[]),
        ("Condition?encounter.class=AMB", &["c1"]),
    ]);
}

#[test]
fn filters_combine() {
    check(&[
        ("Observation?patient=p1&code=2339-0", &["o1"]),
        (
            "Observation?patient=p1&category=laboratory&date=ge2025-06-02",
            &["o2"],
        ),
        (
            "Observation?patient=p1&code=http://loinc.org|2339-0,http://loinc.org|718-7",
            &["o1", "o2"],
        ),
        ("Observation?code=2339-0&value-quantity=gt7", &["o3"]),
        ("Patient?family=khan&gender=female&birthdate=1985", &["p2"]),
    ]);
}
