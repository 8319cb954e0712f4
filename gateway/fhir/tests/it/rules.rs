// SPDX-License-Identifier: Apache-2.0
//! What a search does with parameters it does not know, and with those that shape the answer.

use crate::bed::below;
use crate::chart::filled;

#[test]
fn an_unknown_filter_or_modifier_is_refused_by_name() {
    let bed = filled();
    for (query, name, code) in [
        ("Patient?colour=red", "colour", "FHR0005"),
        ("Patient?name=x&Gender=male", "Gender", "FHR0005"),
        ("Patient?name:phonetic=x", "name:phonetic", "FHR0006"),
        ("Patient?birthdate:not=1990", "birthdate:not", "FHR0006"),
        ("Patient?gender:text=m", "gender:text", "FHR0006"),
        ("Patient?gender:in=urn:vs", "gender:in", "FHR0006"),
        ("Patient?_id:not=p1", "_id:not", "FHR0006"),
        ("Patient?phonetic=x", "phonetic", "FHR0005"),
        (
            "Patient?_has:Observation:patient:code=1",
            "_has:Observation:patient:code",
            "FHR0005",
        ),
        ("Patient?_text=x", "_text", "FHR0005"),
        ("Observation?subject:Banana=1", "subject:Banana", "FHR0006"),
        ("Observation?subject.name=x", "subject.name", "FHR0008"),
        ("Observation?code.name=x", "code.name", "FHR0005"),
        ("Observation?patient.colour=x", "colour", "FHR0005"),
        ("Provenance?colour=red", "colour", "FHR0005"),
    ] {
        let reply = bed.get(query);
        assert_eq!(reply.refused(400), code, "{query}");
        assert!(
            reply.message().contains(name),
            "{query}: {}",
            reply.message()
        );
    }
}

#[test]
fn a_malformed_value_is_refused_with_the_name_of_its_parameter() {
    let bed = filled();
    for (query, name) in [
        ("Patient?birthdate=1990-13", "birthdate"),
        ("Patient?birthdate=2020-02-30", "birthdate"),
        ("Patient?birthdate=", "birthdate"),
        ("Patient?name=", "name"),
        ("Patient?name=ali,,x", "name"),
        ("Patient?gender=", "gender"),
        ("Patient?identifier=a|b|c", "identifier"),
        ("Patient?gender:missing=perhaps", "gender:missing"),
        ("Patient?_lastUpdated=soon", "_lastUpdated"),
        ("Patient?_count=many", "_count"),
        ("Patient?_count=-1", "_count"),
        ("Patient?_total=maybe", "_total"),
        ("Patient?_sort=", "_sort"),
        ("Patient?_elements=", "_elements"),
        ("Observation?subject=Patient/", "subject"),
        ("Observation?subject:Patient=Group/1", "subject:Patient"),
        ("Observation?value-quantity=much", "value-quantity"),
        ("Observation?value-quantity=1|2", "value-quantity"),
        ("Observation?patient.birthdate=x", "patient.birthdate"),
        ("Provenance?recorded=x", "recorded"),
        ("Provenance?target=a/b/c/d", "target"),
    ] {
        let reply = bed.get(query);
        assert_eq!(reply.refused(400), "FHR0007", "{query}");
        assert!(
            reply.message().contains(&format!("'{name}'")),
            "{}",
            reply.message()
        );
    }
}

#[test]
fn a_refusal_never_repeats_a_value() {
    let bed = filled();
    let reply = bed.get("Patient?birthdate=secret-value");
    assert_eq!(reply.refused(400), "FHR0007");
    assert!(!reply.text.contains("secret"));
}

#[test]
fn lenient_handling_leaves_out_what_is_unknown_and_says_so() {
    let bed = filled();
    let lenient = [("prefer", "handling=lenient")];
    let reply = bed
        .get_with(
            "Patient?colour=red&gender=male&gender:text=x&_include=a",
            &lenient,
        )
        .ok();
    assert_eq!(reply.ids(), ["p1"]);
    assert_eq!(reply.total(), Some(1));
    let outcome = reply.entries().pop().unwrap();
    assert_eq!(outcome["search"]["mode"], "outcome");
    let issues = outcome["resource"]["issue"].as_array().unwrap();
    let text: Vec<_> = issues
        .iter()
        .map(|issue| issue["details"]["text"].as_str().unwrap())
        .collect();
    assert_eq!(text.len(), 3);
    for (text, name) in text.iter().zip(["colour", "gender:text", "_include"]) {
        assert!(text.starts_with("ignored") && text.contains(name), "{text}");
    }
    let own = reply.link("self").unwrap();
    assert!(
        !own.contains("colour") && own.contains("gender=male"),
        "{own}"
    );
    // A malformed value stays an error.
    let reply = bed.get_with("Patient?birthdate=x", &lenient);
    assert_eq!(reply.refused(400), "FHR0007");
    let reply = bed.get_with("Patient?colour=red", &[("prefer", "handling=strict")]);
    assert_eq!(reply.refused(400), "FHR0005");
}

#[test]
fn presentation_parameters_are_ignored_where_they_mean_nothing() {
    let bed = filled();
    let reply = bed
        .get("Patient?_pretty=false&_format=json&_totalMethod=count&gender=male")
        .ok();
    assert_eq!(reply.ids(), ["p1"]);
}

