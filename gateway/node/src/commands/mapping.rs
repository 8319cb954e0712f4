// SPDX-License-Identifier: Apache-2.0
//! `silsila mapping check|test`: a pack without a database, with or without a configuration.

use std::path::{Path, PathBuf};

use serde::Serialize;
use silsila_diagnostics::Diagnostics;
use silsila_mapping::{Pack, PackFile, PackSettings, TestFailure, run_tests};

use super::{load, print, print_json};
use crate::cli::PackArgs;
use crate::exit::{Exit, Failure};
use crate::pack;

/// The pack's folder and what the configuration adds. A folder on the command line needs no
/// configuration; one named by `--config` still fills in the hospital's own addresses.
fn which(config: Option<&Path>, args: &PackArgs) -> Result<(PathBuf, PackSettings), Failure> {
    match (&args.pack, config) {
        (Some(folder), None) => Ok((folder.clone(), pack::stand_in())),
        (folder, config) => {
            let settings = load(config)?.settings;
            let configured = settings.mapping.as_ref().map(|mapping| &mapping.pack);
            let folder = folder.as_ref().or(configured).cloned().unwrap_or_default();
            Ok((folder, pack::settings(&settings)))
        }
    }
}

fn compile(files: &[PackFile], settings: &PackSettings, json: bool) -> Option<Pack> {
    match Pack::compile(files, settings) {
        Ok(pack) => Some(pack),
        Err(faults) => {
            print(&if json {
                faults.to_json()
            } else {
                faults.to_string()
            });
            None
        }
    }
}

pub(super) fn check(config: Option<&Path>, args: &PackArgs) -> Result<Exit, Failure> {
    let (folder, settings) = which(config, args)?;
    let files = pack::read(&folder)?;
    let Some(pack) = compile(&files, &settings, args.output.json) else {
        return Ok(Exit::Found);
    };
    if args.output.json {
        print(&Diagnostics::new().to_json());
    } else {
        let count = pack.mappings().len();
        let mappings = if count == 1 { "mapping" } else { "mappings" };
        print(&format!("{count} {mappings}, nothing wrong"));
    }
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct ShownTests {
    passed: usize,
    failed: Vec<ShownFailure>,
}

#[derive(Serialize)]
struct ShownFailure {
    name: String,
    file: String,
    line: u32,
    column: u32,
    difference: String,
}

impl From<TestFailure> for ShownFailure {
    fn from(failure: TestFailure) -> Self {
        Self {
            name: failure.name,
            file: failure.place.file.to_string(),
            line: failure.place.line,
            column: failure.place.column,
            difference: failure.diff,
        }
    }
}

pub(super) fn test(config: Option<&Path>, args: &PackArgs) -> Result<Exit, Failure> {
    let (folder, settings) = which(config, args)?;
    let files = pack::read(&folder)?;
    let Some(pack) = compile(&files, &settings, args.output.json) else {
        return Ok(Exit::Found);
    };
    let report = run_tests(&pack);
    let shown = ShownTests {
        passed: report.passed,
        failed: report.failures.into_iter().map(Into::into).collect(),
    };
    if args.output.json {
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

fn text(shown: &ShownTests) -> String {
    let mut lines = Vec::new();
    for ShownFailure {
        name,
        file,
        line,
        column,
        difference,
    } in &shown.failed
    {
        lines.push(format!(
            "failed: {name}\n  --> {file}:{line}:{column}\n{difference}"
        ));
    }
    lines.push(format!(
        "{} passed, {} failed",
        shown.passed,
        shown.failed.len()
    ));
    lines.join("\n")
}
