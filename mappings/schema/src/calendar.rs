// SPDX-License-Identifier: Apache-2.0
//! Dates and times as FHIR writes them, with the days that the calendar really has.

/// The milliseconds since 1970 (UTC) that a FHIR date, dateTime or instant covers, both ends
/// included. Without a zone the text is taken as UTC. A moment may leave out its seconds and its
/// zone, as searches do; fractions of a millisecond are cut off.
pub fn date_range(text: &str) -> Option<(i64, i64)> {
    let moment = Moment::scan(text)?;
    let lo = moment.start_ms();
    Some((lo, lo.checked_add(moment.length_ms())? - 1))
}

/// A year, month or day, in full and possible.
pub(crate) fn is_date(text: &str) -> bool {
    Moment::scan(text).is_some_and(|moment| moment.clock.is_none())
}

/// A date, or a moment with its seconds and zone.
pub(crate) fn is_date_time(text: &str) -> bool {
    Moment::scan(text).is_some_and(|moment| moment.clock.is_none_or(|clock| clock.is_complete()))
}

/// A moment with its seconds and zone.
pub(crate) fn is_instant(text: &str) -> bool {
    Moment::scan(text).is_some_and(|moment| moment.clock.is_some_and(|clock| clock.is_complete()))
}

/// A time of day with its seconds and without a zone.
pub(crate) fn is_time(text: &str) -> bool {
    let mut rest = Scanner(text.as_bytes());
    let clock = rest.clock();
    rest.0.is_empty()
        && clock.is_some_and(|clock| clock.second.is_some() && clock.zone_minutes.is_none())
}

struct Moment {
    year: u16,
    month: Option<u8>,
    day: Option<u8>,
    clock: Option<Clock>,
}

struct Clock {
    hour: u8,
    minute: u8,
    second: Option<u8>,
    /// Milliseconds, and how many of them the last digit stands for.
    fraction: Option<(u16, u16)>,
    zone_minutes: Option<i16>,
}

impl Clock {
    fn is_complete(&self) -> bool {
        self.second.is_some() && self.zone_minutes.is_some()
    }
}

impl Moment {
    fn scan(text: &str) -> Option<Self> {
        let mut rest = Scanner(text.as_bytes());
        let mut moment = Self {
            year: u16::try_from(rest.number(4, 1, 9999)?).ok()?,
            month: None,
            day: None,
            clock: None,
        };
        if rest.take(b'-') {
            let month = rest.small(1, 12)?;
            moment.month = Some(month);
            if rest.take(b'-') {
                moment.day = Some(rest.small(1, days_of_month(moment.year, month))?);
                if rest.take(b'T') {
                    moment.clock = Some(rest.clock()?);
                }
            }
        }
        rest.0.is_empty().then_some(moment)
    }

