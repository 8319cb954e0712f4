// SPDX-License-Identifier: Apache-2.0
//! What every legacy database looks like to the gateway: tables, rows in key order, changes, health.
//!
//! This room knows rows and nothing of FHIR; nothing in it, and nothing that implements it, ever
//! writes to a legacy database. It keeps no state: after a crash the caller resumes a scan from the
//! key it last made durable.

#[cfg(feature = "compliance")]
pub mod compliance;
mod contract;
mod feed;
mod instant;
mod pace;
mod row;
mod secret;

pub use contract::*;
pub use feed::*;
pub use pace::Pace;
pub use row::{Columns, Date, DateTime, Key, Row, Time, Value};
pub use secret::Secret;
