// SPDX-License-Identifier: Apache-2.0
//! The table of figures, each beside its budget.

use std::fmt;

/// One line of the table.
#[derive(Debug, Clone)]
struct Line {
    what: String,
    measured: String,
    budget: String,
    met: Option<bool>,
}

/// All lines, in the order in which they were measured.
#[derive(Debug, Clone, Default)]
pub struct Report {
    head: Vec<String>,
    lines: Vec<Line>,
}

impl Report {
    /// A sentence above the table.
    pub fn say(&mut self, text: impl Into<String>) {
        let text = text.into();
        eprintln!("   {text}");
        self.head.push(text);
    }

    /// A figure without a budget.
    pub fn figure(&mut self, what: impl Into<String>, measured: impl Into<String>) {
        self.push(what.into(), measured.into(), String::new(), None);
    }

    /// A figure and whether it keeps to its budget.
    pub fn budget(
        &mut self,
        what: impl Into<String>,
        measured: impl Into<String>,
        budget: &str,
        met: bool,
    ) {
        self.push(what.into(), measured.into(), budget.to_owned(), Some(met));
    }

    fn push(&mut self, what: String, measured: String, budget: String, met: Option<bool>) {
        eprintln!("   {what}: {measured}");
        self.lines.push(Line {
            what,
            measured,
            budget,
            met,
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for text in &self.head {
            writeln!(f, "{text}")?;
        }
        let mut cells = vec![["what", "measured", "budget", "met"].map(str::to_owned)];
        cells.extend(self.lines.iter().map(|line| {
            let met = match line.met {
                None => "",
                Some(true) => "yes",
                Some(false) => "NO",
            };
            [
                line.what.clone(),
                line.measured.clone(),
                line.budget.clone(),
                met.to_owned(),
            ]
        }));
        let width = |column: usize| {
            let lengths = cells.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..4).map(width).collect();
        writeln!(f)?;
        for (at, row) in cells.iter().enumerate() {
            for (cell, width) in row.iter().zip(&widths) {
                write!(f, "| {cell:width$} ")?;
            }
            writeln!(f, "|")?;
            if at == 0 {
                for width in &widths {
                    write!(f, "|{:-<1$}", "", width + 2)?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// A count with thousands apart.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people, far below 2^64"
)]
pub fn count(value: f64) -> String {
    let digits = (value.round().max(0.0) as u64).to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the unit that people read.
pub fn size(bytes: f64) -> String {
    if bytes < 1e4 {
        format!("{bytes:.0} B")
    } else if bytes < 1e6 {
        format!("{:.0} kB", bytes / 1e3)
    } else {
        format!("{:.0} MB", bytes / 1e6)
    }
}

/// The value below which a share of the sorted values lie.
pub fn percentile(sorted: &[f64], share: f64) -> f64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a short list"
    )]
    let at = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        assert_eq!(count(7.0), "7");
        assert_eq!(count(1_234_567.4), "1,234,567");
    }

    #[test]
    fn a_percentile_is_a_value_of_the_list() {
        let values: Vec<f64> = (1..=100).map(f64::from).collect();
        assert_eq!(percentile(&values, 0.5), 50.0);
        assert_eq!(percentile(&values, 0.99), 99.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    #[test]
    fn a_missed_budget_stands_out() {
        let mut report = Report::default();
        report.budget("a", "1", "2", false);
        assert!(report.to_string().contains("| NO "));
    }
}
