// SPDX-License-Identifier: Apache-2.0
//! `silsila-verify`: true or false, with what and why. Exit codes: 0 true, 1 false, 2 wrong usage, 3 a
//! file that could not be read.

mod cli;
mod progress;

use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use silsila_verify::{
    Fault, Report, verify_bundle, verify_chain, verify_checkpoint, verify_evidence, verify_receipt,
};

use crate::cli::{BundleArgs, ChainArgs, Cli, Command};
use crate::progress::Progress;

const FALSE: u8 = 1;
const UNREADABLE: u8 = 3;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json();
    let (text, code) = match run(&cli) {
        Ok(report) if json => (report.json(), ExitCode::SUCCESS),
        Ok(report) => (report.lines(), ExitCode::SUCCESS),
        Err(fault) => {
            let code = match fault {
                Fault::Unreadable { .. } => UNREADABLE,
                _ => FALSE,
            };
            let text = if json { fault.json() } else { fault.lines() };
            (text, ExitCode::from(code))
        }
    };
    // Whoever closed the pipe has read enough; the exit code still says what was found.
    _ = std::io::stdout().write_all(text.as_bytes());
    code
}

fn run(cli: &Cli) -> Result<Report, Fault> {
    match &cli.command {
        None => bundle(&cli.bundle),
        Some(Command::Chain(args)) => chain(args),
        Some(Command::Evidence(args)) => verify_evidence(&read(&args.file)?, &args.channel),
        Some(Command::Checkpoint(args)) => verify_checkpoint(&read(&args.file)?, &args.channel),
        Some(Command::Receipt(args)) => {
            verify_receipt(&read(&args.file)?, &read(&args.bundle)?, &args.channel)
        }
    }
}

fn bundle(args: &BundleArgs) -> Result<Report, Fault> {
    let (file, channel) = args.required();
    let verified = verify_bundle(&read(file)?, channel)?;
    if let (Some(out), Some(payload)) = (&args.payload, &verified.bundle.payload) {
        fs::write(out, payload).map_err(unreadable(out))?;
    }
    Ok(verified.report)
}

fn chain(args: &ChainArgs) -> Result<Report, Fault> {
    let checkpoints = (args.checkpoint.iter())
        .map(|path| read(path))
        .collect::<Result<Vec<_>, _>>()?;
    let file = File::open(&args.file).map_err(unreadable(&args.file))?;
    let bytes = file.metadata().map_or(0, |file| file.len());
    let mut progress = Progress::new(bytes);
    let path = args.file.display().to_string();
    let mut file = BufReader::with_capacity(1 << 20, file);
    let found = verify_chain(&mut file, &path, &args.channel, &checkpoints, &mut |read| {
        progress.show(read);
    });
    progress.clear();
    found
}

/// Longer than any file that is read at once; a longer one is not such a file.
const LONGEST: u64 = silsila_chain::MAX_BUNDLE as u64 + 1;

fn read(path: &Path) -> Result<Vec<u8>, Fault> {
    use std::io::Read;
    let file = File::open(path).map_err(unreadable(path))?;
    let mut bytes = Vec::new();
    (file.take(LONGEST).read_to_end(&mut bytes)).map_err(unreadable(path))?;
    Ok(bytes)
}

fn unreadable(path: &Path) -> impl FnOnce(std::io::Error) -> Fault {
    let path = path.display().to_string();
    move |source| Fault::Unreadable { path, source }
}
