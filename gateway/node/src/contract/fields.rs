// SPDX-License-Identifier: Apache-2.0
//! One table of a TOML file: what it must have, what it may have, and what it may not.

use std::collections::BTreeSet;
use std::ops::Range;

use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A table, its faults, and which of its names were asked for.
pub(super) struct Fields<'t, 'd> {
    pub(super) file: &'t TextFile,
    pub(super) code: &'static str,
    pub(super) faults: &'d mut Diagnostics,
    table: &'t DeTable<'t>,
    span: Range<usize>,
    asked: BTreeSet<&'static str>,
}

impl<'t, 'd> Fields<'t, 'd> {
    pub(super) fn new(
        file: &'t TextFile,
        code: &'static str,
        faults: &'d mut Diagnostics,
        table: &'t DeTable<'t>,
        span: Range<usize>,
    ) -> Self {
        Self {
            file,
            code,
            faults,
            table,
            span,
            asked: BTreeSet::new(),
        }
    }

    pub(super) fn fault(&mut self, at: Range<usize>, message: impl Into<String>) {
        let place = self.file.place(at);
        self.faults
            .push(Diagnostic::error(self.code, message).at(place));
    }

    fn find(&mut self, name: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.insert(name);
        self.table.get(name)
    }

    /// A value that must be there.
    pub(super) fn must<T>(&mut self, name: &'static str, found: Option<T>) -> Option<T> {
        if found.is_none() && !self.table.contains_key(name) {
            self.fault(self.span.clone(), format!("`{name}` is missing"));
        }
        found
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<(&'t str, Range<usize>)> {
        let value = self.find(name)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text, value.span())),
            _ => {
                self.fault(value.span(), format!("`{name}` must be text"));
                None
            }
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> bool {
        match self.find(name).map(|value| (value.get_ref(), value.span())) {
            None => false,
            Some((DeValue::Boolean(flag), _)) => *flag,
            Some((_, span)) => {
                self.fault(span, format!("`{name}` must be true or false"));
                false
            }
        }
    }

    pub(super) fn number(&mut self, name: &'static str, within: Range<u64>) -> Option<u64> {
        let value = self.find(name)?;
        let number = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse::<u64>().ok(),
            _ => None,
        };
        let number = number.filter(|number| within.contains(number));
        if number.is_none() {
            let (least, most) = (within.start, within.end - 1);
            let message = format!("`{name}` must be a number from {least} to {most}");
            self.fault(value.span(), message);
        }
        number
    }

    pub(super) fn table(&mut self, name: &'static str) -> Option<(&'t DeTable<'t>, Range<usize>)> {
        let value = self.find(name)?;
        match value.get_ref() {
            DeValue::Table(table) => Some((table, value.span())),
            _ => {
                self.fault(value.span(), format!("`{name}` must be a table"));
                None
            }
        }
    }

    /// Names what nobody asked for.
    pub(super) fn finish(self) {
        for (name, _) in self.table {
            if self.asked.contains(&**name.get_ref()) {
                continue;
            }
            let fault = Diagnostic::error(
                self.code,
                format!("`{}` does not belong here", name.get_ref()),
            );
            let known = self.asked.iter().copied();
            let fault = fault.did_you_mean(name.get_ref(), known);
            self.faults.push(fault.at(self.file.place(name.span())));
        }
    }
}
