// SPDX-License-Identifier: Apache-2.0
//! The contract: policies in Cedar over a short, strict vocabulary.
//!
//! A contract is taken only if it can be read, uses nothing but the vocabulary, with the right types
//! (Cedar's strict mode, warnings included), and is not nested so deep that evaluating it could depend on
//! how much stack a machine has. So an evaluation can hardly go wrong; where one does all the same (an
//! overflow), the answer is no: Cedar leaves out a policy that errs, and an erring `forbid` must not vanish.
//!
//! Deterministic: no extension functions (no dates, addresses or decimals), no clock, no templates.

mod asked;
mod decide;
mod fault;
mod text;

pub use asked::{Asked, Authority, Compartment, Entry, Kind, Who};
pub use decide::Decision;
pub use fault::{ContractFault, FaultCode};
pub use text::Compiled;

/// The vocabulary, as Cedar reads it.
pub const SCHEMA: &str = include_str!("silsila.cedarschema");
