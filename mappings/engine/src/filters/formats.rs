// SPDX-License-Identifier: Apache-2.0
//! Date formats such as `%d/%m/%Y`, compiled once.

use silsila_source::{Date, DateTime, Time};

use super::texts::ascii_digit;

/// A compiled format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    items: Vec<Item>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Item {
    Day,
    Month,
    Year4,
    Year2,
    MonthName,
    Hour,
    Hour12,
    Minute,
    Second,
    Fraction,
    AmPm,
    Literal(char),
}

/// What a text says, read by a format. Absent parts are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Read {
    pub date: Date,
    pub time: Time,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

impl Format {
    /// Compiles a format; the error is a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                items.push(Item::Literal(c));
                continue;
            }
            items.push(match chars.next() {
                Some('d') => Item::Day,
                Some('m') => Item::Month,
                Some('Y') => Item::Year4,
                Some('y') => Item::Year2,
                Some('b' | 'B') => Item::MonthName,
                Some('H') => Item::Hour,
                Some('I') => Item::Hour12,
                Some('M') => Item::Minute,
                Some('S') => Item::Second,
                Some('f') => Item::Fraction,
                Some('p') => Item::AmPm,
                Some('%') => Item::Literal('%'),
                Some(other) => return Err(format!("there is no %{other}")),
                None => return Err("it ends in a lone %".to_owned()),
            });
        }
        let format = Self { items };
        if !format.has(&[Item::Year4, Item::Year2]) {
            return Err("it has no year (%Y or %y)".to_owned());
        }
        if format.has(&[Item::Day]) && !format.has(&[Item::Month, Item::MonthName]) {
            return Err("it has a day but no month".to_owned());
        }
        Ok(format)
    }

    pub fn needs_pivot(&self) -> bool {
        self.has(&[Item::Year2])
    }

    pub fn has_time(&self) -> bool {
        self.has(&[Item::Hour, Item::Hour12])
    }

    fn has(&self, wanted: &[Item]) -> bool {
        self.items.iter().any(|i| wanted.contains(i))
    }

    /// Reads a whole text, or not at all. Two-digit years up to and including the pivot are 20yy.
    pub fn read(&self, text: &str, pivot: u8) -> Option<Read> {
        let mut input = Input { rest: text.trim() };
        let (mut date, mut time) = (ZERO_DATE, ZERO_TIME);
        let mut afternoon = None;
        for item in &self.items {
            match item {
                Item::Literal(c) => input.literal(*c)?,
                Item::Day => date.day = input.number(1, 2)?,
                Item::Month => date.month = input.number(1, 2)?,
                Item::MonthName => date.month = input.month_name()?,
                Item::Year4 => date.year = input.number(4, 4)?,
                Item::Year2 => {
                    let year: u16 = input.number(2, 2)?;
                    let century = if year <= u16::from(pivot) { 2000 } else { 1900 };
                    date.year = century + year;
                }
                Item::Hour | Item::Hour12 => time.hour = input.number(1, 2)?,
                Item::Minute => time.minute = input.number(2, 2)?,
                Item::Second => time.second = input.number(2, 2)?,
                Item::Fraction => time.nanosecond = input.fraction()?,
                Item::AmPm => afternoon = Some(input.afternoon()?),
            }
        }
        if let Some(afternoon) = afternoon {
            time.hour = time.hour % 12 + if afternoon { 12 } else { 0 };
        }
        input.rest.is_empty().then_some(Read { date, time })
    }
}

const ZERO_DATE: Date = Date {
    year: 0,
    month: 0,
    day: 0,
};
const ZERO_TIME: Time = Time {
    hour: 0,
    minute: 0,
    second: 0,
    nanosecond: 0,
};

struct Input<'t> {
    rest: &'t str,
}

