// SPDX-License-Identifier: Apache-2.0
//! `silsila`: parses the command line, runs one command, answers with its exit code.

use std::process::ExitCode;

use clap::Parser as _;
use silsila_gateway::cli::Cli;
use silsila_gateway::exit::Exit;
use silsila_gateway::{commands, tls};

/// Unlike the system's, it gives freed pages back within seconds, also those of SQLite's caches, which are allocated in C.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    tls::install_provider();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: the system refuses threads: {error}");
            return Exit::Other.into();
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            eprintln!("{}", failure.shown());
            failure.exit().into()
        }
    }
}
