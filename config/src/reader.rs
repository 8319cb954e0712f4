// SPDX-License-Identifier: Apache-2.0
//! Reads settings out of a parsed file one by one, remembering where each stood and what was asked for.
//!
//! A fault never stops the reading: the setting gets a stand-in value and the fault is kept. Since a
//! configuration with faults is never returned, no stand-in is ever used; the rules of `validate` ask
//! [`Reader::sound`] before they judge a setting, so that one mistake is reported once.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use silsila_diagnostics::{Diagnostic, Diagnostics, Place, TextFile, suggest};
use toml::de::{DeTable, DeValue};

use crate::values::{Read, Refused};

/// Where each setting stands in its file.
#[derive(Debug, Clone)]
pub struct Places {
    file: TextFile,
    spans: BTreeMap<String, Range<usize>>,
}

/// A setting that the program understands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Known {
    /// Its full name, such as `listen.address`; a source's own name reads `NAME`.
    pub path: String,
    /// Whether it must be set (where its section is).
    pub required: bool,
}

impl Places {
    /// Where a setting, or else the nearest section around it, stands.
    #[must_use]
    pub fn of(&self, setting: &str) -> Place {
        let mut name = setting;
        loop {
            if let Some(span) = self.spans.get(name) {
                return guarded(self.file.place(span.clone()));
            }
            match name.rsplit_once('.') {
                Some((section, _)) => name = section,
                None => return self.file.start().without_text(),
            }
        }
    }
}

/// A line that may hold a secret is not shown: somebody may have written the password itself.
fn guarded(place: Place) -> Place {
    let line = place.text.as_deref().unwrap_or_default().to_lowercase();
    let key = line.split('=').next().unwrap_or_default().trim();
    const WORDS: [&str; 3] = ["password", "secret", "token"];
    let secret = WORDS.iter().any(|word| key.contains(word)) || suggest(key, WORDS).is_some();
    if secret && !key.ends_with("_file") {
        place.without_text()
    } else {
        place
    }
}

pub(crate) struct Reader {
    pub(crate) places: Places,
    pub(crate) faults: Diagnostics,
    pub(crate) known: BTreeSet<Known>,
    broken: BTreeSet<String>,
    unknown: Vec<Unknown>,
}

struct Unknown {
    section: String,
    pattern: String,
    name: String,
    span: Range<usize>,
}

/// One table of the file, or the absence of one.
pub(crate) struct Section<'r, 'd> {
    reader: &'r mut Reader,
    path: String,
    pattern: String,
    table: Option<&'d DeTable<'d>>,
    must: bool,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
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
        Section {
            reader: self,
            path: String::new(),
            pattern: String::new(),
            table: Some(table),
            must: true,
            asked: Vec::new(),
            missing: Vec::new(),
        }
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
                self.names_in(pattern),
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
            .map(|(home, _)| format!("[{home}]"))
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

fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

impl<'d> Section<'_, 'd> {
    /// Whether the file has this section.
    pub(crate) fn present(&self) -> bool {
        self.table.is_some()
    }

    /// Full name of a setting of this section.
    pub(crate) fn name_of(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(crate) fn reader(&mut self) -> &mut Reader {
        self.reader
    }

    /// A setting that must be there; `stand_in` is what a faulty file gets.
    pub(crate) fn required<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Read<T>,
        stand_in: T,
    ) -> T {
        match self.look_up(key, true) {
            Some(value) => self.read(key, value, read).unwrap_or(stand_in),
            None => {
                self.missing.push(key);
                let path = self.name_of(key);
                self.reader.broken.insert(path);
                stand_in
            }
        }
    }

