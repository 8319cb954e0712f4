// SPDX-License-Identifier: Apache-2.0
//! `silsila-relay LISTEN TO`: carries connections from one place to another, for tests whose gateways live in network
//! namespaces of their own. A place is `unix:PATH` or `HOST:PORT`.

use anyhow::Context;
use clap::Parser;
use silsila_integration_tests::relay::{Entrance, Place, carry};

/// Where from and where to.
#[derive(Parser)]
struct Cli {
    /// Where it listens
    listen: String,
    /// Where it connects
    to: String,
}

fn main() -> anyhow::Result<()> {
    let Cli { listen, to } = Cli::parse();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("no runtime")?
        .block_on(async {
            let entrance = Entrance::at(&Place::of(&listen)).await?;
            carry(entrance, Place::of(&to), None).await
        })
}
