// SPDX-License-Identifier: Apache-2.0
//! From a file to settings, or to all that is wrong with it.

use std::collections::BTreeSet;
use std::path::Path;

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use toml::de::DeTable;

use crate::places::Places;
use crate::reader::{Known, Reader};
use crate::settings::Settings;
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
    let name = file.display().to_string();
    let unreadable = |reason: String| -> Diagnostics {
        let fault = Diagnostic::error(
            "CFG0001",
            format!("the configuration {name} cannot be read: {reason}"),
        )
        .help("name another with --config FILE, or in the variable SILSILA_CONFIG; docs/integrators/first-pack.md begins with a short one");
        [fault].into_iter().collect()
    };
    let text = std::fs::read_to_string(file).map_err(|reason| unreadable(reason.to_string()))?;
    parse(&name, &text, file.parent().unwrap_or(Path::new("")))
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
