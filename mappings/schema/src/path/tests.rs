// SPDX-License-Identifier: Apache-2.0
use super::*;

#[track_caller]
fn leads_to(resource: &str, path: &str, type_name: &str, arrays: &[bool]) -> Step {
    let info = element(resource, path).unwrap();
    let steps: Vec<_> = info.steps.iter().map(|step| step.is_array).collect();
    assert_eq!(
        (info.last().type_name, &*steps),
        (type_name, arrays),
        "{path}"
    );
    info.last().clone()
}

#[test]
fn paths_lead_through_arrays_choices_and_extensions() {
    leads_to("Patient", "name[0].family", "string", &[true, false]);
    leads_to(
        "Patient",
        "name[official].given[1]",
        "string",
        &[true, true],
    );
    leads_to(
        "Observation",
        "component[systolic].valueQuantity.value",
        "decimal",
        &[true, false, false],
    );
    leads_to("Patient", "extension[0].url", "uri", &[true, false]);
    leads_to(
        "Patient",
        "extension[x].valueAddress.line[0]",
        "string",
        &[true, false, true],
    );
    leads_to(
        "Patient",
        "_birthDate.extension[0].valueDateTime",
        "dateTime",
        &[false, true, false],
    );
    leads_to(
        "Questionnaire",
        "item.item.item.linkId",
        "string",
        &[true, true, true, false],
    );
    leads_to(
        "Observation",
        "component.referenceRange.low",
        "Quantity",
        &[true, true, false],
    );
    leads_to("Patient", "contact", "Patient.contact", &[true]);
    leads_to("Patient", "id", "id", &[false]);
}

#[test]
fn a_step_tells_what_the_mapping_must_know() {
    let gender = leads_to("Patient", "gender", "code", &[false]);
    assert_eq!(gender.binding.unwrap().codes.len(), 4);
    assert_eq!((gender.min, gender.max, gender.choice), (0, Some(1), None));
    let effective = leads_to("Observation", "effectiveDateTime", "dateTime", &[false]);
    assert_eq!(effective.choice, Some("effective"));
    assert_eq!(effective.primitive, Some(Primitive::DateTime));
    let subject = leads_to("Observation", "subject", "Reference", &[false]);
    assert_eq!(subject.targets, ["Device", "Group", "Location", "Patient"]);
    let status = leads_to("Observation", "status", "code", &[false]);
    assert_eq!(status.min, 1);
    let name = element("Patient", "name[0].given[official-1]").unwrap();
    assert_eq!(name.steps[0].index, Some(Index::Number(0)));
    assert_eq!(name.steps[1].index, Some(Index::Name("official-1".into())));
    assert_eq!(name.steps[0].max, None);
}

#[track_caller]
fn fails(
    resource: &str,
    path: &str,
    place: (usize, usize),
    problem: &PathProblem,
    nearest: &[&str],
) {
    let error = element(resource, path).unwrap_err();
    assert_eq!((error.offset, error.length), place, "{path}");
    assert_eq!(&error.problem, problem, "{path}");
    assert!(
        error.candidates.starts_with(nearest),
        "{:?}",
        error.candidates
    );
}

#[test]
fn a_wrong_path_names_the_step_and_what_is_near() {
    let unknown = |within, name: &str| PathProblem::UnknownElement {
        within,
        name: name.to_owned(),
    };
    fails(
        "Patient",
        "birthdate",
        (0, 9),
        &unknown("Patient", "birthdate"),
        &["birthDate"],
    );
    fails(
        "Patient",
        "name[0].famly",
        (8, 5),
        &unknown("HumanName", "famly"),
        &["family"],
    );
    fails(
        "Patient",
        "contact[0].nmae.text",
        (11, 4),
        &unknown("Patient.contact", "nmae"),
        &["name"],
    );
    fails(
        "Patient",
        "_name",
        (0, 5),
        &unknown("Patient", "_name"),
        &["name"],
    );
    let type_name = PathProblem::UnknownResourceType {
        name: "Patiant".to_owned(),
    };
    fails("Patiant", "name", (0, 0), &type_name, &["Patient"]);
    let choice = PathProblem::ChoiceWithoutType { name: "value" };
    fails(
        "Observation",
        "component[a].value.unit",
        (13, 5),
        &choice,
        &["valueQuantity"],
    );
    fails(
        "Patient",
        "birthDate[0]",
        (0, 12),
        &PathProblem::NotRepeating { name: "birthDate" },
        &[],
    );
    let primitive = PathProblem::Primitive {
        name: "gender",
        type_name: "code",
    };
    fails("Patient", "gender.text", (0, 6), &primitive, &[]);
    fails(
        "Patient",
        "contained[0].id",
        (0, 12),
        &PathProblem::Resource { name: "contained" },
        &[],
    );
    for bad in [
        "",
        "name[]",
        "name[0",
        "name]",
        "name[0][1]",
        "name[-1]",
        "name[a b]",
        "[0]",
        "name[1a]",
    ] {
        fails("Patient", bad, (0, bad.len()), &PathProblem::Syntax, &[]);
    }
    fails("Patient", "name..family", (5, 0), &PathProblem::Syntax, &[]);
    fails("Patient", "name.", (5, 0), &PathProblem::Syntax, &[]);
}

#[test]
fn a_sibling_is_an_element_without_value() {
    let sibling = leads_to("Patient", "_gender", "Element", &[false]);
    assert_eq!(
        (sibling.name, sibling.primitive, sibling.binding),
        ("_gender", None, None)
    );
    let again = leads_to("Patient", "_gender", "Element", &[false]);
    assert!(std::ptr::eq(sibling.name, again.name));
}
