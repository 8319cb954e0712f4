// SPDX-License-Identifier: Apache-2.0
//! The orchestrator behind `script/demo`.

fn main() {}
