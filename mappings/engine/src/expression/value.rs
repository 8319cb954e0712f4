// SPDX-License-Identifier: Apache-2.0
//! What expressions compute with. Values borrow from the rows and from the compiled pack wherever they
//! can; numbers keep the digits they were written with.

use std::borrow::Cow;
use std::sync::Arc;

use silsila_schema::Json;
use silsila_source::{Columns, Date, DateTime, Row, Time, Value};

/// A value of an expression.
#[derive(Clone)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// A number in plain notation (`-?digits[.digits]`), digits as written.
    Num(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// Month and day may be zero: a partial date.
    Date(Date),
    DateTime(DateTime),
    Time(Time),
    List(Arc<Vec<Val<'a>>>),
    Record(Arc<Record<'a>>),
    /// A row of a lookup or a child row.
    Row(View<'a>),
    /// A piece of FHIR, such as a Reference.
    Json(Arc<Json>),
}

/// Named members in order.
#[derive(Clone)]
pub(crate) struct Record<'a> {
    pub members: Vec<(Cow<'a, str>, Val<'a>)>,
    /// Whether a member that is not there is null (a pivot) rather than an error.
    pub open: bool,
}

/// A row seen through the columns that a plan knows: column `i` of the plan is value `at[i]` of the row.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub row: &'a Row,
    pub shape: &'a Shape,
}

/// Where a plan's columns stand in rows of one answer.
pub(crate) struct Shape {
    /// Names as the plan numbers them.
    pub names: Vec<Box<str>>,
    /// Position in the row, if the row has the column.
    pub at: Vec<Option<usize>>,
    /// Columns whose bytes are in another code page than the database says.
    pub charsets: Vec<Option<&'static encoding_rs::Encoding>>,
}

impl Shape {
    pub fn new(
        names: &[String],
        charsets: &[Option<&'static encoding_rs::Encoding>],
        columns: &Columns,
    ) -> Self {
        Self {
            names: names.iter().map(|n| n.as_str().into()).collect(),
            at: names.iter().map(|n| columns.position(n)).collect(),
            charsets: charsets.to_vec(),
        }
    }
}

impl<'a> View<'a> {
    /// Column `i` of the plan as the database gave it.
    pub fn raw(&self, i: usize) -> Option<&'a Value> {
        let at = (*self.shape.at.get(i)?)?;
        self.row.values().get(at)
    }

    /// The column of that name, among those that the plan knows.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.shape.names.iter().position(|n| &**n == name)
    }

    pub fn charset(&self, i: usize) -> Option<&'static encoding_rs::Encoding> {
        self.shape.charsets.get(i).copied().flatten()
    }
}

impl<'a> Record<'a> {
    pub fn get(&self, name: &str) -> Option<&Val<'a>> {
        self.members
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value)
    }

    /// A record of named values, closed.
    pub fn of(members: impl IntoIterator<Item = (&'static str, Val<'a>)>) -> Val<'a> {
        let members = members
            .into_iter()
            .map(|(name, value)| (Cow::Borrowed(name), value))
            .collect();
        Val::Record(Arc::new(Self {
            members,
            open: false,
        }))
    }
}

impl<'a> Val<'a> {
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Null, or a text of nothing but white space.
    pub fn is_blank(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// Jinja's truth, for conditions outside `share`.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Int(i) => *i != 0,
            Self::Num(n) => n.bytes().any(|b| matches!(b, b'1'..=b'9')),
            Self::Text(t) => !t.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Record(record) => !record.members.is_empty(),
            _ => true,
        }
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) | Self::Num(_) => "a number",
            Self::Text(_) => "a text",
            Self::Date(_) => "a date",
            Self::DateTime(_) => "a date with time",
            Self::Time(_) => "a time",
            Self::List(_) => "a list",
            Self::Record(_) | Self::Row(_) => "a record",
            Self::Json(_) => "an object",
        }
    }

    /// The text of a text, number or date; nothing for others.
    pub fn to_text(&self) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(t) | Self::Num(t) => Some(t.clone()),
            Self::Int(i) => Some(i.to_string().into()),
            Self::Date(d) => Some(date_text(*d).into()),
            Self::DateTime(dt) => Some(datetime_text(*dt).into()),
            Self::Time(t) => Some(time_text(*t).into()),
            _ => None,
        }
    }
}

/// `2024-02-29`, `2024-02` or `2024`.
pub(crate) fn date_text(date: Date) -> String {
    match (date.month, date.day) {
        (0, _) => format!("{:04}", date.year),
        (month, 0) => format!("{:04}-{month:02}", date.year),
        (month, day) => format!("{:04}-{month:02}-{day:02}", date.year),
    }
}

/// `16:16:00`, with a fraction where there is one.
pub(crate) fn time_text(time: Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
    if time.nanosecond != 0 {
        let fraction = format!("{:09}", time.nanosecond);
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text
}

/// `2024-02-29T16:16:00+05:00`; without an offset where there is none.
pub(crate) fn datetime_text(dt: DateTime) -> String {
    let mut text = date_text(dt.date);
    text.push('T');
    text.push_str(&time_text(dt.time));
    match dt.offset_minutes {
        None => {}
        Some(0) => text.push('Z'),
        Some(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let (hours, minutes) = (minutes.unsigned_abs() / 60, minutes.unsigned_abs() % 60);
            text.push_str(&format!("{sign}{hours:02}:{minutes:02}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_fhir_writes_them() {
        let date = |year, month, day| Date { year, month, day };
        assert_eq!(date_text(date(985, 2, 3)), "0985-02-03");
        assert_eq!(date_text(date(1985, 0, 0)), "1985");
        assert_eq!(date_text(date(1985, 4, 0)), "1985-04");
        let at = |offset_minutes, nanosecond| {
            datetime_text(DateTime {
                date: date(2024, 2, 29),
                time: Time {
                    hour: 6,
                    minute: 5,
                    second: 4,
                    nanosecond,
                },
                offset_minutes,
            })
        };
        assert_eq!(at(Some(300), 0), "2024-02-29T06:05:04+05:00");
        assert_eq!(at(Some(-210), 120_000_000), "2024-02-29T06:05:04.12-03:30");
        assert_eq!(at(Some(0), 0), "2024-02-29T06:05:04Z");
        assert_eq!(at(None, 0), "2024-02-29T06:05:04");
    }
}
