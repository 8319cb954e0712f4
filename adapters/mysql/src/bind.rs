// SPDX-License-Identifier: Apache-2.0
//! Turning keys into parameters that compare as the contract says.
//!
//! MySQL compares a number with text as floating point: `'bed 7' = 0` is true, and `'4 beds' = 4` too.
//! Every parameter is therefore written in the column's own type, or is known to match nothing.

use mysql_async::Value as Raw;
use silsila_source::{Date, DateTime, Time, Value};

use crate::types::Shape;

/// A parameter for an equality, or `None` when the value can equal nothing in such a column.
pub(crate) fn equal(shape: Shape, value: &Value) -> Option<Raw> {
    match shape {
        Shape::Integer | Shape::Bit => integer(value),
        Shape::Decimal { .. } => decimal(value),
        Shape::Float => float(value),
        Shape::Text | Shape::Named => words(value),
        Shape::Bytes => match value {
            Value::Bytes(bytes) => Some(Raw::Bytes(bytes.to_vec())),
            other => words(other),
        },
        Shape::Date | Shape::DateTime | Shape::Timestamp => match value {
            Value::Date(_) | Value::DateTime(_) => Some(plain(value)),
            _ => None,
        },
        Shape::Time => match value {
            Value::Time(_) | Value::Text(_) => Some(plain(value)),
            _ => None,
        },
    }
}

/// A parameter for `>` or `>=`. The value was read from that column, so the types agree; should the
/// column have changed since, the server compares as it can.
pub(crate) fn order(shape: Shape, value: &Value) -> Raw {
    equal(shape, value).unwrap_or_else(|| plain(value))
}

fn integer(value: &Value) -> Option<Raw> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Bool(_) => Some(plain(value)),
        Value::Text(digits) => whole(digits),
        Value::Decimal(digits) => {
            let (whole_part, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            fraction
                .bytes()
                .all(|b| b == b'0')
                .then(|| whole(whole_part))?
        }
        _ => None,
    }
}

/// An integer in its only spelling: no blanks, no plus, no leading zeros.
fn whole(digits: &str) -> Option<Raw> {
    let signed = digits.parse::<i64>().ok().map(Raw::Int);
    let raw = signed.or_else(|| digits.parse::<u64>().ok().map(Raw::UInt))?;
    let spelling = match &raw {
        Raw::Int(i) => i.to_string(),
        Raw::UInt(u) => u.to_string(),
        _ => return None,
    };
    (spelling == digits).then_some(raw)
}

