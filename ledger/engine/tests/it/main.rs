// SPDX-License-Identifier: Apache-2.0
//! Claims about the engine.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod care;
mod epochs;
mod nodes;
mod notes;
mod ordering;
mod privacy;
mod vectors;
mod votes;
