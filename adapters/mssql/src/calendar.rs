// SPDX-License-Identifier: Apache-2.0
//! Days as the protocol counts them, since 1 January of the year 1, and dates.

use silsila_source::{Date, DateTime, Time};

/// 1 January 1900, from which `datetime` and `smalldatetime` count.
pub(crate) const YEAR_1900: i64 = 693_595;
/// 31 December 9999, the last day that any type holds.
const LAST: i64 = 3_652_058;

const DAY: i64 = 86_400;

/// The date of a day, or `None` outside the years 1 to 9999.
pub(crate) fn date(day: i64) -> Option<Date> {
    if !(0..=LAST).contains(&day) {
        return None;
    }
    // Counted in eras of 400 years that begin on 1 March of the year 0.
    let shifted = day + 306;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    Some(Date {
        year: u16::try_from(era * 400 + year_of_era + i64::from(month <= 2)).ok()?,
        month: u8::try_from(month).ok()?,
        day: u8::try_from(of_year - (153 * from_march + 2) / 5 + 1).ok()?,
    })
}

/// The day of a date that exists, or `None`.
pub(crate) fn day(of: Date) -> Option<i64> {
    let (year, month) = (i64::from(of.year), i64::from(of.month));
    if year == 0 || !(1..=12).contains(&month) || of.day == 0 {
        return None;
    }
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let year = if month > 2 { year } else { year - 1 };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * from_march + 2) / 5 + i64::from(of.day) - 1;
    let day = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 306;
    // A day that the month has not would come back as another date.
    (date(day) == Some(of)).then_some(day)
}

/// The time of day of so many nanoseconds after midnight, or `None` beyond the day.
pub(crate) fn time(nanoseconds: u64) -> Option<Time> {
    let seconds = i64::try_from(nanoseconds / 1_000_000_000).ok()?;
    (seconds < DAY).then_some(())?;
    Some(Time {
        hour: u8::try_from(seconds / 3600).ok()?,
        minute: u8::try_from(seconds / 60 % 60).ok()?,
        second: u8::try_from(seconds % 60).ok()?,
        nanosecond: u32::try_from(nanoseconds % 1_000_000_000).ok()?,
    })
}

/// Nanoseconds after midnight of a time that exists, or `None`.
pub(crate) fn nanoseconds(of: Time) -> Option<u64> {
    let sound = of.hour < 24 && of.minute < 60 && of.second < 60 && of.nanosecond < 1_000_000_000;
    let seconds = u64::from(of.hour) * 3600 + u64::from(of.minute) * 60 + u64::from(of.second);
    sound.then(|| seconds * 1_000_000_000 + u64::from(of.nanosecond))
}

/// A moment moved by minutes; `None` where it leaves the years 1 to 9999.
pub(crate) fn moved(at: DateTime, minutes: i64) -> Option<DateTime> {
    let of_day = i64::from(at.time.hour) * 60 + i64::from(at.time.minute) + minutes;
    let day = day(at.date)? + of_day.div_euclid(24 * 60);
    let of_day = of_day.rem_euclid(24 * 60);
    Some(DateTime {
        date: date(day)?,
        time: Time {
            hour: u8::try_from(of_day / 60).ok()?,
            minute: u8::try_from(of_day % 60).ok()?,
            ..at.time
        },
        offset_minutes: at.offset_minutes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ymd(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    #[test]
    fn the_days_that_the_protocol_names_are_the_days_that_it_means() {
        assert_eq!(date(0), Some(ymd(1, 1, 1)));
        assert_eq!(date(YEAR_1900), Some(ymd(1900, 1, 1)));
        assert_eq!(date(LAST), Some(ymd(9999, 12, 31)));
        assert_eq!((date(-1), date(LAST + 1)), (None, None));
        assert_eq!(date(719_162), Some(ymd(1970, 1, 1)));
    }

    #[test]
    fn every_day_comes_back_from_its_date() {
        for n in 0..=LAST {
            assert_eq!(date(n).and_then(day), Some(n));
        }
    }

    #[test]
    fn a_date_that_does_not_exist_has_no_day() {
        for none in [
            ymd(0, 1, 1),
            ymd(2025, 2, 29),
            ymd(2025, 0, 1),
            ymd(2025, 13, 1),
            ymd(2025, 4, 31),
        ] {
            assert_eq!(day(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_moment_is_moved_across_midnight_and_never_out_of_time() {
        let at = |date, hour| DateTime {
            date,
            time: Time {
                hour,
                minute: 30,
                second: 1,
                nanosecond: 2,
            },
            offset_minutes: Some(0),
        };
        assert_eq!(
            moved(at(ymd(2024, 3, 1), 2), -300),
            Some(at(ymd(2024, 2, 29), 21))
        );
        assert_eq!(
            moved(at(ymd(2024, 12, 31), 22), 300),
            Some(at(ymd(2025, 1, 1), 3))
        );
        assert_eq!(moved(at(ymd(9999, 12, 31), 22), 300), None);
    }
}
