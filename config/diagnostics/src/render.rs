// SPDX-License-Identifier: Apache-2.0
//! The plain form: what a terminal shows.

use std::fmt::{self, Display, Formatter};

use unicode_width::UnicodeWidthChar;

use crate::{Diagnostic, Diagnostics, Place, Severity};

/// Widest stretch of a source line that is shown, in terminal columns.
const WINDOW: usize = 140;

impl Display for Diagnostic {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}[{}]: {}",
            self.severity.word(),
            self.code,
            clean(&self.message)
        )?;
        let margin = self
            .place
            .as_ref()
            .map_or(1, |place| place.line.to_string().len());
        if let Some(place) = &self.place {
            render_place(f, place, margin)?;
        }
        for help in &self.help {
            writeln!(f, "{:margin$} = help: {}", "", clean(help))?;
        }
        Ok(())
    }
}

impl Display for Diagnostics {
    /// Every diagnostic, an empty line after each, and a closing count.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for diagnostic in self {
            writeln!(f, "{diagnostic}")?;
        }
        let counts: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
            .into_iter()
            .filter_map(|severity| match self.count(severity) {
                0 => None,
                1 => Some(format!("1 {}", severity.word())),
                n => Some(format!("{n} {}s", severity.word())),
            })
            .collect();
        if counts.is_empty() {
            return f.write_str("nothing to report");
        }
        f.write_str(&counts.join(", "))
    }
}

fn render_place(f: &mut Formatter<'_>, place: &Place, margin: usize) -> fmt::Result {
    let Place {
        file, line, column, ..
    } = place;
    writeln!(f, "{:margin$}--> {}:{line}:{column}", "", clean(file))?;
    let Some(text) = &place.text else {
        return Ok(());
    };
    let shown = Excerpt::of(text, place.column as usize - 1, place.len as usize);
    writeln!(f, "{:margin$} |", "")?;
    writeln!(f, "{line:margin$} | {}", shown.text)?;
    writeln!(
        f,
        "{:margin$} | {}{}",
        "",
        " ".repeat(shown.indent),
        "^".repeat(shown.carets)
    )
}

/// The part of a line that is shown, with the caret's place in terminal columns.
struct Excerpt {
    text: String,
    indent: usize,
    carets: usize,
}

impl Excerpt {
    fn of(line: &str, start: usize, len: usize) -> Self {
        let chars: Vec<char> = line.chars().collect();
        let start = start.min(chars.len());
        let end = (start + len).min(chars.len());
        let mut from = 0;
        while width(&chars[from..end]) > WINDOW && from < start {
            from += 1;
        }
        let mut to = end;
        while to < chars.len() && width(&chars[from..=to]) <= WINDOW {
            to += 1;
        }
        let cut = if from > 0 { "..." } else { "" };
        let tail = if to < chars.len() { "..." } else { "" };
        let text: String = chars[from..to].iter().flat_map(|&c| visible(c)).collect();
        Self {
            text: format!("{cut}{text}{tail}").trim_end().to_owned(),
            indent: cut.len() + width(&chars[from..start]),
            carets: width(&chars[start..end]).clamp(1, WINDOW),
        }
    }
}

fn width(chars: &[char]) -> usize {
    chars
        .iter()
        .flat_map(|&c| visible(c))
        .map(|c| c.width().unwrap_or(0))
        .sum()
}

/// A tab as spaces, and what could steer a terminal (escapes, direction overrides) as a question mark:
/// a file that somebody else wrote may be shown here.
fn visible(c: char) -> impl Iterator<Item = char> {
    let (shown, times) = match c {
        '\t' => (' ', 4),
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => ('\u{fffd}', 1),
        c if c.is_control() => ('\u{fffd}', 1),
        c => (c, 1),
    };
    std::iter::repeat_n(shown, times)
}

/// One line of text fit for a terminal.
fn clean(text: &str) -> String {
    text.chars().flat_map(visible).collect()
}

#[cfg(test)]
mod tests {
    use crate::{Diagnostic, Diagnostics, TextFile};

    fn check(line: &str, marked: &str, expect: &str) {
        let file = TextFile::new("f.yaml", line);
        let at = line.find(marked).expect("the marked words are in the line");
        let shown = Diagnostic::error("MAP0003", "wrong")
            .at(file.place(at..at + marked.len()))
            .to_string();
        assert_eq!(shown, format!("error[MAP0003]: wrong\n{expect}"));
    }

    #[test]
    fn the_caret_stands_under_the_words_that_are_wrong() {
        check(
            "subject: ref(patint_id)",
            "patint_id",
            " --> f.yaml:1:14\n  |\n1 | subject: ref(patint_id)\n  |              ^^^^^^^^^\n",
        );
        check(
            "\tkey: x",
            "x",
            " --> f.yaml:1:7\n  |\n1 |     key: x\n  |          ^\n",
        );
    }

    #[test]
    fn the_caret_counts_terminal_columns_in_urdu_text() {
        // The mark above the letter (U+0651) takes no column of its own.
        check(
            "row['محمّد'] | nme",
            "nme",
            " --> f.yaml:1:16\n  |\n1 | row['محمّد'] | nme\n  |               ^^^\n",
        );
        check(
            "漢字 = x",
            "x",
            " --> f.yaml:1:6\n  |\n1 | 漢字 = x\n  |        ^\n",
        );
    }

    #[test]
    fn escape_sequences_and_direction_overrides_do_not_reach_the_terminal() {
        let text = "a: \u{1b}[2J \u{202e}x";
        let shown = Diagnostic::error("CFG0001", text)
            .at(TextFile::new("f", text).place(0..1))
            .to_string();
        assert!(
            !shown.contains('\u{1b}') && !shown.contains('\u{202e}'),
            "{shown:?}"
        );
    }

    #[test]
    fn a_very_long_line_is_shown_around_the_fault() {
        let line = format!("{} BAD {}", "a".repeat(500), "b".repeat(500));
        let file = TextFile::new("f", line);
        let shown = Diagnostic::error("CFG0001", "x")
            .at(file.place(501..504))
            .to_string();
        assert!(shown.lines().all(|l| l.len() < 160), "{shown}");
        let lines: Vec<&str> = shown.lines().collect();
        let caret = lines[4].find('^').expect("a caret is drawn");
        assert_eq!(&lines[3][caret..caret + 3], "BAD");
    }

    #[test]
    fn a_line_that_may_hold_a_secret_is_not_shown() {
        let file = TextFile::new("f", "password = \"hunter2\"");
        let shown = Diagnostic::error("CFG0001", "x")
            .at(file.place(0..8).without_text())
            .to_string();
        assert_eq!(shown, "error[CFG0001]: x\n --> f:1:1\n");
    }

    #[test]
    fn the_collection_closes_with_a_count() {
        let all: Diagnostics = [
            Diagnostic::error("CFG0001", "x").help("try y"),
            Diagnostic::error("CFG0001", "z"),
            Diagnostic::note("CFG0009", "n"),
        ]
        .into_iter()
        .collect();
        let shown = all.to_string();
        assert!(
            shown.starts_with("error[CFG0001]: x\n  = help: try y\n\nerror"),
            "{shown}"
        );
        assert!(shown.ends_with("\n\n2 errors, 1 note"), "{shown}");
        assert_eq!(Diagnostics::new().to_string(), "nothing to report");
    }
}
