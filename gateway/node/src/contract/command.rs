// SPDX-License-Identifier: Apache-2.0
//! The command line of `silsila channel contract`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::OutputArgs;

/// `channel contract`.
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Check a contract and the limits beside it, and report everything wrong at once
    #[command(after_help = "Example: silsila channel contract check consent-first.cedar")]
    Check(ContractArgs),
    /// Ask a contract the questions of NAME.tests.toml and compare the answers
    #[command(after_help = "Example: silsila channel contract test consent-first.cedar --json")]
    Test(ContractArgs),
}

/// A contract.
#[derive(Debug, Args)]
pub struct ContractArgs {
    /// The policies; NAME.limits.toml and NAME.tests.toml lie beside NAME.cedar
    #[arg(value_name = "NAME.cedar")]
    pub file: PathBuf,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}
