// SPDX-License-Identifier: Apache-2.0
//! One section of the file: asks for its settings by name and reports what it does not get.

use silsila_diagnostics::Diagnostic;
use toml::de::{DeTable, DeValue};

use crate::reader::{Known, Reader, Unknown};
use crate::values::{Read, Refused};

/// One table of the file, or the absence of one.
pub(crate) struct Section<'r, 'd> {
    reader: &'r mut Reader,
    path: String,
    pattern: String,
    table: Option<&'d DeTable<'d>>,
    must: bool,
    asked: Vec<&'static str>,
    missing: Vec<&'static str>,
    /// The kind that the section's settings are those of, where it has one.
    kind: Option<&'static str>,
    names_judged: bool,
}

/// The settings that only one kind of a section has: `source.NAME(mysql)`.
pub(crate) fn of_kind(pattern: &str, kind: &str) -> String {
    format!("{pattern}({kind})")
}

pub(crate) fn join(section: &str, name: &str) -> String {
    if section.is_empty() {
        name.to_owned()
    } else {
        format!("{section}.{name}")
    }
}

impl<'r, 'd> Section<'r, 'd> {
    pub(crate) fn new(
        reader: &'r mut Reader,
        path: String,
        pattern: String,
        table: Option<&'d DeTable<'d>>,
        must: bool,
    ) -> Self {
        Self {
            reader,
            path,
            pattern,
            table,
            must,
            asked: Vec::new(),
            missing: Vec::new(),
            kind: None,
            names_judged: true,
        }
    }

    /// Reads settings that only sections of one kind have.
    pub(crate) fn of_kind<T>(
        &mut self,
        kind: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let pattern = of_kind(&self.pattern, kind);
        let common = std::mem::replace(&mut self.pattern, pattern);
        let value = read(self);
        self.pattern = common;
        self.kind = Some(kind);
        value
    }

    /// What this section may hold cannot be told: no name in it is called unknown.
    pub(crate) fn judge_no_names(&mut self) {
        self.names_judged = false;
    }

    /// What a setting says if it is text, before anybody asks for it.
    pub(crate) fn text(&self, key: &str) -> Option<&'d str> {
        self.table?.get(key)?.get_ref().as_str()
    }

    /// Whether something was found wrong with a setting of this section.
    pub(crate) fn is_faulty(&self, key: &str) -> bool {
        !self.reader.sound(&self.name_of(key))
    }

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
        let (path, pattern) = (join(&self.path, key), join(&self.pattern, key));
        Section::new(self.reader, path, pattern, table, must)
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
        let (path, pattern) = (join(&self.path, name), join(&self.pattern, "NAME"));
        Section::new(self.reader, path, pattern, table, true)
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
        let Some(table) = self.table.filter(|_| self.names_judged) else {
            return;
        };
        for (name, _) in table.iter() {
            if !self.asked.contains(&name.get_ref().as_ref()) {
                self.reader.unknown.push(Unknown {
                    section: self.path.clone(),
                    pattern: self.pattern.clone(),
                    kind: self.kind,
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

    /// Refuses a secret written into the file, under its own code; `instead` is the setting for its file.
    pub(crate) fn refuse_secret(&mut self, key: &'static str, instead: &str) {
        self.asked.push(key);
        let Some((name, _)) = self.table.and_then(|table| table.get_key_value(key)) else {
            return;
        };
        let path = join(&self.path, key);
        self.reader.places.spans.insert(path.clone(), name.span());
        let fault = Diagnostic::error(
            "CFG0008",
            format!("the {key} itself stands in the configuration"),
        )
        .help(format!(
            "write it into a file that only the gateway can read, and set {instead}"
        ));
        self.reader.fault(&path, fault);
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
