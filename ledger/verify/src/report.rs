// SPDX-License-Identifier: Apache-2.0
//! What a file shows, for people and for programs.

use crate::Fault;
use crate::json;

/// A fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A number.
    Number(u64),
    /// Several texts.
    List(Vec<String>),
}

/// What a file shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// One sentence.
    pub sentence: String,
    /// Names and values, in order.
    pub facts: Vec<(&'static str, Value)>,
}

impl Report {
    pub(crate) fn new(sentence: impl Into<String>) -> Self {
        Self {
            sentence: sentence.into(),
            facts: Vec::new(),
        }
    }

    pub(crate) fn text(
        &mut self,
        name: &'static str,
        value: &(impl ToString + ?Sized),
    ) -> &mut Self {
        self.facts.push((name, Value::Text(value.to_string())));
        self
    }

    pub(crate) fn number(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.facts.push((name, Value::Number(value)));
        self
    }

    pub(crate) fn list(&mut self, name: &'static str, values: Vec<String>) -> &mut Self {
        self.facts.push((name, Value::List(values)));
        self
    }

    /// Lines for people; the first word is the verdict.
    #[must_use]
    pub fn lines(&self) -> String {
        let width = self.facts.iter().map(|(name, _)| name.len()).max();
        let mut lines = format!("true: {}\n", self.sentence);
        for (name, value) in &self.facts {
            let value = match value {
                Value::Text(text) => printable(text),
                Value::Number(number) => number.to_string(),
                Value::List(texts) => printable(&texts.join(", ")),
            };
            let name = name.replace('_', " ");
            lines.push_str(&format!(
                "  {name:<width$}  {value}\n",
                width = width.unwrap_or(0)
            ));
        }
        lines
    }

    /// One JSON object; `"verdict"` is true.
    #[must_use]
    pub fn json(&self) -> String {
        let mut object = json::Object::new(true);
        object.text("sentence", &self.sentence);
        for (name, value) in &self.facts {
            match value {
                Value::Text(text) => object.text(name, text),
                Value::Number(number) => object.number(name, *number),
                Value::List(texts) => object.list(name, texts),
            }
        }
        object.close()
    }
}

impl Fault {
    /// Lines for people; the first word is the verdict.
    #[must_use]
    pub fn lines(&self) -> String {
        let verdict = match self {
            Self::Unreadable { .. } => "unknown",
            _ => "false",
        };
        format!(
            "{verdict}: {}\nerror[{}]\n",
            printable(&self.to_string()),
            self.code()
        )
    }

    /// One JSON object; `"verdict"` is false, or null where the file could not be read.
    #[must_use]
    pub fn json(&self) -> String {
        let mut object = match self {
            Self::Unreadable { .. } => json::Object::unknown(),
            _ => json::Object::new(false),
        };
        object.text("code", self.code());
        object.text("reason", &self.to_string());
        object.close()
    }
}

/// A stranger's text without what would move a terminal's cursor or turn the direction of writing.
fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars()
        .map(|c| {
            if c.is_control() || turns(c) {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

/// A time in milliseconds since 1970 as RFC 3339 in UTC (days to dates: Hinnant, "chrono-compatible
/// low-level date algorithms").
pub(crate) fn time(ms: u64) -> String {
    let (days, of_day) = (ms / 86_400_000, ms % 86_400_000);
    let shifted = u128::from(days) + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = year_of_era + era * 400 + u128::from(month <= 2);
    let (seconds, millis) = (of_day / 1000, of_day % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let expected = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
        ];
        for (ms, text) in expected {
            assert_eq!(time(ms), text);
        }
        assert!(time(u64::MAX).ends_with('Z'));
    }

    #[test]
    fn a_strangers_text_cannot_move_the_cursor() {
        let mut report = Report::new("x");
        report.text("name", &"a\x1b[2Jb\u{202e}c\nd");
        assert_eq!(report.lines().lines().count(), 2);
        assert!(!report.lines().contains('\x1b') && !report.lines().contains('\u{202e}'));
        let json: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(json["name"], "a\x1b[2Jb\u{202e}c\nd");
        assert_eq!(json["verdict"], true);
    }
}
