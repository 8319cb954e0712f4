// SPDX-License-Identifier: Apache-2.0
//! Values as the driver hands them out.

use silsila_source::{DateTime, Value};
use tiberius::ColumnData;
use tiberius::time as wire;

use crate::calendar;
use crate::shape::{Blanks, Shape};

impl Shape {
    /// Turns one value of the driver's into ours. `key` says that it will be compared with again: a float
    /// then keeps every bit.
    ///
    /// # Errors
    /// What is wrong with it, without the value.
    pub(crate) fn read(&self, raw: ColumnData<'static>, key: bool) -> Result<Value, &'static str> {
        Ok(match raw {
            ColumnData::Bit(v) => v.map_or(Value::Null, Value::Bool),
            ColumnData::U8(v) => v.map_or(Value::Null, |n| Value::Int(n.into())),
            ColumnData::I16(v) => v.map_or(Value::Null, |n| Value::Int(n.into())),
            ColumnData::I32(v) => v.map_or(Value::Null, |n| Value::Int(n.into())),
            ColumnData::I64(v) => v.map_or(Value::Null, Value::Int),
            ColumnData::F32(v) => v.map_or(Value::Null, |f| {
                Value::Float(if key { f.into() } else { shortest(f) })
            }),
            ColumnData::F64(v) => v.map_or(Value::Null, Value::Float),
            ColumnData::Numeric(v) => v.map_or(Value::Null, |n| {
                Value::Decimal(digits(n.value(), n.scale()).into())
            }),
            // The driver has replaced what is no Unicode; a scan could not resume after it.
            ColumnData::String(Some(s)) if key && s.contains(char::REPLACEMENT_CHARACTER) => {
                return Err("a key holds text that is not Unicode");
            }
            ColumnData::String(v) => v.map_or(Value::Null, |s| self.text(s.into_owned())),
            ColumnData::Xml(v) => v.map_or(Value::Null, |x| {
                Value::Text(x.into_owned().into_string().into())
            }),
            ColumnData::Guid(v) => v.map_or(Value::Null, |g| {
                let mut buffer = tiberius::Uuid::encode_buffer();
                Value::Text((&*g.hyphenated().encode_upper(&mut buffer)).into())
            }),
            ColumnData::Binary(None) => Value::Null,
            ColumnData::Binary(Some(bytes)) => match self {
                Self::RowVersion => row_version(&bytes)?,
                _ => Value::Bytes(bytes.into_owned().into()),
            },
            ColumnData::Date(v) => {
                optional(v, |d| calendar::date(d.days().into()).map(Value::Date))?
            }
            ColumnData::Time(v) => optional(v, |t| time(t).map(Value::Time))?,
            ColumnData::SmallDateTime(v) => optional(v, small_date_time)?,
            ColumnData::DateTime(v) => optional(v, date_time)?,
            ColumnData::DateTime2(v) => optional(v, |at| moment(at).map(Value::DateTime))?,
            ColumnData::DateTimeOffset(v) => optional(v, with_offset)?,
        })
    }

    fn text(&self, mut text: String) -> Value {
        if let Self::Unicode { blanks, .. } | Self::CodePage { blanks, .. } = self
            && *blanks == Blanks::Padding
        {
            text.truncate(text.trim_end_matches(' ').len());
        }
        Value::Text(text.into())
    }
}

fn optional<T>(
    value: Option<T>,
    read: impl FnOnce(T) -> Option<Value>,
) -> Result<Value, &'static str> {
    value.map_or(Ok(Value::Null), |v| {
        read(v).ok_or("a date or time outside the years 1 to 9999")
    })
}

/// Eight bytes that count up: as an integer they compare as the server compares them.
fn row_version(bytes: &[u8]) -> Result<Value, &'static str> {
    let bytes: [u8; 8] = bytes
        .try_into()
        .map_err(|_| "a rowversion is not eight bytes long")?;
    let n = u64::from_be_bytes(bytes);
    Ok(i64::try_from(n).map_or(Value::UInt(n), Value::Int))
}

