// SPDX-License-Identifier: Apache-2.0
//! What the auditor's program promises.

mod fuzz;
mod hostile;
mod program;
mod sample;
mod size;
