// SPDX-License-Identifier: Apache-2.0
//! Turning keys into parameters that compare as the contract says.
//!
//! SQL Server converts the side whose type has the lower rank: a text column compared with a number is
//! converted to numbers, row by row, and one `'bed 7'` among them ends the statement with an error; a
//! VARCHAR column compared with Unicode text loses its index and its order. Every parameter is therefore
//! sent in the column's own type (`select` casts where the driver cannot), or is known to match nothing:
//! what the cast would round, cut or refuse can equal no value of the column.

use silsila_source::{Date, DateTime, Time, Value};
use tiberius::time as wire;
use tiberius::{ColumnData, Uuid};

use crate::calendar;
use crate::shape::Shape;

/// A parameter's value.
pub(crate) type Raw = ColumnData<'static>;

/// A parameter for an equality, or `None` when the value can equal nothing in such a column.
pub(crate) fn equal(shape: &Shape, value: &Value) -> Option<Raw> {
    match shape {
        Shape::Bit => bit(value),
        Shape::TinyInt => {
            integer(value).and_then(|n| Some(ColumnData::U8(Some(n.try_into().ok()?))))
        }
        Shape::SmallInt => {
            integer(value).and_then(|n| Some(ColumnData::I16(Some(n.try_into().ok()?))))
        }
        Shape::Int => integer(value).and_then(|n| Some(ColumnData::I32(Some(n.try_into().ok()?)))),
        Shape::BigInt => {
            integer(value).and_then(|n| Some(ColumnData::I64(Some(n.try_into().ok()?))))
        }
        Shape::RowVersion => integer(value).and_then(|n| Some(row_version(n.try_into().ok()?))),
        Shape::Decimal { precision, scale } => decimal(value, *precision, *scale),
        Shape::Money => decimal(value, 19, 4),
        Shape::SmallMoney => decimal(value, 10, 4),
        Shape::Real => real(value),
        Shape::Float => float(value),
        Shape::Unicode { characters, .. } | Shape::CodePage { characters, .. } => {
            words(value, *characters)
        }
        Shape::Binary => match value {
            Value::Bytes(bytes) => Some(ColumnData::Binary(Some(bytes.to_vec().into()))),
            _ => None,
        },
        Shape::Date => match value {
            Value::Date(date) => day(*date).map(|d| ColumnData::Date(Some(d))),
            _ => None,
        },
        Shape::Time { scale } => match value {
            Value::Time(time) => {
                fits(time.nanosecond, *scale)?;
                clock(*time).map(|t| ColumnData::Time(Some(t)))
            }
            _ => None,
        },
        Shape::SmallDateTime | Shape::DateTime | Shape::DateTime2 { .. } => match value {
            Value::DateTime(at) => naive(shape, *at),
            _ => None,
        },
        Shape::DateTimeOffset { scale } => match value {
            Value::DateTime(at) => {
                fits(at.time.nanosecond, *scale)?;
                instant(*at)
            }
            _ => None,
        },
        Shape::UniqueIdentifier => match value {
            Value::Text(text) => uuid(text).map(|g| ColumnData::Guid(Some(g))),
            _ => None,
        },
        Shape::LongText | Shape::LongBinary | Shape::Unsupported => None,
    }
}

/// A parameter for `>` or `>=`. The value was read from that column, so that it fits; a bound that was
/// reckoned (a watermark minus its overlap) is brought into the column's range. `None` where the column
/// has changed its type since.
pub(crate) fn order(shape: &Shape, value: &Value) -> Option<Raw> {
    match (shape, value) {
        (Shape::RowVersion, Value::Int(n)) if *n < 0 => Some(row_version(0)),
        (Shape::TinyInt, Value::Int(n)) => equal(shape, &Value::Int((*n).clamp(0, 255))),
        (Shape::SmallInt, Value::Int(n)) => equal(
            shape,
            &Value::Int((*n).clamp(i16::MIN.into(), i16::MAX.into())),
        ),
        (Shape::Int, Value::Int(n)) => equal(
            shape,
            &Value::Int((*n).clamp(i32::MIN.into(), i32::MAX.into())),
        ),
        // A probe between two values may be finer than the column; the cast rounds it, which is near enough.
        (Shape::SmallDateTime, Value::DateTime(at)) => {
            date_time2(within(*at, (1900, 1, 1), (2079, 6, 6)))
        }
        (Shape::DateTime, Value::DateTime(at)) => {
            date_time2(within(*at, (1753, 1, 1), (9999, 12, 31)))
        }
        (Shape::DateTime2 { .. }, Value::DateTime(at)) => date_time2(*at),
        (Shape::DateTimeOffset { .. }, Value::DateTime(at)) => instant(*at),
        _ => equal(shape, value),
    }
}

