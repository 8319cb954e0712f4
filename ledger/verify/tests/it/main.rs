// SPDX-License-Identifier: Apache-2.0
//! What the auditor's program promises.

mod epochs;
mod fuzz;
mod hostile;
#[path = "../../../../fuzz/src/mutations.rs"]
mod mutations;
mod program;
mod sample;
#[path = "../../../chain/tests/it/showing.rs"]
mod showing;
mod size;
#[path = "../../../../fuzz/src/targets.rs"]
mod targets;
