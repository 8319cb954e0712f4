// SPDX-License-Identifier: Apache-2.0
//! `OperationOutcome`.

use std::str::FromStr as _;

use fhir_sdk::r4b::codes::{IssueSeverity, IssueType};
use fhir_sdk::r4b::resources::{OperationOutcome, OperationOutcomeIssue};
use fhir_sdk::r4b::types::{CodeableConcept, Coding};

use super::PRODUCT;
use crate::refusal::Refusal;

/// The system of the codes in `details`, under [`PRODUCT`].
const CODE_SYSTEM: &str = "/CodeSystem/error";

/// The outcome of a refused request, as JSON.
pub fn of_refusal(refusal: &Refusal) -> Vec<u8> {
    let severity = if refusal.status().is_server_error() {
        IssueSeverity::Fatal
    } else {
        IssueSeverity::Error
    };
    let issue = issue(
        severity,
        refusal.issue_type(),
        refusal.code(),
        &refusal.to_string(),
    );
    write(vec![issue])
}

/// The outcome that a lenient search carries: which parameters were ignored. As JSON.
pub fn of_ignored(ignored: &[Refusal]) -> Vec<u8> {
    let issues = ignored.iter().map(|refusal| {
        issue(
            IssueSeverity::Warning,
            refusal.issue_type(),
            refusal.code(),
            &format!("ignored: {refusal}"),
        )
    });
    write(issues.collect())
}

fn issue(
    severity: IssueSeverity,
    issue_type: &str,
    code: &str,
    text: &str,
) -> Option<OperationOutcomeIssue> {
    let coding = Coding::builder()
        .system(format!("{PRODUCT}{CODE_SYSTEM}"))
        .code(code.to_owned())
        .build()
        .ok()?;
    let details = CodeableConcept::builder()
        .coding(vec![Some(coding)])
        .text(text.to_owned())
        .build()
        .ok()?;
    OperationOutcomeIssue::builder()
        .severity(severity)
        .code(IssueType::from_str(issue_type).unwrap_or(IssueType::Processing))
        .details(details)
        .diagnostics(text.to_owned())
        .build()
        .ok()
}

fn write(issues: Vec<Option<OperationOutcomeIssue>>) -> Vec<u8> {
    OperationOutcome::builder()
        .issue(issues)
        .build()
        .ok()
        .and_then(|outcome| serde_json::to_vec(&outcome).ok())
        .unwrap_or_default()
}