#[test]
fn a_count_of_zero_gives_the_total_alone() {
    let bed = filled();
    for query in [
        "Patient?_count=0",
        "Patient?_summary=count",
        "Patient?_summary=count&_total=none",
        "Patient?_count=0&_totalMethod=count",
        "Patient?gender:missing=false&_count=0&_sort=family",
    ] {
        let reply = bed.get(query).ok();
        assert!(reply.entries().is_empty(), "{query}");
        assert!(reply.total().is_some_and(|total| total >= 2), "{query}");
        assert_eq!(reply.link("next"), None);
    }
    assert_eq!(bed.get("Patient?_summary=text").refused(400), "FHR0008");
    assert_eq!(bed.get("Patient?_summary=false").ok().ids().len(), 3);
}

#[test]
fn the_total_is_right_or_absent() {
    let bed = filled();
    for (query, total) in [
        ("Patient", 3),
        ("Patient?_count=1", 3),
        ("Patient?gender=male", 1),
        ("Observation?code=http://loinc.org|2339-0,718-7", 3),
        ("Patient?name=fatima,khan,bibi", 1),
        ("Patient?_count=1&_total=accurate", 3),
        ("Patient?_count=1&_total=estimate", 3),
        ("Patient?_count=1&_sort=family", 3),
    ] {
        assert_eq!(bed.get(query).ok().total(), Some(total), "{query}");
    }
    assert_eq!(bed.get("Patient?_total=none").ok().total(), None);
}

#[test]
fn results_are_sorted_by_several_keys() {
    let bed = filled();
    for (query, expect) in [
        ("Patient?_sort=birthdate", vec!["p2", "p3", "p1"]),
        ("Patient?_sort=-birthdate", vec!["p3", "p1", "p2"]),
        ("Patient?_sort=family", vec!["p2", "p3", "p1"]),
        ("Patient?_sort=gender,-_id", vec!["p2", "p1", "p3"]),
        ("Patient?_sort=-gender", vec!["p1", "p2", "p3"]),
        ("Patient?_sort=_id", vec!["p1", "p2", "p3"]),
        ("Patient?_sort=-_id", vec!["p3", "p2", "p1"]),
        ("Patient?_sort=_lastUpdated", vec!["p1", "p2", "p3"]),
        ("Patient?_sort=-_lastUpdated", vec!["p3", "p2", "p1"]),
        (
            "Observation?_sort=value-quantity",
            vec!["o1", "o3", "o2", "o4"],
        ),
        (
            "Observation?_sort=-value-quantity",
            vec!["o2", "o3", "o1", "o4"],
        ),
        (
            "Observation?_sort=patient,-date",
            vec!["o2", "o1", "o4", "o3"],
        ),
    ] {
        assert_eq!(bed.get(query).ok().ids(), expect, "{query}");
        let paged = bed.all_pages(&bed.get(&format!("{query}&_count=1")).ok());
        assert_eq!(paged, expect, "{query} in pages");
    }
    assert_eq!(bed.get("Patient?_sort=colour").refused(400), "FHR0008");
}

#[test]
fn elements_can_be_chosen_and_the_rest_is_marked_as_missing() {
    let bed = filled();
    let reply = bed.get("Observation?_id=o1&_elements=value,code").ok();
    let resource = &reply.entries()[0]["resource"];
    let members: Vec<_> = resource.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "code",
            "id",
            "meta",
            "resourceType",
            "status",
            "valueQuantity"
        ]
    );
    assert_eq!(resource["meta"]["tag"][0]["code"], "SUBSETTED");
    assert_eq!(resource["meta"]["versionId"], "1");
}

#[test]
fn links_lead_back_to_the_same_answer() {
    let bed = filled();
    let first = bed.get("Patient?name=fatima,aquib&_sort=-_id").ok();
    let own = first.link("self").unwrap();
    assert!(own.starts_with("http://localhost/fhir/Patient?"), "{own}");
    assert_eq!(bed.get(below(&own)).ok().text, first.text);
    let posted = bed
        .post_form("Patient/_search?_sort=-_id", "name=fatima,aquib")
        .ok();
    assert_eq!(posted.ids(), first.ids());
    assert_eq!(
        bed.get(below(&posted.link("self").unwrap())).ok().ids(),
        first.ids()
    );
}

#[test]
fn a_search_by_post_takes_a_form_or_nothing() {
    let bed = filled();
    let post = |media: &str, body: &'static str| {
        let request = axum::http::Request::post("/fhir/Patient/_search?gender=male")
            .header("content-type", media)
            .body(axum::body::Body::from(body))
            .unwrap();
        bed.ask(request)
    };
    assert_eq!(post("application/json", "").ok().ids(), ["p1"]);
    assert_eq!(post("application/json", "{}").ok().ids(), ["p1"]);
    assert_eq!(
        post("application/json", "{\"a\":1}").refused(415),
        "FHR0012"
    );
    assert_eq!(
        post(
            "application/x-www-form-urlencoded; charset=UTF-8",
            "active=true"
        )
        .ok()
        .ids(),
        ["p1"]
    );
}
