// SPDX-License-Identifier: Apache-2.0
use super::*;

#[test]
fn the_table_knows_all_of_r4() {
    assert_eq!(resource_types().len(), 146);
    assert!(resource_types().is_sorted());
    assert!(table().resource("Patient").is_some());
    for absent in [
        "",
        "patient",
        "DomainResource",
        "HumanName",
        "Patient.contact",
    ] {
        assert!(table().resource(absent).is_none(), "{absent}");
    }
}

#[test]
fn every_member_is_found_by_its_name_and_no_other_is() {
    for own in &table().types {
        for member in &own.members {
            let found = own.member(member.name).expect("a member of the type");
            assert!(std::ptr::eq(found, member), "{}.{}", own.name, member.name);
            assert!(own.member(&format!("{}x", member.name)).is_none());
        }
        assert!(own.member("").is_none());
    }
}

#[test]
fn a_choice_stands_in_json_under_one_name_per_type() {
    let observation = table().get(table().resource("Observation").unwrap());
    let member = observation.member("valueDateTime").unwrap();
    assert_eq!(observation.element(member).name, "value");
    assert_eq!(member.shape, Shape::Primitive(crate::Primitive::DateTime));
    assert!(observation.member("value").is_none());
    assert!(observation.member("valueAddress").is_none());
}

#[test]
fn value_sets_are_listed_with_their_nested_codes() {
    let find = |name: &str| {
        let url = format!("http://hl7.org/fhir/ValueSet/{name}");
        table().bindings.iter().find(|b| b.url == url).unwrap()
    };
    let gender = find("administrative-gender");
    assert_eq!(gender.codes, ["female", "male", "other", "unknown"]);
    assert_eq!(
        gender.system(),
        Some("http://hl7.org/fhir/administrative-gender")
    );
    assert!(
        find("allergyintolerance-clinical").allows("resolved"),
        "nested under inactive"
    );
    assert!(find("mimetypes").allows("text/plain; charset=utf-8"));
    assert!(!find("mimetypes").allows("plain"));
    assert!(!find("currencies").allows("Rs."));
    assert!(find("currencies").allows("PKR"));
}
