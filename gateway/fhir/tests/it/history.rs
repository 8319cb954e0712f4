// SPDX-License-Identifier: Apache-2.0
use serde_json::{Value, json};

use crate::bed::{Bed, below};
use crate::chart::{filled, patients};

fn versions(entries: &[Value]) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    entries
        .iter()
        .map(|entry| {
            (
                text(&entry["request"]["method"]),
                text(&entry["response"]["etag"]),
            )
        })
        .collect()
}

fn changed() -> Bed {
    let bed = filled();
    bed.later(60_000);
    let mut body = patients().remove(0);
    body["birthDate"] = json!("1991-01-01");
    bed.put(&[body]);
    bed.later(60_000);
    bed.delete("Patient/p1");
    bed
}

#[test]
fn the_history_of_an_instance_is_newest_first_and_whole() {
    let bed = changed();
    let reply = bed.get("Patient/p1/_history").ok();
    assert_eq!(reply.json["type"], "history");
    assert_eq!(reply.total(), Some(3));
    let entries = reply.entries();
    let of = |method: &str, tag: &str| (method.to_owned(), format!("W/\"{tag}\""));
    assert_eq!(
        versions(&entries),
        [of("DELETE", "3"), of("PUT", "2"), of("PUT", "1")]
    );
    assert!(entries[0].get("resource").is_none());
    assert_eq!(entries[1]["resource"]["birthDate"], "1991-01-01");
    assert_eq!(entries[2]["resource"]["birthDate"], "1990-03-05");
    assert_eq!(entries[2]["response"]["status"], "201");
    assert!(
        entries[2]["fullUrl"]
            .as_str()
            .unwrap()
            .ends_with("/fhir/Patient/p1")
    );
}

#[test]
fn the_history_of_a_type_pages_through_everything() {
    let bed = changed();
    let mut seen = Vec::new();
    let mut reply = bed.get("Patient/_history?_count=2").ok();
    loop {
        seen.extend(versions(&reply.entries()));
        match reply.link("next") {
            Some(url) => reply = bed.get(below(&url)).ok(),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5);
    assert_eq!(seen[0].0, "DELETE");
    assert_eq!(bed.get("_history?_count=100").ok().entries().len(), 11);
    assert!(bed.get("Immunization/_history").ok().entries().is_empty());
}

#[test]
fn a_history_can_begin_at_a_time() {
    let bed = changed();
    let since = |text: &str| {
        bed.get(&format!("Patient/_history?_since={text}"))
            .ok()
            .entries()
            .len()
    };
    assert_eq!(since("2025-07-01T00:00:00Z"), 5);
    assert_eq!(since("2025-07-01T00:01:00Z"), 2);
    assert_eq!(since("2025-07-01T05:02:00%2B05:00"), 1);
    assert_eq!(since("2030-01-01"), 0);
    assert_eq!(
        bed.get("Patient/_history?_since=soon").refused(400),
        "FHR0007"
    );
    assert_eq!(
        bed.get("Patient/_history?gender=male").refused(400),
        "FHR0005"
    );
    assert_eq!(bed.get("Patient/none/_history").refused(404), "FHR0002");
}
