// SPDX-License-Identifier: Apache-2.0
//! Values and rows as a legacy database holds them, before anybody interprets them.

use std::fmt;
use std::sync::Arc;

/// One column's value. Text and numbers are kept as the database wrote them: a decimal keeps its
/// digits, a zero date stays a zero date. `Debug` names the kind alone, because rows hold patient
/// data and must not reach a log.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A column that the database itself calls boolean (MS Access Yes/No, SQL Server bit).
    Bool(bool),
    /// Any signed integer type.
    Int(i64),
    /// An unsigned integer above `i64::MAX`; smaller ones are [`Value::Int`].
    UInt(u64),
    /// DECIMAL, NUMERIC, MONEY: the digits as written, such as `7.10`.
    Decimal(Box<str>),
    /// FLOAT, DOUBLE, REAL.
    Float(f64),
    /// Character data, decoded to Unicode by the adapter.
    Text(Box<str>),
    /// Binary data.
    Bytes(Box<[u8]>),
    /// A calendar date.
    Date(Date),
    /// A date with a time of day, with or without an offset.
    DateTime(DateTime),
    /// A time of day.
    Time(Time),
}

/// A date as stored; parts may be zero (`0000-00-00`) or impossible, which is for the mapping to judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, 0 to 9999.
    pub year: u16,
    /// Month, 0 (unknown) or 1 to 12.
    pub month: u8,
    /// Day of the month, 0 (unknown) or 1 to 31.
    pub day: u8,
}

/// A time of day as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time {
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanosecond: u32,
}

/// A date and time as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DateTime {
    /// The calendar date.
    pub date: Date,
    /// The time of day.
    pub time: Time,
    /// Minutes east of UTC where the column carries an offset (or is known to be UTC: 0), else `None`.
    pub offset_minutes: Option<i16>,
}

impl Value {
    /// Whether this is NULL.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The kind of value, for diagnostics: never the value itself.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Int(_) | Self::UInt(_) => "integer",
            Self::Decimal(_) => "decimal",
            Self::Float(_) => "float",
            Self::Text(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Date(_) => "date",
            Self::DateTime(_) => "datetime",
            Self::Time(_) => "time",
        }
    }

    /// Appends an unambiguous, type-tagged encoding: the basis of row digests and legacy keys.
    /// Equal values, and only those, give equal bytes (all NaNs count as one value).
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        fn sized(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
            out.push(tag);
            out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
            out.extend_from_slice(bytes);
        }
        fn date(out: &mut Vec<u8>, d: Date) {
            out.extend_from_slice(&d.year.to_be_bytes());
            out.extend_from_slice(&[d.month, d.day]);
        }
        fn time(out: &mut Vec<u8>, t: Time) {
            out.extend_from_slice(&[t.hour, t.minute, t.second]);
            out.extend_from_slice(&t.nanosecond.to_be_bytes());
        }
        match self {
            Self::Null => out.push(0),
            Self::Bool(b) => out.extend_from_slice(&[1, u8::from(*b)]),
            Self::Int(i) => {
                out.push(2);
                out.extend_from_slice(&i.to_be_bytes());
            }
            Self::UInt(u) => {
                out.push(3);
                out.extend_from_slice(&u.to_be_bytes());
            }
            Self::Decimal(s) => sized(out, 4, s.as_bytes()),
            Self::Float(f) => {
                out.push(5);
                let bits = if f.is_nan() {
                    f64::NAN.to_bits()
                } else {
                    f.to_bits()
                };
                out.extend_from_slice(&bits.to_be_bytes());
            }
            Self::Text(s) => sized(out, 6, s.as_bytes()),
            Self::Bytes(b) => sized(out, 7, b),
            Self::Date(d) => {
                out.push(8);
                date(out, *d);
            }
            Self::DateTime(dt) => {
                out.push(9);
                date(out, dt.date);
                time(out, dt.time);
                match dt.offset_minutes {
                    None => out.push(0),
                    Some(m) => {
                        out.push(1);
                        out.extend_from_slice(&m.to_be_bytes());
                    }
                }
            }
            Self::Time(t) => {
                out.push(10);
                time(out, *t);
            }
        }
    }
}

