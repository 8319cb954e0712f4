// SPDX-License-Identifier: Apache-2.0
//! The orchestrator behind `script/demo`: a private MariaDB with the Mirpurkhas hospital, a gateway beside
//! it, and a second command for the hospital's next day.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use silsila_integration_tests::demo;

/// The demonstration of Silsila: a hospital, a gateway, and what to try.
#[derive(Debug, Parser)]
#[command(name = "silsila-demo")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything and keep it running until Ctrl-C
    Run {
        /// The folder that keeps the demonstration's state
        #[arg(long)]
        dir: PathBuf,
        /// The gateway's port
        #[arg(long, default_value_t = 8081)]
        port: u16,
    },
    /// Play the hospital's next day, once
    Day2 {
        /// The folder of the running demonstration
        #[arg(long)]
        dir: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { dir, port } => demo::run(&dir, port).await,
        Command::Day2 { dir } => demo::day2(&dir).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
