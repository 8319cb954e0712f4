// SPDX-License-Identifier: Apache-2.0
//! Arithmetic on watermark values: looking back by the overlap, and comparing. Pure.

use std::cmp::Ordering;
use std::time::Duration;

use silsila_source::{Date, DateTime, Time, Value};

/// The value that lies `overlap` before this one. Integers count as seconds (or as a counter, where the
/// overlap is a number of steps); values that cannot be reckoned with stay as they are.
pub(crate) fn back(value: &Value, overlap: Duration) -> Value {
    let seconds = i64::try_from(overlap.as_secs()).unwrap_or(i64::MAX);
    match value {
        Value::Int(i) => Value::Int(i.saturating_sub(seconds)),
        Value::UInt(u) => Value::UInt(u.saturating_sub(overlap.as_secs())),
        Value::DateTime(dt) => Value::DateTime(shift(*dt, -seconds).unwrap_or(*dt)),
        Value::Date(d) => {
            let midnight = DateTime {
                date: *d,
                time: Time {
                    hour: 0,
                    minute: 0,
                    second: 0,
                    nanosecond: 0,
                },
                offset_minutes: None,
            };
            Value::Date(shift(midnight, -seconds).map_or(*d, |dt| dt.date))
        }
        other => other.clone(),
    }
}

/// Which of two watermarks of one column is later, where that can be told.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::UInt(a), Value::UInt(b)) => Some(a.cmp(b)),
        (Value::Int(_), Value::UInt(_)) => Some(Ordering::Less),
        (Value::UInt(_), Value::Int(_)) => Some(Ordering::Greater),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
        (Value::Date(a), Value::Date(b)) => Some(a.cmp(b)),
        (Value::DateTime(a), Value::DateTime(b)) => match (utc_seconds(a), utc_seconds(b)) {
            (Some(x), Some(y)) => Some((x, a.time.nanosecond).cmp(&(y, b.time.nanosecond))),
            _ => Some((a.date, a.time).cmp(&(b.date, b.time))),
        },
        (Value::Decimal(a), Value::Decimal(b)) => {
            a.parse::<f64>().ok()?.partial_cmp(&b.parse::<f64>().ok()?)
        }
        _ => None,
    }
}

/// A date and time moved by seconds; `None` where the date does not exist or leaves the years 1 to 9999.
pub(crate) fn shift(at: DateTime, seconds: i64) -> Option<DateTime> {
    let local = local_seconds(&at)?.checked_add(seconds)?;
    let (days, of_day) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let date = civil(days)?;
    let part = |n: i64| u8::try_from(n).ok();
    Some(DateTime {
        date,
        time: Time {
            hour: part(of_day / 3600)?,
            minute: part(of_day / 60 % 60)?,
            second: part(of_day % 60)?,
            nanosecond: at.time.nanosecond,
        },
        offset_minutes: at.offset_minutes,
    })
}

fn utc_seconds(at: &DateTime) -> Option<i64> {
    Some(local_seconds(at)? - 60 * i64::from(at.offset_minutes.unwrap_or(0)))
}

pub(crate) fn local_seconds(at: &DateTime) -> Option<i64> {
    let t = at.time;
    Some(
        days(at.date)? * 86_400
            + i64::from(t.hour) * 3600
            + i64::from(t.minute) * 60
            + i64::from(t.second),
    )
}

/// Days since 1970-01-01 of a date that exists.
pub(crate) fn days(date: Date) -> Option<i64> {
    let (y, m, d) = (
        i64::from(date.year),
        i64::from(date.month),
        i64::from(date.day),
    );
    if !(1..=12).contains(&m) || d < 1 || d > month_length(y, m) {
        return None;
    }
    Some(days_before_year(y) + days_before_month(y, m) + d - 1 - days_before_year(1970))
}

pub(crate) fn days_before_year(y: i64) -> i64 {
    let before = y - 1;
    before * 365 + before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400)
}

fn days_before_month(y: i64, month: i64) -> i64 {
    (1..month).map(|m| month_length(y, m)).sum()
}

fn month_length(y: i64, m: i64) -> i64 {
    match m {
        4 | 6 | 9 | 11 => 30,
        2 if y % 4 == 0 && (y % 100 != 0 || y % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

pub(crate) fn civil(days: i64) -> Option<Date> {
    let from_year_one = days + days_before_year(1970);
    let mut year = from_year_one.div_euclid(366).max(0) + 1;
    while days_before_year(year + 1) <= from_year_one {
        year += 1;
    }
    let mut rest = from_year_one - days_before_year(year);
    let mut month = 1;
    while rest >= month_length(year, month) {
        rest -= month_length(year, month);
        month += 1;
    }
    if !(1..=9999).contains(&year) || rest < 0 {
        return None;
    }
    Some(Date {
        year: u16::try_from(year).ok()?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(rest + 1).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(year: u16, month: u8, day: u8, hour: u8, minute: u8, second: u8) -> DateTime {
        DateTime {
            date: Date { year, month, day },
            time: Time {
                hour,
                minute,
                second,
                nanosecond: 0,
            },
            offset_minutes: None,
        }
    }

    #[test]
    fn looking_back_crosses_midnight_months_and_leap_days() {
        let check = |from, seconds, to| {
            let back = back(&Value::DateTime(from), Duration::from_secs(seconds));
            assert!(back == Value::DateTime(to), "{from:?} {seconds}");
        };
        check(at(2025, 7, 1, 0, 0, 30), 60, at(2025, 6, 30, 23, 59, 30));
        check(at(2024, 3, 1, 0, 0, 0), 1, at(2024, 2, 29, 23, 59, 59));
        check(at(2023, 3, 1, 0, 0, 0), 1, at(2023, 2, 28, 23, 59, 59));
        check(at(2000, 3, 1, 0, 0, 0), 86_400, at(2000, 2, 29, 0, 0, 0));
        check(at(1970, 1, 1, 0, 0, 0), 1, at(1969, 12, 31, 23, 59, 59));
        check(at(0, 0, 0, 0, 0, 0), 60, at(0, 0, 0, 0, 0, 0));
    }

    #[test]
    fn every_day_of_nine_centuries_comes_back_from_its_number() {
        let mut expect = days(at(1600, 1, 1, 0, 0, 0).date).unwrap();
        for year in 1600..2500_u16 {
            for month in 1..=12 {
                for day in 1..=u8::try_from(month_length(year.into(), month.into())).unwrap() {
                    let date = Date { year, month, day };
                    assert_eq!(days(date), Some(expect));
                    assert_eq!(civil(expect), Some(date));
                    expect += 1;
                }
            }
        }
    }

    #[test]
    fn milliseconds_become_the_date_that_the_world_agrees_on() {
        let dt = DateTime::from_unix_ms(1_751_359_920_250);
        assert_eq!(dt.date, at(2025, 7, 1, 0, 0, 0).date);
        assert_eq!((dt.time.hour, dt.time.minute), (8, 52));
        assert_eq!(dt.time.nanosecond, 250_000_000);
    }

    #[test]
    fn offsets_count_when_times_are_compared() {
        let east = DateTime {
            offset_minutes: Some(300),
            ..at(2025, 7, 1, 5, 0, 0)
        };
        let utc = DateTime {
            offset_minutes: Some(0),
            ..at(2025, 7, 1, 0, 0, 0)
        };
        assert_eq!(
            compare(&Value::DateTime(east), &Value::DateTime(utc)),
            Some(Ordering::Equal)
        );
    }
}
