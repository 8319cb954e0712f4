// SPDX-License-Identifier: Apache-2.0
//! The column types of Access: what each is called, what kind of value it yields, and the value itself.

use std::collections::HashMap;

use jetdb::{ColumnDef, ColumnType, TableDef, Value as Raw, column_flags};
use silsila_source::{ColumnKind, Date, DateTime, Time, Value};

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Bool,
    Integer,
    Decimal,
    Single,
    Double,
    Text,
    Guid,
    Bytes,
    Moment,
    /// It is not read; why, as the end of a sentence that begins with the column.
    Unread(&'static str),
}

/// A column as the adapter sees it.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub name: String,
    pub shape: Shape,
    /// As people know the type.
    pub sql_type: String,
    pub nullable: bool,
    /// Where it stands in jetdb's definition of the table.
    pub at: usize,
    /// Whether NULL may mean that there is no cached result rather than that a value was lost.
    pub calculated: bool,
}

/// The columns of a table in its own order. `required` are those that Access demands a value in.
pub(crate) fn cells(
    def: &TableDef,
    calculated: &HashMap<String, ColumnType>,
    required: impl Fn(&str) -> bool,
    key: &[String],
) -> Vec<Cell> {
    let cell = |(at, column): (usize, &ColumnDef)| {
        let result = column
            .is_calculated
            .then(|| calculated.get(&column.name.to_ascii_lowercase()).copied());
        let of = result.map_or(Some(column.col_type), |result| result);
        let shape = of.map_or(
            Shape::Unread("is calculated, and the file does not say of which type"),
            |of| shape(of, column),
        );
        let mut sql_type = type_name(of.unwrap_or(column.col_type), column, def);
        if column.is_calculated {
            // Sizes are those of what the result is wrapped in.
            let bare = sql_type.split('(').next().unwrap_or_default();
            sql_type = format!("Calculated {bare}");
        }
        Cell {
            name: column.name.clone(),
            shape,
            sql_type,
            nullable: shape != Shape::Bool
                && !key.contains(&column.name)
                && !required(&column.name),
            at,
            calculated: column.is_calculated,
        }
    };
    def.columns.iter().enumerate().map(cell).collect()
}

fn shape(of: ColumnType, column: &ColumnDef) -> Shape {
    match of {
        ColumnType::Boolean => Shape::Bool,
        ColumnType::Byte | ColumnType::Int | ColumnType::Long | ColumnType::BigInt => {
            Shape::Integer
        }
        ColumnType::Money | ColumnType::Numeric => Shape::Decimal,
        ColumnType::Float => Shape::Single,
        ColumnType::Double => Shape::Double,
        ColumnType::Timestamp | ColumnType::DateTimeExtended => Shape::Moment,
        ColumnType::Binary => Shape::Bytes,
        ColumnType::Text | ColumnType::Memo => Shape::Text,
        ColumnType::Guid => Shape::Guid,
        ColumnType::Ole => Shape::Unread("is an OLE object"),
        ColumnType::ComplexType if column.complex_id.is_some() => {
            Shape::Unread("holds attachments or several values at once")
        }
        _ => Shape::Unread("is of a type that is not known"),
    }
}

fn type_name(of: ColumnType, column: &ColumnDef, def: &TableDef) -> String {
    let size = def.shown_size(column);
    match of {
        ColumnType::Boolean => "Yes/No".into(),
        ColumnType::Byte => "Byte".into(),
        ColumnType::Int => "Integer".into(),
        ColumnType::Long if column.is_auto_number() => "AutoNumber".into(),
        ColumnType::Long => "Long Integer".into(),
        ColumnType::BigInt => "Large Number".into(),
        ColumnType::Money => "Currency".into(),
        ColumnType::Numeric => format!("Decimal({},{})", column.precision, column.scale),
        ColumnType::Float => "Single".into(),
        ColumnType::Double => "Double".into(),
        ColumnType::Timestamp => "Date/Time".into(),
        ColumnType::DateTimeExtended => "Date/Time Extended".into(),
        ColumnType::Binary => format!("Binary({size})"),
        ColumnType::Text => format!("Short Text({size})"),
        ColumnType::Memo if column.flags & column_flags::HYPERLINK != 0 => "Hyperlink".into(),
        ColumnType::Memo => "Long Text".into(),
        ColumnType::Guid => "Replication ID".into(),
        ColumnType::Ole => "OLE Object".into(),
        ColumnType::ComplexType => "Attachment or Multi-valued".into(),
        other => format!("type {:#04x}", other.to_byte()),
    }
}

impl Shape {
    /// The kind of value that the schema promises.
    pub fn kind(self) -> ColumnKind {
        match self {
            Self::Bool => ColumnKind::Bool,
            Self::Integer => ColumnKind::Integer,
            Self::Decimal => ColumnKind::Decimal,
            Self::Single | Self::Double => ColumnKind::Float,
            Self::Text | Self::Guid => ColumnKind::Text,
            Self::Bytes => ColumnKind::Bytes,
            Self::Moment => ColumnKind::DateTime,
            Self::Unread(_) => ColumnKind::Unsupported,
        }
    }
}

