// SPDX-License-Identifier: Apache-2.0
//! The same agreement as in [`crate::model`], with so many resources that every way to begin a search
//! is taken: short lists, shared lists, walks.

use serde_json::{Value, json};
use silsila_fhir::SearchIndex;

use crate::bed::{Bed, open_access, settings};

const PEOPLE: u64 = 2_600;
const FAMILY: [&str; 9] = [
    "Khan",
    "Khanzada",
    "Khaskheli",
    "Shah",
    "Shaikh",
    "Memon",
    "خان",
    "Soomro",
    "Baloch",
];
const GIVEN: [&str; 7] = ["Ali", "Alina", "Amna", "Bilal", "Bibi", "علی", "Zoë"];

fn mix(number: u64, salt: u64) -> u64 {
    let mixed = (number ^ (salt << 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33
}

fn pick<'a>(list: &[&'a str], number: u64) -> &'a str {
    list[usize::try_from(number).unwrap() % list.len()]
}

fn person(number: u64, round: u64) -> Value {
    let draw = |salt: u64| mix(number, salt + 10 * round);
    let mut body = json!({
        "resourceType": "Patient", "id": format!("p{number}"),
        "name": [{
            "family": pick(&FAMILY, draw(1)),
            "given": [pick(&GIVEN, draw(2)), pick(&GIVEN, draw(3))]
        }],
        "gender": pick(&["male", "female", "other"], draw(4).min(draw(5))),
        "birthDate": format!("{}-{:02}-{:02}", 1950 + draw(6) % 60, 1 + draw(7) % 12, 1 + draw(8) % 28),
        "identifier": [{"system": "urn:mr", "value": format!("N{}", draw(9) % 400)}]
    });
    if draw(9).is_multiple_of(5) {
        body.as_object_mut().unwrap().remove("gender");
    }
    body
}

/// One filter: its text, and the same by hand.
type Filter = (String, Box<dyn Fn(&Value) -> bool>);

fn name_filter(code: &'static str, beginning: &'static str) -> Filter {
    let wanted = silsila_schema::search::normalize(beginning);
    let test = move |body: &Value| {
        let name = &body["name"][0];
        let texts = match code {
            "family" => vec![&name["family"]],
            "given" => name["given"].as_array().unwrap().iter().collect(),
            _ => {
                let given = name["given"].as_array().unwrap().iter();
                given.chain([&name["family"]]).collect()
            }
        };
        texts.iter().any(|text| {
            silsila_schema::search::normalize(text.as_str().unwrap()).starts_with(&wanted)
        })
    };
    (format!("{code}={beginning}"), Box::new(test))
}

fn filters() -> Vec<Filter> {
    let mut all = Vec::new();
    for beginning in ["kha", "Khan", "KHANZADA", "sh", "خان", "m", "x"] {
        all.push(name_filter("family", beginning));
        all.push(name_filter("name", beginning));
    }
    for beginning in ["al", "ALI", "zoe", "b", "علی"] {
        all.push(name_filter("given", beginning));
    }
    for gender in ["male", "female", "other"] {
        all.push((
            format!("gender={gender}"),
            Box::new(move |b| b["gender"] == gender),
        ));
        all.push((
            format!("gender:not={gender}"),
            Box::new(move |b| b["gender"] != gender),
        ));
    }
    all.push((
        "gender:missing=true".into(),
        Box::new(|b| b.get("gender").is_none()),
    ));
    for year in ["1950", "1975", "2009"] {
        let born = move |b: &Value| b["birthDate"].as_str().unwrap().starts_with(year);
        all.push((format!("birthdate={year}"), Box::new(born)));
        let since = move |b: &Value| b["birthDate"].as_str().unwrap() >= year;
        all.push((format!("birthdate=ge{year}"), Box::new(since)));
    }
    for number in [3, 77, 399] {
        let value = format!("N{number}");
        let same = move |b: &Value| b["identifier"][0]["value"] == value.as_str();
        all.push((format!("identifier=urn:mr|n{number}"), Box::new(same)));
    }
    all.push(("identifier=urn:mr|".into(), Box::new(|_| true)));
    all
}

#[test]
fn every_way_to_begin_a_search_finds_the_same() {
    let bed = Bed::with(
        SearchIndex::with_fresh_rows(2_000),
        settings(),
        open_access(),
    );
    let mut live: Vec<Value> = (0..PEOPLE).map(|number| person(number, 0)).collect();
    for block in live.chunks(500) {
        bed.put(block);
    }
    for number in (0..PEOPLE).step_by(13) {
        live[usize::try_from(number).unwrap()] = person(number, 1);
    }
    let changed: Vec<_> = live.iter().step_by(13).cloned().collect();
    bed.put(&changed);
    for number in [5_u64, 6, 13, 1_000] {
        bed.delete(&format!("Patient/p{number}"));
        live.retain(|body| body["id"] != format!("p{number}"));
    }
    let filters = filters();
    let mut asked = 0;
    for (first, (text, test)) in filters.iter().enumerate() {
        check(&bed, &live, text, &|body| test(body));
        for second in [first * 7 + 3, first * 5 + 11, first * 3 + 17] {
            let (other, also) = &filters[second % filters.len()];
            check(&bed, &live, &format!("{text}&{other}"), &|body| {
                test(body) && also(body)
            });
            let (third, last) = &filters[(second + first + 5) % filters.len()];
            check(&bed, &live, &format!("{other}&{text}&{third}"), &|body| {
                test(body) && also(body) && last(body)
            });
            asked += 2;
        }
    }
    assert!(asked > 150);
}

fn check(bed: &Bed, live: &[Value], query: &str, test: &dyn Fn(&Value) -> bool) {
    let mut expect: Vec<_> = live
        .iter()
        .filter(|body| test(body))
        .map(|body| body["id"].as_str().unwrap().to_owned())
        .collect();
    expect.sort();
    let first = bed
        .get(&format!("Patient?{query}&_count=1000&_total=accurate"))
        .ok();
    assert_eq!(first.total(), u64::try_from(expect.len()).ok(), "{query}");
    let mut found = bed.all_pages(&first);
    found.sort();
    assert_eq!(found, expect, "{query}");
    let usual = bed.get(&format!("Patient?{query}&_count=3")).ok();
    let total = usual.total();
    assert!(
        total.is_none() || total == u64::try_from(expect.len()).ok(),
        "{query}"
    );
    assert_eq!(usual.ids().len(), expect.len().min(3), "{query}");
}
