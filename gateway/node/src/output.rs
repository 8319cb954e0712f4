// SPDX-License-Identifier: Apache-2.0
//! What a person reads: tables, sizes, times.

use std::fmt;

use silsila_source::{Date, DateTime, Time};

/// Columns of text, each as wide as its widest cell; the last one ragged. Numbers are right-aligned.
pub struct Table<const N: usize> {
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// With these headings.
    #[must_use]
    pub fn new(headings: [&str; N]) -> Self {
        Self {
            rows: vec![headings.map(ToOwned::to_owned)],
        }
    }

    /// Adds a row. Control characters in cells are shown as `?`: they may come from a database.
    pub fn row(&mut self, cells: [String; N]) {
        self.rows
            .push(cells.map(|cell| cell.replace(char::is_control, "?")));
    }
}

impl<const N: usize> fmt::Display for Table<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |column: usize| {
            let cells = self.rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..N).map(width).collect();
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                if index > 0 && is_number(cell) {
                    line.push_str(&format!("{gap}{cell:>width$}"));
                } else {
                    line.push_str(&format!("{gap}{cell:<width$}"));
                }
            }
            let end = if index + 1 < self.rows.len() {
                "\n"
            } else {
                ""
            };
            write!(f, "{}{end}", line.trim_end())?;
        }
        Ok(())
    }
}

fn is_number(cell: &str) -> bool {
    !cell.is_empty() && cell.bytes().all(|byte| byte.is_ascii_digit())
}

/// `1.5 GB`, `312 kB`.
#[must_use]
pub fn size(bytes: u64) -> String {
    [(1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit)
        .map_or_else(
            || format!("{bytes} B"),
            |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        )
}

/// Milliseconds since 1970 as `2025-07-01 08:30:00 UTC`.
#[must_use]
pub fn time(ms: u64) -> String {
    let DateTime { date, time, .. } = DateTime::from_unix_ms(ms);
    let (
        Date { year, month, day },
        Time {
            hour,
            minute,
            second,
            ..
        },
    ) = (date, time);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// How long ago, or until when, in the largest unit: `12 s`, `3 min`, `5 h`, `2 d`.
#[must_use]
pub fn span(ms: u64) -> String {
    let seconds = ms / 1000;
    [(86_400, "d"), (3_600, "h"), (60, "min")]
        .into_iter()
        .find(|(unit, _)| seconds >= *unit)
        .map_or_else(
            || format!("{seconds} s"),
            |(unit, name)| format!("{} {name}", seconds / unit),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        assert_eq!(time(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(time(951_782_399_000), "2000-02-28 23:59:59 UTC");
        assert_eq!(time(951_782_400_000), "2000-02-29 00:00:00 UTC");
        assert_eq!(time(1_751_358_600_000), "2025-07-01 08:30:00 UTC");
        assert_eq!(time(4_107_542_399_999), "2100-02-28 23:59:59 UTC");
    }

    #[test]
    fn sizes_and_spans_take_the_largest_unit() {
        assert_eq!(
            [size(999), size(1_500), size(64_000_000)],
            ["999 B", "1.5 kB", "64.0 MB"]
        );
        assert_eq!(
            [span(1_999), span(61_000), span(7_300_000)],
            ["1 s", "1 min", "2 h"]
        );
    }

    #[test]
    fn a_table_aligns_and_shows_no_control_characters() {
        let mut table = Table::new(["name", "rows", "note"]);
        table.row(["patient".into(), "400".into(), "a\u{1b}[2Jb".into()]);
        table.row(["x".into(), "7".into(), String::new()]);
        assert_eq!(
            table.to_string(),
            "name     rows  note\npatient   400  a?[2Jb\nx           7"
        );
    }
}
