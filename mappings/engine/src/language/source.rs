// SPDX-License-Identifier: Apache-2.0
//! Places of diagnostics: in a file, and inside an expression that YAML has folded or unescaped.

use std::ops::Range;

use silsila_diagnostics::{Diagnostic, Diagnostics, Place, TextFile};

use super::yaml::{Node, source_offset};

/// A file under examination and what was found in it so far.
pub(crate) struct Report<'r> {
    pub file: &'r TextFile,
    pub found: &'r mut Diagnostics,
}

impl Report<'_> {
    /// Places a problem and keeps it.
    pub fn add(&mut self, span: &Range<usize>, problem: Diagnostic) {
        self.found.push(problem.at(self.file.place(span.clone())));
    }

    pub fn error(&mut self, span: &Range<usize>, code: &'static str, message: impl Into<String>) {
        self.add(span, Diagnostic::error(code, message));
    }
}

/// An expression in a scalar of a file.
#[derive(Clone, Copy)]
pub(crate) struct Site<'s> {
    pub file: &'s TextFile,
    pub node: &'s Node,
}

impl Site<'_> {
    /// The place of a range of bytes of the scalar's text.
    pub fn place(&self, within: Range<usize>) -> Place {
        let text = self.file.text();
        let start = source_offset(text, self.node, within.start);
        let last = within.end.saturating_sub(1).max(within.start);
        let end = source_offset(text, self.node, last).max(start) + 1;
        self.file
            .place(start..text.ceil_char_boundary(end.min(text.len())))
    }

    /// Whether YAML took a comment from the end of the line, as in `a: x #1`.
    pub fn comment_follows(&self) -> bool {
        let after = self.file.text().get(self.node.span.end..).unwrap_or("");
        let line = after.lines().next().unwrap_or("");
        line.trim_start().starts_with('#')
    }
}
