// SPDX-License-Identifier: Apache-2.0
//! Tests of packs, written in the packs' own YAML.

mod compare;
mod file;
mod run;

pub(crate) use file::TestFile;
pub use run::{TestFailure, TestReport, run_tests};
