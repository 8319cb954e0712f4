// SPDX-License-Identifier: Apache-2.0
//! The orchestrator behind `script/demo`: hospitals with their legacy databases, a gateway beside each, and a
//! second command for the hospitals' next day.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use silsila_integration_tests::demo::{self, Port};

/// The demonstration of Silsila: hospitals, a gateway beside each, and what to try.
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
        /// Another port for a hospital's gateway, such as mirpurkhas=8081; may be given for each
        #[arg(long = "port", value_name = "HOSPITAL=PORT")]
        ports: Vec<Port>,
    },
    /// Play the hospitals' next day, once
    Day2 {
        /// The folder of the running demonstration
        #[arg(long)]
        dir: PathBuf,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run { dir, ports } => demo::run(&dir, &ports).await,
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
