// SPDX-License-Identifier: Apache-2.0
//! What ODBC's column types become, and how a cell of each travels.

use std::num::NonZeroUsize;

use odbc_api::sys;
use odbc_api::{DataType, Nullability};
use silsila_source::{ColumnKind, Date, DateTime, Time, Value};

use crate::parse;
use crate::text::{self, Encoding};

/// What a column holds, and so how a parameter compared with it must be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// BIT
    Bool,
    /// Every integer type, and DECIMAL without a fraction that fits 64 bits.
    Integer,
    /// An unsigned BIGINT.
    Unsigned,
    /// DECIMAL and NUMERIC.
    Decimal,
    /// REAL: 32 bits.
    Real,
    /// FLOAT and DOUBLE.
    Double,
    /// VARCHAR, LONGVARCHAR, their wide kinds, GUID, XML.
    Text,
    /// CHAR and WCHAR: padded with blanks by the database.
    Padded,
    /// BINARY, VARBINARY, LONGVARBINARY.
    Bytes,
    /// DATE
    Date,
    /// TIMESTAMP
    Moment,
    /// TIME
    Time,
    /// SQL Server's datetimeoffset.
    Zoned,
    /// A type that ODBC has no number for.
    Unknown,
}

/// ODBC's numbers of types that `DataType` has no name for.
mod number {
    pub(super) const GUID: i16 = -11;
    pub(super) const C_SIGNED_64: i16 = -25;
    pub(super) const C_UNSIGNED_64: i16 = -27;
    pub(super) const SS_XML: i16 = -152;
    pub(super) const SS_TIME2: i16 = -154;
    pub(super) const SS_TIMESTAMPOFFSET: i16 = -155;
    /// SQL_INTERVAL_YEAR to SQL_INTERVAL_MINUTE_TO_SECOND.
    pub(super) const INTERVALS: std::ops::RangeInclusive<i16> = 101..=113;
    /// ODBC 2's DATE, TIME and TIMESTAMP, as a catalog of an old driver numbers them.
    pub(super) const OLD_DATE: i16 = 9;
    pub(super) const OLD_TIME: i16 = 10;
    pub(super) const OLD_TIMESTAMP: i16 = 11;
}

impl Shape {
    pub(crate) fn of(data_type: DataType, unsigned: bool) -> Self {
        match data_type {
            DataType::Bit => Self::Bool,
            DataType::BigInt if unsigned => Self::Unsigned,
            DataType::TinyInt | DataType::SmallInt | DataType::Integer | DataType::BigInt => {
                Self::Integer
            }
            DataType::Numeric { precision, scale } | DataType::Decimal { precision, scale } => {
                match (1..=18).contains(&precision) && scale == 0 {
                    true => Self::Integer,
                    false => Self::Decimal,
                }
            }
            DataType::Real => Self::Real,
            DataType::Float { precision: 1..=24 } => Self::Real,
            DataType::Float { .. } | DataType::Double => Self::Double,
            DataType::Char { .. } | DataType::WChar { .. } => Self::Padded,
            DataType::Varchar { .. }
            | DataType::WVarchar { .. }
            | DataType::LongVarchar { .. }
            | DataType::WLongVarchar { .. } => Self::Text,
            DataType::Binary { .. }
            | DataType::Varbinary { .. }
            | DataType::LongVarbinary { .. } => Self::Bytes,
            DataType::Date => Self::Date,
            DataType::Time { .. } => Self::Time,
            DataType::Timestamp { .. } => Self::Moment,
            DataType::Unknown => Self::Unknown,
            DataType::Other { data_type, .. } => Self::of_number(data_type.0),
        }
    }

    /// What a column was declared as, where the database keeps to no types and the driver tells the
    /// declaration alone. The words are those by which SQLite itself decides.
    pub(crate) fn declared(type_name: &str) -> Self {
        const WORDS: &[(&str, Shape)] = &[
            ("INT", Shape::Integer),
            ("CHAR", Shape::Text),
            ("CLOB", Shape::Text),
            ("TEXT", Shape::Text),
            ("BLOB", Shape::Bytes),
            ("BINARY", Shape::Bytes),
            ("REAL", Shape::Double),
            ("FLOA", Shape::Double),
            ("DOUB", Shape::Double),
            ("BOOL", Shape::Bool),
            ("DATETIME", Shape::Moment),
            ("TIMESTAMP", Shape::Moment),
            ("DATE", Shape::Date),
            ("TIME", Shape::Time),
            ("DEC", Shape::Decimal),
            ("NUM", Shape::Decimal),
            ("MONEY", Shape::Decimal),
        ];
        let name = type_name.to_ascii_uppercase();
        let found = WORDS.iter().find(|(word, _)| name.contains(word));
        found.map_or(Self::Text, |(_, shape)| *shape)
    }

