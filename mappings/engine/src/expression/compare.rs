// SPDX-License-Identifier: Apache-2.0
//! Comparison. Numbers compare by value and exactly; what cannot be compared says so.

use std::borrow::Cow;
use std::cmp::Ordering;

use silsila_source::{Date, DateTime};

use super::value::Val;
use crate::filters::dates;
use crate::language::yaml::is_number;

/// The outcome of holding two values, neither of them null, against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compared {
    Ordered(Ordering),
    /// Values that have no order and differ, such as a number and a text that is no number.
    Unlike,
}

pub(crate) fn compare(a: &Val<'_>, b: &Val<'_>) -> Compared {
    use Compared::{Ordered, Unlike};
    if let (Val::Int(a), Val::Int(b)) = (a, b) {
        return Ordered(a.cmp(b));
    }
    if let (Val::Text(a), Val::Text(b)) = (a, b) {
        return Ordered(a.as_ref().cmp(b.as_ref()));
    }
    if let (Some(a), Some(b)) = (as_date(a), as_date(b)) {
        return dates_compared(a, b).map_or(Unlike, Ordered);
    }
    match (as_number(a), as_number(b)) {
        (Some(a), Some(b)) => Ordered(compare_plain(&a, &b)),
        _ => match (a, b) {
            (Val::Time(a), Val::Time(b)) => Ordered(a.cmp(b)),
            (Val::Bool(a), Val::Bool(b)) => Ordered(a.cmp(b)),
            _ => Unlike,
        },
    }
}

/// A number, a boolean as 0 or 1, or a text in plain notation.
fn as_number<'v>(v: &'v Val<'_>) -> Option<Cow<'v, str>> {
    match v {
        Val::Int(i) => Some(i.to_string().into()),
        Val::Num(n) => Some(Cow::Borrowed(n)),
        Val::Bool(b) => Some(if *b { "1" } else { "0" }.into()),
        Val::Text(t) if is_number(t.trim()) => Some(Cow::Borrowed(t.trim())),
        _ => None,
    }
}

enum Moment {
    Day(Date),
    Time(DateTime),
}

fn as_date(v: &Val<'_>) -> Option<Moment> {
    match v {
        Val::Date(d) => Some(Moment::Day(*d)),
        Val::DateTime(dt) => Some(Moment::Time(*dt)),
        Val::Text(t) => dates::iso_datetime(t)
            .map(Moment::Time)
            .or_else(|| dates::iso_date(t).map(Moment::Day)),
        _ => None,
    }
}

/// Days compare as days; two moments compare as instants when both carry an offset, as clock faces when
/// neither does.
fn dates_compared(a: Moment, b: Moment) -> Option<Ordering> {
    match (a, b) {
        (Moment::Time(a), Moment::Time(b)) => match (a.offset_minutes, b.offset_minutes) {
            (Some(_), Some(_)) => Some(instant(a).cmp(&instant(b))),
            (None, None) => Some((a.date, a.time).cmp(&(b.date, b.time))),
            _ => None,
        },
        (a, b) => Some(day(&a).cmp(&day(&b))),
    }
}

fn day(moment: &Moment) -> Date {
    match moment {
        Moment::Day(d) => *d,
        Moment::Time(dt) => dt.date,
    }
}

/// Nanoseconds since the year 0 in UTC.
fn instant(dt: DateTime) -> i128 {
    let days = i128::from(dates::day_number(dt.date));
    let minutes = (days * 24 + i128::from(dt.time.hour)) * 60 + i128::from(dt.time.minute)
        - i128::from(dt.offset_minutes.unwrap_or(0));
    (minutes * 60 + i128::from(dt.time.second)) * 1_000_000_000 + i128::from(dt.time.nanosecond)
}

/// Compares two numbers in plain notation, of any length, by value.
pub(crate) fn compare_plain(a: &str, b: &str) -> Ordering {
    let (a, b) = (Plain::of(a), Plain::of(b));
    match (a.negative, b.negative) {
        (false, true) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, false) => a.magnitude(&b),
        (true, true) => b.magnitude(&a),
    }
}

struct Plain<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Plain<'a> {
    fn of(text: &'a str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let whole = whole.trim_start_matches('0');
        let fraction = fraction.trim_end_matches('0');
        Self {
            negative: text.starts_with('-') && !(whole.is_empty() && fraction.is_empty()),
            whole,
            fraction,
        }
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        self.whole
            .len()
            .cmp(&other.whole.len())
            .then_with(|| self.whole.cmp(other.whole))
            .then_with(|| self.fraction.cmp(other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Compared::{Ordered, Unlike};
    use Ordering::{Equal, Greater, Less};

    #[test]
    fn plain_numbers_compare_by_value_at_any_length() {
        for (a, b, expect) in [
            ("7.10", "7.1", Equal),
            ("007", "7", Equal),
            ("-0.0", "0", Equal),
            ("-2", "-10", Greater),
            ("0.09", "0.1", Less),
            (
                "123456789012345678901234567890.1",
                "123456789012345678901234567890.2",
                Less,
            ),
            ("9", "10", Less),
            ("-1", "1", Less),
        ] {
            assert_eq!(compare_plain(a, b), expect, "{a} {b}");
            assert_eq!(compare_plain(b, a), expect.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn kinds_meet_where_that_means_something() {
        let num = |s: &'static str| Val::Num(s.into());
        for (a, b, expect) in [
            (Val::Int(0), num("0.00"), Ordered(Equal)),
            (Val::Bool(false), Val::Int(0), Ordered(Equal)),
            (Val::text(" 0 "), Val::Int(0), Ordered(Equal)),
            (Val::text("N"), Val::Int(0), Unlike),
            (Val::text("10"), Val::text("9"), Ordered(Less)),
            (Val::text("a"), Val::Bool(true), Unlike),
            (Val::list(vec![]), Val::Int(0), Unlike),
        ] {
            assert_eq!(compare(&a, &b), expect, "{} {}", a.kind(), b.kind());
        }
    }

    #[test]
    fn dates_compare_with_texts_and_with_moments() {
        let day = Val::Date(Date {
            year: 2024,
            month: 2,
            day: 29,
        });
        assert_eq!(compare(&day, &Val::text("2024-02-29")), Ordered(Equal));
        assert_eq!(
            compare(&day, &Val::text("2024-02-29T10:00:00+05:00")),
            Ordered(Equal)
        );
        let utc = Val::text("2024-02-29T05:00:00Z");
        let local = Val::DateTime(dates::iso_datetime("2024-02-29T10:00:00+05:00").expect("date"));
        assert_eq!(compare(&local, &utc), Ordered(Equal));
        assert_eq!(compare(&local, &Val::text("2024-02-29T10:00:00")), Unlike);
        assert_eq!(compare(&day, &Val::text("soon")), Unlike);
    }
}
