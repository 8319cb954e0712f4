// SPDX-License-Identifier: Apache-2.0
//! Whatever is asked, the answer is an answer or a coded refusal.

use proptest::prelude::*;

use crate::bed::{Bed, encode};
use crate::chart::filled;

fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("Patient".to_owned()),
        Just("ge1990-01-01".to_owned()),
        Just("2020-02-30T99:00".to_owned()),
        Just("http://loinc.org|718-7".to_owned()),
        Just("Patient/p1".to_owned()),
        Just("5.4||mg".to_owned()),
        Just("-1e999".to_owned()),
        Just("true".to_owned()),
        Just("Provenance:target".to_owned()),
        Just("-birthdate,_id".to_owned()),
        Just("00".repeat(40)),
        "[a-zA-Z0-9_|,$\\\\.:%/+-]{0,12}",
        any::<String>().prop_map(|text| text.chars().take(12).collect()),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "name", "family", "birthdate", "identifier", "gender", "code", "subject", "patient",
            "value-quantity", "date", "_id", "_lastUpdated", "_count", "_sort", "_total", "_summary",
            "_elements", "_revinclude", "_page", "_since", "target", "recorded", "category",
            "patient.identifier", "subject:Patient.name", "combo-code", "telecom", "address",
        ]).prop_map(str::to_owned),
        1 => piece(),
    ]
}

fn modifier() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        5 => Just(""),
        1 => prop::sample::select(vec![
            ":not", ":missing", ":exact", ":contains", ":identifier", ":Patient", ":text", ":", "::",
        ]),
    ]
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => prop::sample::select(vec![
            "Patient", "Observation", "Encounter", "Condition", "Provenance", "Patient/_history",
            "_history", "Patient/p1", "Patient/p1/_history", "metadata", "Immunization",
        ]).prop_map(str::to_owned),
        1 => piece(),
        1 => (piece(), piece()).prop_map(|(a, b)| format!("{a}/{b}")),
    ]
}

fn query() -> impl Strategy<Value = String> {
    let pair = (name(), modifier(), piece()).prop_map(|(n, m, v)| format!("{n}{m}={v}"));
    (path(), prop::collection::vec(pair, 0..5)).prop_map(|(path, pairs)| {
        if pairs.is_empty() {
            path
        } else {
            format!("{path}?{}", pairs.join("&"))
        }
    })
}

thread_local! {
    static BED: Bed = filled();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_query_panics_or_fails_inside(query in query(), lenient: bool) {
        let headers: &[(&str, &str)] = if lenient { &[("prefer", "handling=lenient")] } else { &[] };
        let text = encode(&query);
        if format!("/fhir/{text}").parse::<axum::http::Uri>().is_err() {
            return Ok(());
        }
        BED.with(|bed| {
            let reply = bed.get_with(&query, headers);
            let status = reply.status.as_u16();
            prop_assert!(status < 500 || status == 501, "{status} {query}: {}", reply.text);
            prop_assert!(reply.json["resourceType"].is_string(), "{query}: {}", reply.text);
            if status >= 400 {
                prop_assert_eq!(&reply.json["resourceType"], "OperationOutcome");
            }
            Ok(())
        })?;
    }
}