    fn of_number(number: i16) -> Self {
        match number {
            // Some drivers number a column by the C type that it should be read as.
            number::C_SIGNED_64 => Self::Integer,
            number::C_UNSIGNED_64 => Self::Unsigned,
            number::GUID | number::SS_XML => Self::Text,
            number::SS_TIME2 | number::OLD_TIME => Self::Time,
            number::SS_TIMESTAMPOFFSET => Self::Zoned,
            number::OLD_DATE => Self::Date,
            number::OLD_TIMESTAMP => Self::Moment,
            _ if number::INTERVALS.contains(&number) => Self::Text,
            _ => Self::Unknown,
        }
    }

    /// The kind of value to expect.
    pub(crate) fn kind(self) -> ColumnKind {
        match self {
            Self::Bool => ColumnKind::Bool,
            Self::Integer | Self::Unsigned => ColumnKind::Integer,
            Self::Decimal => ColumnKind::Decimal,
            Self::Real | Self::Double => ColumnKind::Float,
            Self::Text | Self::Padded => ColumnKind::Text,
            Self::Bytes => ColumnKind::Bytes,
            Self::Date => ColumnKind::Date,
            Self::Moment | Self::Zoned => ColumnKind::DateTime,
            Self::Time => ColumnKind::Time,
            Self::Unknown => ColumnKind::Unsupported,
        }
    }
}

/// A column of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub shape: Shape,
    pub data_type: DataType,
    pub nullable: bool,
    /// Whether a cell may hold a value of another type than the column's.
    pub dynamic: bool,
}

impl Column {
    /// A column of a database that keeps to no types.
    pub(crate) fn declared(type_name: &str, nullable: bool) -> Self {
        let inside = type_name.split(['(', ',', ')']).nth(1);
        let length = inside.and_then(|n| n.trim().parse().ok());
        Self {
            shape: Shape::declared(type_name),
            data_type: DataType::Varchar {
                length: length.and_then(NonZeroUsize::new),
            },
            nullable,
            dynamic: true,
        }
    }

    pub(crate) fn new(data_type: DataType, unsigned: bool, nullable: Nullability) -> Self {
        Self {
            shape: Shape::of(data_type, unsigned),
            data_type,
            nullable: nullable != Nullability::NoNulls,
            dynamic: false,
        }
    }

    /// How a cell travels.
    pub(crate) fn carrier(&self, encoding: Encoding) -> Carrier {
        let text = match encoding {
            Encoding::Wide => Carrier::Wide,
            Encoding::Narrow => Carrier::Narrow,
        };
        match self.shape {
            Shape::Bytes => Carrier::Binary,
            _ if self.dynamic => text,
            Shape::Bool => Carrier::Bit,
            Shape::Integer => Carrier::Int,
            Shape::Real => Carrier::Single,
            Shape::Double => Carrier::Double,
            Shape::Date => Carrier::Date,
            Shape::Moment => Carrier::Moment,
            Shape::Unsigned | Shape::Decimal | Shape::Time | Shape::Zoned => Carrier::Narrow,
            Shape::Text | Shape::Padded | Shape::Unknown => text,
        }
    }

    /// Units to set aside for a cell of variable length at first; longer ones are read again.
    pub(crate) fn width(&self) -> usize {
        let declared = self.data_type.column_size().map_or(0, |size| size.get());
        match self.shape {
            Shape::Text | Shape::Padded | Shape::Bytes | Shape::Unknown => {
                let per_character = if self.shape == Shape::Bytes { 1 } else { 3 };
                match declared {
                    1..=255 => (declared * per_character).max(MOST_SHORT),
                    _ => 512,
                }
            }
            _ => MOST_SHORT,
        }
    }
}

/// No number, date or time is longer as text.
const MOST_SHORT: usize = 48;

/// The C type that a cell travels as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carrier {
    Bit,
    Int,
    Single,
    Double,
    Date,
    Moment,
    Narrow,
    Wide,
    Binary,
}

