// SPDX-License-Identifier: Apache-2.0
//! The index agrees with a plain look at every body.

use proptest::prelude::*;
use serde_json::{Value, json};
use silsila_schema::Json;
use silsila_schema::search::{IndexValue, ReferenceValue, extract, normalize};

use silsila_fhir::SearchIndex;

use crate::bed::{Bed, canonical, open_access, settings};

/// A resource from a few small numbers, so that values meet often.
fn observation(id: usize, pick: [u8; 5]) -> Value {
    let [code, patient, day, value, more] = pick;
    let mut body = json!({
        "resourceType": "Observation", "id": format!("o{id}"),
        "status": if more % 2 == 0 { "final" } else { "amended" },
        "code": {"coding": [
            {"system": if more % 3 == 0 { "http://loinc.org" } else { "urn:local" },
             "code": format!("C{}", code % 4)}
        ]},
        "subject": {"reference": format!("Patient/p{}", patient % 5)},
        "valueQuantity": {"value": i32::from(value % 8), "unit": "mg",
            "system": "http://unitsofmeasure.org", "code": "mg"}
    });
    let day = 1 + day % 28;
    match more % 4 {
        0 => body["effectiveDateTime"] = json!(format!("2025-02-{day:02}")),
        1 => body["effectiveDateTime"] = json!(format!("2025-02-{day:02}T{:02}:00:00Z", code % 24)),
        2 => {
            body["effectivePeriod"] =
                json!({"start": format!("2025-02-{day:02}"), "end": "2025-04"});
        }
        _ => {}
    }
    body
}

/// One filter: its text, and the same by hand.
#[derive(Debug, Clone)]
enum Filter {
    Code(u8),
    NotCode(u8),
    SystemCode(u8),
    Patient(u8),
    Status(bool),
    Above(u8),
    Since(u8),
    OnDay(u8),
    NoDate(bool),
}

impl Filter {
    fn text(&self) -> String {
        match self {
            Self::Code(n) => format!("code=C{n}"),
            Self::NotCode(n) => format!("code:not=C{n}"),
            Self::SystemCode(n) => format!("code=urn:local|C{n}"),
            Self::Patient(n) => format!("patient=p{n}"),
            Self::Status(done) => format!("status={}", status(*done)),
            Self::Above(n) => format!("value-quantity=gt{n}"),
            Self::Since(n) => format!("date=ge2025-02-{:02}", 1 + n % 28),
            Self::OnDay(n) => format!("date=2025-02-{:02}", 1 + n % 28),
            Self::NoDate(yes) => format!("date:missing={yes}"),
        }
    }

    fn accepts(&self, body: &Value) -> bool {
        let coding = &body["code"]["coding"][0];
        let day_ms = |n: &u8| 1_738_368_000_000 + i64::from(n % 28) * 86_400_000;
        match self {
            Self::Code(n) => coding["code"] == format!("C{n}"),
            Self::NotCode(n) => coding["code"] != format!("C{n}"),
            Self::SystemCode(n) => {
                coding["code"] == format!("C{n}") && coding["system"] == "urn:local"
            }
            Self::Patient(n) => body["subject"]["reference"] == format!("Patient/p{n}"),
            Self::Status(done) => body["status"] == status(*done),
            Self::Above(n) => body["valueQuantity"]["value"].as_f64().unwrap() > f64::from(*n),
            Self::Since(n) => range(body).is_some_and(|(_, hi)| hi >= day_ms(n)),
            Self::OnDay(n) => {
                range(body).is_some_and(|(lo, hi)| lo >= day_ms(n) && hi < day_ms(n) + 86_400_000)
            }
            Self::NoDate(yes) => range(body).is_none() == *yes,
        }
    }
}

fn status(done: bool) -> &'static str {
    if done { "final" } else { "amended" }
}

