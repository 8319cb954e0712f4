// SPDX-License-Identifier: Apache-2.0
//! FHIR R4 as a table: which elements a resource may have, what their values look like, and which
//! search parameters index them.
//!
//! The table is compiled from HL7's definitions by the script in `generate/` and committed; neither
//! building nor running needs those definitions. This room does no I/O, knows no clock and keeps no
//! state but the decoded table. Nothing it reports (a [`Fault`], a [`json::JsonError`], a
//! [`PathError`]) holds a value from a resource.

mod calendar;
mod compartment;
pub mod json;
mod narrative;
mod nearest;
mod path;
mod primitive;
mod reference;
pub mod search;
mod table;
mod validate;

pub use calendar::date_range;
pub use compartment::{PatientLink, patient_reference};
pub use json::{Json, JsonError};
pub use path::{ElementInfo, Index, PathError, PathProblem, Step, element};
pub use primitive::Primitive;
pub use table::{Binding, R4, resource_types};
pub use validate::{Fault, FaultRule, MAX_FAULTS, validate};
