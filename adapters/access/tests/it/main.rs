// SPDX-License-Identifier: Apache-2.0
//! The adapter over real files of Access, those beside it and, where they are, those of other programs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod claims;
mod damage;
mod epiinfo;
mod moved;
mod place;
mod replaced;
mod secrets;
mod types;
