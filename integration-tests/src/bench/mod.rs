// SPDX-License-Identifier: Apache-2.0
//! Figures: measured side by side in one run, because absolute times are not stable.

mod extraction;

pub use extraction::{Extraction, extraction};
