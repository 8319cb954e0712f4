// SPDX-License-Identifier: Apache-2.0
//! What can go wrong between a legacy row and the ledger. Every variant that a user meets carries a
//! code with a page under `docs/errors/`. No text holds a value of a row.

use silsila_source::SourceError;
use silsila_store::StoreError;

/// Why the pipeline, or a question put to it, failed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The legacy database did not answer.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The ledger did not take it.
    #[error("{} {}", .0.code(), .0)]
    Ledger(Box<StoreError>),
    /// No source of that name.
    #[error("PIP0001 no source is named {name:?}; there is {known}")]
    UnknownSource {
        /// The name as asked for.
        name: String,
        /// The names there are.
        known: String,
    },
    /// No mapping of that name.
    #[error("PIP0009 no mapping is named {name:?}")]
    UnknownMapping {
        /// The mapping's name as asked for.
        name: String,
    },
    /// The mappings do not fit the tables that the source really has.
    #[error(
        "PIP0007 source {source_name:?}: {faults} mistakes in the mappings against its tables, first: {first}"
    )]
    Unfit {
        /// The source.
        source_name: String,
        /// How many mistakes there are.
        faults: usize,
        /// The first, in one line.
        first: String,
    },
    /// The hospital's own Organization cannot be made from the configuration.
    #[error(
        "PIP0012 the hospital's own Organization cannot be made from the configuration: {first}"
    )]
    Organization {
        /// The first mistake, in one line.
        first: String,
    },
    /// The ledger refused a staged transaction for good.
    #[error("PIP0008 the ledger rejected a transaction: {reason}")]
    Rejected {
        /// The ledger's word for it.
        reason: String,
    },
    /// A row of the pipeline's own tables cannot be read.
    #[error("PIP0010 the pipeline's own table {table} is damaged: {what}")]
    Damaged {
        /// The table.
        table: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A fault in the program itself; the worker begins again from what the store holds.
    #[error("PIP0016 an internal fault stopped the pass; it begins again")]
    Panicked,
    /// The gateway is shutting down.
    #[error("PIP0013 the pipeline has stopped")]
    Stopped,
}

impl From<StoreError> for PipelineError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(Box::new(error))
    }
}

impl From<rusqlite::Error> for PipelineError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl PipelineError {
    /// The stable code at the beginning of the message.
    #[must_use]
    pub fn code(&self) -> String {
        let text = self.to_string();
        text.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    /// Whether row states must say other than the ledger for this to happen.
    pub(crate) fn contradicts_the_ledger(&self) -> bool {
        match self {
            Self::Rejected { .. } => true,
            Self::Ledger(error) => matches!(**error, StoreError::Draft { .. }),
            _ => false,
        }
    }

    /// Whether waiting and trying again can help without a person doing something.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Source(error) if error.is_transient())
    }
}
