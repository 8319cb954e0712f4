// SPDX-License-Identifier: Apache-2.0
//! The command line: what can be asked, with an example for each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A gateway beside a hospital's database: reads it, maps it to FHIR, commits it to a ledger, serves it.
#[derive(Debug, Parser)]
#[command(name = "silsila", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration file [default: $SILSILA_CONFIG, else /etc/silsila/silsila.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "\
Exit codes: 0 all is well; 1 something wrong was found; 2 the command line or the configuration is faulty;
3 the database could not be reached; 4 no gateway is running; 5 the ledger or the keys cannot be used.
Every error code has a page under docs/errors/.";

/// What the gateway can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make the folders and the keys, and say what to back up
    #[command(after_help = "Example: silsila init --config /etc/silsila/silsila.toml")]
    Init,
    /// Run the gateway until it is told to stop (SIGTERM, SIGINT)
    #[command(after_help = "Example: silsila serve --config /etc/silsila/silsila.toml")]
    Serve,
    /// Check configuration, mapping pack and database, and report everything wrong at once
    #[command(after_help = "Example: silsila check --offline && silsila check")]
    Check(CheckArgs),
    /// Show what the gateway is doing
    #[command(after_help = "Example: silsila status --json | jq '.pipeline.sources[].state'")]
    Status(OutputArgs),
    /// Work on a mapping pack
    #[command(subcommand, arg_required_else_help = true)]
    Mapping(MappingCommand),
    /// Look at the legacy database and steer how it is read
    #[command(subcommand, arg_required_else_help = true)]
    Source(SourceCommand),
    /// Rows that could not be mapped
    #[command(subcommand, arg_required_else_help = true)]
    Quarantine(QuarantineCommand),
    /// Look at the ledger and verify it
    #[command(subcommand, arg_required_else_help = true)]
    Ledger(LedgerCommand),
}

/// `--json`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// Print JSON for a script
    #[arg(long)]
    pub json: bool,
}

/// `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Do not ask the database
    #[arg(long)]
    pub offline: bool,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

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

/// `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List blocks, the newest last
    #[command(after_help = "Example: silsila ledger blocks --last 5")]
    Blocks(BlocksArgs),
    /// Verify the whole ledger: every hash, signature, entry, payload and tree
    #[command(after_help = "Example: silsila ledger verify")]
    Verify(OutputArgs),
    /// Print the proof that a version of a resource is on the chain, as JSON
    #[command(
        after_help = "Example: silsila ledger proof Patient/abcdefghijklmnopqrstuvwxyz/_history/2 --out visit.proof"
    )]
    Proof(ProofArgs),
}

/// `ledger blocks`.
#[derive(Debug, Args)]
pub struct BlocksArgs {
    /// The first height
    #[arg(long, conflicts_with = "last")]
    pub from: Option<u64>,
    /// The last height
    #[arg(long, conflicts_with = "last")]
    pub to: Option<u64>,
    /// Only the newest so many
    #[arg(long, default_value_t = 20)]
    pub last: u64,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `ledger proof`.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// `Type/id` for the newest version, or `Type/id/_history/version`
    pub resource: String,
    /// Also write the proof itself, in its binary form, to this file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn leaves(command: &clap::Command, found: &mut Vec<clap::Command>) {
        if command.get_subcommands().next().is_none() {
            found.push(command.clone());
        }
        for sub in command.get_subcommands() {
            leaves(sub, found);
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_shows_an_example_that_parses() {
        let mut all = Vec::new();
        leaves(&Cli::command(), &mut all);
        assert!(all.len() > 12);
        for command in all {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let example = help
                .strip_prefix("Example: ")
                .unwrap_or_else(|| panic!("{} shows an example", command.get_name()));
            for line in example.split(" && ") {
                let words = line
                    .split([' '])
                    .take_while(|word| !["|", ">"].contains(word));
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }
}
