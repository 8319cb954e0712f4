// SPDX-License-Identifier: Apache-2.0
//! Figures: measured side by side in one run, because absolute times are not stable.

mod extraction;
mod extraction_mssql;

pub use extraction::{Extraction, extraction};
pub use extraction_mssql::{MssqlExtraction, Spent, mssql_extraction};
