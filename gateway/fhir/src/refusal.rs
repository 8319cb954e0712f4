// SPDX-License-Identifier: Apache-2.0
//! Everything a client can be refused with. Each has a stable code, an HTTP status and an issue type,
//! and becomes an `OperationOutcome` at one place (`http::answer`). A text names parameters, types
//! and versions that the client itself sent, never a value, and never anything from a record.

use axum::http::StatusCode;

/// Why a request was not served.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The path names no FHIR resource type.
    #[error("{name} is not a resource type of FHIR R4")]
    UnknownType {
        /// As written in the path, shortened.
        name: String,
    },
    /// No resource of that type and id was ever committed.
    #[error("no {resource_type} with this id is known here")]
    UnknownResource {
        /// Type asked for.
        resource_type: String,
    },
    /// The resource was deleted.
    #[error("this {resource_type} was deleted; its earlier versions remain readable by vread")]
    Deleted {
        /// Type asked for.
        resource_type: String,
        /// Version that says so.
        version: u64,
    },
    /// The resource has no such version.
    #[error("this {resource_type} has no such version")]
    UnknownVersion {
        /// Type asked for.
        resource_type: String,
    },
    /// A search parameter that is not served.
    #[error("the search parameter '{parameter}' is not known for {resource_type}")]
    UnknownParameter {
        /// As written, shortened.
        parameter: String,
        /// Type searched.
        resource_type: String,
    },
    /// A modifier that is not served.
    #[error("the modifier of '{parameter}' is not supported here")]
    UnknownModifier {
        /// Parameter with its modifier, shortened.
        parameter: String,
    },
    /// A value that does not fit its parameter.
    #[error("the value of '{parameter}' is malformed: expected {expected}")]
    MalformedValue {
        /// Parameter.
        parameter: String,
        /// What would have been right.
        expected: &'static str,
    },
    /// A result parameter whose value is not served.
    #[error("the value of '{parameter}' is not supported: {expected}")]
    UnsupportedValue {
        /// Parameter.
        parameter: String,
        /// What is supported.
        expected: &'static str,
    },
    /// The snapshot of a paging link is gone.
    #[error("this page link has expired; run the search again")]
    PageExpired,
    /// A paging token that this gateway did not make, or for another search.
    #[error("this page link is not valid for this search")]
    PageInvalid,
    /// The client accepts only a format that is not served.
    #[error("only JSON (application/fhir+json, FHIR 4.0) is served")]
    NotAcceptable,
    /// A body in a format that is not read.
    #[error("the body of a search must be application/x-www-form-urlencoded")]
    UnsupportedMedia,
    /// An interaction that is not offered.
    #[error("{interaction} is not supported by this gateway")]
    NotSupported {
        /// Name of the interaction.
        interaction: &'static str,
    },
    /// The method does not exist on this path.
    #[error("this method is not allowed on this path")]
    MethodNotAllowed,
    /// No bearer token where one is needed.
    #[error("a bearer token is needed")]
    TokenMissing,
    /// A token that is not known.
    #[error("the bearer token is not known")]
    TokenUnknown,
    /// A token past its expiry.
    #[error("the bearer token has expired")]
    TokenExpired,
    /// The stored bytes do not match what was committed.
    #[error("the stored record does not match the ledger; it is not served")]
    Corrupt,
    /// Something failed inside.
    #[error("the gateway failed to answer; its log holds the cause")]
    Internal,
    /// The query or the body is longer than allowed.
    #[error("the request is too large")]
    TooLarge,
    /// Too many requests are under way.
    #[error("the gateway is busy; try again")]
    Busy,
    /// The answer took too long.
    #[error("the answer took too long; narrow the search")]
    TimedOut,
    /// No such path.
    #[error("there is nothing at this path")]
    NoSuchPath,
    /// The payload of this version was erased or has not arrived.
    #[error("the content of this version is not held here")]
    PayloadAbsent,
    /// The request takes longer than may be spent where it arrived; it is done again elsewhere, and no
    /// client sees this.
    #[error("handed on")]
    TooLong,
    /// The index is being built anew.
    #[error("the search index is being rebuilt; reads work already, searches will soon")]
    Rebuilding,
    /// A search that would need more work than allowed.
    #[error("this search matches too much to {what}; narrow it")]
    TooBroad {
        /// What could not be done.
        what: &'static str,
    },
}

