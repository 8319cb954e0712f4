// SPDX-License-Identifier: Apache-2.0
//! The command line: what can be asked, with an example for each.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::ballots::{AnswerArgs, MembersArgs, ProposalsArgs, ProposeCommand};
use crate::contract::ContractCommand;

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

/// `keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Put the keys under a passphrase, or under another one; asks for it twice, or reads one line
    #[command(after_help = "Example: silsila keys lock")]
    Lock,
    /// Take the keys out of their lock: the gateway then starts without being told anything
    #[command(after_help = "Example: silsila keys unlock")]
    Unlock,
}

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

/// `network`: most commands are the authority's; `join`, `renew` and `status` are a member's.
#[derive(Debug, Subcommand)]
pub enum NetworkCommand {
    /// Authority: found a network, with its keys and its fingerprint
    #[command(
        after_help = "Example: silsila network create Sindh-hospitals --folder /var/lib/silsila/authority"
    )]
    Create(NetworkCreateArgs),
    /// Authority: answer members until told to stop (SIGTERM, SIGINT)
    #[command(after_help = "Example: silsila network serve --config /etc/silsila/authority.toml")]
    Serve(AuthorityArgs),
    /// Authority: invite an organization; the invitation works once and expires
    #[command(
        after_help = "Example: silsila network invite Karachi-Hospital --role hospital --expires 7d --out karachi.invitation"
    )]
    Invite(InviteArgs),
    /// Authority: show members, requests and open invitations
    #[command(after_help = "Example: silsila network list")]
    List(NetworkListArgs),
    /// Authority: approve a request, after comparing its key by telephone
    #[command(after_help = "Example: silsila network approve 1")]
    Approve(DecideArgs),
    /// Authority: reject a request; its invitation is used up
    #[command(after_help = "Example: silsila network reject 1 --yes")]
    Reject(DecideArgs),
    /// Authority: revoke a member, and write the signed revocation for the channels
    #[command(after_help = "Example: silsila network revoke 7f3a22c1 --reason key-compromise")]
    Revoke(RevokeArgs),
    /// Authority: replace the issuing key; asks for the root key on paper
    #[command(after_help = "Example: silsila network replace-issuer")]
    ReplaceIssuer(AuthorityArgs),
    /// Member: make this gateway's keys, ask for their certificate, wait for the approval
    #[command(after_help = "Example: silsila network join karachi.invitation")]
    Join(JoinArgs),
    /// Member: renew the certificate now; a running gateway does it by itself
    #[command(after_help = "Example: silsila network renew")]
    Renew,
    /// Member: show the network and this gateway's certificate
    #[command(after_help = "Example: silsila network status --json")]
    Status(OutputArgs),
}

/// `channel`.
#[derive(Debug, Subcommand)]
pub enum ChannelCommand {
    /// Found a channel: write the file that its members join by
    #[command(
        after_help = "Example: silsila channel create Mirpurkhas-division --members a.credential b.credential --validators 7f3a22c1 --contract open-treatment.cedar --out mirpurkhas.channel"
    )]
    Create(ChannelCreateArgs),
    /// Join a channel by its file, after judging it by this gateway's network
    #[command(after_help = "Example: silsila channel join mirpurkhas.channel")]
    Join(ChannelJoinArgs),
    /// Check and test a contract before it is founded on or proposed
    #[command(subcommand, arg_required_else_help = true)]
    Contract(ContractCommand),
    /// Propose a change of a member or of the contract to the members
    #[command(subcommand, arg_required_else_help = true)]
    Propose(ProposeCommand),
    /// Show what is proposed, by whom, and what the contract still demands
    #[command(after_help = "Example: silsila channel proposals --all --json")]
    Proposals(ProposalsArgs),
    /// Endorse a proposal in this organization's name; cannot be taken back
    #[command(after_help = "Example: silsila channel endorse 3f0c9a1b")]
    Endorse(AnswerArgs),
    /// Decline a proposal, for the others to see
    #[command(after_help = "Example: silsila channel decline 3f0c9a1b --yes")]
    Decline(AnswerArgs),
    /// Show a channel's members, and in what standing they are
    #[command(after_help = "Example: silsila channel members --json")]
    Members(MembersArgs),
    /// Show the channels that this gateway joined
    #[command(after_help = "Example: silsila channel list --json")]
    List(OutputArgs),
}

/// `channel create`.
#[derive(Debug, Args)]
pub struct ChannelCreateArgs {
    /// The channel's name; only its members see it
    pub name: String,
    /// The members' credentials: `network.credential` of each one's keys folder; nothing in it is secret
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    pub members: Vec<PathBuf>,
    /// Who orders: the first eight digits or more of one member's key, or of four members' and more
    #[arg(long, required = true, num_args = 1.., value_name = "KEY")]
    pub validators: Vec<String>,
    /// The founding contract, in Cedar
    #[arg(long, value_name = "FILE")]
    pub contract: PathBuf,
    /// Where to write the channel's file
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `channel join`.
#[derive(Debug, Args)]
pub struct ChannelJoinArgs {
    /// The channel's file
    pub file: PathBuf,
    /// This gateway is no founder: the channel's members admitted it later, or will
    #[arg(long)]
    pub admitted: bool,
}

/// Where the authority lies.
#[derive(Debug, Args)]
pub struct AuthorityArgs {
    /// The authority's folder, instead of the configured one
    #[arg(long, value_name = "FOLDER")]
    pub folder: Option<PathBuf>,
}

/// `network create`.
#[derive(Debug, Args)]
pub struct NetworkCreateArgs {
    /// The network's name, as people will see it
    pub name: String,
    /// Where.
    #[command(flatten)]
    pub authority: AuthorityArgs,
}

/// `network invite`.
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// The organization's name, as its certificate will say it
    pub organization: String,
    /// What it is: hospital, clinic, laboratory, pharmacy, authority, insurer, auditor or observer
    #[arg(long)]
    pub role: String,
    /// How long the invitation holds: a whole number and s, min, h or d
    #[arg(long, default_value = "7d")]
    pub expires: String,
    /// Host and port by which this organization reaches the authority, instead of the configured one
    #[arg(long, value_name = "HOST:PORT")]
    pub address: Option<String>,
    /// Write the invitation to this file instead of the screen
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Where.
    #[command(flatten)]
    pub authority: AuthorityArgs,
}

/// `network list`.
#[derive(Debug, Args)]
pub struct NetworkListArgs {
    /// Where.
    #[command(flatten)]
    pub authority: AuthorityArgs,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `network approve`, `network reject`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The request's number, as `network list` shows it
    pub request: i64,
    /// Do not ask again
    #[arg(long)]
    pub yes: bool,
    /// Where.
    #[command(flatten)]
    pub authority: AuthorityArgs,
}

/// `network revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The member's key, or its first eight digits or more
    pub member: String,
    /// unspecified, key-compromise, left or misconduct
    #[arg(long, default_value = "unspecified")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub authority: AuthorityArgs,
}

/// `network join`.
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The invitation's file; - reads it from standard input
    pub invitation: PathBuf,
    /// Ask once and come back later, instead of waiting for the approval
    #[arg(long)]
    pub no_wait: bool,
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
