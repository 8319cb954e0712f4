// SPDX-License-Identifier: Apache-2.0
//! What the fuzzing programs run.

pub mod targets;
