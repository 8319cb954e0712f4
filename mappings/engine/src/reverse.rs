// SPDX-License-Identifier: Apache-2.0
//! From a changed row of another table back to the rows that depend on it.

/// One way in which rows of a mapping's main table depend on rows of another table.
///
/// Each step is one [`silsila_source::Fetch`]; the first starts from the changed row, each further one from
/// the rows that the step before it found, the last one finds rows of the mapping's main table.
///
/// A prescription looks up its visit, and through the visit its patient. For a changed row of `patients`
/// the mapping of `prescriptions` therefore answers with one path of two steps:
///
/// ```text
/// fetch opd_visits    where patient_id in (patient_id of the changed patients rows)
/// fetch prescriptions where visit_id   in (visit_id of the opd_visits rows found)
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReversePath {
    /// The lookup, child or referenced mapping behind this path, for people.
    pub via: String,
    /// In order; `None` when the way back cannot be walked (a reference whose key is computed): only a
    /// sweep finds the rows.
    pub steps: Option<Vec<ReverseStep>>,
}

/// One fetch of a [`ReversePath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReverseStep {
    /// The table to read.
    pub table: String,
    /// Its columns to match, in order.
    pub by: Vec<String>,
    /// The columns of the previous step's rows (or of the changed row) whose values to match, in the same
    /// order.
    pub from: Vec<String>,
}
