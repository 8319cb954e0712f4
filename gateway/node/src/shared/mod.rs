// SPDX-License-Identifier: Apache-2.0
//! The channels that this gateway shares with others: their ledgers, its part in ordering them, and where each is served.
//!
//! One channel is the gateway's own: what its source gives goes there, and `/fhir` serves it. Every further one has a
//! ledger, a search index, and a FHIR base of its own ([`crate::bases`]), and may be joined while the gateway runs. What
//! lies where, [`crate::ledgers`] says; `engine/` beside them holds what consensus keeps: votes and recent blocks,
//! never payloads.

mod opened;
mod peers;
mod running;

pub use opened::{Ledgers, Watched, joined};
pub use running::{Running, Shared};
