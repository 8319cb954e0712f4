// SPDX-License-Identifier: Apache-2.0
//! What a row is mapped in: the day, the ids, and the states of other rows.

use silsila_source::{DateTime, Key};

use crate::LogicalId;

/// The world around a row, as far as mapping may know it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// The moment of the run, with an offset; the only clock there is.
    pub as_of: DateTime,
    /// The id of the resource that a mapping makes of a key, usually [`LogicalId::derive`].
    pub ids: &'a dyn Fn(&str, &Key) -> LogicalId,
    /// The states of rows that others refer to.
    pub references: &'a dyn References,
}

/// What is known about the row that a reference points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefState {
    /// Produced and shared.
    Shared,
    /// There, and not to be shared.
    NotShared,
    /// There, and in quarantine.
    Quarantined,
    /// Not there, or there and empty by rule.
    Absent,
}

/// The pipeline's row states, as the engine asks for them.
pub trait References {
    /// The state of the row of that key under that mapping.
    fn state(&self, mapping: &str, key: &Key) -> RefState;
}
