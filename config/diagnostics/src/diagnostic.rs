// SPDX-License-Identifier: Apache-2.0
//! One problem, and a collection of them.

use crate::Place;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Nothing can start until it is mended.
    Error,
    /// It works, and it should not stay so.
    Warning,
    /// Something to know.
    Note,
}

impl Severity {
    /// The word shown: `error`, `warning`, `note`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One problem with a stable code, a place where there is one, and help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable code such as `MAP0003`; its page is `docs/errors/MAP0003.md`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Option<Place>,
    /// What is wrong, in one line that starts in lower case and ends without a full stop.
    pub message: String,
    /// What to do about it.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error without a place yet.
    #[must_use]
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A warning without a place yet.
    #[must_use]
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    /// A note without a place yet.
    #[must_use]
    pub fn note(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(Severity::Note, code, message)
    }

    fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            place: None,
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds a line of help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Adds `did you mean "..."?` where one of the candidates is close to `name`.
    #[must_use]
    pub fn did_you_mean<'a>(
        self,
        name: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        match crate::suggest(name, candidates) {
            Some(near) => self.help(format!("did you mean {near:?}?")),
            None => self,
        }
    }

    /// File, line, column, then code: the order in which diagnostics are shown. Those without a place
    /// come last.
    fn order(&self) -> impl Ord + '_ {
        let place = self.place.as_ref().map(|p| (&*p.file, p.line, p.column));
        (
            place.is_none(),
            place,
            self.severity,
            self.code,
            &self.message,
        )
    }
}

/// All problems found in one go, kept in the order in which they are shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, at its place in the order; the very same problem is kept once.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self.0.partition_point(|d| d.order() < diagnostic.order());
        if self.0.get(at) != Some(&diagnostic) {
            self.0.insert(at, diagnostic);
        }
    }

    /// Whether nothing was found at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are, of every severity.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether any of them is an error.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// How many have that severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.0.iter().filter(|d| d.severity == severity).count()
    }

    /// In the order shown.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// `Err(self)` if there are errors, else the value; warnings and notes are dropped with it.
    ///
    /// # Errors
    /// The whole collection, when it holds at least one error.
    pub fn into_result<T>(self, value: T) -> Result<T, Self> {
        if self.has_errors() {
            Err(self)
        } else {
            Ok(value)
        }
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut all = Self::new();
        all.extend(diagnostics);
        all
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TextFile;

    #[test]
    fn diagnostics_come_out_by_place_whatever_the_order_they_went_in() {
        let file = TextFile::new("a.toml", "x = 1\ny = 2\n");
        let late = Diagnostic::error("CFG0002", "later").at(file.place(6..7));
        let early = Diagnostic::warning("CFG0001", "earlier").at(file.place(0..1));
        let nowhere = Diagnostic::error("CFG0018", "no place");
        let all: Diagnostics = [nowhere.clone(), late.clone(), early.clone(), late.clone()]
            .into_iter()
            .collect();
        assert_eq!(
            all.iter().cloned().collect::<Vec<_>>(),
            [early, late, nowhere]
        );
    }

    #[test]
    fn warnings_alone_are_no_errors() {
        let warned: Diagnostics = [Diagnostic::warning("CFG0001", "x")].into_iter().collect();
        assert_eq!(warned.clone().into_result(7), Ok(7));
        let failed: Diagnostics = [Diagnostic::error("CFG0001", "x")].into_iter().collect();
        assert_eq!(failed.clone().into_result(7), Err(failed));
        assert!(!warned.has_errors());
    }
}