impl Refusal {
    /// The stable code, documented under `docs/errors/`.
    pub fn code(&self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.row().1
    }

    /// The code of FHIR's `issue-type` value set.
    pub fn issue_type(&self) -> &'static str {
        self.row().2
    }

    fn row(&self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::UnknownType { .. } => ("FHR0001", StatusCode::NOT_FOUND, "not-supported"),
            Self::UnknownResource { .. } => ("FHR0002", StatusCode::NOT_FOUND, "not-found"),
            Self::Deleted { .. } => ("FHR0003", StatusCode::GONE, "deleted"),
            Self::UnknownVersion { .. } => ("FHR0004", StatusCode::NOT_FOUND, "not-found"),
            Self::UnknownParameter { .. } => ("FHR0005", StatusCode::BAD_REQUEST, "not-supported"),
            Self::UnknownModifier { .. } => ("FHR0006", StatusCode::BAD_REQUEST, "not-supported"),
            Self::MalformedValue { .. } => ("FHR0007", StatusCode::BAD_REQUEST, "value"),
            Self::UnsupportedValue { .. } => ("FHR0008", StatusCode::BAD_REQUEST, "not-supported"),
            Self::PageExpired => ("FHR0009", StatusCode::GONE, "expired"),
            Self::PageInvalid => ("FHR0010", StatusCode::BAD_REQUEST, "invalid"),
            Self::NotAcceptable => ("FHR0011", StatusCode::NOT_ACCEPTABLE, "not-supported"),
            Self::UnsupportedMedia => (
                "FHR0012",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "not-supported",
            ),
            Self::NotSupported { .. } => ("FHR0013", StatusCode::NOT_IMPLEMENTED, "not-supported"),
            Self::TokenMissing => ("FHR0014", StatusCode::UNAUTHORIZED, "login"),
            Self::TokenUnknown => ("FHR0015", StatusCode::UNAUTHORIZED, "login"),
            Self::TokenExpired => ("FHR0016", StatusCode::UNAUTHORIZED, "expired"),
            Self::Corrupt => ("FHR0017", StatusCode::INTERNAL_SERVER_ERROR, "exception"),
            Self::Internal => ("FHR0018", StatusCode::INTERNAL_SERVER_ERROR, "exception"),
            Self::TooLarge => ("FHR0019", StatusCode::PAYLOAD_TOO_LARGE, "too-long"),
            Self::Busy => ("FHR0020", StatusCode::SERVICE_UNAVAILABLE, "throttled"),
            Self::TimedOut => ("FHR0021", StatusCode::SERVICE_UNAVAILABLE, "timeout"),
            Self::NoSuchPath => ("FHR0022", StatusCode::NOT_FOUND, "not-found"),
            Self::PayloadAbsent => ("FHR0023", StatusCode::NOT_FOUND, "not-found"),
            Self::MethodNotAllowed => ("FHR0024", StatusCode::METHOD_NOT_ALLOWED, "not-supported"),
            Self::TooLong => ("FHR0018", StatusCode::INTERNAL_SERVER_ERROR, "exception"),
            Self::Rebuilding => ("FHR0028", StatusCode::SERVICE_UNAVAILABLE, "transient"),
            Self::TooBroad { .. } => ("FHR0026", StatusCode::BAD_REQUEST, "too-costly"),
        }
    }
}

/// Shortens what a client wrote to something that is safe to repeat: a name, not a value.
pub(crate) fn shown(text: &str) -> String {
    const LONGEST: usize = 64;
    text.chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect()
}

impl From<silsila_store::StoreError> for Refusal {
    /// The one place where a failure of the store is logged and loses its inner text.
    fn from(error: silsila_store::StoreError) -> Self {
        tracing::error!(code = error.code(), %error, "a read of the ledger failed");
        match error {
            silsila_store::StoreError::Damaged { .. } => Self::Corrupt,
            _ => Self::Internal,
        }
    }
}

impl From<silsila_store::rusqlite::Error> for Refusal {
    fn from(error: silsila_store::rusqlite::Error) -> Self {
        silsila_store::StoreError::from(error).into()
    }
}
