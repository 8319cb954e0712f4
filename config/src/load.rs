// SPDX-License-Identifier: Apache-2.0
//! From a file to settings, or to all that is wrong with it.

use std::collections::BTreeSet;
use std::path::Path;

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use toml::de::DeTable;

use crate::places::Places;
use crate::reader::{Known, Reader};
use crate::settings::{AuthorityAlone, Settings};
use crate::{sections, validate};

/// A sound configuration, and where each of its settings stands.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// Where it says so, for faults found later (a folder that does not exist).
    pub places: Places,
    /// Every setting that the program understands; for the test that keeps the reference complete.
    pub known: BTreeSet<Known>,
}

/// Reads, parses and validates a configuration file.
///
/// # Errors
/// Every fault found; `CFG0001` alone where the file cannot be read.
pub fn load(file: &Path) -> Result<Loaded, Diagnostics> {
    let (name, text) = text_of(file)?;
    parse(&name, &text, folder_of(file))
}

/// Reads the configuration of a registration authority: a file of its own, or that of a gateway which
/// also has the section `[authority]`.
///
/// # Errors
/// As [`load`].
pub fn load_authority(file: &Path) -> Result<AuthorityAlone, Diagnostics> {
    let (name, text) = text_of(file)?;
    parse_authority(&name, &text, folder_of(file))
}

fn folder_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

fn text_of(file: &Path) -> Result<(String, String), Diagnostics> {
    let name = file.display().to_string();
    match std::fs::read_to_string(file) {
        Ok(text) => Ok((name, text)),
        Err(reason) => {
            let fault = Diagnostic::error(
                "CFG0001",
                format!("the configuration {name} cannot be read: {reason}"),
            )
            .help("name another with --config FILE, or in the variable SILSILA_CONFIG; docs/integrators/first-pack.md begins with a short one");
            Err([fault].into_iter().collect())
        }
    }
}

/// Parses the configuration of a registration authority.
///
/// # Errors
/// Every fault found, in the order of the file.
pub fn parse_authority(
    name: &str,
    text: &str,
    folder: &Path,
) -> Result<AuthorityAlone, Diagnostics> {
    let bare = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (table, errors) = DeTable::parse_recoverable(bare);
    if table.get_ref().contains_key("hospital") {
        let settings = parse(name, text, folder)?.settings;
        return settings.authority.map_or_else(
            || {
                let fault = Diagnostic::error("CFG0005", "the section [authority] is missing")
                    .help("it must set folder; config/reference.toml shows it");
                Err([fault].into_iter().collect())
            },
            |authority| {
                Ok(AuthorityAlone {
                    authority,
                    log: settings.log,
                })
            },
        );
    }
    let mut reader = Reader::new(TextFile::new(name, bare));
    for error in errors {
        reader.syntax(error.message(), error.span().unwrap_or(0..0));
    }
    let alone = sections::read_authority(&mut reader, table.get_ref(), folder);
    reader.report_unknown();
    reader.faults.into_result(alone)
}

/// Parses and validates a configuration; `name` is what faults call the file, `folder` what its
/// relative paths are relative to.
///
/// # Errors
/// Every fault found, in the order of the file.
pub fn parse(name: &str, text: &str, folder: &Path) -> Result<Loaded, Diagnostics> {
    // An editor's byte order mark is not a fault of the person who wrote the rest.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let file = TextFile::new(name, text);
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut reader = Reader::new(file.clone());
    for error in errors {
        reader.syntax(error.message(), error.span().unwrap_or(0..0));
    }
    let settings = sections::read(&mut reader, table.get_ref(), folder);
    validate::validate(&settings, &mut reader);
    reader.report_unknown();
    let Reader {
        places,
        faults,
        known,
        ..
    } = reader;
    faults.into_result(Loaded {
        settings,
        places,
        known,
    })
}
