// SPDX-License-Identifier: Apache-2.0
//! The command line.

use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use silsila_chain::ChannelId;

/// Says whether a file that a Silsila gateway exported is true, given the channel's fingerprint and
/// nothing else: no network, no database, no trust in the gateway.
///
/// Exit codes: 0 true, 1 false, 2 wrong usage, 3 a file that could not be read.
#[derive(Parser)]
#[command(
    name = "silsila-verify",
    version,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "Example:\n  silsila-verify glucose.proof --channel 5f3c…64 digits…a1\n  \
                  silsila-verify chain hospital.chain --channel 5f3c…a1 --checkpoint karachi.note"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub bundle: BundleArgs,
}

/// What else than a bundle can be verified.
#[derive(Subcommand)]
pub enum Command {
    /// A whole exported chain, from genesis to its last block.
    Chain(ChainArgs),
    /// That a channel was given two histories.
    Evidence(FileArgs),
    /// The signatures on a checkpoint.
    Checkpoint(FileArgs),
    /// A COSE receipt for the block of a bundle.
    Receipt(ReceiptArgs),
}

/// A proof bundle.
#[derive(Args)]
pub struct BundleArgs {
    /// The bundle, as `silsila ledger proof --out` writes it.
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// The channel's fingerprint, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, value_name = "FINGERPRINT", required = true)]
    channel: Option<ChannelId>,
    /// Where to write the payload's bytes, once they are found to be the ones committed.
    #[arg(long, value_name = "FILE")]
    pub payload: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A chain.
#[derive(Args)]
pub struct ChainArgs {
    /// The file, as `silsila ledger export` writes it.
    pub file: PathBuf,
    /// The channel's fingerprint, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, value_name = "FINGERPRINT")]
    pub channel: ChannelId,
    /// A checkpoint that the chain must agree with; may be given several times.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Vec<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// One file.
#[derive(Args)]
pub struct FileArgs {
    /// The file.
    pub file: PathBuf,
    /// The channel's fingerprint, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, value_name = "FINGERPRINT")]
    pub channel: ChannelId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// A receipt.
#[derive(Args)]
pub struct ReceiptArgs {
    /// The receipt, as `silsila ledger proof --receipt` writes it.
    pub file: PathBuf,
    /// The bundle that it belongs to.
    #[arg(long, value_name = "FILE")]
    pub bundle: PathBuf,
    /// The channel's fingerprint, 64 hexadecimal digits, from a source that you trust.
    #[arg(long, value_name = "FINGERPRINT")]
    pub channel: ChannelId,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Cli {
    /// Whether JSON was asked for.
    pub const fn json(&self) -> bool {
        match &self.command {
            None => self.bundle.json,
            Some(Command::Chain(args)) => args.json,
            Some(Command::Evidence(args) | Command::Checkpoint(args)) => args.json,
            Some(Command::Receipt(args)) => args.json,
        }
    }
}

impl BundleArgs {
    /// File and channel, which the parser demands where there is no subcommand.
    pub fn required(&self) -> (&Path, &ChannelId) {
        match (&self.file, &self.channel) {
            (Some(file), Some(channel)) => (file, channel),
            _ => unreachable!("clap refuses a command line without them"),
        }
    }
}
