// SPDX-License-Identifier: Apache-2.0
//! The form for scripts and editors: one JSON array, one object per diagnostic.

use std::fmt::Write as _;

use crate::{Diagnostic, Diagnostics};

impl Diagnostics {
    /// A JSON array of `{code, severity, message, file, line, column, length, help}` in the order
    /// shown; `file` and the three numbers are absent where there is no place, `help` is an array.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::from("[");
        for (i, diagnostic) in self.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            write_one(&mut out, diagnostic);
        }
        out.push(']');
        out
    }
}

fn write_one(out: &mut String, diagnostic: &Diagnostic) {
    out.push_str("{\"code\":");
    write_string(out, diagnostic.code);
    out.push_str(",\"severity\":");
    write_string(out, diagnostic.severity.word());
    out.push_str(",\"message\":");
    write_string(out, &diagnostic.message);
    if let Some(place) = &diagnostic.place {
        out.push_str(",\"file\":");
        write_string(out, &place.file);
        for (name, number) in [
            ("line", place.line),
            ("column", place.column),
            ("length", place.len),
        ] {
            write!(out, ",\"{name}\":{number}").expect("writing to a String does not fail");
        }
    }
    out.push_str(",\"help\":[");
    for (i, help) in diagnostic.help.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_string(out, help);
    }
    out.push_str("]}");
}

fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                write!(out, "\\u{:04x}", u32::from(c)).expect("writing to a String does not fail");
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use crate::{Diagnostic, Diagnostics, TextFile};

    #[test]
    fn the_json_form_carries_place_and_help() {
        let file = TextFile::new("a b.toml", "x = 1");
        let all: Diagnostics = [
            Diagnostic::error("CFG0001", "say \"مریض\"\t\\").at(file.place(4..5)),
            Diagnostic::note("CFG0002", "n").help("one").help("two"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            all.to_json(),
            concat!(
                r#"[{"code":"CFG0001","severity":"error","message":"say \"مریض\"\u0009\\","#,
                r#""file":"a b.toml","line":1,"column":5,"length":1,"help":[]},"#,
                r#"{"code":"CFG0002","severity":"note","message":"n","help":["one","two"]}]"#
            )
        );
    }
}
