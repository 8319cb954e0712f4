// SPDX-License-Identifier: Apache-2.0
//! The legacy database: what can be asked of it.

use clap::{Args, Subcommand};

use super::OutputArgs;

/// `source`.
#[derive(Debug, Subcommand)]
pub enum SourceCommand {
    /// Ask the database directly: version, encryption, tables, privileges
    #[command(after_help = "Example: silsila source status mirpurkhas")]
    Status(SourceArgs),
    /// List a table's columns: type, what a value arrives as, whether NULL may be
    #[command(after_help = "Example: silsila source columns patients")]
    Columns(ColumnsArgs),
    /// Answer a source that stopped because too many rows vanished: yes, this is meant
    #[command(after_help = "Example: silsila source confirm mirpurkhas")]
    Confirm(SourceArgs),
    /// Read every row again now, without waiting for the next sweep
    #[command(after_help = "Example: silsila source resync mirpurkhas --mapping patient")]
    Resync(ResyncArgs),
}

/// One source by name.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// The source's name [default: the only one]
    pub source: Option<String>,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `source columns`.
#[derive(Debug, Args)]
pub struct ColumnsArgs {
    /// The table, as `source status` spells it
    pub table: String,
    /// The source's name [default: the only one]
    #[arg(long)]
    pub source: Option<String>,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `source resync`.
#[derive(Debug, Args)]
pub struct ResyncArgs {
    /// The source's name [default: the only one]
    pub source: Option<String>,
    /// Only this mapping
    #[arg(long)]
    pub mapping: Option<String>,
}