    /// A setting with a default.
    pub(crate) fn defaulted<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Read<T>,
        default: T,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// A setting that may be absent.
    pub(crate) fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Read<T>,
    ) -> Option<T> {
        let value = self.look_up(key, false)?;
        self.read(key, value, read)
    }

    /// A section inside this one. Where `must` is false it may be absent as a whole.
    pub(crate) fn section(&mut self, key: &'static str, must: bool) -> Section<'_, 'd> {
        self.asked.push(key);
        let table = self.table_named(key);
        Section {
            path: join(&self.path, key),
            pattern: join(&self.pattern, key),
            reader: self.reader,
            table,
            must,
            asked: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Names of the sections inside this one where the operator chooses them. A setting that stands
    /// beside them is in the wrong place.
    pub(crate) fn chosen_names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        for (name, value) in self.table.into_iter().flat_map(DeTable::iter) {
            let text = name.get_ref().to_string();
            if value.get_ref().is_table() {
                names.push(text);
                continue;
            }
            let path = join(&self.path, &text);
            self.reader.places.spans.insert(path.clone(), name.span());
            let fault = Diagnostic::error(
                "CFG0003",
                format!("the section [{}] has no settings of its own", self.path),
            )
            .help(format!("write {text} below a line [{}.NAME]", self.path));
            self.reader.fault(&path, fault);
        }
        names
    }

    /// The section of a name the operator chose.
    pub(crate) fn chosen(&mut self, name: &str) -> Section<'_, 'd> {
        let table = self.table_named(name);
        Section {
            path: join(&self.path, name),
            pattern: join(&self.pattern, "NAME"),
            reader: self.reader,
            table,
            must: true,
            asked: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// Closes the section: reports what was missing, notes what nobody asked for.
    pub(crate) fn finish(self) {
        let whole = self.table.is_none();
        let judged = !self.reader.sound(&self.path);
        if whole && self.must && !judged && !self.missing.is_empty() {
            let fault =
                Diagnostic::error("CFG0005", format!("the section [{}] is missing", self.path))
                    .help(format!("it must set {}", self.missing.join(", ")));
            self.reader.fault(&self.path, fault);
        }
        for key in self.missing.iter().filter(|_| !whole) {
            let path = join(&self.path, key);
            let fault = Diagnostic::error(
                "CFG0005",
                format!("the section [{}] does not set {key:?}", self.path),
            )
            .help(format!(
                "add a line {key} = ..., as config/reference.toml shows"
            ));
            self.reader.fault(&path, fault);
        }
        let Some(table) = self.table else { return };
        for (name, _) in table.iter() {
            if !self.asked.contains(&name.get_ref().as_ref()) {
                self.reader.unknown.push(Unknown {
                    section: self.path.clone(),
                    pattern: self.pattern.clone(),
                    name: name.get_ref().to_string(),
                    span: name.span(),
                });
            }
        }
    }

    /// `[source.mirpurkhas]`
    pub(crate) fn title(&self) -> String {
        format!("[{}]", self.path)
    }

    /// Refuses a secret written into the file, under its own code; says whether there was one.
    pub(crate) fn refuse_secret(&mut self, key: &'static str) -> bool {
        self.asked.push(key);
        let Some((name, _)) = self.table.and_then(|table| table.get_key_value(key)) else {
            return false;
        };
        let path = join(&self.path, key);
        self.reader.places.spans.insert(path.clone(), name.span());
        let fault = Diagnostic::error(
            "CFG0008",
            format!("the {key} itself stands in the configuration"),
        )
        .help(format!(
            "write it into a file that only the gateway can read, and set {key}_file"
        ));
        self.reader.fault(&path, fault);
        true
    }

    fn look_up(&mut self, key: &'static str, required: bool) -> Option<&'d DeValue<'d>> {
        self.asked.push(key);
        let path = join(&self.pattern, key);
        self.reader.known.insert(Known { path, required });
        let (name, value) = self.table?.get_key_value(key)?;
        let span = if matches!(value.get_ref(), DeValue::Table(_)) {
            name.span()
        } else {
            value.span()
        };
        self.reader.places.spans.insert(join(&self.path, key), span);
        Some(value.get_ref())
    }

    fn read<T>(
        &mut self,
        key: &str,
        value: &DeValue<'_>,
        read: impl Fn(&DeValue<'_>) -> Read<T>,
    ) -> Option<T> {
        let fault = match read(value) {
            Ok(value) => return Some(value),
            Err(Refused::Type(wanted)) => {
                let message = format!(
                    "{key} is {}, not {}",
                    article(value.type_str()),
                    wanted_short(wanted)
                );
                Diagnostic::error("CFG0006", message).help(format!("write {wanted}"))
            }
            Err(Refused::Value(problem, help)) => {
                Diagnostic::error("CFG0007", format!("{key}: {problem}")).help(help)
            }
        };
        let path = join(&self.path, key);
        self.reader.fault(&path, fault);
        None
    }

    fn table_named(&mut self, key: &str) -> Option<&'d DeTable<'d>> {
        let (name, value) = self.table?.get_key_value(key)?;
        let path = join(&self.path, key);
        self.reader.places.spans.insert(path.clone(), name.span());
        let table = value.get_ref().as_table();
        if table.is_none() {
            let fault =
                Diagnostic::error("CFG0006", format!("{key:?} is a section, not a setting"))
                    .help(format!("write a line [{path}] and its settings below"));
            self.reader.fault(&path, fault);
        }
        table
    }
}

fn article(kind: &'static str) -> String {
    let an = kind.starts_with(['a', 'i']);
    format!("{} {kind}", if an { "an" } else { "a" })
}

/// What was wanted without its example.
fn wanted_short(wanted: &'static str) -> &'static str {
    wanted.split(", such as").next().unwrap_or(wanted)
}
