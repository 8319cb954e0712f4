// SPDX-License-Identifier: Apache-2.0
//! The command line: what can be asked, with an example for each. A file for each word that has words of its own.

mod channel;
mod keys;
mod ledger;
mod mapping;
mod network;
mod quarantine;
mod source;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use channel::{ChannelCommand, ChannelCreateArgs, ChannelJoinArgs};
pub use keys::KeysCommand;
pub use ledger::{
    BackupArgs, BlocksArgs, CheckpointArgs, DamageArgs, EvidenceArgs, ExportArgs, LedgerArgs,
    LedgerCommand, ProofArgs, RestoreArgs, VerifyArgs,
};
pub use mapping::{MappingCommand, PackArgs, PreviewArgs};
pub use network::{
    AuthorityArgs, DecideArgs, InviteArgs, JoinArgs, NetworkCommand, NetworkCreateArgs,
    NetworkListArgs, RevokeArgs,
};
pub use quarantine::{QuarantineArgs, QuarantineCommand, RetryArgs, WhichRows};
pub use source::{ColumnsArgs, ResyncArgs, SourceArgs, SourceCommand};

/// A gateway beside a hospital's database: reads it, maps it to FHIR, commits it to a ledger, serves it.
#[derive(Debug, Parser)]
#[command(name = "silsila", version, propagate_version = true, arg_required_else_help = true, after_help = EXIT_CODES)]
pub struct Cli {
    /// The configuration file [default: $SILSILA_CONFIG, else /etc/silsila/silsila.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The file whose first line is the passphrase of locked keys; /dev/fd/3 reads a descriptor
    /// [default: keys.passphrase_file, else the terminal]
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
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
    /// The passphrase of the gateway's keys
    #[command(subcommand, arg_required_else_help = true)]
    Keys(KeysCommand),
    /// Look at the ledger and verify it
    #[command(subcommand, arg_required_else_help = true)]
    Ledger(LedgerCommand),
    /// Found a network of hospitals, admit members, be one
    #[command(subcommand, arg_required_else_help = true)]
    Network(NetworkCommand),
    /// Found and join channels: chains that some of the network's members share
    #[command(subcommand, arg_required_else_help = true)]
    Channel(ChannelCommand),
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
            for line in example.split(" && ").flat_map(str::lines).map(str::trim) {
                let words = line
                    .split([' '])
                    .take_while(|word| !["|", ">"].contains(word));
                Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{line}: {error}"));
            }
        }
    }
}
