// SPDX-License-Identifier: Apache-2.0
//! Who is a member of a channel and what a member may do there: the X.509 profile, the contract in Cedar.
//!
//! `silsila-chain` keeps members and contract in its state and decides everything that can be decided
//! from the formats; [`Rules`] answers what it asks beyond that, so that an auditor's verifier builds
//! without Cedar and without X.509.
//!
//! Pure: no clock, no input or output; the same blocks give the same judgement everywhere. Nothing is
//! kept that a crash could lose.

mod admission;
pub mod ballot;
pub mod certificate;
pub mod contract;
mod founding;
mod rules;

pub use admission::{admission, certificate as certificate_on_chain, end_ms};
pub use founding::{Founding, FoundingFault, read_channel, read_channel_for_later};
pub use rules::Rules;
