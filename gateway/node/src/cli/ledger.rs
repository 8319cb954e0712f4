// SPDX-License-Identifier: Apache-2.0
//! The ledger: what can be asked of it.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

/// `ledger`.
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// List blocks, the newest last
    #[command(after_help = "Example: silsila ledger blocks --last 5")]
    Blocks(BlocksArgs),
    /// Verify the whole ledger: every hash, signature, entry, payload and tree
    #[command(
        after_help = "Example: silsila ledger verify\n         silsila ledger verify --channel Laboratory"
    )]
    Verify(VerifyArgs),
    /// Print the proof that a version of a resource is on the chain, as JSON
    #[command(
        after_help = "Example: silsila ledger proof Patient/abcdefghijklmnopqrstuvwxyz/_history/2 --out visit.proof\n         silsila ledger proof Patient/abcdefghijklmnopqrstuvwxyz --json"
    )]
    Proof(ProofArgs),
    /// Sign the channel's tree as this gateway has it, or countersign what another member signed
    #[command(
        after_help = "Example: silsila ledger checkpoint --out mirpurkhas.note\n         silsila ledger checkpoint --countersign karachi.note --out both.note"
    )]
    Checkpoint(CheckpointArgs),
    /// Make a sealed backup: ledgers, cursors and keys, while the gateway may run
    #[command(after_help = "Example: silsila ledger backup /media/usb/mirpurkhas.backup")]
    Backup(BackupArgs),
    /// Restore a backup into empty folders; asks for the recovery key
    #[command(after_help = "Example: silsila ledger restore /media/usb/mirpurkhas.backup")]
    Restore(RestoreArgs),
    /// Show what was found damaged in the stored ledger, when it was repaired, and with whose bytes
    #[command(after_help = "Example: silsila ledger damage --last 20 --json")]
    Damage(DamageArgs),
    /// Write the evidence that the channel has two histories, where commits are halted
    #[command(after_help = "Example: silsila ledger evidence two-blocks.evidence")]
    Evidence(EvidenceArgs),
    /// Write the whole chain to one file, for silsila-verify
    #[command(after_help = "Example: silsila ledger export hospital.chain --payloads")]
    Export(ExportArgs),
}

/// Which ledger.
#[derive(Debug, Args)]
pub struct LedgerArgs {
    /// Another ledger than the gateway's own: a channel's name, the first eight digits or more of its id, or `alone`
    /// for the one from before the network
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
}

/// `ledger blocks`.
#[derive(Debug, Args)]
pub struct BlocksArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
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

/// `ledger verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `ledger proof`.
#[derive(Debug, Args)]
pub struct ProofArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// `Type/id` for the newest version, or `Type/id/_history/version`
    pub resource: String,
    /// Write the proof bundle to this file, for silsila-verify
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Put the payload's bytes, as stored, into the bundle
    #[arg(long, requires = "out")]
    pub payload: bool,
    /// Sign a COSE receipt for the version's block and write it to this file
    #[arg(long, value_name = "FILE")]
    pub receipt: Option<PathBuf>,
    /// Print the proof as JSON also where it is written to a file
    #[arg(long)]
    pub json: bool,
}

/// `ledger checkpoint`.
#[derive(Debug, Args)]
pub struct CheckpointArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// How many blocks, from block 0; all of them if left out
    #[arg(long, conflicts_with = "countersign")]
    pub size: Option<u64>,
    /// Another member's checkpoint, to be signed too where this gateway's chain says the same
    #[arg(long, value_name = "FILE")]
    pub countersign: Option<PathBuf>,
    /// Where to write the evidence if it does not
    #[arg(long, value_name = "FILE", requires = "countersign")]
    pub evidence: Option<PathBuf>,
    /// Write the note to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `ledger backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Where to write it: on another disk than the ledger's
    pub file: PathBuf,
}

/// `ledger restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// The backup
    pub file: PathBuf,
}

/// `ledger damage`.
#[derive(Debug, Args)]
pub struct DamageArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// How many, from the newest
    #[arg(long, default_value_t = 100)]
    pub last: u32,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `ledger evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The file to write
    pub file: PathBuf,
}

/// `ledger export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which ledger.
    #[command(flatten)]
    pub ledger: LedgerArgs,
    /// The file to write
    pub file: PathBuf,
    /// Also the payloads' bytes, as stored
    #[arg(long)]
    pub payloads: bool,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}
