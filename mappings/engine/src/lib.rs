// SPDX-License-Identifier: Apache-2.0
//! Rows in, FHIR out: the mapping language and the engine that runs it.
//!
//! A [`Pack`] is compiled once from mapping files, code tables and tests; all their mistakes are reported
//! at once. A [`Batch`] then maps a chunk of rows: the pipeline asks it which rows of other tables it
//! [wants](Batch::wants), supplies them, and takes one [`RowOutcome`] per row.
//!
//! This room does no input or output and owns no clock: the same rows, settings and `as_of` give the
//! same bytes, always. It keeps no state, so there is nothing to recover after a crash. No error, warning
//! or `Debug` text in it holds a value of a row.
//!
//! **Invariant:** sharing fails closed. Whatever cannot be evaluated is never shared, and a resource
//! whose patient is not shared is not shared.

mod context;
mod delete;
mod expression;
mod filters;
mod id;
mod language;
mod mapping;
mod organization;
mod outcome;
mod pack;
mod plan;
mod preview;
mod reads;
mod reverse;
mod run;
mod schema_check;
mod testing;

pub use context::{Context, RefState, References};
pub use delete::{DeleteAction, on_deleted};
pub use id::LogicalId;
pub use mapping::{Mapping, OnDelete};
pub use organization::Organization;
pub use outcome::{Fault, MappedResource, Outcome, RowOutcome, Warning};
pub use pack::{Pack, PackFile, PackSettings};
pub use preview::preview;
pub use reads::TableReads;
pub use reverse::{ReversePath, ReverseStep};
pub use run::{Batch, Want};
pub use testing::{TestFailure, TestReport, run_tests};