fn range(body: &Value) -> Option<(i64, i64)> {
    let tree = Json::parse(&canonical(body)).unwrap();
    let mut found = None;
    extract(&tree, &mut |param, value| {
        if let ("date", IndexValue::Date { lo_ms, hi_ms }) = (param.code, value) {
            found = Some((lo_ms, hi_ms));
        }
    });
    found
}

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        (0_u8..4).prop_map(Filter::Code),
        (0_u8..4).prop_map(Filter::NotCode),
        (0_u8..4).prop_map(Filter::SystemCode),
        (0_u8..5).prop_map(Filter::Patient),
        any::<bool>().prop_map(Filter::Status),
        (0_u8..8).prop_map(Filter::Above),
        (0_u8..28).prop_map(Filter::Since),
        (0_u8..28).prop_map(Filter::OnDay),
        any::<bool>().prop_map(Filter::NoDate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn index_and_plain_look_agree_through_changes(
        picks in prop::collection::vec((0_usize..12, any::<[u8; 5]>(), 0_u8..6), 1..60),
        fresh in 0_usize..40,
        queries in prop::collection::vec(prop::collection::vec(filter(), 0..4), 12),
    ) {
        // Small enough that rows of rare terms move on all the time.
        let index = SearchIndex::with_fresh_rows(fresh);
        let bed = Bed::with(index, settings(), open_access());
        let mut live = std::collections::BTreeMap::new();
        for chunk in picks.chunks(7) {
            let mut block: Vec<(String, Option<Value>)> = Vec::new();
            for (id, pick, act) in chunk {
                let name = format!("Observation/o{id}");
                if *act == 0 {
                    if live.remove(id).is_some() {
                        block.push((name, None));
                    }
                } else {
                    let body = observation(*id, *pick);
                    if live.get(id) != Some(&body) {
                        live.insert(*id, body.clone());
                        block.push((name, Some(body)));
                    }
                }
            }
            if !block.is_empty() {
                crate::bed::commit_to(&bed.store, &block);
            }
        }
        for filters in &queries {
            let text: Vec<_> = filters.iter().map(Filter::text).collect();
            let query = format!("Observation?{}", text.join("&"));
            let mut expect: Vec<_> = live
                .values()
                .filter(|body| filters.iter().all(|filter| filter.accepts(body)))
                .map(|body| body["id"].as_str().unwrap().to_owned())
                .collect();
            expect.sort();
            let reply = bed.get(&format!("{query}&_count=1000")).ok();
            prop_assert_eq!(reply.total(), Some(expect.len() as u64), "{}", query);
            prop_assert_eq!(bed.ids(&query), expect.clone(), "{}", query);
            let mut sorted = bed.all_pages(&bed.get(&format!("{query}&_count=3&_sort=date")).ok());
            sorted.sort();
            prop_assert_eq!(sorted, expect, "{}", query);
        }
        let report = bed.store.verify(&mut |_| ()).unwrap();
        prop_assert!(report.is_clean());
    }
}

#[test]
fn whatever_a_body_says_finds_it() {
    let bed = crate::chart::filled();
    let mut bodies = crate::chart::patients();
    bodies.extend(crate::chart::clinical());
    let mut asked = 0;
    for body in bodies {
        let kind = body["resourceType"].as_str().unwrap();
        let tree = Json::parse(&canonical(&body)).unwrap();
        let mut queries = Vec::new();
        extract(&tree, &mut |param, value| {
            let text = match value {
                IndexValue::Token {
                    system: Some(system),
                    code: Some(code),
                    ..
                } => {
                    format!("{system}|{code}")
                }
                IndexValue::Token {
                    system: None,
                    code: Some(code),
                    ..
                } => format!("|{code}"),
                IndexValue::String(text) if !normalize(text).is_empty() => escape(text),
                IndexValue::Date { lo_ms, .. } if lo_ms > 0 => "ge1971".to_owned(),
                IndexValue::Reference(ReferenceValue::Relative { kind, id }) => {
                    format!("{kind}/{id}")
                }
                IndexValue::Quantity {
                    value: Some(value), ..
                } => value.to_owned(),
                IndexValue::Uri(uri) => uri.to_owned(),
                _ => return,
            };
            if param.code != "phonetic" {
                queries.push(format!("{kind}?{}={text}", param.code));
            }
        });
        for query in queries {
            let id = body["id"].as_str().unwrap().to_owned();
            assert!(bed.ids(&query).contains(&id), "{query} should find {id}");
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace(',', "\\,")
        .replace('|', "\\|")
        .replace('$', "\\$")
}
