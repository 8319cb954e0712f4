// SPDX-License-Identifier: Apache-2.0
//! Reads a mapping pack's folder. The engine itself touches no disk.

use std::fs;
use std::path::{Path, PathBuf};

use silsila_config::{Hospital, Settings};
use silsila_diagnostics::{Diagnostic, Diagnostics};
use silsila_mapping::{Organization, Pack, PackFile, PackSettings};

use crate::exit::Failure;

/// Largest file of a pack that is read: code tables are small, and a stray dump must not fill memory.
const LARGEST: u64 = 32 << 20;

/// Every `*.yaml`, `*.yml` and `*.csv` file below a folder, in path order; hidden ones are left out.
///
/// # Errors
/// Every file or folder that cannot be read, at once.
pub fn read(folder: &Path) -> Result<Vec<PackFile>, Diagnostics> {
    let (mut files, mut faults) = (Vec::new(), Diagnostics::new());
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        match list(&folder) {
            Ok(paths) => {
                for path in paths {
                    if path.is_dir() {
                        folders.push(path);
                    } else if is_ours(&path) {
                        match read_file(&path) {
                            Ok(file) => files.push(file),
                            Err(reason) => faults.push(unreadable(&path, &reason)),
                        }
                    }
                }
            }
            Err(reason) => faults.push(unreadable(&folder, &reason.to_string())),
        }
    }
    if files.is_empty() && faults.is_empty() {
        faults.push(unreadable(folder, "there is no *.yaml file in it"));
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    faults.into_result(files)
}

fn list(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let paths: Vec<PathBuf> = entries.collect::<Result<_, _>>()?;
    let hidden = |path: &Path| {
        path.file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
    };
    Ok(paths.into_iter().filter(|path| !hidden(path)).collect())
}

fn is_ours(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "csv"]
            .iter()
            .any(|known| extension == *known)
    })
}

fn read_file(path: &Path) -> Result<PackFile, String> {
    let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > LARGEST {
        return Err(format!("it is larger than {LARGEST} bytes"));
    }
    let text = fs::read_to_string(path).map_err(|error| error.to_string())?;
    Ok(PackFile {
        path: path.display().to_string(),
        text,
    })
}

fn unreadable(path: &Path, reason: &str) -> Diagnostic {
    Diagnostic::error(
        "CLI0010",
        format!("the pack cannot be read: {}: {reason}", path.display()),
    )
    .help("name the folder that holds the mapping files")
}

/// The pack that the configuration names, compiled; an empty one where there is no source.
///
/// # Errors
/// Every fault of the pack, at once.
pub fn configured(all: &Settings) -> Result<Pack, Failure> {
    match &all.mapping {
        Some(mapping) => compile(&mapping.pack, &settings(all)),
        None => Ok(Pack::compile(&[], &settings(all))?),
    }
}

/// What the configuration adds to a pack.
#[must_use]
pub fn settings(settings: &Settings) -> PackSettings {
    let source = settings.sources.first().map(|source| source.name.clone());
    PackSettings {
        source: source.unwrap_or_default(),
        base_uri: settings.hospital.base_uri.clone(),
        hospital: settings.hospital.name.clone(),
        organization: organization(&settings.hospital),
    }
}

fn organization(hospital: &Hospital) -> Organization {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let address = hospital.address.clone().unwrap_or_default();
    Organization {
        name: hospital.name.clone(),
        identifier: hospital
            .identifier
            .as_ref()
            .map(|identifier| (identifier.system.clone(), identifier.value.clone())),
        phone: text(&hospital.phone),
        email: text(&hospital.email),
        address: text(&address.line),
        city: text(&address.city),
        country: text(&address.country),
    }
}

/// What stands in for the configuration where a pack is checked or tested without one.
#[must_use]
pub fn stand_in() -> PackSettings {
    PackSettings {
        source: "example".into(),
        base_uri: "https://hospital.example".into(),
        hospital: "Example Hospital".into(),
        organization: Organization::default(),
    }
}

/// Reads and compiles a pack.
///
/// # Errors
/// Every fault of every file.
pub fn compile(folder: &Path, settings: &PackSettings) -> Result<Pack, Failure> {
    Ok(Pack::compile(&read(folder)?, settings)?)
}