impl Value {
    /// Reads one value of [`Value::encode_into`] off the front, or `None` where the bytes are none.
    pub fn decode_from(bytes: &mut &[u8]) -> Option<Self> {
        fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (head, rest) = bytes.split_first_chunk::<N>()?;
            *bytes = rest;
            Some(*head)
        }
        fn sized<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
            let len = usize::try_from(u64::from_be_bytes(take(bytes)?)).ok()?;
            let (head, rest) = bytes.split_at_checked(len)?;
            *bytes = rest;
            Some(head)
        }
        fn text(bytes: &mut &[u8]) -> Option<Box<str>> {
            Some(std::str::from_utf8(sized(bytes)?).ok()?.into())
        }
        fn date(bytes: &mut &[u8]) -> Option<Date> {
            let year = u16::from_be_bytes(take(bytes)?);
            let [month, day] = take(bytes)?;
            Some(Date { year, month, day })
        }
        fn time(bytes: &mut &[u8]) -> Option<Time> {
            let [hour, minute, second] = take(bytes)?;
            let nanosecond = u32::from_be_bytes(take(bytes)?);
            Some(Time {
                hour,
                minute,
                second,
                nanosecond,
            })
        }
        let [tag] = take(bytes)?;
        Some(match tag {
            0 => Self::Null,
            1 => Self::Bool(take::<1>(bytes)? == [1]),
            2 => Self::Int(i64::from_be_bytes(take(bytes)?)),
            3 => Self::UInt(u64::from_be_bytes(take(bytes)?)),
            4 => Self::Decimal(text(bytes)?),
            5 => Self::Float(f64::from_bits(u64::from_be_bytes(take(bytes)?))),
            6 => Self::Text(text(bytes)?),
            7 => Self::Bytes(sized(bytes)?.into()),
            8 => Self::Date(date(bytes)?),
            9 => Self::DateTime(DateTime {
                date: date(bytes)?,
                time: time(bytes)?,
                offset_minutes: match take::<1>(bytes)? {
                    [0] => None,
                    _ => Some(i16::from_be_bytes(take(bytes)?)),
                },
            }),
            10 => Self::Time(time(bytes)?),
            _ => return None,
        })
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.kind())
    }
}

/// The primary key of a legacy row: one value per key column, in the mapping's order.
#[derive(Clone, PartialEq)]
pub struct Key(pub Vec<Value>);

impl Key {
    /// The unambiguous encoding of the key, fit for a map or a digest.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(16 * self.0.len());
        for value in &self.0 {
            value.encode_into(&mut out);
        }
        out
    }
}

impl Key {
    /// The key that [`Key::encode`] made these bytes of, or `None` where the bytes are no key.
    #[must_use]
    pub fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut values = Vec::new();
        while !bytes.is_empty() {
            values.push(Value::decode_from(&mut bytes)?);
        }
        Some(Self(values))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} columns)", self.0.len())
    }
}

/// The names of a row's columns, shared by all rows of one answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Columns(Box<[Box<str>]>);

impl Columns {
    /// Names in the order of the values.
    pub fn new<S: Into<Box<str>>>(names: impl IntoIterator<Item = S>) -> Arc<Self> {
        Arc::new(Self(names.into_iter().map(Into::into).collect()))
    }

    /// Where a column stands, if it is there. Names are compared exactly as the schema spells them.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|n| &**n == name)
    }

    /// The names in order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(|n| &**n)
    }
}

/// One row: values beside the shared names of their columns.
#[derive(Clone, PartialEq)]
pub struct Row {
    columns: Arc<Columns>,
    values: Box<[Value]>,
}

impl Row {
    /// Pairs values with their columns.
    ///
    /// # Panics
    /// When the counts differ, which is a fault of the adapter.
    #[must_use]
    pub fn new(columns: Arc<Columns>, values: Vec<Value>) -> Self {
        assert_eq!(columns.0.len(), values.len(), "as many values as columns");
        Self {
            columns,
            values: values.into(),
        }
    }

    /// The value of a column, or `None` when the row has no such column.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Value> {
        self.columns.position(column).map(|i| &self.values[i])
    }

    /// The shared names.
    #[must_use]
    pub fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// The values in the order of the columns.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// The named columns' values as a key, or `None` when one of them is missing from the row.
    #[must_use]
    pub fn key(&self, columns: &[impl AsRef<str>]) -> Option<Key> {
        columns
            .iter()
            .map(|c| self.get(c.as_ref()).cloned())
            .collect::<Option<_>>()
            .map(Key)
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.columns.names().zip(self.values.iter()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_of_each() -> Key {
        let date = Date {
            year: 2025,
            month: 2,
            day: 0,
        };
        let time = Time {
            hour: 23,
            minute: 59,
            second: 1,
            nanosecond: 999,
        };
        let with = |offset_minutes| {
            Value::DateTime(DateTime {
                date,
                time,
                offset_minutes,
            })
        };
        Key(vec![
            Value::Null,
            Value::Bool(true),
            Value::Bool(false),
            Value::Int(-4485),
            Value::UInt(u64::MAX),
            Value::Decimal("7.10".into()),
            Value::Float(-0.5),
            Value::Text("س 4485".into()),
            Value::Bytes([0, 255].into()),
            Value::Date(date),
            with(None),
            with(Some(-300)),
            Value::Time(time),
        ])
    }

    #[test]
    fn a_key_comes_back_from_its_encoding() {
        assert!(Key::decode(&one_of_each().encode()) == Some(one_of_each()));
    }

    #[test]
    fn a_shortened_encoding_is_no_longer_the_same_key() {
        let bytes = one_of_each().encode();
        for len in 0..bytes.len() {
            assert!(Key::decode(&bytes[..len]) != Some(one_of_each()), "{len}");
        }
        assert!(Key::decode(&[11]).is_none());
    }
}