/// A value as the contract wants it; `None` where jetdb gives what the column cannot hold.
pub(crate) fn value(raw: Raw) -> Option<Value> {
    Some(match raw {
        Raw::Null => Value::Null,
        Raw::Bool(yes) => Value::Bool(yes),
        Raw::Byte(n) => Value::Int(n.into()),
        Raw::Int(n) => Value::Int(n.into()),
        Raw::Long(n) => Value::Int(n.into()),
        Raw::BigInt(n) => Value::Int(n),
        Raw::Float(n) => Value::Float(shortest(n)),
        Raw::Double(n) => Value::Float(n),
        Raw::Text(text) | Raw::Guid(text) => Value::Text(text.into()),
        Raw::Binary(bytes) => Value::Bytes(bytes.into()),
        Raw::Money(digits) | Raw::Numeric(digits) => Value::Decimal(digits.into()),
        Raw::Timestamp(days) => moment(days),
        Raw::DateTimeExtended(text) => Value::DateTime(extended(&text)?),
        _ => return None,
    })
}

/// The number that the few digits of a Single mean: 98.6, not 98.5999984741211.
fn shortest(n: f32) -> f64 {
    n.to_string().parse().unwrap_or_else(|_| n.into())
}

const DAY_MS: f64 = 86_400_000.0;
/// Days from 30 December 1899 to 1 January 100 and to 1 January 10000.
const FIRST: f64 = -657_434.0;
const BEYOND: f64 = 2_958_466.0;

/// Days since 30 December 1899 as date and time. Before that day the fraction still counts forward from
/// midnight: -1.25 is 29 December, 6 in the morning. To the millisecond, which the doubles of Access's
/// dates carry exactly enough. A number that is no date of Access stays a number, for the mapping to judge.
fn moment(days: f64) -> Value {
    if !(days > FIRST - 1.0 && days < BEYOND) {
        return Value::Float(days);
    }
    let mut date = days.trunc();
    let mut of_day = (days.fract().abs() * DAY_MS).round();
    if of_day >= DAY_MS {
        date += 1.0;
        of_day = 0.0;
    }
    if date >= BEYOND {
        return Value::Float(days);
    }
    let (year, month, day, ..) = jetdb::timestamp::timestamp_to_parts(date);
    let at = (|| {
        Some(DateTime {
            date: Date {
                year: u16::try_from(year).ok()?,
                month: u8::try_from(month).ok()?,
                day: u8::try_from(day).ok()?,
            },
            time: time_of_day(of_day)?,
            offset_minutes: None,
        })
    })();
    at.map_or(Value::Float(days), Value::DateTime)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds of a day lie between 0 and 86,400,000"
)]
fn time_of_day(ms: f64) -> Option<Time> {
    let ms = ms as u32;
    let part = |n: u32| u8::try_from(n).ok();
    Some(Time {
        hour: part(ms / 3_600_000)?,
        minute: part(ms / 60_000 % 60)?,
        second: part(ms / 1_000 % 60)?,
        nanosecond: ms % 1_000 * 1_000_000,
    })
}

/// `2021-06-14`, `2021-06-14 22:45:12` or `2021-06-14 22:45:12.3456789`.
fn extended(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "00:00:00"));
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut date = date.splitn(3, '-');
    let mut clock = clock.splitn(3, ':');
    Some(DateTime {
        date: Date {
            year: date.next()?.parse().ok()?,
            month: date.next()?.parse().ok()?,
            day: date.next()?.parse().ok()?,
        },
        time: Time {
            hour: clock.next()?.parse().ok()?,
            minute: clock.next()?.parse().ok()?,
            second: clock.next()?.parse().ok()?,
            nanosecond: format!("{fraction:0<9}").parse().ok()?,
        },
        offset_minutes: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(days: f64, expect: &str) {
        let Value::DateTime(DateTime { date, time, .. }) = moment(days) else {
            panic!("{days} is no moment");
        };
        let text = format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
            date.year,
            date.month,
            date.day,
            time.hour,
            time.minute,
            time.second,
            time.nanosecond / 1_000_000
        );
        assert_eq!(text, expect, "{days}");
    }

    #[test]
    fn days_are_those_that_access_shows_also_before_its_beginning() {
        check(0.0, "1899-12-30 00:00:00.000");
        check(0.573_263_888_888_889, "1899-12-30 13:45:30.000");
        check(-1.25, "1899-12-29 06:00:00.000");
        check(-18_260.5, "1850-01-01 12:00:00.000");
        check(45_657.999_988_425_93, "2024-12-31 23:59:59.000");
        check(29_280.0, "1980-02-29 00:00:00.000");
        check(45_657.999_999_999_99, "2025-01-01 00:00:00.000");
        check(-657_434.0, "0100-01-01 00:00:00.000");
        check(2_958_465.0, "9999-12-31 00:00:00.000");
    }

    #[test]
    fn a_number_that_is_no_date_stays_a_number() {
        for days in [2_958_466.0, -657_435.0, 1e300, f64::INFINITY] {
            assert!(moment(days) == Value::Float(days), "{days}");
        }
        assert!(matches!(moment(f64::NAN), Value::Float(n) if n.is_nan()));
    }

    #[test]
    fn a_single_is_the_number_that_its_digits_mean() {
        assert!(value(Raw::Float(98.6)) == Some(Value::Float(98.6)));
        assert!(value(Raw::Float(-1.5e-7)) == Some(Value::Float(-1.5e-7)));
        assert!(value(Raw::Double(98.6)) == Some(Value::Float(98.6)));
    }

    #[test]
    fn the_extended_date_keeps_its_hundred_nanoseconds() {
        let at = extended("2021-06-14 22:45:12.3456789").unwrap();
        assert_eq!((at.date.year, at.time.second), (2021, 12));
        assert_eq!(at.time.nanosecond, 345_678_900);
        assert_eq!(extended("0001-01-01").unwrap().time.hour, 0);
        assert!(extended("").is_none());
    }
}
