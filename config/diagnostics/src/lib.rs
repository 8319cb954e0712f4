// SPDX-License-Identifier: Apache-2.0
//! Problems with a place, a code and a remedy.
//!
//! The configuration and the mapping files are written by people, so their faults are shown the way a
//! good compiler shows them: all at once, each with its file, line and column, the line itself, a caret
//! under the words that are wrong, and a suggestion where one can be made.
//!
//! ```text
//! error[MAP0003]: table "opd_visits" has no column "patint_id"
//!   --> visit-bp.yaml:9:23
//!    |
//!  9 |   subject: ref('patient', patint_id)
//!    |                           ^^^^^^^^^
//!    = help: did you mean "patient_id"?
//! ```
//!
//! This crate only carries and prints: it reads no file, and what it prints goes to the operator who
//! owns the files. It must never be handed a value out of a legacy row.

mod diagnostic;
mod file;
mod json;
mod render;
mod suggest;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use file::{Place, TextFile};
pub use suggest::suggest;
