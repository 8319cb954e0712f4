// SPDX-License-Identifier: Apache-2.0
//! The gateway's keys: what can be asked of them.

use clap::Subcommand;

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
