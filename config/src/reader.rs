// SPDX-License-Identifier: Apache-2.0
//! Reads settings out of a parsed file one by one, remembering where each stood and what was asked for.
//!
//! A fault never stops the reading: the setting gets a stand-in value and the fault is kept. Since a
//! configuration with faults is never returned, no stand-in is ever used; the rules of `validate` ask
//! [`Reader::sound`] before they judge a setting, so that one mistake is reported once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile, suggest};
use toml::de::DeTable;

use crate::places::{Places, guarded};
use crate::section::{Section, join, of_kind};
use crate::source::ReadKind;

/// A setting that the program understands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Its full name, such as `listen.address`; a source's own name reads `NAME`, and a setting that only
    /// sources of one kind have is `source.NAME(mysql).host`.
    pub path: String,
    /// Whether it must be set (where its section is).
    pub required: bool,
}

pub(crate) struct Reader {
    pub(crate) places: Places,
    pub(crate) faults: Diagnostics,
    pub(crate) known: BTreeSet<Known>,
    pub(crate) broken: BTreeSet<String>,
    pub(crate) unknown: Vec<Unknown>,
}

pub(crate) struct Unknown {
    pub(crate) section: String,
    pub(crate) pattern: String,
    pub(crate) kind: Option<&'static str>,
    pub(crate) name: String,
    pub(crate) span: Range<usize>,
}

impl Reader {
    pub(crate) fn new(file: TextFile) -> Self {
        Self {
            places: Places {
                file,
                spans: BTreeMap::new(),
            },
            faults: Diagnostics::new(),
            known: BTreeSet::new(),
            broken: BTreeSet::new(),
            unknown: Vec::new(),
        }
    }

    /// The file's outermost table.
    pub(crate) fn root<'r, 'd>(&'r mut self, table: &'d DeTable<'d>) -> Section<'r, 'd> {
        Section::new(self, String::new(), String::new(), Some(table), true)
    }

    /// Learns the settings of every kind of source, also of those that this file does not have.
    pub(crate) fn learn_kinds(&mut self, folder: &Path, kinds: &[(&str, ReadKind)]) {
        let mut scratch = Self::new(self.places.file.clone());
        for (kind, read) in kinds {
            let pattern = of_kind("source.NAME", kind);
            let mut section = Section::new(&mut scratch, String::new(), pattern, None, false);
            read(&mut section, folder);
        }
        self.known.append(&mut scratch.known);
    }

    /// Whether nothing was found wrong with a setting so far.
    pub(crate) fn sound(&self, setting: &str) -> bool {
        !self.broken.contains(setting)
    }

    /// Reports a fault of one setting.
    pub(crate) fn fault(&mut self, setting: &str, fault: Diagnostic) {
        self.broken.insert(setting.to_owned());
        let place = self.places.of(setting);
        self.faults.push(fault.at(place));
    }

    /// Whether the file sets a setting, rightly or wrongly.
    pub(crate) fn has(&self, setting: &str) -> bool {
        self.places.spans.contains_key(setting)
    }

    /// Reports what the TOML parser found.
    pub(crate) fn syntax(&mut self, message: &str, span: Range<usize>) {
        let file = &self.places.file;
        let fault = if message == "duplicate key" {
            let name = file.text().get(span.clone()).unwrap_or_default();
            Diagnostic::error("CFG0004", format!("{name:?} is set twice"))
                .help("keep one of the two lines")
        } else {
            Diagnostic::error("CFG0002", format!("this is not TOML: {message}"))
        };
        let place = guarded(file.place(span));
        self.faults.push(fault.at(place));
    }

    /// Reports what nobody asked for. Called last, when all known names have been asked for.
    pub(crate) fn report_unknown(&mut self) {
        for unknown in std::mem::take(&mut self.unknown) {
            let fault = self.explain(&unknown);
            let place = guarded(self.places.file.place(unknown.span));
            self.faults.push(fault.at(place));
        }
    }

    fn explain(&self, unknown: &Unknown) -> Diagnostic {
        let Unknown {
            section,
            pattern,
            kind,
            name,
            ..
        } = unknown;
        let full = join(pattern, name);
        if self
            .known
            .iter()
            .any(|k| k.path.starts_with(&format!("{full}.")))
        {
            return Diagnostic::error("CFG0006", format!("{name:?} is a section, not a setting"))
                .help(format!(
                    "write a line [{}] and its settings below",
                    join(section, name)
                ));
        }
        let (message, siblings) = if section.is_empty() {
            (
                format!("no section [{name}] is known"),
                self.names_in(pattern),
            )
        } else {
            (
                format!("the section [{section}] has no setting {name:?}"),
                self.names_in(pattern)
                    .into_iter()
                    .chain(
                        kind.iter()
                            .flat_map(|kind| self.names_in(&of_kind(pattern, kind))),
                    )
                    .collect(),
            )
        };
        let fault = Diagnostic::error("CFG0003", message);
        if let Some(near) = suggest(name, siblings.iter().copied()) {
            return fault.help(format!("did you mean {near:?}?"));
        }
        let homes: Vec<String> = self
            .known
            .iter()
            .filter_map(|known| known.path.rsplit_once('.'))
            .filter(|(_, last)| last == name)
            .map(|(home, _)| shown(home))
            .collect();
        if homes.is_empty() {
            fault.help(format!(
                "known here: {}",
                siblings.into_iter().collect::<Vec<_>>().join(", ")
            ))
        } else {
            fault.help(format!("{name:?} belongs in {}", homes.join(" or ")))
        }
    }

    /// The names of settings and sections directly inside a section.
    fn names_in(&self, pattern: &str) -> BTreeSet<&str> {
        self.known
            .iter()
            .filter_map(|known| match pattern {
                "" => Some(known.path.as_str()),
                _ => known.path.strip_prefix(pattern)?.strip_prefix('.'),
            })
            .filter_map(|rest| rest.split('.').next())
            .collect()
    }
}

/// A section as it is spoken of: `[listen]`, `[source.NAME] of kind "mysql"`.
fn shown(pattern: &str) -> String {
    match pattern.trim_end_matches(')').split_once('(') {
        Some((section, kind)) => format!("[{section}] of kind {kind:?}"),
        None => format!("[{pattern}]"),
    }
}
