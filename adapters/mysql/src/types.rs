// SPDX-License-Identifier: Apache-2.0
//! What MySQL's column types become, as the binary protocol delivers them.

use mysql_async::consts::{ColumnFlags, ColumnType};
use mysql_async::{Column, Value as Raw};
use silsila_source::{ColumnKind, Date, DateTime, Time, Value};

/// The number of the `binary` collation: what tells BLOB from TEXT on the wire.
const BINARY: u16 = 63;

/// How a column of an answer is read, and how a parameter compared with it must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Every integer type, and YEAR.
    Integer,
    /// BIT(n), big-endian bytes on the wire.
    Bit,
    /// DECIMAL with its declared digits.
    Decimal { precision: u32, scale: u8 },
    /// FLOAT and DOUBLE.
    Float,
    /// Character data, JSON too.
    Text,
    /// ENUM and SET: text that sorts by position.
    Named,
    /// Binary data, geometries too.
    Bytes,
    /// DATE.
    Date,
    /// DATETIME: no zone.
    DateTime,
    /// TIMESTAMP: an instant; the session reads it in UTC.
    Timestamp,
    /// TIME, which may exceed a day.
    Time,
}

impl Shape {
    pub(crate) fn of(column: &Column) -> Self {
        use ColumnType as T;
        let flags = column.flags();
        match column.column_type() {
            T::MYSQL_TYPE_TINY
            | T::MYSQL_TYPE_SHORT
            | T::MYSQL_TYPE_INT24
            | T::MYSQL_TYPE_LONG
            | T::MYSQL_TYPE_LONGLONG
            | T::MYSQL_TYPE_YEAR => Self::Integer,
            T::MYSQL_TYPE_BIT => Self::Bit,
            T::MYSQL_TYPE_DECIMAL | T::MYSQL_TYPE_NEWDECIMAL => decimal(column),
            T::MYSQL_TYPE_FLOAT | T::MYSQL_TYPE_DOUBLE => Self::Float,
            T::MYSQL_TYPE_DATE | T::MYSQL_TYPE_NEWDATE => Self::Date,
            T::MYSQL_TYPE_DATETIME | T::MYSQL_TYPE_DATETIME2 => Self::DateTime,
            T::MYSQL_TYPE_TIMESTAMP | T::MYSQL_TYPE_TIMESTAMP2 => Self::Timestamp,
            T::MYSQL_TYPE_TIME | T::MYSQL_TYPE_TIME2 => Self::Time,
            T::MYSQL_TYPE_ENUM | T::MYSQL_TYPE_SET => Self::Named,
            T::MYSQL_TYPE_JSON => Self::Text,
            T::MYSQL_TYPE_GEOMETRY => Self::Bytes,
            _ if flags.intersects(ColumnFlags::ENUM_FLAG | ColumnFlags::SET_FLAG) => Self::Named,
            _ if column.character_set() == BINARY => Self::Bytes,
            _ => Self::Text,
        }
    }
}

/// The wire gives a display length: digits, a sign unless unsigned, and a point if there is a fraction.
fn decimal(column: &Column) -> Shape {
    let scale = column.decimals();
    let sign = u32::from(!column.flags().contains(ColumnFlags::UNSIGNED_FLAG));
    let point = u32::from(scale > 0);
    let precision = column.column_length().saturating_sub(sign + point);
    Shape::Decimal {
        precision: precision.clamp(u32::from(scale).max(1), 65),
        scale,
    }
}

/// Reads one value. `key` says that the value will be compared with again, so that it must stay exact.
pub(crate) fn read(shape: Shape, raw: Raw, key: bool) -> Result<Value, &'static str> {
    Ok(match (raw, shape) {
        (Raw::NULL, _) => Value::Null,
        (Raw::Int(i), _) => Value::Int(i),
        (Raw::UInt(u), _) => i64::try_from(u).map_or(Value::UInt(u), Value::Int),
        (Raw::Double(d), _) => Value::Float(d),
        (Raw::Float(f), _) if key => Value::Float(f64::from(f)),
        (Raw::Float(f), _) => Value::Float(shortest(f)),
        (Raw::Date(year, month, day, hour, minute, second, micros), shape) => {
            let date = Date { year, month, day };
            let time = Time {
                hour,
                minute,
                second,
                nanosecond: micros.saturating_mul(1_000),
            };
            match shape {
                Shape::Date => Value::Date(date),
                _ => Value::DateTime(DateTime {
                    date,
                    time,
                    offset_minutes: (shape == Shape::Timestamp).then_some(0),
                }),
            }
        }
        (Raw::Time(false, 0, hour, minute, second, micros), _) => Value::Time(Time {
            hour,
            minute,
            second,
            nanosecond: micros.saturating_mul(1_000),
        }),
        (Raw::Time(negative, days, hours, minutes, seconds, micros), _) => {
            let hours = u64::from(days) * 24 + u64::from(hours);
            Value::Text(span(negative, hours, minutes, seconds, micros).into())
        }
        (Raw::Bytes(bytes), Shape::Bit) => bits(&bytes)?,
        (Raw::Bytes(bytes), Shape::Bytes) => Value::Bytes(bytes.into()),
        (Raw::Bytes(bytes), Shape::Decimal { .. }) => {
            let digits = String::from_utf8(bytes).map_err(|_| "a decimal is not text")?;
            Value::Decimal(digits.into())
        }
        (Raw::Bytes(bytes), _) => Value::Text(text(bytes, key)?.into()),
    })
}

