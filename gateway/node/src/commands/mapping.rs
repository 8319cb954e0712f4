// SPDX-License-Identifier: Apache-2.0
//! `silsila mapping check|test`: a pack without a database, with or without a configuration.

use std::path::{Path, PathBuf};

use silsila_diagnostics::Diagnostics;
use silsila_mapping::{Pack, PackFile, PackSettings};

use super::{load, print};
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
            let folder = folder
                .clone()
                .unwrap_or_else(|| settings.mapping.pack.clone());
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
        print(&format!(
            "{} mappings, nothing wrong",
            pack.mappings().len()
        ));
    }
    Ok(Exit::Ok)
}

pub(super) fn test(config: Option<&Path>, args: &PackArgs) -> Result<Exit, Failure> {
    let (folder, settings) = which(config, args)?;
    let files = pack::read(&folder)?;
    let Some(_pack) = compile(&files, &settings, args.output.json) else {
        return Ok(Exit::Found);
    };
    Ok(Exit::Ok)
}
