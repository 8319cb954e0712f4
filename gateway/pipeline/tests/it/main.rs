// SPDX-License-Identifier: Apache-2.0
//! The pipeline over a real store and a hospital that lives in memory.

mod doubts;
mod faults;
mod hospital;
mod ledger;
mod memory;
mod model;
mod naive;
mod passes;
mod sharing;
