// SPDX-License-Identifier: Apache-2.0
//! Packs of mappings: what can be asked of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// `mapping`.
#[derive(Debug, Subcommand)]
pub enum MappingCommand {
    /// Check a pack without a database
    #[command(after_help = "Example: silsila mapping check mappings/packs/sindh-mirpurkhas")]
    Check(PackArgs),
    /// Run the pack's own tests (*.tests.yaml)
    #[command(after_help = "Example: silsila mapping test mappings/packs/sindh-mirpurkhas")]
    Test(PackArgs),
    /// Map rows of the live database and print what would be committed; nothing is
    #[command(after_help = "Example: silsila mapping preview visit-bp --key 10231")]
    Preview(PreviewArgs),
}

/// A pack by folder, or the configured one.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// The pack's folder [default: the configured one]
    #[arg(value_name = "FOLDER")]
    pub pack: Option<PathBuf>,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `mapping preview`.
#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// The mapping's name
    pub mapping: String,
    /// The key of one row; repeat it for each column of a compound key
    #[arg(long)]
    pub key: Vec<String>,
    /// How many rows, from the beginning of the table
    #[arg(long, default_value_t = 5, conflicts_with = "key")]
    pub limit: u32,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}
