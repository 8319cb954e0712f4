// SPDX-License-Identifier: Apache-2.0
//! Days and dates.

/// Hundreds of nanoseconds in a day.
pub(crate) const TICKS_PER_DAY: i64 = 864_000_000_000;
/// The day of 31 December 9999.
const LAST: i64 = 3_652_058;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if is_leap(year) => 29,
        2 => 28,
        _ => 31,
    }
}

fn before_year(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y / 4 - y / 100 + y / 400
}

/// Days from 1 January of the year 1 to a date, if that date exists.
pub(crate) fn day_of(year: i64, month: i64, day: i64) -> Option<i64> {
    let exists = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day);
    exists.then(|| before_year(year) + (1..month).map(|m| days_in(year, m)).sum::<i64>() + day - 1)
}

/// The year, month and day so many days after 1 January of the year 1.
pub(crate) fn date_of(days: i64) -> Option<(i64, i64, i64)> {
    if !(0..=LAST).contains(&days) {
        return None;
    }
    let mut year = days / 366 + 1;
    while before_year(year + 1) <= days {
        year += 1;
    }
    let mut rest = days - before_year(year);
    let mut month = 1;
    while rest >= days_in(year, month) {
        rest -= days_in(year, month);
        month += 1;
    }
    Some((year, month, rest + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        assert_eq!(day_of(1, 1, 1), Some(0));
        assert_eq!(day_of(1900, 1, 1), Some(693_595));
        assert_eq!(day_of(9999, 12, 31), Some(LAST));
        assert_eq!(day_of(2025, 2, 29), None);
        for days in (0..=LAST).step_by(97) {
            let (y, m, d) = date_of(days).unwrap_or_default();
            assert_eq!(day_of(y, m, d), Some(days));
        }
    }
}
