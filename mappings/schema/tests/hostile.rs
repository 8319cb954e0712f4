// SPDX-License-Identifier: Apache-2.0
//! Resources with anything anywhere: judged and indexed without a panic, and judged at a place that
//! exists.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use silsila_schema::json::Object;
use silsila_schema::search::extract;
use silsila_schema::{Json, MAX_FAULTS, element, validate};

static EXAMPLES: LazyLock<Vec<Json>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .expect("the examples are committed")
        .map(|file| file.expect("the folder can be read").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    let read = |path| fs::read(path).expect("the file can be read");
    let parse = |bytes: Vec<u8>| Json::parse(&bytes).expect("examples are JSON");
    paths.into_iter().map(|path| parse(read(path))).collect()
});

/// What may be put in place of any value.
fn intruder() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(Json::Null),
        Just(Json::Bool(true)),
        Just(Json::Number("-1.50".into())),
        Just(Json::from("")),
        Just(Json::from("#x")),
        Just(Json::from("Patient/1")),
        Just(Json::from("2024-02-30T25:00")),
        Just(Json::from("<div>")),
        any::<String>().prop_map(Json::from),
        Just(Json::Array(Vec::new())),
        Just(Json::Array(vec![Json::Null, Json::Array(Vec::new())])),
        Just(Json::Object(Object::new())),
        prop_oneof![
            Just("value"),
            Just("extension"),
            Just("contained"),
            Just("_name"),
            Just("reference")
        ]
        .prop_map(|name| Json::Object([(name, Json::from("x"))].into_iter().collect())),
    ]
}

/// The values of a tree, counted in document order; the one at `place` is replaced.
fn replace(json: &mut Json, place: &mut usize, intruder: &Json) -> bool {
    if *place == 0 {
        *json = intruder.clone();
        return true;
    }
    *place -= 1;
    match json {
        Json::Array(items) => items.iter_mut().any(|item| replace(item, place, intruder)),
        Json::Object(object) => object
            .iter_mut()
            .any(|(_, value)| replace(value, place, intruder)),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_resource_with_an_intruder_is_judged_and_indexed(
        example in any::<prop::sample::Index>(),
        places in prop::collection::vec(1..400_usize, 1..4),
        intruder in intruder(),
    ) {
        let mut resource = example.get(&EXAMPLES).clone();
        for mut place in places {
            replace(&mut resource, &mut place, &intruder);
        }
        let faults = validate(&resource);
        prop_assert!(faults.len() <= MAX_FAULTS);
        for fault in &faults {
            prop_assert!(!fault.path.is_empty() && fault.code.starts_with("SCH"));
        }
        extract(&resource, &mut |_, _| {});
        let again = Json::parse(&resource.canonical()).expect("canonical bytes are JSON");
        prop_assert_eq!(validate(&again).is_empty(), faults.is_empty());
    }

    #[test]
    fn any_path_is_resolved_or_refused_at_its_step(path in "[a-z_]{0,6}(\\[[a-z0-9]{0,2}\\]?)?(\\.[a-zA-Z\\[\\]]{0,8}){0,3}") {
        if let Err(error) = element("Patient", &path) {
            prop_assert!(path.get(error.offset..error.offset + error.length).is_some());
        }
    }
}
