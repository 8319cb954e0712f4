// SPDX-License-Identifier: Apache-2.0
//! Rows in quarantine: what can be asked of them.

use clap::{Args, Subcommand};

use super::OutputArgs;

/// `quarantine`.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// List the rows in quarantine with their reasons; the keys are the hospital's own
    #[command(after_help = "Example: silsila quarantine list --mapping patient --json")]
    List(QuarantineArgs),
    /// Map rows in quarantine again, now
    #[command(after_help = "Example: silsila quarantine retry --mapping patient --key 4031")]
    Retry(RetryArgs),
}

/// Which rows in quarantine.
#[derive(Debug, Args)]
pub struct WhichRows {
    /// Only rows of this mapping
    #[arg(long)]
    pub mapping: Option<String>,
    /// Only rows with this code
    #[arg(long)]
    pub code: Option<String>,
    /// Only the row of this key, as the list shows it
    #[arg(long)]
    pub key: Option<String>,
}

/// `quarantine list`.
#[derive(Debug, Args)]
pub struct QuarantineArgs {
    /// Which rows.
    #[command(flatten)]
    pub which: WhichRows,
    /// At most so many rows
    #[arg(long, default_value_t = 100)]
    pub limit: u32,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `quarantine retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Which rows.
    #[command(flatten)]
    pub which: WhichRows,
    /// Take a patient that "may be another person" as the one it is now
    #[arg(long)]
    pub accept: bool,
}
