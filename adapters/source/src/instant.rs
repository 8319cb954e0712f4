// SPDX-License-Identifier: Apache-2.0
//! From the clock's milliseconds to a date and time.

use crate::{Date, DateTime, Time};

/// The last millisecond of the year 9999.
const LAST: u64 = 253_402_300_799_999;

impl DateTime {
    /// Milliseconds since 1970 as date and time in UTC. Time ends with the year 9999.
    #[must_use]
    pub fn from_unix_ms(ms: u64) -> Self {
        let ms = ms.min(LAST);
        let of_day = ms / 1000 % 86_400;
        Self {
            date: civil(ms / 86_400_000),
            time: Time {
                hour: small(of_day / 3600),
                minute: small(of_day % 3600 / 60),
                second: small(of_day % 60),
                nanosecond: u32::try_from(ms % 1000).expect("below 1000") * 1_000_000,
            },
            offset_minutes: Some(0),
        }
    }
}

/// Days since 1970 as a date of the Gregorian calendar, counted in eras of 400 years that begin in March.
fn civil(days: u64) -> Date {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    Date {
        year: u16::try_from(year).expect("time ends with the year 9999"),
        month: small(month),
        day: small(day_of_year - (153 * shifted_month + 2) / 5 + 1),
    }
}

fn small(n: u64) -> u8 {
    u8::try_from(n).expect("hours, minutes, seconds, months and days are small")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ms: u64, expect: (u16, u8, u8, u8, u8, u8, u32)) {
        let DateTime { date, time, .. } = DateTime::from_unix_ms(ms);
        let found = (
            date.year,
            date.month,
            date.day,
            time.hour,
            time.minute,
            time.second,
            time.nanosecond,
        );
        assert_eq!(found, expect);
    }

    #[test]
    fn milliseconds_fall_on_the_days_of_the_calendar() {
        check(0, (1970, 1, 1, 0, 0, 0, 0));
        check(951_782_399_999, (2000, 2, 28, 23, 59, 59, 999_000_000));
        check(951_782_400_000, (2000, 2, 29, 0, 0, 0, 0));
        check(1_751_358_600_000, (2025, 7, 1, 8, 30, 0, 0));
        check(4_107_542_399_999, (2100, 2, 28, 23, 59, 59, 999_000_000));
        check(u64::MAX, (9999, 12, 31, 23, 59, 59, 999_000_000));
    }
}
