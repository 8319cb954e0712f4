// SPDX-License-Identifier: Apache-2.0
//! What the fuzzing programs run.

pub mod known;
pub mod member;
pub mod targets;
