// SPDX-License-Identifier: Apache-2.0
//! The patient compartment.

/// An element that can put a resource into a patient's compartment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientLink {
    /// The search parameter by which the compartment is defined (`subject`).
    pub param: &'static str,
    /// The element's path without the resource type (`subject`, `participant.actor`).
    pub path: &'static str,
    /// Whether this is the element that says whose record it is, rather than one that mentions a
    /// patient among others (`Observation.subject` and not `Observation.performer`).
    pub principal: bool,
}

/// The elements that put a resource of this type into a patient's compartment, the principal one
/// first; none for an unknown type or one outside the compartment.
pub fn patient_reference(resource_type: &str) -> &'static [PatientLink] {
    let _ = resource_type;
    &[]
}
