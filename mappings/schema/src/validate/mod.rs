// SPDX-License-Identifier: Apache-2.0
//! Checks a resource against the table: elements and how often they stand, types and their syntax,
//! choices, required codes, the types of references, extensions, contained resources, narrative.
//!
//! It does not evaluate the invariants that R4 writes as FHIRPath, nor profiles. The walk allocates
//! nothing until it finds a fault.

mod coded;
mod fault;
mod place;
mod reference;
mod walk;

pub use fault::{Fault, FaultRule};

use crate::json::Json;
use crate::table::table;

/// After this many faults a resource is not looked at further.
pub const MAX_FAULTS: usize = 100;

/// The faults of a resource, at most [`MAX_FAULTS`]; none means that it is valid.
pub fn validate(resource: &Json) -> Vec<Fault> {
    let mut walk = walk::Walk::new(table());
    walk.resource(resource, &place::Place::root(resource), None);
    walk.faults
}

#[cfg(test)]
mod tests;
