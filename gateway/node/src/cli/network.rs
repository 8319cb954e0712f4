// SPDX-License-Identifier: Apache-2.0
//! The network, and membership of it: what can be asked of them.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::OutputArgs;

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