/// A REAL as the shortest number that means it: 98.6 and not 98.5999984741211.
fn shortest(f: f32) -> f64 {
    f.to_string().parse().unwrap_or_else(|_| f64::from(f))
}

/// All digits of the scale, trailing zeros too.
fn digits(value: i128, scale: u8) -> String {
    // Nearly all fit the machine's own numbers, which are written much faster.
    let mut text = match i64::try_from(value) {
        Ok(small) => small.to_string(),
        Err(_) => value.to_string(),
    };
    let (scale, sign) = (usize::from(scale), usize::from(value < 0));
    if scale > 0 {
        while text.len() - sign <= scale {
            text.insert(sign, '0');
        }
        text.insert(text.len() - scale, '.');
    }
    text
}

fn time(t: wire::Time) -> Option<silsila_source::Time> {
    let unit = 10u64.checked_pow(9u32.checked_sub(t.scale().into())?)?;
    calendar::time(t.increments().checked_mul(unit)?)
}

fn moment(at: wire::DateTime2) -> Option<DateTime> {
    Some(DateTime {
        date: calendar::date(at.date().days().into())?,
        time: time(at.time())?,
        offset_minutes: None,
    })
}

/// On the wire the clock is UTC and the offset stands beside it.
fn with_offset(at: wire::DateTimeOffset) -> Option<Value> {
    let utc = moment(at.datetime2())?;
    let local = calendar::moved(utc, at.offset().into())?;
    Some(Value::DateTime(DateTime {
        offset_minutes: Some(at.offset()),
        ..local
    }))
}

/// Three hundred ticks to the second, shown to the millisecond as SQL Server shows them.
fn date_time(at: wire::DateTime) -> Option<Value> {
    let ticks = u64::from(at.seconds_fragments());
    let milliseconds = (ticks * 10 + 1) / 3;
    Some(Value::DateTime(DateTime {
        date: calendar::date(calendar::YEAR_1900 + i64::from(at.days()))?,
        time: calendar::time(milliseconds * 1_000_000)?,
        offset_minutes: None,
    }))
}

