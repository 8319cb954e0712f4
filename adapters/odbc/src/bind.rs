// SPDX-License-Identifier: Apache-2.0
//! Turning keys into parameters that compare as the contract says.
//!
//! Databases differ in what they make of a number compared with text. Every parameter is therefore written in
//! the column's own type, or is known to match nothing.

use odbc_api::parameter::{InputParameter, VarBinaryBox, VarCharBox, VarWCharBox, WithDataType};
use odbc_api::{Bit, DataType, IntoParameter, sys};
use silsila_source::{Date, DateTime, Time, Value};

use crate::parse;
use crate::text::Encoding;
use crate::types::{Column, Shape};

/// A parameter before it is laid out for the driver.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Param {
    Bit(bool),
    Int(i64),
    Double(f64),
    /// Digits, for a column of that type.
    Digits(String, DataType),
    /// Characters, for a column of that type where it pads.
    Text(String, Option<DataType>),
    Bytes(Vec<u8>),
    Date(Date),
    Moment(DateTime, DataType),
}

/// A parameter for an equality, or `None` when the value can equal nothing in such a column.
pub(crate) fn equal(column: &Column, value: &Value) -> Option<Param> {
    match column.shape {
        Shape::Bool => boolean(value),
        Shape::Integer | Shape::Unsigned => integer(value),
        Shape::Decimal => decimal(column, value),
        Shape::Real | Shape::Double => float(value),
        Shape::Text | Shape::Unknown => words(value).map(|text| Param::Text(text, None)),
        Shape::Padded => {
            let data_type = (!column.dynamic).then_some(column.data_type);
            words(value).map(|text| Param::Text(text, data_type))
        }
        Shape::Bytes => match value {
            Value::Bytes(bytes) => Some(Param::Bytes(bytes.to_vec())),
            _ => None,
        },
        Shape::Date | Shape::Moment if column.dynamic => spelt(value),
        Shape::Date => match value {
            Value::Date(date) => Some(Param::Date(*date)),
            Value::DateTime(at) if at.time == MIDNIGHT => Some(Param::Date(at.date)),
            _ => None,
        },
        Shape::Moment => match value {
            Value::DateTime(at) => Some(Param::Moment(*at, column.data_type)),
            Value::Date(date) => Some(Param::Moment(at_midnight(*date), column.data_type)),
            _ => None,
        },
        Shape::Time | Shape::Zoned => spelt(value),
    }
}

/// A parameter for `>` or `>=`. The value was read from that column, so the types agree; should the column
/// have changed since, the database compares as it can.
pub(crate) fn order(column: &Column, value: &Value) -> Param {
    equal(column, value).unwrap_or_else(|| match value {
        Value::Float(f) => Param::Double(*f),
        other => spelt(other).unwrap_or_else(|| Param::Text(String::new(), None)),
    })
}

const MIDNIGHT: Time = Time {
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
};

fn at_midnight(date: Date) -> DateTime {
    DateTime {
        date,
        time: MIDNIGHT,
        offset_minutes: None,
    }
}

fn boolean(value: &Value) -> Option<Param> {
    match value {
        Value::Bool(b) => Some(Param::Bit(*b)),
        Value::Int(0) => Some(Param::Bit(false)),
        Value::Int(1) => Some(Param::Bit(true)),
        Value::Text(text) if &**text == "0" => Some(Param::Bit(false)),
        Value::Text(text) if &**text == "1" => Some(Param::Bit(true)),
        _ => None,
    }
}

fn integer(value: &Value) -> Option<Param> {
    match value {
        Value::Int(i) => Some(Param::Int(*i)),
        Value::Bool(b) => Some(Param::Int(i64::from(*b))),
        Value::UInt(u) => Some(unsigned(*u)),
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

/// Beyond 64 bits with a sign there is no C type that every driver knows: the digits go as such.
fn unsigned(u: u64) -> Param {
    let digits = DataType::Decimal {
        precision: 20,
        scale: 0,
    };
    i64::try_from(u).map_or_else(|_| Param::Digits(u.to_string(), digits), Param::Int)
}

/// An integer in its only spelling: no blanks, no plus, no leading zeros.
fn whole(digits: &str) -> Option<Param> {
    match digits.parse::<i64>() {
        Ok(i) => (i.to_string() == digits).then_some(Param::Int(i)),
        Err(_) => {
            let u = digits.parse::<u64>().ok()?;
            (u.to_string() == digits).then(|| unsigned(u))
        }
    }
}

fn decimal(column: &Column, value: &Value) -> Option<Param> {
    match value {
        Value::Int(i) => Some(Param::Digits(i.to_string(), column.data_type)),
        Value::UInt(u) => Some(Param::Digits(u.to_string(), column.data_type)),
        Value::Decimal(digits) | Value::Text(digits) => {
            let plain = matches!(parse::decimal(digits), Value::Decimal(d) if d == *digits);
            plain.then(|| Param::Digits(digits.to_string(), column.data_type))
        }
        Value::Float(f) if column.dynamic => Some(Param::Double(*f)),
        _ => None,
    }
}

fn float(value: &Value) -> Option<Param> {
    match value {
        Value::Float(f) => Some(Param::Double(*f)),
        #[expect(
            clippy::cast_precision_loss,
            reason = "the column holds no integer beyond this precision either"
        )]
        Value::Int(i) => Some(Param::Double(*i as f64)),
        Value::Decimal(digits) => digits.parse().ok().map(Param::Double),
        _ => None,
    }
}

fn words(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) | Value::Decimal(text) => Some(text.to_string()),
        Value::Int(i) => Some(i.to_string()),
        Value::UInt(u) => Some(u.to_string()),
        _ => None,
    }
}

