// SPDX-License-Identifier: Apache-2.0
//! The command line of votes: `silsila channel propose`, `proposals`, `endorse`, `decline`, `members`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::OutputArgs;

/// `channel propose`.
#[derive(Debug, Subcommand)]
pub enum ProposeCommand {
    /// Admit a member that the network's authority certified
    #[command(after_help = "Example: silsila channel propose admit badin.credential")]
    Admit(CredentialArgs),
    /// Let a member act for longer: by a renewed credential, or by vote where the authority is gone
    #[command(after_help = "Example: silsila channel propose renew 7f3a22c1 --for 90d")]
    Renew(RenewArgs),
    /// Keep a member from acting for a while
    #[command(
        after_help = "Example: silsila channel propose suspend 7f3a22c1 --reason key-compromise"
    )]
    Suspend(ReasonArgs),
    /// End a member's suspension
    #[command(after_help = "Example: silsila channel propose reinstate 7f3a22c1")]
    Reinstate(MemberArgs),
    /// Keep a member from acting for good
    #[command(after_help = "Example: silsila channel propose revoke 7f3a22c1 --reason left")]
    Revoke(ReasonArgs),
    /// Let others order: these members, and nobody else
    #[command(
        after_help = "Example: silsila channel propose validators 7f3a22c1 91bd0e44 c05d7a18 e2f4459b"
    )]
    Validators(ValidatorsArgs),
    /// Put another contract in the present one's place
    #[command(after_help = "Example: silsila channel propose contract consent-first.cedar")]
    Contract(ContractFileArgs),
}

/// On which channel, and for how long.
#[derive(Debug, Args)]
pub struct OnChannel {
    /// The channel: its name, or how its id begins; the gateway's own where it is left out
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// For how many blocks the proposal stays open
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub blocks: u64,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `channel propose admit`.
#[derive(Debug, Args)]
pub struct CredentialArgs {
    /// The new member's credential: `network.credential` of its keys folder
    pub file: PathBuf,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel propose renew`.
#[derive(Debug, Args)]
pub struct RenewArgs {
    /// The member's key, or its first eight digits or more
    #[arg(required_unless_present = "credential")]
    pub member: Option<String>,
    /// The member's renewed credential
    #[arg(long, value_name = "FILE", conflicts_with_all = ["member", "span"])]
    pub credential: Option<PathBuf>,
    /// For how long from now, by vote: a whole number and s, min, h or d
    #[arg(
        long = "for",
        value_name = "SPAN",
        required_unless_present = "credential"
    )]
    pub span: Option<String>,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel propose suspend`, `channel propose revoke`.
#[derive(Debug, Args)]
pub struct ReasonArgs {
    /// The member's key, or its first eight digits or more
    pub member: String,
    /// unspecified, key-compromise, left or misconduct
    #[arg(long, default_value = "unspecified")]
    pub reason: String,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel propose reinstate`.
#[derive(Debug, Args)]
pub struct MemberArgs {
    /// The member's key, or its first eight digits or more
    pub member: String,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel propose validators`.
#[derive(Debug, Args)]
pub struct ValidatorsArgs {
    /// Their keys, or the first eight digits or more: one member, or four and more
    #[arg(required = true, num_args = 1.., value_name = "KEY")]
    pub members: Vec<String>,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel propose contract`.
#[derive(Debug, Args)]
pub struct ContractFileArgs {
    /// The policies; NAME.limits.toml lies beside NAME.cedar
    #[arg(value_name = "NAME.cedar")]
    pub file: PathBuf,
    /// Where.
    #[command(flatten)]
    pub on: OnChannel,
}

/// `channel proposals`.
#[derive(Debug, Args)]
pub struct ProposalsArgs {
    /// Only the one whose id begins so, with its full text
    pub id: Option<String>,
    /// Also what is decided
    #[arg(long)]
    pub all: bool,
    /// Only this channel's: its name, or how its id begins
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `channel endorse`, `channel decline`.
#[derive(Debug, Args)]
pub struct AnswerArgs {
    /// The first eight digits or more of the proposal's id
    pub id: String,
    /// Do not ask again
    #[arg(long)]
    pub yes: bool,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `channel members`.
#[derive(Debug, Args)]
pub struct MembersArgs {
    /// The channel: its name, or how its id begins; the gateway's own where it is left out
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// Output.
    #[command(flatten)]
    pub output: OutputArgs,
}
