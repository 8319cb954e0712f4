// SPDX-License-Identifier: Apache-2.0
//! The pipeline over a real store and a hospital that lives in memory.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

mod doubts;
mod drift;
mod faults;
mod feed;
mod groups;
mod hospital;
mod ledger;
mod log;
mod memory;
mod model;
mod naive;
mod passes;
mod sharing;
