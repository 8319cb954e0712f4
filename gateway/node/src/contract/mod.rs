// SPDX-License-Identifier: Apache-2.0
//! A contract's files: `NAME.cedar` with the policies, `NAME.limits.toml` and `NAME.tests.toml` beside it.
//!
//! Everything wrong with them is reported at once, each fault in its place.

mod cases;
mod command;
mod fields;
mod limits;

use std::path::Path;

use silsila_chain::{Contract, MAX_POLICIES};
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use silsila_replica::contract::{Compiled, ContractFault};

pub use cases::{Case, Expected, Outcome};
pub use command::{ContractArgs, ContractCommand};

/// A contract that can be founded on, proposed and asked.
#[derive(Debug)]
pub struct ContractFile {
    /// As it goes on the chain.
    pub contract: Contract,
    /// As it is asked.
    pub compiled: Compiled,
}

/// Reads a contract and the limits beside it.
///
/// # Errors
/// Every fault of both files.
pub fn read(file: &Path) -> Result<ContractFile, Diagnostics> {
    let mut faults = Diagnostics::new();
    let limits = limits::read(&beside(file, "limits"), &mut faults);
    let policies = text(file, &mut faults);
    let compiled = policies.as_ref().and_then(|policies| {
        let compiled = Compiled::new(policies.text());
        let found = compiled.as_ref().err().into_iter().flatten();
        found.for_each(|fault| faults.push(shown(policies, fault)));
        compiled.ok()
    });
    let read = policies.zip(compiled).map(|(policies, compiled)| {
        let contract = Contract {
            policies: policies.text().to_owned(),
            limits,
        };
        ContractFile { contract, compiled }
    });
    match read {
        Some(read) if !faults.has_errors() => Ok(read),
        _ => Err(faults),
    }
}

/// Reads the cases beside a contract.
///
/// # Errors
/// Every fault of the file; that there is none.
pub fn read_cases(file: &Path) -> Result<Vec<Case>, Diagnostics> {
    cases::read(&beside(file, "tests"))
}

/// `NAME.cedar` to `NAME.what.toml`.
fn beside(file: &Path, what: &str) -> std::path::PathBuf {
    file.with_extension(format!("{what}.toml"))
}

fn text(file: &Path, faults: &mut Diagnostics) -> Option<TextFile> {
    let name = file.display().to_string();
    let fault = |reason: String| {
        Diagnostic::error(
            "CON0011",
            format!("the contract {name} cannot be read: {reason}"),
        )
    };
    if file
        .extension()
        .is_none_or(|extension| extension != "cedar")
    {
        faults.push(fault("its name does not end in .cedar".to_owned()));
        return None;
    }
    match std::fs::metadata(file) {
        Ok(found) if found.len() > 2 * MAX_POLICIES as u64 => {
            faults.push(fault(format!("it has more than {MAX_POLICIES} bytes")));
            return None;
        }
        _ => {}
    }
    match std::fs::read_to_string(file) {
        Ok(text) => Some(TextFile::new(name, text)),
        Err(reason) => {
            faults.push(fault(reason.to_string()));
            None
        }
    }
}

fn shown(file: &TextFile, fault: &ContractFault) -> Diagnostic {
    let place = fault
        .at
        .clone()
        .map_or_else(|| file.start(), |at| file.place(at));
    let shown = Diagnostic::error(fault.code.code(), fault.message.clone()).at(place);
    match &fault.help {
        Some(help) => shown.help(help.clone()),
        None => shown,
    }
}
