// SPDX-License-Identifier: Apache-2.0
use axum::body::Body;
use axum::http::Request;
use silsila_fhir::{Access, AccessSettings, SearchIndex, Token};

use crate::bed::{Bed, SECRET, START_MS, settings};
use crate::chart::{filled, patients};

const STRANGER: &str = "192.0.2.1:999";

fn ask(bed: &Bed, peer: &str, path: &str, token: Option<&str>) -> crate::bed::Reply {
    let mut request = Request::get(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    bed.ask_from(peer, request.body(Body::empty()).unwrap())
}

#[test]
fn from_another_host_every_path_needs_a_token() {
    let bed = filled();
    for path in [
        "/fhir/Patient/p1",
        "/fhir/Patient",
        "/fhir/Patient/_history",
        "/fhir/Provenance",
        "/fhir/metadata",
        "/fhir/nothing/at/all",
        "/fhir/Banana",
    ] {
        let reply = ask(&bed, STRANGER, path, None);
        assert_eq!(reply.refused(401), "FHR0014", "{path}");
        assert_eq!(reply.header("www-authenticate"), "Bearer");
        let reply = ask(&bed, STRANGER, path, Some("wrong"));
        assert_eq!(reply.refused(401), "FHR0015", "{path}");
        assert!(!reply.text.contains("p1"));
    }
    ask(&bed, STRANGER, "/fhir/Patient/p1", Some(SECRET)).ok();
}

#[test]
fn a_request_whose_peer_is_unknown_needs_a_token() {
    let bed = filled();
    let request = Request::get("/fhir/Patient/p1")
        .header("x-forwarded-for", "127.0.0.1")
        .body(Body::empty())
        .unwrap();
    assert_eq!(bed.ask(request).refused(401), "FHR0014");
}

#[test]
fn a_token_ends_with_its_expiry() {
    let end = i64::try_from(START_MS).unwrap() + 5_000;
    let access = Access::new(AccessSettings {
        loopback_without_token: false,
        tokens: vec![Token::new("ward", SECRET, Some(end))],
    });
    let bed = Bed::with(SearchIndex::new(), settings(), access);
    bed.put(&patients());
    ask(&bed, STRANGER, "/fhir/Patient/p1", Some(SECRET)).ok();
    bed.later(5_001);
    let reply = ask(&bed, STRANGER, "/fhir/Patient/p1", Some(SECRET));
    assert_eq!(reply.refused(401), "FHR0016");
    let local = ask(&bed, "127.0.0.1:1", "/fhir/Patient/p1", None);
    assert_eq!(local.refused(401), "FHR0014");
}
