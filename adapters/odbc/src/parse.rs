// SPDX-License-Identifier: Apache-2.0
//! Dates, times and numbers that a driver gives as text, and the same written back.
//!
//! A text is taken for a date or a time only if writing it back gives the very same text, because a key is
//! compared with what is stored; anything else stays the text that it is.

use std::fmt::Write;

use silsila_source::{Date, DateTime, Time, Value};

/// `2025-03-01`
pub(crate) fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let date = Date {
        year: digits(parts.next()?, 4)?,
        month: digits(parts.next()?, 2)?,
        day: digits(parts.next()?, 2)?,
    };
    let sound = date.month <= 12 && date.day <= 31;
    (parts.next().is_none() && sound).then_some(date)
}

/// `14:05:00` or `14:05:00.500`
pub(crate) fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.split(':');
    let time = Time {
        hour: digits(parts.next()?, 2)?,
        minute: digits(parts.next()?, 2)?,
        second: digits(parts.next()?, 2)?,
        nanosecond: fraction.map_or(Some(0), nanoseconds)?,
    };
    let sound = time.hour <= 23 && time.minute <= 59 && time.second <= 59;
    (parts.next().is_none() && sound).then_some(time)
}

/// `2025-03-01 14:05:00`, also with a fraction and with `T`.
fn moment(text: &str) -> Option<DateTime> {
    let (day, clock) = text.split_at_checked(10)?;
    let clock = clock.strip_prefix([' ', 'T'])?;
    Some(DateTime {
        date: date(day)?,
        time: time(clock)?,
        offset_minutes: None,
    })
}

/// A date and time as it is written back below; everything else stays text.
pub(crate) fn exact_moment(text: &str) -> Value {
    match moment(text) {
        // Without a fraction and with a blank there is but one way to write it.
        Some(at) if text.len() == 19 && text.as_bytes()[10] == b' ' => Value::DateTime(at),
        Some(at) if write_moment(at) == text => Value::DateTime(at),
        _ => exact_date(text),
    }
}

/// A date, which there is but one way to write; everything else stays text.
pub(crate) fn exact_date(text: &str) -> Value {
    date(text).map_or_else(|| Value::Text(text.into()), Value::Date)
}

/// A time of day as it is written back below; everything else, such as a duration, stays text.
pub(crate) fn exact_time(text: &str) -> Value {
    match time(text) {
        Some(time) if write_time(time) == text => Value::Time(time),
        _ => Value::Text(text.into()),
    }
}

/// `2025-03-01 14:05:00.0000000 +05:00`, as SQL Server's driver writes a datetimeoffset.
pub(crate) fn zoned(text: &str) -> Value {
    let read = || {
        let (local, offset) = text.rsplit_once(' ')?;
        let sign = match offset.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (hours, minutes) = offset[1..].split_once(':')?;
        let minutes = digits::<i16>(hours, 2)? * 60 + digits::<i16>(minutes, 2)?;
        Some(DateTime {
            offset_minutes: Some(sign * minutes),
            ..moment(local.trim_end())?
        })
    };
    read().map_or_else(|| Value::Text(text.into()), Value::DateTime)
}

/// Digits as a decimal, `.5` as `0.5`; what is no plain number stays text.
pub(crate) fn decimal(text: &str) -> Value {
    let text = text.trim();
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(fraction) || fraction.is_empty() || unsigned.is_empty() {
        return Value::Text(text.into());
    }
    match whole {
        "" => Value::Decimal(format!("{sign}0{unsigned}").into()),
        _ => Value::Decimal(text.into()),
    }
}

/// An integer; what is none is a float or stays text.
pub(crate) fn integer(text: &str) -> Value {
    if let Ok(i) = text.parse::<i64>() {
        return Value::Int(i);
    }
    if let Ok(u) = text.parse::<u64>() {
        return Value::UInt(u);
    }
    float(text)
}

/// A float; what is none stays text.
pub(crate) fn float(text: &str) -> Value {
    let numeric = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    match text.parse::<f64>() {
        Ok(f) if numeric => Value::Float(f),
        _ => Value::Text(text.into()),
    }
}

/// A date as ODBC writes it.
pub(crate) fn write_date(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// A time as ODBC writes it: no fraction, or three, six or nine digits of it.
pub(crate) fn write_time(time: Time) -> String {
    let mut text = format!("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
    let nanos = time.nanosecond;
    let written = match nanos {
        0 => Ok(()),
        _ if nanos.is_multiple_of(1_000_000) => write!(text, ".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => write!(text, ".{:06}", nanos / 1_000),
        _ => write!(text, ".{nanos:09}"),
    };
    written.expect("writing to a string does not fail");
    text
}

/// A date and time as ODBC writes it.
pub(crate) fn write_moment(at: DateTime) -> String {
    format!("{} {}", write_date(at.date), write_time(at.time))
}

/// Exactly so many digits.
fn digits<N: std::str::FromStr>(text: &str, count: usize) -> Option<N> {
    let sound = text.len() == count && text.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| text.parse().ok())?
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    let sound = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| format!("{fraction:0<9}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn a_text_is_a_date_only_if_it_can_be_written_back() {
        for odd in [
            "2025-3-1",
            "20250301",
            "2025-03-01T02:00:00",
            "2025-03-01 02:00",
            "2025-03-01 02:00:00.5",
            "2025-13-01 02:00:00",
            "1/3/2025",
            "",
        ] {
            assert!(exact_moment(odd) == text(odd), "{odd}");
        }
        for plain in [
            "2025-03-01 02:00:00",
            "2025-03-01 02:00:00.500",
            "1850-01-01 12:00:01.000001",
        ] {
            match exact_moment(plain) {
                Value::DateTime(at) => assert_eq!(write_moment(at), plain),
                other => panic!("{plain} became a {}", other.kind()),
            }
        }
        assert!(exact_moment("2025-03-01") == exact_date("2025-03-01"));
        assert!(exact_time("25:00:00") == text("25:00:00"));
    }

    #[test]
    fn an_offset_is_read() {
        match zoned("2025-07-01 09:12:00.1230000 -05:30") {
            Value::DateTime(at) => {
                assert_eq!(at.offset_minutes, Some(-330));
                assert_eq!(at.time.nanosecond, 123_000_000);
            }
            other => panic!("it became a {}", other.kind()),
        }
        assert!(zoned("yesterday") == text("yesterday"));
    }

    #[test]
    fn decimals_keep_their_digits_and_gain_a_leading_zero() {
        for (given, kept) in [
            ("7.1000", "7.1000"),
            (".5", "0.5"),
            ("-.0500", "-0.0500"),
            ("12", "12"),
        ] {
            assert!(decimal(given) == Value::Decimal(kept.into()), "{given}");
        }
        for other in ["", "-", "7.", "1e3", "seven", "7,1"] {
            assert!(decimal(other) == text(other), "{other}");
        }
    }

    #[test]
    fn what_is_no_number_stays_text() {
        assert!(integer("42") == Value::Int(42));
        assert!(integer("18446744073709551615") == Value::UInt(u64::MAX));
        assert!(integer("7.5") == Value::Float(7.5));
        for other in ["N/A", "", "inf", "NaN", "0x10"] {
            assert!(integer(other) == text(other), "{other}");
        }
    }
}
