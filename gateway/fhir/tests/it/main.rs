// SPDX-License-Identifier: Apache-2.0
//! The FHIR server over a real store in a folder of its own, asked through its router.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod bed;
mod chart;

mod access;
mod crowd;
mod damage;
mod history;
mod model;
mod negotiation;
mod paging;
mod provenance;
mod read;
mod rebuild;
mod robustness;
mod rules;
mod sealed;
mod search;