fn small_date_time(at: wire::SmallDateTime) -> Option<Value> {
    let minutes = u64::from(at.seconds_fragments());
    Some(Value::DateTime(DateTime {
        date: calendar::date(calendar::YEAR_1900 + i64::from(at.days()))?,
        time: calendar::time(minutes * 60_000_000_000)?,
        offset_minutes: None,
    }))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use silsila_source::{Date, Time};
    use tiberius::numeric::Numeric;

    use super::*;

    fn check(shape: &Shape, raw: ColumnData<'static>, expect: &Value) {
        let got = shape.read(raw, false);
        assert!(got.as_ref() == Ok(expect), "{shape:?} gave {got:?}");
    }

    fn at(date: (u16, u8, u8), time: (u8, u8, u8, u32), offset_minutes: Option<i16>) -> Value {
        let ((year, month, day), (hour, minute, second, nanosecond)) = (date, time);
        Value::DateTime(DateTime {
            date: Date { year, month, day },
            time: Time {
                hour,
                minute,
                second,
                nanosecond,
            },
            offset_minutes,
        })
    }

    #[test]
    fn a_decimal_keeps_all_its_digits() {
        let check = |value, scale, text: &str| {
            let raw = ColumnData::Numeric(Some(Numeric::new_with_scale(value, scale)));
            check(&Shape::Money, raw, &Value::Decimal(text.into()));
        };
        check(71_000, 4, "7.1000");
        check(-1, 4, "-0.0001");
        check(0, 2, "0.00");
        check(12, 0, "12");
        check(
            -99_999_999_999_999_999_999_999_999_999_999_999_999,
            10,
            "-9999999999999999999999999999.9999999999",
        );
    }

    #[test]
    fn a_datetime_is_shown_to_the_millisecond_that_sql_server_shows() {
        for (ticks, ms) in [(0, 0), (1, 3), (2, 7), (3, 10), (299, 997)] {
            let raw = ColumnData::DateTime(Some(wire::DateTime::new(0, ticks)));
            check(
                &Shape::DateTime,
                raw,
                &at((1900, 1, 1), (0, 0, 0, ms * 1_000_000), None),
            );
        }
        let first = ColumnData::DateTime(Some(wire::DateTime::new(-53_690, 0)));
        check(
            &Shape::DateTime,
            first,
            &at((1753, 1, 1), (0, 0, 0, 0), None),
        );
    }

    #[test]
    fn a_hundred_nanoseconds_survive() {
        let clock = wire::Time::new(863_999_999_999, 7);
        let raw =
            ColumnData::DateTime2(Some(wire::DateTime2::new(wire::Date::new(738_885), clock)));
        check(
            &Shape::DateTime2 { scale: 7 },
            raw,
            &at((2024, 1, 1), (23, 59, 59, 999_999_900), None),
        );
    }

    #[test]
    fn an_offset_moves_the_clock_to_local_time_and_is_kept() {
        let utc = wire::DateTime2::new(wire::Date::new(738_885), wire::Time::new(22 * 3600, 0));
        let raw = ColumnData::DateTimeOffset(Some(wire::DateTimeOffset::new(utc, 300)));
        check(
            &Shape::DateTimeOffset { scale: 0 },
            raw,
            &at((2024, 1, 2), (3, 0, 0, 0), Some(300)),
        );
    }

    #[test]
    fn a_time_beyond_the_calendar_is_an_error_and_no_panic() {
        let day = wire::Date::new(0x00ff_ffff);
        let shape = Shape::DateTimeOffset { scale: 7 };
        let bad = [
            ColumnData::Date(Some(day)),
            ColumnData::Time(Some(wire::Time::new(u64::MAX, 0))),
            ColumnData::Time(Some(wire::Time::new(1, 200))),
            ColumnData::DateTime(Some(wire::DateTime::new(i32::MAX, 0))),
            ColumnData::DateTimeOffset(Some(wire::DateTimeOffset::new(
                wire::DateTime2::new(day, wire::Time::new(0, 7)),
                i16::MAX,
            ))),
        ];
        for raw in bad {
            assert!(shape.read(raw, false).is_err());
        }
    }

    #[test]
    fn a_rowversion_counts_as_an_integer() {
        let raw = |bytes: [u8; 8]| ColumnData::Binary(Some(Cow::Owned(bytes.to_vec())));
        check(
            &Shape::RowVersion,
            raw([0, 0, 0, 0, 0, 0, 7, 226]),
            &Value::Int(2018),
        );
        check(&Shape::RowVersion, raw([255; 8]), &Value::UInt(u64::MAX));
        let short = ColumnData::Binary(Some(Cow::Owned(vec![1])));
        assert!(Shape::RowVersion.read(short, true).is_err());
    }

    #[test]
    fn text_that_is_no_unicode_is_shown_and_never_a_key() {
        let raw = || ColumnData::String(Some("a\u{fffd}".into()));
        let shape = Shape::Unicode {
            blanks: Blanks::Text,
            characters: None,
        };
        check(&shape, raw(), &Value::Text("a\u{fffd}".into()));
        assert!(shape.read(raw(), true).is_err());
    }

    #[test]
    fn padding_is_no_text_and_blanks_that_somebody_typed_are() {
        let raw = || ColumnData::String(Some("M  ".into()));
        let shape = |blanks| Shape::Unicode {
            blanks,
            characters: Some(3),
        };
        check(&shape(Blanks::Padding), raw(), &Value::Text("M".into()));
        check(&shape(Blanks::Text), raw(), &Value::Text("M  ".into()));
    }

    #[test]
    fn a_uniqueidentifier_is_written_as_sql_server_writes_it() {
        let id = tiberius::Uuid::from_u128(0x513952d6_df55_4d6e_a33c_3dd65ec73a2a);
        let text = Value::Text("513952D6-DF55-4D6E-A33C-3DD65EC73A2A".into());
        check(&Shape::UniqueIdentifier, ColumnData::Guid(Some(id)), &text);
    }
}
