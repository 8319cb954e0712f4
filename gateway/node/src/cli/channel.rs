// SPDX-License-Identifier: Apache-2.0
//! Channels: what can be asked of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;
use crate::ballots::{AnswerArgs, MembersArgs, ProposalsArgs, ProposeCommand};
use crate::contract::ContractCommand;

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
