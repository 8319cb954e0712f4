// SPDX-License-Identifier: Apache-2.0
//! `silsila-rh-check DEFINITIONS FILE...` holds every resource of the files, one to a line, to the R4 base profile of
//! its type, and vital signs to R4's profile of theirs, with the validator `rh-validator`.
//!
//! DEFINITIONS is a folder with the files of HL7's package (`StructureDefinition-*.json`, `ValueSet-*.json`,
//! `CodeSystem-*.json`) and its examples of Observation and Encounter. Before anything is judged, the validator must find
//! known faults in resources made for that; what `exceptions.csv` blames on the validator itself it must say of
//! resources that are right. The program ends with 0 when every remark is explained there.
//!
//! Remarks may quote values: run it over invented data, or where those may be read.

mod exceptions;
mod faults;
mod judge;
mod sound;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser;

use crate::exceptions::Exceptions;
use crate::judge::{Judge, Remarks};

/// Holds FHIR resources to the R4 base profiles.
#[derive(Parser)]
struct Arguments {
    /// The folder of HL7's definitions.
    definitions: PathBuf,
    /// Files with one resource on a line.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let judge = Judge::over(&arguments.definitions)?;
    faults::must_be_found(&judge)?;
    let exceptions = Exceptions::read()?;
    let sound = sound::remarks(&judge, &arguments.definitions)?;
    let mut verdicts = Verdicts::default();
    for file in &arguments.files {
        let began = Instant::now();
        let (count, remarks) = judged(&judge, file)?;
        let took = began.elapsed().as_secs_f32();
        println!("\n{}: {count} resources in {took:.1} s", file.display());
        for (remark, times) in remarks.iter() {
            let verdict = verdicts.number(exceptions.explain(remark, &sound));
            println!("{times:>7} {verdict} {remark}");
        }
    }
    for (n, why) in verdicts.reasons.iter().enumerate() {
        println!("{}[{}] {why}", if n == 0 { "\n" } else { "" }, n + 1);
    }
    Ok(match verdicts.unexplained {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// The reasons met so far.
#[derive(Default)]
struct Verdicts<'e> {
    reasons: Vec<&'e str>,
    unexplained: bool,
}

impl<'e> Verdicts<'e> {
    /// A reason's number as it is printed, or that there is none.
    fn number(&mut self, why: Option<&'e str>) -> String {
        let Some(why) = why else {
            self.unexplained = true;
            return "NOT EXPLAINED:".to_owned();
        };
        let known = self.reasons.iter().position(|reason| *reason == why);
        let at = known.unwrap_or_else(|| {
            self.reasons.push(why);
            self.reasons.len() - 1
        });
        format!("[{}]", at + 1)
    }
}

/// How many resources a file holds, and what is said of them.
fn judged(judge: &Judge, file: &Path) -> Result<(usize, Remarks)> {
    let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let mut remarks = Remarks::default();
    for (number, line) in text.lines().enumerate() {
        let place = || format!("{}:{}", file.display(), number + 1);
        let resource = serde_json::from_str(line).with_context(place)?;
        judge.look(&resource, &mut remarks)?;
    }
    Ok((text.lines().count(), remarks))
}
