// SPDX-License-Identifier: Apache-2.0
//! What becomes of a resource whose row has disappeared.

use silsila_schema::{Json, element, json::Object, validate};

use crate::{Mapping, OnDelete};

/// What to commit when a row has disappeared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeleteAction {
    /// A deletion: the resource answers 410 from now on.
    Gone,
    /// A last version, marked as entered in error (canonical JSON).
    Replace(Vec<u8>),
    /// Nothing: the resource stays as it is.
    Keep,
}

/// What a mapping asks for when the row behind `last_body` has disappeared. A body that cannot be marked as
/// entered in error is given up as gone.
#[must_use]
pub fn on_deleted(mapping: &Mapping, last_body: &[u8]) -> DeleteAction {
    match mapping.on_delete() {
        OnDelete::Keep => DeleteAction::Keep,
        OnDelete::Gone => DeleteAction::Gone,
        OnDelete::EnteredInError => match entered_in_error(mapping.resource_type(), last_body) {
            Some(body) => DeleteAction::Replace(body),
            None => DeleteAction::Gone,
        },
    }
}

/// How a type says that it was entered in error.
enum Mark {
    /// A code.
    Status(&'static str),
    /// A CodeableConcept of this system, and the element that must then be absent (con-5, ait-2).
    Verification {
        system: &'static str,
        without: &'static str,
    },
}

fn mark(resource_type: &str) -> Option<Mark> {
    match resource_type {
        "Condition" => Some(Mark::Verification {
            system: "http://terminology.hl7.org/CodeSystem/condition-ver-status",
            without: "clinicalStatus",
        }),
        "AllergyIntolerance" => Some(Mark::Verification {
            system: "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification",
            without: "clinicalStatus",
        }),
        other => ["status", "lifecycleStatus"]
            .into_iter()
            .find(|name| {
                element(other, name).is_ok_and(|info| {
                    let binding = info.last().binding;
                    binding.is_some_and(|b| b.codes.contains(&CODE))
                })
            })
            .map(Mark::Status),
    }
}

/// Whether a type has a status for what was entered in error.
pub(crate) fn can_be_in_error(resource_type: &str) -> bool {
    mark(resource_type).is_some()
}

const CODE: &str = "entered-in-error";

fn entered_in_error(resource_type: &str, last_body: &[u8]) -> Option<Vec<u8>> {
    let mut resource = Json::parse(last_body).ok()?;
    let object = resource.as_object_mut()?;
    match mark(resource_type)? {
        Mark::Status(name) => {
            object.insert(name, CODE);
        }
        Mark::Verification { system, without } => {
            let coding: Object = [("system", Json::from(system)), ("code", Json::from(CODE))]
                .into_iter()
                .collect();
            let concept: Object = [("coding", Json::Array(vec![Json::Object(coding)]))]
                .into_iter()
                .collect();
            object.insert("verificationStatus", Json::Object(concept));
            object.remove(without);
        }
    }
    validate(&resource).is_empty().then(|| resource.canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resource_type: &str, before: &str, after: Option<&str>) {
        let got = entered_in_error(resource_type, before.as_bytes());
        let got = got.map(|body| String::from_utf8(body).expect("UTF-8"));
        assert_eq!(got.as_deref(), after);
    }

    #[test]
    fn a_status_says_entered_in_error() {
        check(
            "Observation",
            r#"{"code":{"text":"x"},"resourceType":"Observation","status":"final","valueQuantity":{"value":7.10}}"#,
            Some(
                r#"{"code":{"text":"x"},"resourceType":"Observation","status":"entered-in-error","valueQuantity":{"value":7.10}}"#,
            ),
        );
    }

    #[test]
    fn a_condition_entered_in_error_has_no_clinical_status() {
        check(
            "Condition",
            r#"{"clinicalStatus":{"coding":[{"code":"active"}]},"resourceType":"Condition","subject":{"reference":"Patient/x"}}"#,
            Some(
                r#"{"resourceType":"Condition","subject":{"reference":"Patient/x"},"verificationStatus":{"coding":[{"code":"entered-in-error","system":"http://terminology.hl7.org/CodeSystem/condition-ver-status"}]}}"#,
            ),
        );
    }

    #[test]
    fn types_without_such_a_status_cannot_be_marked() {
        check("Patient", r#"{"resourceType":"Patient"}"#, None);
        check("Observation", "not JSON", None);
        for resource_type in [
            "Encounter",
            "Immunization",
            "MedicationRequest",
            "DiagnosticReport",
            "Goal",
            "Procedure",
        ] {
            assert!(can_be_in_error(resource_type), "{resource_type}");
        }
        assert!(!can_be_in_error("Practitioner"));
    }
}
