// SPDX-License-Identifier: Apache-2.0
//! Texts that diagnostics point into.

use std::ops::Range;
use std::sync::Arc;

/// A text with a name, able to say where a byte lies.
#[derive(Debug, Clone)]
pub struct TextFile {
    name: Arc<str>,
    text: Arc<str>,
    /// Byte offset at which each line starts.
    starts: Arc<[usize]>,
}

/// A stretch of one line of one file. Lines and columns count from 1; columns count characters, as
/// editors do. The line's text comes along, so that a place outlives the file it points into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file as the operator named it.
    pub file: Arc<str>,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters, at least 1, never past the end of the line.
    pub len: u32,
    /// The whole line without its end; `None` where it must not be shown (it may hold a secret).
    pub text: Option<Arc<str>>,
}

impl TextFile {
    /// A text under the name that places in it will carry.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            name: name.into(),
            text,
            starts,
        }
    }

    /// The name given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a range of bytes. A range over several lines is cut at the end of its first line;
    /// an offset inside a character counts as that character's start.
    #[must_use]
    pub fn place(&self, bytes: Range<usize>) -> Place {
        let start = self.boundary(bytes.start);
        let line = self.starts.partition_point(|&s| s <= start) - 1;
        let text = self.line_text(line);
        let line_end = self.starts[line] + text.len();
        let start = start.min(line_end);
        let end = self.boundary(bytes.end).clamp(start, line_end);
        let column = count(&self.text[self.starts[line]..start]);
        self.build(line, column, count(&self.text[start..end]))
    }

    /// The place at a line and column, both from 1, as parsers that count characters report them. What
    /// lies outside the text is moved to its nearest end.
    #[must_use]
    pub fn place_at(&self, line: usize, column: usize, len: usize) -> Place {
        let line = line.max(1).min(self.starts.len()) - 1;
        let chars = count(self.line_text(line));
        let column = u32::try_from(column.max(1) - 1)
            .unwrap_or(u32::MAX)
            .min(chars);
        let len = u32::try_from(len).unwrap_or(u32::MAX).min(chars - column);
        self.build(line, column, len)
    }

    /// The file as a whole, for faults that have no line.
    #[must_use]
    pub fn start(&self) -> Place {
        self.place_at(1, 1, 1)
    }

    fn build(&self, line: usize, column: u32, len: u32) -> Place {
        Place {
            file: self.name.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX - 1) + 1,
            column: column + 1,
            len: len.max(1),
            text: Some(self.line_text(line).into()),
        }
    }

    fn line_text(&self, line: usize) -> &str {
        let start = self.starts[line];
        let end = self
            .starts
            .get(line + 1)
            .map_or(self.text.len(), |&next| next - 1);
        self.text[start..end].trim_end_matches('\r')
    }

    fn boundary(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at.min(self.text.len()))
    }
}

impl Place {
    /// The same place without the line's text, for lines that may hold a secret.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        self.text = None;
        self
    }
}

fn count(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, bytes: Range<usize>, expect: (u32, u32, u32, &str)) {
        let place = TextFile::new("f", text).place(bytes);
        let line = place
            .text
            .as_deref()
            .expect("a place made from bytes has its line");
        assert_eq!((place.line, place.column, place.len, line), expect);
    }

    #[test]
    fn a_range_of_bytes_becomes_line_column_and_length_in_characters() {
        check("one\ntwo = 3\n", 4..7, (2, 1, 3, "two = 3"));
        check("a = \"مریض\" # x\n", 15..16, (1, 12, 1, "a = \"مریض\" # x"));
        check("a\r\nb c\r\n", 5..6, (2, 3, 1, "b c"));
    }

    #[test]
    fn a_range_that_crosses_lines_or_ends_the_text_is_cut_to_its_first_line() {
        check("ab\ncd", 1..5, (1, 2, 1, "ab"));
        check("ab\n", 3..3, (2, 1, 1, ""));
        check("", 0..9, (1, 1, 1, ""));
        check("ab", 99..120, (1, 3, 1, "ab"));
    }

    #[test]
    fn a_line_and_column_outside_the_text_move_to_its_end() {
        let place = TextFile::new("f", "ab\ncde").place_at(9, 9, 9);
        assert_eq!((place.line, place.column, place.len), (2, 4, 1));
        let place = TextFile::new("f", "ab\ncde").place_at(2, 2, 9);
        assert_eq!((place.line, place.column, place.len), (2, 2, 2));
    }
}
