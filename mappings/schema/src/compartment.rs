// SPDX-License-Identifier: Apache-2.0
//! The patient compartment, <https://hl7.org/fhir/R4/compartmentdefinition-patient.html>.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::search::reference_paths;
use crate::table::table;

/// An element that can put a resource into a patient's compartment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientLink {
    /// The search parameter by which the compartment is defined (`subject`).
    pub param: &'static str,
    /// The element's path without the resource type (`subject`, `participant.actor`).
    pub path: &'static str,
    /// Whether this is the element that says whose record it is, rather than one that mentions a
    /// patient among others (`Observation.subject` and not `Observation.performer`). A type has one
    /// at most.
    pub principal: bool,
}

/// The elements that put a resource of this type into a patient's compartment, the principal one
/// first; none for an unknown type or one outside the compartment.
pub fn patient_reference(resource_type: &str) -> &'static [PatientLink] {
    LINKS.get(resource_type).map_or(&[], Vec::as_slice)
}

/// The elements that say whose record a resource is, under the names that R4 gives them.
const PRINCIPAL: [&str; 5] = [
    "patient",
    "subject",
    "beneficiary",
    "individual",
    "candidate",
];

static LINKS: LazyLock<HashMap<&'static str, Vec<PatientLink>>> = LazyLock::new(|| {
    let compartment = table().compartment.iter();
    compartment
        .map(|(resource_type, params)| (*resource_type, links(resource_type, params)))
        .collect()
});

fn links(resource_type: &str, params: &[&'static str]) -> Vec<PatientLink> {
    let mut links: Vec<PatientLink> = Vec::new();
    for param in params {
        for path in reference_paths(resource_type, param, "Patient") {
            if links.iter().any(|link| link.path == path) {
                continue;
            }
            links.push(PatientLink {
                param,
                principal: PRINCIPAL.contains(&&*path),
                path: path.leak(),
            });
        }
    }
    links.sort_by_key(|link| !link.principal);
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(resource_type: &str, expected: &[(&str, &str, bool)]) {
        let links = patient_reference(resource_type).iter();
        let found: Vec<_> = links.map(|l| (l.param, l.path, l.principal)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_principal_element_comes_first() {
        check("MedicationRequest", &[("subject", "subject", true)]);
        check(
            "Condition",
            &[
                ("patient", "subject", true),
                ("asserter", "asserter", false),
            ],
        );
        check(
            "Observation",
            &[
                ("subject", "subject", true),
                ("performer", "performer", false),
            ],
        );
        check("Appointment", &[("actor", "participant.actor", false)]);
        check("Patient", &[("link", "link.other", false)]);
    }

    #[test]
    fn types_outside_the_compartment_have_no_link() {
        for outside in [
            "Practitioner",
            "Organization",
            "Location",
            "Medication",
            "",
            "patient",
        ] {
            check(outside, &[]);
        }
    }

    #[test]
    fn every_type_of_the_compartment_is_linked_and_by_one_principal_at_most() {
        assert_eq!(table().compartment.len(), 66);
        for (resource_type, _) in &table().compartment {
            let links = patient_reference(resource_type);
            assert!(!links.is_empty(), "{resource_type}");
            assert!(
                links.iter().filter(|link| link.principal).count() <= 1,
                "{resource_type}"
            );
            for link in links {
                assert!(
                    crate::element(resource_type, link.path).is_ok(),
                    "{resource_type}"
                );
            }
        }
    }
}