impl Input<'_> {
    fn literal(&mut self, wanted: char) -> Option<()> {
        if wanted == ' ' {
            self.rest = self.rest.trim_start();
            return Some(());
        }
        let next = self.rest.chars().next()?;
        if next != wanted {
            return None;
        }
        self.rest = &self.rest[next.len_utf8()..];
        Some(())
    }

    fn number<N: TryFrom<u32>>(&mut self, min: usize, max: usize) -> Option<N> {
        let mut value: u32 = 0;
        let (mut taken, mut bytes) = (0, 0);
        for c in self.rest.chars().take(max) {
            let Some(digit) = ascii_digit(c).and_then(|d| d.to_digit(10)) else {
                break;
            };
            value = value * 10 + digit;
            taken += 1;
            bytes += c.len_utf8();
        }
        if taken < min {
            return None;
        }
        self.rest = &self.rest[bytes..];
        N::try_from(value).ok()
    }

    fn month_name(&mut self) -> Option<u8> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(self.rest.len());
        let word = self.rest[..end].to_ascii_lowercase();
        let at = MONTHS
            .iter()
            .position(|m| word == *m || (word.len() >= 3 && m.starts_with(&*word)))?;
        self.rest = self.rest[end..].trim_start_matches('.');
        u8::try_from(at + 1).ok()
    }

    fn fraction(&mut self) -> Option<u32> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(self.rest.len());
        let digits = &self.rest[..end];
        if digits.is_empty() {
            return None;
        }
        let nine: String = digits.chars().chain("000000000".chars()).take(9).collect();
        self.rest = &self.rest[end..];
        nine.parse().ok()
    }

    fn afternoon(&mut self) -> Option<bool> {
        let word = self.rest.get(..2)?.to_ascii_lowercase();
        let afternoon = match &*word {
            "am" => false,
            "pm" => true,
            _ => return None,
        };
        self.rest = &self.rest[2..];
        Some(afternoon)
    }
}

/// `YYYY-MM-DD[ T]HH:MM[:SS[.fff]]`, with `Z` or `+HH:MM` at the end if it carries an offset.
pub(crate) fn iso_datetime(text: &str) -> Option<DateTime> {
    let text = text.trim();
    let date = iso_date(text.get(..10)?)?;
    let mut input = Input {
        rest: text[10..].strip_prefix(['T', ' '])?,
    };
    let mut time = ZERO_TIME;
    time.hour = input.number(2, 2)?;
    input.literal(':')?;
    time.minute = input.number(2, 2)?;
    if input.literal(':').is_some() {
        time.second = input.number(2, 2)?;
        if input.literal('.').is_some() {
            time.nanosecond = input.fraction()?;
        }
    }
    let offset_minutes = match input.rest.trim_start() {
        "" => None,
        "Z" => Some(0),
        offset => Some(iso_offset(offset)?),
    };
    let sound = time.hour < 24 && time.minute < 60 && time.second < 60;
    sound.then_some(DateTime {
        date,
        time,
        offset_minutes,
    })
}

fn iso_offset(text: &str) -> Option<i16> {
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut input = Input { rest: &text[1..] };
    let hours: i16 = input.number(2, 2)?;
    input.literal(':')?;
    let minutes: i16 = input.number(2, 2)?;
    let sound = input.rest.is_empty() && hours <= 14 && minutes < 60;
    sound.then_some(sign * (hours * 60 + minutes))
}

/// `YYYY-MM-DD`, `YYYY-MM` or `YYYY`; zeros and impossible days are for the caller to judge.
pub(crate) fn iso_date(text: &str) -> Option<Date> {
    let mut input = Input { rest: text.trim() };
    let mut date = ZERO_DATE;
    date.year = input.number(4, 4)?;
    if !input.rest.is_empty() {
        input.literal('-')?;
        date.month = input.number(2, 2)?;
    }
    if !input.rest.is_empty() {
        input.literal('-')?;
        date.day = input.number(2, 2)?;
    }
    input.rest.is_empty().then_some(date)
}