/// A cell as it arrived.
#[derive(Clone, Copy)]
pub(crate) enum Cell<'a> {
    Null,
    Bit(u8),
    Int(i64),
    Single(f32),
    Double(f64),
    Date(sys::Date),
    Moment(sys::Timestamp),
    Narrow(&'a [u8]),
    Wide(&'a [u16]),
    Binary(&'a [u8]),
}

/// Reads one value. `key` says that it will be compared with again, so that it must stay exact.
pub(crate) fn read(column: &Column, cell: Cell<'_>, key: bool) -> Result<Value, &'static str> {
    Ok(match cell {
        Cell::Null => Value::Null,
        Cell::Bit(bit) => Value::Bool(bit != 0),
        Cell::Int(i) => Value::Int(i),
        Cell::Single(f) if key => Value::Float(f64::from(f)),
        Cell::Single(f) => Value::Float(shortest(f)),
        Cell::Double(f) => Value::Float(f),
        Cell::Date(date) => Value::Date(day(date.year, date.month, date.day)?),
        Cell::Moment(at) => Value::DateTime(DateTime {
            date: day(at.year, at.month, at.day)?,
            time: clock(at.hour, at.minute, at.second, at.fraction)?,
            offset_minutes: None,
        }),
        Cell::Binary(bytes) => Value::Bytes(bytes.into()),
        Cell::Narrow(bytes) => words(column, &text::of_bytes(bytes, key)?),
        Cell::Wide(units) => words(column, &text::of_units(units, key)?),
    })
}

/// What a text means in a column of that shape.
fn words(column: &Column, text: &str) -> Value {
    match column.shape {
        Shape::Bool => match text {
            "0" => Value::Bool(false),
            "1" => Value::Bool(true),
            _ => Value::Text(text.into()),
        },
        Shape::Integer | Shape::Unsigned => parse::integer(text),
        Shape::Decimal => parse::decimal(text),
        Shape::Real | Shape::Double => parse::float(text),
        Shape::Date => parse::exact_date(text),
        Shape::Moment => parse::exact_moment(text),
        Shape::Time => parse::exact_time(text),
        Shape::Zoned => parse::zoned(text),
        Shape::Padded if !column.dynamic => Value::Text(text.trim_end_matches(' ').into()),
        Shape::Padded | Shape::Text | Shape::Bytes | Shape::Unknown => Value::Text(text.into()),
    }
}

/// A REAL as the shortest number that means it: 98.6 and not 98.5999984741211.
fn shortest(f: f32) -> f64 {
    f.to_string().parse().unwrap_or_else(|_| f64::from(f))
}

fn day(year: i16, month: u16, day: u16) -> Result<Date, &'static str> {
    Ok(Date {
        year: u16::try_from(year).map_err(|_| "a date lies before the year 0")?,
        month: small(month)?,
        day: small(day)?,
    })
}

fn clock(hour: u16, minute: u16, second: u16, nanosecond: u32) -> Result<Time, &'static str> {
    Ok(Time {
        hour: small(hour)?,
        minute: small(minute)?,
        second: small(second)?,
        nanosecond,
    })
}

fn small(n: u16) -> Result<u8, &'static str> {
    u8::try_from(n).map_err(|_| "a date or time is out of range")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(data_type: DataType, dynamic: bool) -> Column {
        Column {
            dynamic,
            ..Column::new(data_type, false, Nullability::Nullable)
        }
    }

    #[test]
    fn a_declaration_is_read_as_the_database_reads_it() {
        let check = |name, shape| assert_eq!(Shape::declared(name), shape, "{name}");
        check("INTEGER", Shape::Integer);
        check("nvarchar(20)", Shape::Text);
        check("DATETIME", Shape::Moment);
        check("DATE", Shape::Date);
        check("DECIMAL(19,4)", Shape::Decimal);
        check("DOUBLE PRECISION", Shape::Double);
        check("", Shape::Text);
    }

    #[test]
    fn a_decimal_without_a_fraction_is_an_integer_where_it_fits() {
        let shape = |precision, scale| Shape::of(DataType::Decimal { precision, scale }, false);
        assert_eq!(shape(18, 0), Shape::Integer);
        assert_eq!(shape(19, 0), Shape::Decimal);
        assert_eq!(shape(10, 2), Shape::Decimal);
        assert_eq!(shape(0, 0), Shape::Decimal); // no precision was given
        assert_eq!(Shape::of(DataType::BigInt, true), Shape::Unsigned);
    }

    #[test]
    fn a_padded_text_loses_its_blanks_unless_they_are_its_own() {
        let char_3 = DataType::Char { length: None };
        let cell = Cell::Narrow(b"M  ");
        assert!(read(&column(char_3, false), cell, true) == Ok(Value::Text("M".into())));
        assert!(read(&column(char_3, true), cell, true) == Ok(Value::Text("M  ".into())));
    }

    #[test]
    fn a_real_reads_as_it_was_typed_unless_it_is_a_key() {
        let real = column(DataType::Real, false);
        assert!(read(&real, Cell::Single(98.6), false) == Ok(Value::Float(98.6)));
        let exact = Value::Float(f64::from(98.6f32));
        assert!(read(&real, Cell::Single(98.6), true) == Ok(exact));
    }

    #[test]
    fn what_a_column_was_not_meant_for_stays_what_it_is() {
        let integer = column(DataType::Integer, true);
        assert!(read(&integer, Cell::Narrow(b"N/A"), false) == Ok(Value::Text("N/A".into())));
        assert!(read(&integer, Cell::Narrow(b"12"), false) == Ok(Value::Int(12)));
        assert_eq!(integer.carrier(Encoding::Narrow), Carrier::Narrow);
    }
}