fn decimal(value: &Value) -> Option<Raw> {
    match value {
        Value::Int(_) | Value::UInt(_) | Value::Bool(_) => Some(plain(value)),
        Value::Decimal(digits) | Value::Text(digits) => {
            let unsigned = digits.strip_prefix('-').unwrap_or(digits);
            let (whole_part, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
            let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
            (all_digits(whole_part) && all_digits(fraction))
                .then(|| Raw::Bytes(digits.as_bytes().to_vec()))
        }
        _ => None,
    }
}

fn float(value: &Value) -> Option<Raw> {
    match value {
        Value::Float(_) | Value::Int(_) | Value::UInt(_) => Some(plain(value)),
        Value::Decimal(digits) => digits.parse().ok().map(Raw::Double),
        _ => None,
    }
}

fn words(value: &Value) -> Option<Raw> {
    let text = match value {
        Value::Text(text) | Value::Decimal(text) => text.to_string(),
        Value::Int(i) => i.to_string(),
        Value::UInt(u) => u.to_string(),
        _ => return None,
    };
    Some(Raw::Bytes(text.into_bytes()))
}

/// The value in its own type.
fn plain(value: &Value) -> Raw {
    match value {
        Value::Null => Raw::NULL,
        Value::Bool(b) => Raw::Int(i64::from(*b)),
        Value::Int(i) => Raw::Int(*i),
        Value::UInt(u) => Raw::UInt(*u),
        Value::Decimal(text) | Value::Text(text) => Raw::Bytes(text.as_bytes().to_vec()),
        Value::Float(f) => Raw::Double(*f),
        Value::Bytes(bytes) => Raw::Bytes(bytes.to_vec()),
        Value::Date(date) => Raw::Date(date.year, date.month, date.day, 0, 0, 0, 0),
        Value::Time(t) => Raw::Time(false, 0, t.hour, t.minute, t.second, t.nanosecond / 1_000),
        Value::DateTime(at) => moment(*at),
    }
}

/// The session's clock is UTC, so an offset is taken off first.
fn moment(at: DateTime) -> Raw {
    let DateTime { date, time, .. } = match at.offset_minutes {
        Some(offset) if offset != 0 => shifted(at, -i64::from(offset)),
        _ => at,
    };
    Raw::Date(
        date.year,
        date.month,
        date.day,
        time.hour,
        time.minute,
        time.second,
        time.nanosecond / 1_000,
    )
}

/// Moves a moment by minutes, less than a day, across midnight and month ends.
fn shifted(at: DateTime, minutes: i64) -> DateTime {
    let of_day = i64::from(at.time.hour) * 60 + i64::from(at.time.minute) + minutes;
    let date = match of_day.div_euclid(24 * 60) {
        0 => at.date,
        days if days < 0 => day_before(at.date),
        _ => day_after(at.date),
    };
    let of_day = of_day.rem_euclid(24 * 60);
    DateTime {
        date,
        time: Time {
            hour: u8::try_from(of_day / 60).unwrap_or_default(),
            minute: u8::try_from(of_day % 60).unwrap_or_default(),
            ..at.time
        },
        offset_minutes: Some(0),
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        _ => 31,
    }
}

fn day_before(Date { year, month, day }: Date) -> Date {
    let (year, month, day) = match (month, day) {
        (1, 0..=1) => (year.saturating_sub(1), 12, 31),
        (_, 0..=1) => (year, month - 1, days_in(year, month - 1)),
        _ => (year, month, day - 1),
    };
    Date { year, month, day }
}

fn day_after(Date { year, month, day }: Date) -> Date {
    let (year, month, day) = match (month, day) {
        (12, 31) => (year + 1, 1, 1),
        (_, day) if day >= days_in(year, month) => (year, month + 1, 1),
        _ => (year, month, day + 1),
    };
    Date { year, month, day }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: Shape, value: &Value, expect: impl Into<Option<Raw>>) {
        assert!(equal(shape, value) == expect.into(), "{shape:?} {value:?}");
    }

    fn text(s: &str) -> Value {
        Value::Text(s.into())
    }

    #[test]
    fn only_the_exact_spelling_of_a_number_finds_it() {
        check(Shape::Integer, &text("4"), Some(Raw::Int(4)));
        for other in ["4 beds", " 4", "+4", "04", "4.0", "", "4e0"] {
            check(Shape::Integer, &text(other), None);
        }
        check(
            Shape::Integer,
            &text("18446744073709551615"),
            Some(Raw::UInt(u64::MAX)),
        );
        check(
            Shape::Integer,
            &Value::Decimal("4.00".into()),
            Some(Raw::Int(4)),
        );
        check(Shape::Integer, &Value::Decimal("4.10".into()), None);
    }

    #[test]
    fn a_number_is_compared_with_text_as_text() {
        check(Shape::Text, &Value::Int(0), Some(Raw::Bytes(b"0".to_vec())));
        check(
            Shape::Named,
            &Value::Int(7),
            Some(Raw::Bytes(b"7".to_vec())),
        );
    }

    #[test]
    fn null_equals_nothing() {
        for shape in [
            Shape::Integer,
            Shape::Text,
            Shape::Date,
            Shape::Float,
            Shape::Bytes,
        ] {
            check(shape, &Value::Null, None);
        }
    }

    #[test]
    fn a_decimal_goes_as_digits_or_not_at_all() {
        let shape = Shape::Decimal {
            precision: 10,
            scale: 2,
        };
        check(
            shape,
            &Value::Decimal("-7.10".into()),
            Some(Raw::Bytes(b"-7.10".to_vec())),
        );
        for other in ["7.", ".5", "1e3", "seven", "-"] {
            check(shape, &text(other), None);
        }
    }

    #[test]
    fn a_moment_with_an_offset_is_taken_to_utc() {
        let at = |day, month, year, hour, offset| {
            let value = Value::DateTime(DateTime {
                date: Date { year, month, day },
                time: Time {
                    hour,
                    minute: 30,
                    second: 1,
                    nanosecond: 2_000,
                },
                offset_minutes: Some(offset),
            });
            order(Shape::Timestamp, &value)
        };
        assert!(at(1, 3, 2024, 2, 300) == Raw::Date(2024, 2, 29, 21, 30, 1, 2));
        assert!(at(31, 12, 2024, 22, -300) == Raw::Date(2025, 1, 1, 3, 30, 1, 2));
        assert!(at(1, 1, 2025, 2, 300) == Raw::Date(2024, 12, 31, 21, 30, 1, 2));
        assert!(at(5, 5, 2025, 12, 0) == Raw::Date(2025, 5, 5, 12, 30, 1, 2));
    }
}