/// A FLOAT as the shortest number that means it: 98.6 and not 98.5999984741211.
fn shortest(f: f32) -> f64 {
    f.to_string().parse().unwrap_or_else(|_| f64::from(f))
}

/// A TIME beyond the clock, as MySQL writes it: `-01:30:00`, `838:59:59`.
fn span(negative: bool, hours: u64, minutes: u8, seconds: u8, micros: u32) -> String {
    let sign = if negative { "-" } else { "" };
    let mut text = format!("{sign}{hours:02}:{minutes:02}:{seconds:02}");
    if micros > 0 {
        text.push_str(&format!(".{micros:06}"));
    }
    text
}

fn bits(bytes: &[u8]) -> Result<Value, &'static str> {
    if bytes.len() > 8 {
        return Err("a BIT column is longer than 64 bits");
    }
    let n = bytes.iter().fold(0u64, |n, b| n << 8 | u64::from(*b));
    Ok(i64::try_from(n).map_or(Value::UInt(n), Value::Int))
}

/// Text that the server vouched for. Bytes that are not UTF-8 can only come from a damaged column: they
/// are shown as U+FFFD, except in a key, where a scan could not resume after them.
fn text(bytes: Vec<u8>, key: bool) -> Result<String, &'static str> {
    String::from_utf8(bytes).or_else(|damaged| {
        if key {
            Err("a key holds bytes that are not text in its column's character set")
        } else {
            Ok(String::from_utf8_lossy(damaged.as_bytes()).into_owned())
        }
    })
}

/// The kind of value to expect of a type as `information_schema` names it.
pub(crate) fn kind(data_type: &str) -> ColumnKind {
    match data_type.to_ascii_lowercase().as_str() {
        "tinyint" | "smallint" | "mediumint" | "int" | "integer" | "bigint" | "year" | "bit" => {
            ColumnKind::Integer
        }
        "decimal" | "numeric" => ColumnKind::Decimal,
        "float" | "double" | "real" => ColumnKind::Float,
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum" | "set"
        | "json" | "uuid" | "inet4" | "inet6" => ColumnKind::Text,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => {
            ColumnKind::Bytes
        }
        "date" => ColumnKind::Date,
        "datetime" | "timestamp" => ColumnKind::DateTime,
        "time" => ColumnKind::Time,
        _ => ColumnKind::Unsupported,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: Shape, raw: Raw, expect: &Value) {
        let got = read(shape, raw, false);
        assert!(got.as_ref() == Ok(expect), "{shape:?} gave {got:?}");
    }

    #[test]
    fn a_zero_date_stays_a_zero_date() {
        let zero = Date {
            year: 0,
            month: 0,
            day: 0,
        };
        check(
            Shape::Date,
            Raw::Date(0, 0, 0, 0, 0, 0, 0),
            &Value::Date(zero),
        );
    }

    #[test]
    fn a_float_reads_as_it_was_typed_unless_it_is_a_key() {
        check(Shape::Float, Raw::Float(98.6), &Value::Float(98.6));
        let key = read(Shape::Float, Raw::Float(98.6), true);
        assert!(key == Ok(Value::Float(f64::from(98.6f32))));
    }

    #[test]
    fn a_time_beyond_the_clock_is_text() {
        let text = |t: &str| Value::Text(t.into());
        check(
            Shape::Time,
            Raw::Time(true, 0, 1, 30, 0, 0),
            &text("-01:30:00"),
        );
        check(
            Shape::Time,
            Raw::Time(false, 34, 22, 59, 59, 500_000),
            &text("838:59:59.500000"),
        );
        let noon = Time {
            hour: 12,
            minute: 0,
            second: 0,
            nanosecond: 0,
        };
        check(
            Shape::Time,
            Raw::Time(false, 0, 12, 0, 0, 0),
            &Value::Time(noon),
        );
    }

    #[test]
    fn bits_are_an_integer() {
        check(Shape::Bit, Raw::Bytes(vec![1]), &Value::Int(1));
        check(Shape::Bit, Raw::Bytes(vec![255; 8]), &Value::UInt(u64::MAX));
    }

    #[test]
    fn damaged_text_is_shown_but_never_a_key() {
        let damaged = || Raw::Bytes(vec![b'a', 0xff]);
        check(Shape::Text, damaged(), &Value::Text("a\u{fffd}".into()));
        assert!(read(Shape::Text, damaged(), true).is_err());
    }

    #[test]
    fn a_decimals_digits_are_counted_from_its_display_length() {
        let column = |length, scale, flags| {
            let column = Column::new(ColumnType::MYSQL_TYPE_NEWDECIMAL)
                .with_column_length(length)
                .with_decimals(scale)
                .with_flags(flags);
            Shape::of(&column)
        };
        let expect = |precision, scale| Shape::Decimal { precision, scale };
        assert_eq!(column(12, 2, ColumnFlags::empty()), expect(10, 2));
        assert_eq!(column(66, 0, ColumnFlags::empty()), expect(65, 0));
        assert_eq!(column(11, 2, ColumnFlags::UNSIGNED_FLAG), expect(10, 2));
    }
}