    fn start_ms(&self) -> i64 {
        let days = days_since_1970(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1));
        let Some(clock) = &self.clock else {
            return days * DAY_MS;
        };
        let minutes = i64::from(clock.hour) * 60 + i64::from(clock.minute)
            - i64::from(clock.zone_minutes.unwrap_or(0));
        days * DAY_MS
            + minutes * MINUTE_MS
            + i64::from(clock.second.unwrap_or(0)) * 1000
            + clock.fraction.map_or(0, |(ms, _)| i64::from(ms))
    }

    fn length_ms(&self) -> i64 {
        match (&self.clock, self.month, self.day) {
            (Some(clock), ..) => match (clock.fraction, clock.second) {
                (Some((_, length)), _) => i64::from(length),
                (None, Some(_)) => 1000,
                (None, None) => MINUTE_MS,
            },
            (None, Some(_), Some(_)) => DAY_MS,
            (None, Some(month), None) => i64::from(days_of_month(self.year, month)) * DAY_MS,
            (None, None, _) => (365 + i64::from(is_leap(self.year))) * DAY_MS,
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

fn days_of_month(year: u16, month: u8) -> u8 {
    match month {
        2 => 28 + u8::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The days from 1 January 1970 to a day of the Gregorian calendar.
fn days_since_1970(year: u16, month: u8, day: u8) -> i64 {
    const BEFORE_MONTH: [u16; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let past = i64::from(year) - 1;
    let leap_day = i64::from(month > 2 && is_leap(year));
    let days_of_past_years = past * 365 + past / 4 - past / 100 + past / 400;
    let day_of_year = i64::from(BEFORE_MONTH[usize::from(month) - 1]) + i64::from(day) - 1;
    days_of_past_years + day_of_year + leap_day - 719_162
}

/// What is left of a text.
struct Scanner<'a>(&'a [u8]);

impl Scanner<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.0.first() == Some(&byte);
        if is_next {
            self.0 = &self.0[1..];
        }
        is_next
    }

    /// A number of exactly `digits` digits within limits.
    fn number(&mut self, digits: usize, least: u32, greatest: u32) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let value = number.iter().try_fold(0, |value, digit| {
            digit
                .is_ascii_digit()
                .then(|| value * 10 + u32::from(digit - b'0'))
        })?;
        self.0 = rest;
        (least..=greatest).contains(&value).then_some(value)
    }

    fn small(&mut self, least: u8, greatest: u8) -> Option<u8> {
        let number = self.number(2, least.into(), greatest.into())?;
        u8::try_from(number).ok()
    }

    fn clock(&mut self) -> Option<Clock> {
        let hour = self.small(0, 23)?;
        self.take(b':').then_some(())?;
        let minute = self.small(0, 59)?;
        let mut clock = Clock {
            hour,
            minute,
            second: None,
            fraction: None,
            zone_minutes: None,
        };
        if self.take(b':') {
            clock.second = Some(self.small(0, 60)?); // 60 is a leap second
            if self.take(b'.') {
                clock.fraction = Some(self.fraction()?);
            }
        }
        clock.zone_minutes = self.zone()?;
        Some(clock)
    }

    fn fraction(&mut self) -> Option<(u16, u16)> {
        let digits = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        let (mut ms, mut unit) = (0, 1000);
        for digit in number.iter().take(3) {
            unit /= 10;
            ms += u16::from(digit - b'0') * unit;
        }
        (digits > 0).then_some((ms, unit))
    }

    /// The zone, if one follows; nothing when it is not one.
    #[expect(clippy::option_option, reason = "no zone and a wrong zone differ")]
    fn zone(&mut self) -> Option<Option<i16>> {
        let sign = match self.0.first() {
            None => return Some(None),
            Some(b'Z') => {
                self.0 = &self.0[1..];
                return Some(Some(0));
            }
            Some(b'+') => 1,
            Some(b'-') => -1,
            Some(_) => return None,
        };
        self.0 = &self.0[1..];
        let hours = self.small(0, 14)?;
        self.take(b':').then_some(())?;
        let minutes = self.small(0, if hours == 14 { 0 } else { 59 })?;
        Some(Some(sign * (i16::from(hours) * 60 + i16::from(minutes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_days_that_the_calendar_has_are_dates() {
        for good in [
            "2024",
            "2024-02",
            "2024-02-29",
            "2000-02-29",
            "1900-02-28",
            "0001-01-01",
        ] {
            assert!(is_date(good), "{good}");
        }
        for bad in [
            "",
            "24",
            "0000",
            "2024-2",
            "2024-13",
            "2024-00",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-02-00",
            "2024-02-",
            "2024-02-01 ",
            "2024/02/01",
            "20240201",
            "2024-02-01T00:00:00Z",
        ] {
            assert!(!is_date(bad), "{bad}");
        }
    }

    #[test]
    fn a_moment_needs_seconds_and_a_zone() {
        for good in [
            "2024-02-29T23:59:59+05:00",
            "2015-02-07T13:28:17.239Z",
            "2016-12-31T23:59:60Z",
        ] {
            assert!(is_date_time(good) && is_instant(good), "{good}");
        }
        assert!(is_date_time("2024-02") && !is_instant("2024-02-29"));
        for bad in [
            "2024-02-29T23:59:59",
            "2024-02-29T23:59Z",
            "2024-02-29T24:00:00Z",
            "2024-02-29T23:60:00Z",
            "2024-02-29T23:59:61Z",
            "2024-02-29T23:59:59.Z",
            "2024-02-29T23:59:59+5:00",
            "2024-02-29T23:59:59+14:30",
            "2024-02-29T23:59:59z",
            "2024-02-29 23:59:59Z",
            "2024-02T10:00:00Z",
        ] {
            assert!(!is_date_time(bad), "{bad}");
        }
        assert!(is_time("10:00:00.5") && !is_time("10:00") && !is_time("10:00:00Z"));
    }

    #[track_caller]
    fn covers(text: &str, lo: i64, hi: i64) {
        assert_eq!(date_range(text), Some((lo, hi)), "{text}");
    }

    #[test]
    fn a_date_covers_what_its_precision_says() {
        covers("1970", 0, 365 * DAY_MS - 1);
        covers("1970-02", 31 * DAY_MS, 59 * DAY_MS - 1);
        covers("1970-01-01", 0, DAY_MS - 1);
        covers("1969-12-31", -DAY_MS, -1);
        covers("1970-01-01T00:01", MINUTE_MS, 2 * MINUTE_MS - 1);
        covers("1970-01-01T00:00:01", 1000, 1999);
        covers("1970-01-01T00:00:00.5Z", 500, 599);
        covers("1970-01-01T00:00:00.1239Z", 123, 123);
        covers("1970-01-01T05:00:00+05:00", 0, 999);
        covers("1969-12-31T19:00:00-05:00", 0, 999);
        covers("2000-03-01", 951_868_800_000, 951_955_199_999);
        covers("2024-12-31", 1_735_603_200_000, 1_735_689_599_999);
        covers("0001-01-01", -62_135_596_800_000, -62_135_510_400_001);
        assert_eq!(date_range("2024-02-30"), None);
        assert_eq!(
            date_range("9999-12-31").map(|(lo, _)| lo),
            Some(253_402_214_400_000)
        );
    }
}
