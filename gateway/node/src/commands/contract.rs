// SPDX-License-Identifier: Apache-2.0
//! `silsila channel contract check|test`: a contract before it is founded on or proposed.

use serde::Serialize;
use silsila_diagnostics::Diagnostics;

use super::{print, print_json};
use crate::contract::{Case, ContractArgs, ContractCommand, Outcome, read, read_cases};
use crate::exit::{Exit, Failure};

pub(super) fn run(command: &ContractCommand) -> Result<Exit, Failure> {
    match command {
        ContractCommand::Check(args) => Ok(check(args)),
        ContractCommand::Test(args) => test(args),
    }
}

fn found(faults: &Diagnostics, json: bool) -> Exit {
    print(&if json {
        faults.to_json()
    } else {
        faults.to_string()
    });
    Exit::Found
}

fn check(args: &ContractArgs) -> Exit {
    let json = args.output.json;
    let contract = match read(&args.file) {
        Ok(file) => file.contract,
        Err(faults) => return found(&faults, json),
    };
    if json {
        print(&Diagnostics::new().to_json());
        return Exit::Ok;
    }
    let limits = &contract.limits;
    let hash: String = contract
        .hash()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    print(&format!(
        "nothing wrong\nlimits: {} entries and {} bytes in a transaction, {} blocks ahead, {} s stale\nhash: {hash}",
        limits.entries,
        limits.bytes,
        limits.horizon,
        limits.max_staleness_ms / 1000
    ));
    Exit::Ok
}

#[derive(Serialize)]
struct Shown {
    passed: usize,
    failed: Vec<ShownFailure>,
}

#[derive(Serialize)]
struct ShownFailure {
    code: &'static str,
    name: String,
    file: String,
    line: u32,
    expected: &'static str,
    found: String,
}

fn failure(case: &Case, outcome: Outcome) -> Option<ShownFailure> {
    let Outcome::Broken { found } = outcome else {
        return None;
    };
    Some(ShownFailure {
        code: "CON0010",
        name: case.name.clone(),
        file: case.place.file.to_string(),
        line: case.place.line,
        expected: case.expected.word(),
        found,
    })
}

fn test(args: &ContractArgs) -> Result<Exit, Failure> {
    let json = args.output.json;
    let (contract, cases) = match (read(&args.file), read_cases(&args.file)) {
        (Ok(contract), Ok(cases)) => (contract, cases),
        (contract, cases) => {
            let faults = [contract.err(), cases.err()].into_iter().flatten();
            let all = faults.flat_map(|faults| faults.iter().cloned().collect::<Vec<_>>());
            return Ok(found(&all.collect(), json));
        }
    };
    let failed: Vec<ShownFailure> = cases
        .iter()
        .filter_map(|case| failure(case, case.run(&contract.compiled)))
        .collect();
    let shown = Shown {
        passed: cases.len() - failed.len(),
        failed,
    };
    if json {
        print_json(&shown)?;
    } else {
        print(&text(&shown));
    }
    Ok(if shown.failed.is_empty() {
        Exit::Ok
    } else {
        Exit::Found
    })
}

fn text(shown: &Shown) -> String {
    let mut lines: Vec<String> = shown
        .failed
        .iter()
        .map(|failure| {
            format!(
                "error[{}]: {}\n  --> {}:{}\n   = expected {}, {}",
                failure.code,
                failure.name,
                failure.file,
                failure.line,
                failure.expected,
                failure.found
            )
        })
        .collect();
    lines.push(format!(
        "{} passed, {} failed",
        shown.passed,
        shown.failed.len()
    ));
    lines.join("\n")
}
