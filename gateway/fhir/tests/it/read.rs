// SPDX-License-Identifier: Apache-2.0
use serde_json::json;

use crate::bed::{Bed, canonical};
use crate::chart::{filled, patients};

#[test]
fn a_read_serves_the_committed_bytes_with_version_and_time() {
    let bed = Bed::new();
    let body = json!({
        "resourceType": "Observation", "id": "o", "status": "final",
        "valueQuantity": {"value": 7, "unit": "x"}
    });
    bed.put(std::slice::from_ref(&body));
    let reply = bed.get("Observation/o").ok();
    let meta = r#""meta":{"lastUpdated":"2025-07-01T00:00:00.001Z","versionId":"1"},"#;
    let canonical = String::from_utf8(canonical(&body)).unwrap();
    assert_eq!(reply.text, canonical.replacen('{', &format!("{{{meta}"), 1));
    assert_eq!(reply.header("etag"), "W/\"1\"");
    assert_eq!(
        reply.header("last-modified"),
        "Tue, 01 Jul 2025 00:00:00 GMT"
    );
    assert_eq!(reply.header("content-type"), "application/fhir+json");
    assert_eq!(reply.header("cache-control"), "no-store");
}

#[test]
fn decimals_keep_the_digits_they_were_written_with() {
    let bed = Bed::new();
    let text = r#"{"id":"o","resourceType":"Observation","status":"final","valueQuantity":{"value":7.10}}"#;
    let id = bed
        .store
        .stage::<silsila_store::StoreError>(
            vec![silsila_store::Draft {
                op: silsila_store::chain::Op::Put,
                resource: "Observation/o".into(),
                subject: "Observation/o".into(),
                kind: "Observation".into(),
                label_class: 0,
                payload: Some(silsila_store::Payload {
                    body: text.into(),
                    mapping: "o".into(),
                    mapping_digest: [0; 32],
                }),
            }],
            |_| Ok(()),
        )
        .unwrap()
        .unwrap();
    bed.store.submit(id).unwrap();
    assert!(
        bed.get("Observation/o")
            .ok()
            .text
            .contains("\"value\":7.10")
    );
    assert!(
        bed.get("Observation/o?_pretty=true")
            .ok()
            .text
            .contains("\"value\": 7.10\n")
    );
    assert!(bed.get("Observation").ok().text.contains("\"value\":7.10"));
    assert!(
        bed.get("Observation?_elements=value")
            .ok()
            .text
            .contains("\"value\":7.10")
    );
}

#[test]
fn every_version_can_be_read_and_the_newest_is_current() {
    let bed = filled();
    let mut body = patients().remove(0);
    for birth in ["1991-01-01", "1992-01-01"] {
        bed.later(60_000);
        body["birthDate"] = json!(birth);
        bed.put(&[body.clone()]);
    }
    assert_eq!(bed.get("Patient/p1").ok().json["birthDate"], "1992-01-01");
    for (version, birth) in [(1, "1990-03-05"), (2, "1991-01-01"), (3, "1992-01-01")] {
        let reply = bed.get(&format!("Patient/p1/_history/{version}")).ok();
        assert_eq!(reply.json["birthDate"], birth);
        assert_eq!(reply.json["meta"]["versionId"], version.to_string());
        assert_eq!(reply.header("etag"), format!("W/\"{version}\""));
    }
    for version in ["0", "4", "x", "-1"] {
        let reply = bed.get(&format!("Patient/p1/_history/{version}"));
        assert_eq!(reply.refused(404), "FHR0004");
    }
}

#[test]
fn what_is_unknown_is_told_apart_from_what_was_deleted() {
    let bed = filled();
    bed.delete("Patient/p2");
    assert_eq!(bed.get("Patient/p2").refused(410), "FHR0003");
    assert_eq!(bed.get("Patient/p2").header("etag"), "W/\"2\"");
    assert_eq!(bed.get("Patient/p2/_history/2").refused(410), "FHR0003");
    assert_eq!(
        bed.get("Patient/p2/_history/1").ok().json["gender"],
        "female"
    );
    assert_eq!(bed.get("Patient/o1").refused(404), "FHR0002");
    assert_eq!(bed.get("Patient/none").refused(404), "FHR0002");
    assert_eq!(bed.get("patient/p1").refused(404), "FHR0001");
    assert_eq!(bed.get("Banana").refused(404), "FHR0001");
    assert_eq!(bed.ids("Patient"), ["p1", "p3"]);
}

#[test]
fn what_comes_back_after_deletion_is_the_next_version() {
    let bed = filled();
    bed.delete("Patient/p2");
    bed.put(&patients()[1..2]);
    assert_eq!(bed.get("Patient/p2").ok().json["meta"]["versionId"], "3");
    assert_eq!(bed.ids("Patient?gender=female"), ["p2"]);
    assert_eq!(bed.get("Patient?_summary=count").ok().total(), Some(3));
}

#[test]
fn a_client_that_has_the_version_is_told_so() {
    let bed = filled();
    let read = |name, value| bed.get_with("Patient/p1", &[(name, value)]).status.as_u16();
    assert_eq!(read("if-none-match", "W/\"1\""), 304);
    assert_eq!(read("if-none-match", "\"1\""), 304);
    assert_eq!(read("if-none-match", "W/\"7\", W/\"1\""), 304);
    assert_eq!(read("if-none-match", "*"), 304);
    assert_eq!(read("if-none-match", "W/\"2\""), 200);
    assert_eq!(
        read("if-modified-since", "Tue, 01 Jul 2025 00:00:00 GMT"),
        304
    );
    assert_eq!(
        read("if-modified-since", "Wed, 02 Jul 2025 00:00:00 GMT"),
        304
    );
    assert_eq!(
        read("if-modified-since", "Mon, 30 Jun 2025 23:59:59 GMT"),
        200
    );
    assert_eq!(read("if-modified-since", "yesterday"), 200);
    let empty = bed.get_with("Patient/p1", &[("if-none-match", "W/\"1\"")]);
    assert!(empty.text.is_empty());
    assert_eq!(empty.header("etag"), "W/\"1\"");
}

#[test]
fn a_head_request_gets_the_headers_alone() {
    let bed = filled();
    let request = axum::http::Request::head("/fhir/Patient/p1")
        .body(axum::body::Body::empty())
        .unwrap();
    let reply = bed.ask(request).ok();
    assert!(reply.text.is_empty());
    assert_eq!(reply.header("etag"), "W/\"1\"");
}