/// The moment, or the nearest that a type knows.
fn within(at: DateTime, first: (u16, u8, u8), last: (u16, u8, u8)) -> DateTime {
    let whole = |(year, month, day), (hour, minute)| DateTime {
        date: Date { year, month, day },
        time: Time {
            hour,
            minute,
            second: 0,
            nanosecond: 0,
        },
        offset_minutes: None,
    };
    let (first, last) = (whole(first, (0, 0)), whole(last, (23, 59)));
    if at.date < first.date {
        first
    } else if at.date > last.date {
        last
    } else {
        at
    }
}

/// A rowversion's eight bytes.
pub(crate) fn row_version(n: u64) -> Raw {
    ColumnData::Binary(Some(n.to_be_bytes().to_vec().into()))
}

fn bit(value: &Value) -> Option<Raw> {
    let bit = match value {
        Value::Bool(b) => *b,
        other => match integer(other)? {
            0 => false,
            1 => true,
            _ => return None,
        },
    };
    Some(ColumnData::Bit(Some(bit)))
}

fn integer(value: &Value) -> Option<i128> {
    match value {
        Value::Int(i) => Some((*i).into()),
        Value::UInt(u) => Some((*u).into()),
        Value::Bool(b) => Some((*b).into()),
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
fn whole(digits: &str) -> Option<i128> {
    let n: i128 = digits.parse().ok()?;
    (n.to_string() == digits).then_some(n)
}

/// Digits that the column can hold without rounding.
fn decimal(value: &Value, precision: u8, scale: u8) -> Option<Raw> {
    let text = match value {
        Value::Int(i) => i.to_string(),
        Value::UInt(u) => u.to_string(),
        Value::Decimal(digits) | Value::Text(digits) => digits.to_string(),
        _ => return None,
    };
    let unsigned = text.strip_prefix('-').unwrap_or(&text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    let fits = all_digits(whole)
        && all_digits(fraction)
        && whole.trim_start_matches('0').len() <= usize::from(precision.saturating_sub(scale))
        && fraction.trim_end_matches('0').len() <= usize::from(scale);
    fits.then(|| ColumnData::String(Some(text.into())))
}

fn real(value: &Value) -> Option<Raw> {
    let Some(ColumnData::F64(Some(f))) = float(value) else {
        return None;
    };
    // What is read for people is the shortest spelling; as a REAL it is the same number again.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the nearest REAL is what is meant"
    )]
    Some(ColumnData::F32(Some(f as f32)))
}

fn float(value: &Value) -> Option<Raw> {
    let f = match value {
        Value::Float(f) => *f,
        #[expect(clippy::cast_precision_loss, reason = "checked on the next line")]
        Value::Int(i) => Some(*i as f64).filter(|_| i.unsigned_abs() <= 1 << 53)?,
        Value::Decimal(digits) => digits.parse().ok()?,
        _ => return None,
    };
    Some(ColumnData::F64(Some(f)))
}

/// Text no longer than the column; a longer one equals nothing, and a cast would cut it.
fn words(value: &Value, characters: Option<u32>) -> Option<Raw> {
    let text = match value {
        Value::Text(text) | Value::Decimal(text) => text.to_string(),
        Value::Int(i) => i.to_string(),
        Value::UInt(u) => u.to_string(),
        _ => return None,
    };
    // Trailing blanks do not count in a comparison. The limit is in bytes or UTF-16 units, never fewer
    // than characters.
    let length = text.trim_end_matches(' ').chars().count();
    let fits = characters.is_none_or(|most| length <= most as usize);
    fits.then(|| ColumnData::String(Some(text.into())))
}

fn uuid(text: &str) -> Option<Uuid> {
    // Only the spelling with hyphens: a key that anybody reads or writes looks like that.
    (text.len() == 36).then(|| Uuid::try_parse(text).ok())?
}

/// Whether a fraction of a second has no more digits than a scale.
fn fits(nanosecond: u32, scale: u8) -> Option<()> {
    let unit = 10u32.checked_pow(9u32.checked_sub(scale.into())?)?;
    nanosecond.is_multiple_of(unit).then_some(())
}

/// Whether a moment can stand in such a column as it is.
fn naive(shape: &Shape, at: DateTime) -> Option<Raw> {
    let nanosecond = at.time.nanosecond;
    let fits = match shape {
        Shape::DateTime2 { scale } => fits(nanosecond, *scale).is_some(),
        Shape::SmallDateTime => nanosecond == 0 && at.time.second == 0,
        // Milliseconds that end in 0, 3 or 7.
        _ => {
            nanosecond.is_multiple_of(1_000_000) && matches!(nanosecond / 1_000_000 % 10, 0 | 3 | 7)
        }
    };
    let in_range = match shape {
        Shape::SmallDateTime => (1900..=2079).contains(&at.date.year),
        Shape::DateTime => at.date.year >= 1753,
        _ => true,
    };
    if fits && in_range {
        date_time2(at)
    } else {
        None
    }
}

fn date_time2(at: DateTime) -> Option<Raw> {
    // An offset of zero is how UTC is known; any other has no place in a column without offsets.
    let at = match at.offset_minutes {
        Some(offset) if offset != 0 => calendar::moved(at, -i64::from(offset))?,
        _ => at,
    };
    let moment = wire::DateTime2::new(day(at.date)?, clock(at.time)?);
    Some(ColumnData::DateTime2(Some(moment)))
}

/// On the wire the clock is UTC. A moment without an offset is taken for UTC.
fn instant(at: DateTime) -> Option<Raw> {
    let offset = at.offset_minutes.unwrap_or(0);
    let utc = calendar::moved(at, -i64::from(offset))?;
    let moment = wire::DateTime2::new(day(utc.date)?, clock(utc.time)?);
    Some(ColumnData::DateTimeOffset(Some(wire::DateTimeOffset::new(
        moment, offset,
    ))))
}

fn day(of: Date) -> Option<wire::Date> {
    let day = u32::try_from(calendar::day(of)?).ok()?;
    Some(wire::Date::new(day))
}

/// A time of day to a hundred nanoseconds, the finest that SQL Server knows.
fn clock(of: Time) -> Option<wire::Time> {
    Some(wire::Time::new(calendar::nanoseconds(of)? / 100, 7))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(shape: &Shape, value: &Value, expect: impl Into<Option<Raw>>) {
        let (got, expect) = (equal(shape, value), expect.into());
        assert!(got == expect, "{shape:?} {value:?} gave {got:?}");
    }

    fn text(s: &str) -> Value {
        Value::Text(s.into())
    }

    fn string(s: &str) -> Raw {
        ColumnData::String(Some(s.to_owned().into()))
    }

    fn unicode(characters: u32) -> Shape {
        Shape::Unicode {
            blanks: crate::shape::Blanks::Text,
            characters: Some(characters),
        }
    }

    #[test]
    fn only_the_exact_spelling_of_a_number_finds_it() {
        check(&Shape::BigInt, &text("4"), ColumnData::I64(Some(4)));
        for other in ["4 beds", " 4", "+4", "04", "4.0", "", "4e0"] {
            check(&Shape::BigInt, &text(other), None);
        }
        check(
            &Shape::Int,
            &Value::Decimal("4.00".into()),
            ColumnData::I32(Some(4)),
        );
        check(&Shape::Int, &Value::Decimal("4.10".into()), None);
    }

    #[test]
    fn a_number_beyond_the_columns_range_equals_nothing_and_bounds_everything() {
        check(&Shape::TinyInt, &Value::Int(256), None);
        check(&Shape::Int, &Value::Int(9_007_199_254_740_993), None);
        check(&Shape::BigInt, &Value::UInt(u64::MAX), None);
        assert!(order(&Shape::Int, &Value::Int(i64::MAX)) == Some(ColumnData::I32(Some(i32::MAX))));
        assert!(order(&Shape::RowVersion, &Value::Int(-60)) == Some(row_version(0)));
    }

    #[test]
    fn a_number_is_compared_with_text_as_text() {
        check(&unicode(9), &Value::Int(0), string("0"));
    }

    #[test]
    fn text_that_does_not_fit_the_column_equals_nothing() {
        check(&unicode(3), &text("abc  "), string("abc  "));
        check(&unicode(3), &text("abcd"), None);
    }

    #[test]
    fn null_equals_nothing() {
        for shape in [
            Shape::Int,
            unicode(4),
            Shape::Date,
            Shape::Float,
            Shape::Binary,
            Shape::Bit,
        ] {
            check(&shape, &Value::Null, None);
        }
    }

    #[test]
    fn a_decimal_that_would_be_rounded_equals_nothing() {
        let shape = Shape::Decimal {
            precision: 5,
            scale: 2,
        };
        check(&shape, &Value::Decimal("-7.10".into()), string("-7.10"));
        check(&shape, &Value::Decimal("7.1000".into()), string("7.1000"));
        for other in ["7.105", "1234", "7.", ".5", "1e3", "seven", "-"] {
            check(&shape, &text(other), None);
        }
    }

    #[test]
    fn a_uniqueidentifier_is_found_in_either_case_and_only_whole() {
        let id = Uuid::from_u128(0x513952d6_df55_4d6e_a33c_3dd65ec73a2a);
        for spelling in [
            "513952D6-DF55-4D6E-A33C-3DD65EC73A2A",
            "513952d6-df55-4d6e-a33c-3dd65ec73a2a",
        ] {
            check(
                &Shape::UniqueIdentifier,
                &text(spelling),
                ColumnData::Guid(Some(id)),
            );
        }
        for other in ["513952D6", "{513952D6-DF55-4D6E-A33C-3DD65EC73A2A}", ""] {
            check(&Shape::UniqueIdentifier, &text(other), None);
        }
    }

    #[test]
    fn a_moment_finer_than_the_column_equals_nothing() {
        let at = |nanosecond| {
            Value::DateTime(DateTime {
                date: Date {
                    year: 2025,
                    month: 7,
                    day: 1,
                },
                time: Time {
                    hour: 9,
                    minute: 0,
                    second: 0,
                    nanosecond,
                },
                offset_minutes: None,
            })
        };
        assert!(equal(&Shape::DateTime2 { scale: 7 }, &at(100)).is_some());
        assert!(equal(&Shape::DateTime2 { scale: 3 }, &at(100)).is_none());
        assert!(equal(&Shape::DateTime, &at(3_000_000)).is_some());
        assert!(equal(&Shape::DateTime, &at(4_000_000)).is_none());
        assert!(order(&Shape::DateTime, &at(4_000_000)).is_some());
    }

    #[test]
    fn an_instant_is_sent_as_utc_beside_its_offset() {
        let value = Value::DateTime(DateTime {
            date: Date {
                year: 2024,
                month: 1,
                day: 2,
            },
            time: Time {
                hour: 3,
                minute: 0,
                second: 0,
                nanosecond: 0,
            },
            offset_minutes: Some(300),
        });
        let utc = wire::DateTime2::new(
            wire::Date::new(738_885),
            wire::Time::new(22 * 36_000_000_000, 7),
        );
        let expect = ColumnData::DateTimeOffset(Some(wire::DateTimeOffset::new(utc, 300)));
        check(&Shape::DateTimeOffset { scale: 0 }, &value, expect);
    }
}
