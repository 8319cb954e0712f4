// SPDX-License-Identifier: Apache-2.0
//! What becomes of a row.

use std::fmt;

use silsila_source::Key;

/// What became of one row (or one group of rows).
#[derive(Debug, Clone)]
pub struct RowOutcome {
    /// The row's key.
    pub key: Key,
    /// What it became.
    pub outcome: Outcome,
    /// Values that were dropped or doubted on the way, in the order in which that happened.
    pub warnings: Vec<Warning>,
}

/// Exactly one of these holds for every row.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// One resource.
    Produced(MappedResource),
    /// No resource, by the mapping's `when`.
    Empty,
    /// Not to be shared; what was committed before is to be withdrawn.
    NotShared,
    /// Could not be mapped.
    Quarantined(Fault),
}

/// Why a row is in quarantine. Names columns and elements, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable code, `MAP2001` and up.
    pub code: &'static str,
    /// The column whose value is at fault, where one is.
    pub column: Option<String>,
    /// The element that could not be made, such as `Patient.gender`.
    pub element: Option<String>,
    /// One sentence for people.
    pub reason: String,
    /// Whether what was committed before must be withdrawn, because the subject or the permission to
    /// share can no longer be shown.
    pub withdraws: bool,
    /// Whether to try again when the row that this one belongs to appears or changes.
    pub retry_on_patient: bool,
}

/// A value that was dropped or doubted. Names a column and an element, never the value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Warning {
    /// Stable code, `MAP1001` and up.
    pub code: &'static str,
    /// The column that the value came from, where that is known.
    pub column: Option<String>,
    /// The element (or `let` name, or key) that was being made.
    pub element: Option<String>,
}

/// A FHIR R4 resource that passed validation. Only the engine makes one.
#[derive(Clone, PartialEq, Eq)]
pub struct MappedResource {
    resource_type: String,
    id: String,
    subject: Option<Subject>,
    body: Vec<u8>,
}

/// The patient a resource belongs to: the Patient mapping's name and the key of its row.
type Subject = (String, PatientKey);

/// A legacy key that compares by its encoding.
#[derive(Clone)]
struct PatientKey(Key);

impl PartialEq for PatientKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.encode() == other.0.encode()
    }
}

impl Eq for PatientKey {}

impl MappedResource {
    /// Only for what has been validated.
    pub(crate) fn new(
        resource_type: String,
        id: String,
        subject: Option<(String, Key)>,
        body: Vec<u8>,
    ) -> Self {
        Self {
            resource_type,
            id,
            subject: subject.map(|(mapping, key)| (mapping, PatientKey(key))),
            body,
        }
    }

    /// Such as `Patient`.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The logical id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The Patient mapping and the patient row's key, for a resource of the patient compartment that is
    /// not itself a Patient.
    #[must_use]
    pub fn subject(&self) -> Option<(&str, &Key)> {
        self.subject.as_ref().map(|(m, k)| (&**m, &k.0))
    }

    /// Canonical JSON without `meta.versionId` and `meta.lastUpdated`.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The canonical JSON, taken out.
    #[must_use]
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

impl fmt::Debug for MappedResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "MappedResource({}, {} bytes)",
            self.resource_type,
            self.body.len()
        )
    }
}
