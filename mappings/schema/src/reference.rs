// SPDX-License-Identifier: Apache-2.0
//! The text of a literal reference.

use crate::primitive::is_id;

/// The type and id of a relative literal reference: `Patient/1`, `Patient/1/_history/2`.
pub(crate) fn relative(reference: &str) -> Option<(&str, &str)> {
    let (kind, rest) = reference.split_once('/')?;
    let (id, version) = match rest.split_once("/_history/") {
        Some((id, version)) => (id, Some(version)),
        None => (rest, None),
    };
    let is_type = kind.starts_with(|first: char| first.is_ascii_uppercase())
        && kind.bytes().all(|byte| byte.is_ascii_alphabetic());
    (is_type && is_id(id) && version.is_none_or(is_id)).then_some((kind, id))
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn only_type_and_id_are_relative() {
        assert_eq!(relative("Patient/1"), Some(("Patient", "1")));
        assert_eq!(
            relative("Patient/a-1.b/_history/2"),
            Some(("Patient", "a-1.b"))
        );
        for other in [
            "",
            "Patient",
            "Patient/",
            "/1",
            "patient/1",
            "Patient/1/2",
            "Patient/a b",
            "#p1",
            "Patient/1/_history/",
            "https://mirpurkhas.example/fhir/Patient/1",
            "urn:uuid:x",
            "Patient?identifier=1",
            "../Patient/1",
        ] {
            assert_eq!(relative(other), None, "{other}");
        }
    }
}
