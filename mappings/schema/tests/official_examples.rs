// SPDX-License-Identifier: Apache-2.0
//! The official R4 examples, all of which are meant to be valid.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use silsila_schema::search::{IndexValue, Kind, extract, params};
use silsila_schema::{Json, validate};

/// The examples that break R4 themselves, with the code of each rule they break.
const BROKEN: &[(&str, &str, &str)] = &[
    // txt-2: a narrative shall have content, and these divs are empty.
    (
        "ActivityDefinition-blood-tubes-supply",
        "SCH0015",
        "the narrative is empty",
    ),
    (
        "ActivityDefinition-heart-valve-replacement",
        "SCH0015",
        "the narrative is empty",
    ),
    (
        "EventDefinition-example",
        "SCH0015",
        "the narrative is empty",
    ),
    (
        "Questionnaire-zika-virus-exposure-assessment",
        "SCH0015",
        "the narrative is empty",
    ),
    (
        "DeviceMetric-example",
        "SCH0009",
        "the parent of a metric is a Device, not its definition",
    ),
    (
        "DeviceUseStatement-example",
        "SCH0009",
        "the reason is a Procedure",
    ),
    (
        "MedicationRequest-medrx0301",
        "SCH0009",
        "the dispenser is a Practitioner",
    ),
    (
        "Observation-clinical-gender",
        "SCH0009",
        "the performer is an Encounter",
    ),
    (
        "ImplementationGuide-fhir",
        "SCH0004",
        "name and status are missing",
    ),
    ("ig-r4", "SCH0004", "name and status are missing"),
    ("Questionnaire-qs1", "SCH0004", "items have no linkId"),
    (
        "SearchParameter-codesystem-extensions-CodeSystem-author",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-codesystem-extensions-CodeSystem-effective",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-codesystem-extensions-CodeSystem-end",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-codesystem-extensions-CodeSystem-keyword",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-codesystem-extensions-CodeSystem-workflow",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-valueset-extensions-ValueSet-author",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-valueset-extensions-ValueSet-effective",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-valueset-extensions-ValueSet-end",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-valueset-extensions-ValueSet-keyword",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-valueset-extensions-ValueSet-workflow",
        "SCH0004",
        "base is missing",
    ),
    (
        "SearchParameter-questionnaireresponse-extensions-QuestionnaireResponse-item-subject",
        "SCH0007",
        "the id has 66 characters",
    ),
];

/// The examples in a folder, by name.
fn examples(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<_> = fs::read_dir(folder)
        .expect("the folder can be read")
        .filter_map(|file| {
            let path = file.expect("the folder can be read").path();
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".json")?
                .to_owned();
            let is_example = !matches!(&*name, "package" | ".index");
            is_example.then(|| (name, fs::read(path).expect("the file can be read")))
        })
        .collect();
    all.sort();
    all
}

/// The whole package, if the test was told where it lies.
#[expect(
    clippy::disallowed_methods,
    reason = "no setting of the product, but a test's input"
)]
fn whole_package() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = std::env::var_os("SILSILA_R4_EXAMPLES");
    if folder.is_none() {
        println!("skipped: SILSILA_R4_EXAMPLES names no folder");
    }
    folder.map(|folder| examples(Path::new(&folder)))
}

fn committed() -> Vec<(String, Vec<u8>)> {
    examples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/examples"))
}

/// Every fault found, as example and code.
fn broken(examples: &[(String, Vec<u8>)]) -> BTreeSet<(&str, &str)> {
    let faults = examples.iter().flat_map(|(name, bytes)| {
        let faults = validate(&Json::parse(bytes).expect("examples are JSON"));
        faults.into_iter().map(|fault| (name.as_str(), fault.code))
    });
    faults.collect()
}

#[test]
fn the_committed_examples_are_valid() {
    let examples = committed();
    assert!(examples.len() > 40);
    assert_eq!(broken(&examples), BTreeSet::new());
}

#[test]
fn of_all_official_examples_only_the_broken_ones_are_refused() {
    let Some(examples) = whole_package() else {
        return;
    };
    assert_eq!(examples.len(), 5306);
    let expected: BTreeSet<_> = BROKEN
        .iter()
        .map(|(name, code, _)| (*name, *code))
        .collect();
    assert_eq!(broken(&examples), expected);
}

#[test]
fn canonical_bytes_of_every_example_parse_back_to_themselves() {
    for (name, bytes) in whole_package().unwrap_or_else(committed) {
        let canonical = Json::parse(&bytes).unwrap().canonical();
        assert!(
            Json::parse(&canonical).unwrap().canonical() == canonical,
            "{name}"
        );
        assert!(canonical.len() <= bytes.len(), "{name}");
    }
}
#[test]
fn every_example_gives_index_values_of_its_parameters_kind() {
    let mut silent = 0;
    for (name, bytes) in whole_package().unwrap_or_else(committed) {
        let resource = Json::parse(&bytes).unwrap();
        let mut count = 0;
        extract(&resource, &mut |param, value| {
            count += 1;
            let fits = match value {
                IndexValue::Token { .. } => param.kind == Kind::Token,
                IndexValue::String(_) => param.kind == Kind::String,
                IndexValue::Date { lo_ms, hi_ms } => param.kind == Kind::Date && lo_ms <= hi_ms,
                IndexValue::Reference(_) => param.kind == Kind::Reference,
                IndexValue::Quantity { lo, hi, .. } => param.kind == Kind::Quantity && lo <= hi,
                IndexValue::Number { lo, hi, .. } => param.kind == Kind::Number && lo <= hi,
                IndexValue::Uri(_) => param.kind == Kind::Uri,
            };
            assert!(fits, "{name} {}", param.code);
        });
        let resource_type = resource.get("resourceType").and_then(Json::as_str).unwrap();
        let is_searchable = params(resource_type).iter().any(|param| !param.common);
        silent += usize::from(is_searchable && count == 0);
    }
    assert!(
        silent <= 9,
        "{silent} examples say nothing that a parameter of theirs asks for"
    );
}
