// SPDX-License-Identifier: Apache-2.0
use axum::body::Body;
use axum::http::Request;

use crate::bed::Bed;
use crate::chart::filled;

fn method(bed: &Bed, method: &str, path: &str) -> crate::bed::Reply {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/fhir+json")
        .body(Body::from("{}"))
        .unwrap();
    bed.ask(request)
}

#[test]
fn json_is_served_in_every_spelling_and_xml_refused() {
    let bed = filled();
    for accept in [
        "application/fhir+json; fhirVersion=4.3",
        "application/fhir+json;fhirVersion=4.0",
        "*/*",
        "text/html, */*;q=0.1",
    ] {
        let reply = bed.get_with("Patient/p1", &[("accept", accept)]).ok();
        assert_eq!(reply.header("content-type"), "application/fhir+json");
    }
    let reply = bed
        .get_with("Patient/p1", &[("accept", "application/json")])
        .ok();
    assert_eq!(reply.header("content-type"), "application/json");
    let reply = bed.get_with("Patient/p1", &[("accept", "application/fhir+xml")]);
    assert_eq!(reply.refused(406), "FHR0011");
    assert_eq!(bed.get("Patient?_format=xml").refused(406), "FHR0011");
    assert_eq!(bed.get("metadata?_format=ttl").refused(406), "FHR0011");
}

#[test]
fn writes_are_refused_with_a_code() {
    let bed = filled();
    for (verb, path) in [
        ("POST", "/fhir/Patient"),
        ("PUT", "/fhir/Patient/p1"),
        ("PATCH", "/fhir/Patient/p1"),
        ("DELETE", "/fhir/Patient/p1"),
        ("POST", "/fhir"),
        ("POST", "/fhir/"),
        ("GET", "/fhir/Patient/$everything"),
        ("GET", "/fhir/Patient/p1/$everything"),
        ("POST", "/fhir/Patient/$match"),
    ] {
        let reply = method(&bed, verb, path);
        assert_eq!(reply.refused(501), "FHR0013", "{verb} {path}");
    }
    assert_eq!(bed.ids("Patient"), ["p1", "p2", "p3"]);
}

#[test]
fn other_paths_and_methods_get_a_coded_outcome() {
    let bed = filled();
    for (verb, path, status, code) in [
        (
            "GET",
            "/fhir/.well-known/smart-configuration",
            404,
            "FHR0022",
        ),
        ("GET", "/fhir/a/b/c/d/e", 404, "FHR0022"),
        ("GET", "/fhir/Patient/", 404, "FHR0022"),
        ("PUT", "/fhir/Patient", 405, "FHR0024"),
        ("DELETE", "/fhir/metadata", 405, "FHR0024"),
        ("GET", "/fhir/Patient/%FF", 404, "FHR0022"),
        ("GET", "/fhir", 501, "FHR0013"),
    ] {
        assert_eq!(
            method(&bed, verb, path).refused(status),
            code,
            "{verb} {path}"
        );
    }
}

#[test]
fn pretty_text_says_the_same() {
    let bed = filled();
    let plain = bed.get("Patient?_sort=_id").ok();
    let pretty = bed.get("Patient?_sort=_id&_pretty=true").ok();
    assert!(
        pretty.text.contains("\n  \"type\": \"searchset\""),
        "{}",
        pretty.text
    );
    assert_eq!(plain.json, pretty.json);
    let refused = bed.get("Patient/none?_pretty=true");
    assert_eq!(refused.refused(404), "FHR0002");
    assert!(refused.text.contains('\n'));
}

#[test]
fn the_capability_statement_names_what_works() {
    let bed = filled();
    let statement = bed.get("metadata").ok().json;
    assert_eq!(statement["resourceType"], "CapabilityStatement");
    assert_eq!(statement["fhirVersion"], "4.0.1");
    let resources = statement["rest"][0]["resource"].as_array().unwrap();
    let types: Vec<_> = resources
        .iter()
        .map(|r| r["type"].as_str().unwrap())
        .collect();
    assert_eq!(
        types,
        [
            "Condition",
            "Encounter",
            "Observation",
            "Patient",
            "Provenance"
        ]
    );
    for resource in resources {
        let kind = resource["type"].as_str().unwrap();
        for param in resource["searchParam"].as_array().unwrap() {
            let name = param["name"].as_str().unwrap();
            let value = match param["type"].as_str().unwrap() {
                "date" => "ge2020",
                "number" | "quantity" => "1",
                "reference" => "Patient/1",
                _ => "x",
            };
            let reply = bed.get(&format!("{kind}?{name}={value}&_count=1"));
            assert!(reply.status.is_success(), "{kind}?{name}: {}", reply.text);
        }
    }
}

#[test]
fn more_requests_than_allowed_are_refused_as_busy() {
    let mut settings = crate::bed::settings();
    settings.limits.concurrent = 0;
    let index = silsila_fhir::SearchIndex::new();
    let bed = Bed::with(index, settings, crate::bed::open_access());
    let reply = bed.get("metadata");
    assert_eq!(reply.refused(503), "FHR0020");
    assert_eq!(reply.header("retry-after"), "1");
}

#[test]
fn a_query_beyond_the_limit_is_refused() {
    let bed = filled();
    let long = "x".repeat(20_000);
    assert_eq!(
        bed.get(&format!("Patient?name={long}")).refused(413),
        "FHR0019"
    );
    assert_eq!(
        bed.post_form("Patient/_search", &format!("name={long}"))
            .refused(413),
        "FHR0019"
    );
    let many = vec!["x"; 600].join(",");
    assert_eq!(
        bed.get(&format!("Patient?name={many}")).refused(413),
        "FHR0019"
    );
}
