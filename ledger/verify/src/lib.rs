// SPDX-License-Identifier: Apache-2.0
//! What an auditor runs: files that a gateway exported, against a channel's fingerprint and nothing else.
//!
//! Never: a database, a network, a clock, consensus code. A file is bytes from a stranger; whatever is in
//! it, the answer is true with what was shown, or false with what was not, and never a panic. Nothing is
//! written except a payload that was asked for, and nothing is left behind after a crash.

mod bundle;
mod chain;
mod evidence;
mod fault;
mod json;
mod receipt;
mod report;

pub use bundle::{VerifiedBundle, verify_bundle};
pub use chain::verify_chain;
pub use evidence::{verify_checkpoint, verify_evidence};
pub use fault::Fault;
pub use receipt::verify_receipt;
pub use report::{Report, Value};
