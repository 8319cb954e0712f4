// SPDX-License-Identifier: Apache-2.0
//! Arithmetic on watermark values: looking back by the overlap, comparing, and finding the newest one
//! without asking the database to sort. Pure.

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

/// Milliseconds since 1970 as a date and time in UTC.
pub(crate) fn from_ms(ms: u64) -> DateTime {
    let epoch = DateTime {
        date: Date {
            year: 1970,
            month: 1,
            day: 1,
        },
        time: Time {
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: u32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
        },
        offset_minutes: Some(0),
    };
    i64::try_from(ms / 1000)
        .ok()
        .and_then(|s| shift(epoch, s))
        .unwrap_or(epoch)
}

fn utc_seconds(at: &DateTime) -> Option<i64> {
    Some(local_seconds(at)? - 60 * i64::from(at.offset_minutes.unwrap_or(0)))
}

fn local_seconds(at: &DateTime) -> Option<i64> {
    let t = at.time;
    Some(
        days(at.date)? * 86_400
            + i64::from(t.hour) * 3600
            + i64::from(t.minute) * 60
            + i64::from(t.second),
    )
}

/// Days since 1970-01-01 of a date that exists.
fn days(date: Date) -> Option<i64> {
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

fn days_before_year(y: i64) -> i64 {
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

fn civil(days: i64) -> Option<Date> {
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

/// Finds the newest watermark by asking "what is the first one at or after this?" about thirty times:
/// the source can answer that from its index, while its largest value may be an accident (a year 2099).
/// `latest` bounds the search. Answers `None` for an empty column and for kinds that have no middle.
pub(crate) struct Newest {
    low: Option<Value>,
    high: Value,
}

impl Newest {
    /// `first` is the column's smallest value, `latest` a bound above which nothing is believed.
    pub fn between(first: Value, latest: Option<Value>) -> Option<Self> {
        let high = match (&first, latest) {
            (Value::Int(_), _) => Value::Int(i64::MAX),
            (Value::DateTime(f), Some(Value::DateTime(l))) => Value::DateTime(DateTime {
                offset_minutes: f.offset_minutes,
                ..l
            }),
            (Value::Date(_), Some(Value::DateTime(l))) => Value::Date(l.date),
            _ => return None,
        };
        Some(Self {
            low: Some(first),
            high,
        })
    }

    /// The next value to ask about, or `None` when the search has ended.
    pub fn probe(&self) -> Option<Value> {
        let low = self.low.as_ref()?;
        if compare(low, &self.high) != Some(Ordering::Less) {
            return None;
        }
        let middle = middle(low, &self.high)?;
        (compare(&middle, low) == Some(Ordering::Greater)).then_some(middle)
    }

    /// What the source said: the first watermark at or after the probe.
    pub fn answer(&mut self, probe: Value, found: Option<Value>) {
        match found {
            Some(at) if compare(&at, &self.high) == Some(Ordering::Less) => self.low = Some(at),
            _ => self.high = back_one(&probe).unwrap_or(probe),
        }
    }

    /// The newest watermark at or before the bound.
    pub fn found(self) -> Option<Value> {
        self.low
    }
}

fn back_one(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Int(i) => Value::Int(i.checked_sub(1)?),
        Value::Date(_) => back(value, Duration::from_secs(1)),
        Value::DateTime(_) => back(value, Duration::from_secs(1)),
        _ => return None,
    })
}

fn middle(low: &Value, high: &Value) -> Option<Value> {
    match (low, high) {
        (Value::Int(a), Value::Int(b)) => {
            let half = (i128::from(*a) + i128::from(*b) + 1).div_euclid(2);
            i64::try_from(half).ok().map(Value::Int)
        }
        (Value::DateTime(a), Value::DateTime(b)) => {
            // A zero date is older than anything: start from the year 1.
            let year_one = -days_before_year(1970) * 86_400;
            let from = local_seconds(a).unwrap_or(year_one);
            let to = local_seconds(b)?;
            let epoch = from_ms(0);
            let at = shift(epoch, (from + to + 1).div_euclid(2))?;
            Some(Value::DateTime(DateTime {
                offset_minutes: a.offset_minutes,
                time: Time {
                    nanosecond: 0,
                    ..at.time
                },
                ..at
            }))
        }
        (Value::Date(a), Value::Date(b)) => {
            let from = days(*a).unwrap_or(-days_before_year(1970));
            civil((from + days(*b)? + 1).div_euclid(2)).map(Value::Date)
        }
        _ => None,
    }
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
        let dt = from_ms(1_751_359_920_250);
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

    /// Runs the search over a sorted column and counts the questions.
    fn search(column: &[Value], latest: Option<Value>) -> (Option<Value>, usize) {
        let first_from = |from: &Value| {
            column
                .iter()
                .find(|v| compare(v, from) != Some(Ordering::Less))
                .cloned()
        };
        let Some(mut newest) = Newest::between(column[0].clone(), latest) else {
            return (None, 0);
        };
        let mut questions = 0;
        while let Some(probe) = newest.probe() {
            let found = first_from(&probe);
            newest.answer(probe, found);
            questions += 1;
        }
        (newest.found(), questions)
    }

    #[test]
    fn the_newest_watermark_is_found_in_few_questions() {
        let mut column: Vec<Value> = (0..1000)
            .map(|i| Value::DateTime(shift(at(2021, 1, 1, 0, 0, 0), i * 7_654).unwrap()))
            .collect();
        let latest = Value::DateTime(at(2026, 10, 1, 0, 0, 0));
        let (found, questions) = search(&column, Some(latest.clone()));
        assert!(found == column.last().cloned());
        assert!(questions < 40, "{questions}");
        // A zero date at one end and a mistyped year at the other change nothing.
        let newest = column.last().cloned();
        column.insert(0, Value::DateTime(at(0, 0, 0, 0, 0, 0)));
        column.push(Value::DateTime(at(2099, 1, 1, 0, 0, 0)));
        let (found, questions) = search(&column, Some(latest));
        assert!(found == newest);
        assert!(questions < 60, "{questions}");
    }

    #[test]
    fn the_newest_counter_is_found_and_a_single_value_too() {
        let column: Vec<Value> = [3, 9, 70_000].map(Value::Int).to_vec();
        let (found, questions) = search(&column, None);
        assert!(found == Some(Value::Int(70_000)));
        assert!(questions < 80, "{questions}");
        assert!(search(&column[..1], None).0 == Some(Value::Int(3)));
    }

    #[test]
    fn a_kind_without_a_middle_is_not_searched() {
        assert_eq!(search(&[Value::Text("a".into())], None).1, 0);
    }
}