/// Dates and times as they are spelt, and everything that is text anyway.
fn spelt(value: &Value) -> Option<Param> {
    let text = match value {
        Value::Date(date) => parse::write_date(*date),
        Value::Time(time) => parse::write_time(*time),
        Value::DateTime(at) => match at.offset_minutes {
            None => parse::write_moment(*at),
            Some(offset) => {
                let sign = if offset < 0 { '-' } else { '+' };
                let offset = offset.unsigned_abs();
                format!(
                    "{} {sign}{:02}:{:02}",
                    parse::write_moment(*at),
                    offset / 60,
                    offset % 60
                )
            }
        },
        other => words(other)?,
    };
    Some(Param::Text(text, None))
}

/// Lays a parameter out for the driver.
pub(crate) fn laid_out(param: Param, encoding: Encoding) -> Box<dyn InputParameter> {
    match param {
        Param::Bit(b) => Box::new(Bit::from_bool(b)),
        Param::Int(i) => match i32::try_from(i) {
            Ok(small) => Box::new(small),
            Err(_) => Box::new(i),
        },
        Param::Double(f) => Box::new(f),
        Param::Digits(digits, data_type) => {
            let data_type = match data_type {
                DataType::Numeric { .. } | DataType::Decimal { .. } => data_type,
                _ => DataType::Varchar { length: None },
            };
            Box::new(WithDataType::new(
                VarCharBox::from_string(digits),
                data_type,
            ))
        }
        Param::Text(text, None) => match encoding {
            Encoding::Wide => Box::new(wide(&text)),
            Encoding::Narrow => Box::new(VarCharBox::from_string(text)),
        },
        Param::Text(text, Some(data_type)) => match encoding {
            Encoding::Wide => Box::new(WithDataType::new(wide(&text), data_type)),
            Encoding::Narrow => {
                Box::new(WithDataType::new(VarCharBox::from_string(text), data_type))
            }
        },
        Param::Bytes(bytes) => Box::new(VarBinaryBox::from_vec(bytes)),
        Param::Date(date) => Box::new(WithDataType::new(
            sys::Date {
                year: i16::try_from(date.year).unwrap_or(i16::MAX),
                month: date.month.into(),
                day: date.day.into(),
            }
            .into_parameter(),
            DataType::Date,
        )),
        Param::Moment(at, data_type) => {
            let data_type = match data_type {
                DataType::Timestamp { .. } => data_type,
                _ => DataType::Timestamp { precision: 6 },
            };
            Box::new(WithDataType::new(timestamp(at), data_type))
        }
    }
}

fn wide(text: &str) -> VarWCharBox {
    VarWCharBox::from_vec(text.encode_utf16().collect())
}

fn timestamp(at: DateTime) -> sys::Timestamp {
    sys::Timestamp {
        year: i16::try_from(at.date.year).unwrap_or(i16::MAX),
        month: at.date.month.into(),
        day: at.date.day.into(),
        hour: at.time.hour.into(),
        minute: at.time.minute.into(),
        second: at.time.second.into(),
        fraction: at.time.nanosecond,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use odbc_api::Nullability;

    fn column(data_type: DataType) -> Column {
        Column::new(data_type, false, Nullability::NoNulls)
    }

    fn check(data_type: DataType, value: &Value, expect: impl Into<Option<Param>>) {
        assert!(
            equal(&column(data_type), value) == expect.into(),
            "{data_type:?} {value:?}"
        );
    }

    fn text(s: &str) -> Value {
        Value::Text(s.into())
    }

    #[test]
    fn only_the_exact_spelling_of_a_number_finds_it() {
        check(DataType::Integer, &text("4"), Some(Param::Int(4)));
        for other in ["4 beds", " 4", "+4", "04", "4.0", "", "4e0"] {
            check(DataType::Integer, &text(other), None);
        }
        check(
            DataType::Integer,
            &Value::Decimal("4.00".into()),
            Some(Param::Int(4)),
        );
        check(DataType::Integer, &Value::Decimal("4.10".into()), None);
    }

    #[test]
    fn a_number_is_compared_with_text_as_text() {
        let varchar = DataType::Varchar { length: None };
        check(varchar, &Value::Int(0), Some(Param::Text("0".into(), None)));
        let char_3 = DataType::Char { length: None };
        check(
            char_3,
            &text("M"),
            Some(Param::Text("M".into(), Some(char_3))),
        );
    }

    #[test]
    fn null_equals_nothing() {
        for data_type in [
            DataType::Bit,
            DataType::Integer,
            DataType::Double,
            DataType::Varchar { length: None },
            DataType::Date,
            DataType::Timestamp { precision: 3 },
            DataType::Binary { length: None },
        ] {
            check(data_type, &Value::Null, None);
        }
    }

    #[test]
    fn a_decimal_goes_as_digits_or_not_at_all() {
        let data_type = DataType::Decimal {
            precision: 10,
            scale: 2,
        };
        let digits = |d: &str| Some(Param::Digits(d.into(), data_type));
        check(data_type, &Value::Decimal("-7.10".into()), digits("-7.10"));
        check(data_type, &Value::Int(3), digits("3"));
        for other in ["7.", ".5", "1e3", "seven", "-"] {
            check(data_type, &text(other), None);
        }
    }

    #[test]
    fn an_unsigned_integer_beyond_64_bits_with_a_sign_goes_as_digits() {
        let found = equal(&column(DataType::BigInt), &Value::UInt(u64::MAX));
        assert!(matches!(found, Some(Param::Digits(d, _)) if d == "18446744073709551615"));
    }
}
