// SPDX-License-Identifier: Apache-2.0
//! Whole channels without a network: members, certificates, contracts, votes; and a seeded simulation.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod ballots;
mod bed;
mod certificates;
mod contracts;
mod limits;
mod membership;
mod reasons;
mod simulation;
