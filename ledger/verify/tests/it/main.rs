// SPDX-License-Identifier: Apache-2.0
//! What the auditor's program promises.

mod hostile;
mod program;
mod sample;
mod size;