/// `HH:MM[:SS[.fff]]`.
pub(crate) fn iso_time(text: &str) -> Option<Time> {
    let text = format!("2000-01-01T{}", text.trim());
    iso_datetime(&text)
        .filter(|dt| dt.offset_minutes.is_none())
        .map(|dt| dt.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str, text: &str, expect: Option<(u16, u8, u8)>) {
        let read = Format::parse(format).expect("a format").read(text, 25);
        let got = read.map(|r| (r.date.year, r.date.month, r.date.day));
        assert_eq!(got, expect, "{format} {text:?}");
    }

    #[test]
    fn a_format_reads_the_whole_text_or_nothing() {
        check("%d/%m/%Y", "1/07/1999", Some((1999, 7, 1)));
        check("%d/%m/%Y", "16/2/85", None);
        check("%d/%m/%y", "16/2/85", Some((1985, 2, 16)));
        check("%d/%m/%y", "8/8/14", Some((2014, 8, 8)));
        check("%d/%m/%y", "8/8/25", Some((2025, 8, 8)));
        check("%d/%m/%y", "01/07/1999", None);
        check("%d-%b-%Y", "3-Sept-2024", Some((2024, 9, 3)));
        check("%d %B %Y", "3 march  2024", Some((2024, 3, 3)));
        check("%d/%m/%Y", "31/02/1990", Some((1990, 2, 31)));
        check("%d/%m/%Y", "00/00/0000", Some((0, 0, 0)));
        check("%Y", "1985", Some((1985, 0, 0)));
        check("%m/%Y", "4/1985", Some((1985, 4, 0)));
        check("%d/%m/%Y", "۱/۲/۱۹۹۰", Some((1990, 2, 1)));
        check("%d/%m/%Y", "1/2/1990x", None);
    }

    #[test]
    fn formats_that_cannot_work_are_refused() {
        for bad in ["%d/%m", "%q", "%d %Y", "%Y%"] {
            assert!(Format::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn clock_times_are_read_in_both_styles() {
        let read = |format: &str, text: &str| {
            let read = Format::parse(format).expect("a format").read(text, 0)?;
            Some((read.time.hour, read.time.minute, read.time.nanosecond))
        };
        assert_eq!(read("%Y-%m-%d %H:%M", "2024-01-02 17:05"), Some((17, 5, 0)));
        assert_eq!(
            read("%Y-%m-%d %I:%M %p", "2024-01-02 12:05 am"),
            Some((0, 5, 0))
        );
        assert_eq!(
            read("%Y-%m-%d %I:%M%p", "2024-01-02 5:05PM"),
            Some((17, 5, 0))
        );
        assert_eq!(
            read("%Y-%m-%d %H:%M:%S.%f", "2024-01-02 17:05:09.12"),
            Some((17, 5, 120_000_000))
        );
    }

    #[test]
    fn iso_texts_are_read_with_and_without_offset() {
        let dt = |t| iso_datetime(t).map(|d| (d.time.hour, d.offset_minutes));
        assert_eq!(dt("2024-02-29 10:00:00"), Some((10, None)));
        assert_eq!(dt("2024-02-29T10:00+05:00"), Some((10, Some(300))));
        assert_eq!(dt("2024-02-29T10:00:00.5Z"), Some((10, Some(0))));
        assert_eq!(dt("2024-02-29 10:00:00 -03:30"), Some((10, Some(-210))));
        for bad in [
            "2024-02-29",
            "2024-02-29 25:00",
            "2024-02-29T10:00x",
            "é",
            "2024-02-29é10:00",
        ] {
            assert_eq!(dt(bad), None, "{bad}");
        }
        assert_eq!(
            iso_date("2024-13"),
            Some(Date {
                year: 2024,
                month: 13,
                day: 0
            })
        );
        assert_eq!(iso_date("2024-1-1"), None);
        assert_eq!(iso_time("16:16").map(|t| t.hour), Some(16));
        assert_eq!(iso_time("16:16Z"), None);
    }
}
