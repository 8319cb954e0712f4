// SPDX-License-Identifier: Apache-2.0
//! Filters on dates and times. Dates stay dates; local times get their offset from a stated zone.

use jiff::civil;
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use silsila_source::{Date, DateTime};

pub(crate) use super::formats::{iso_date, iso_datetime, iso_time};

use super::args::{Args, Making};
use super::formats::Format;
use super::{Made, Op};
use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Ex, Stop};

pub(crate) const NAMES: &[&str] = &["date", "datetime", "time", "is_date", "add_days"];

pub(crate) enum DateOp {
    Date(Reading),
    DateTime(Reading),
    Time,
    IsDate(Reading),
    AddDays(Ex),
}

/// How texts are read, and in which zone.
pub(crate) struct Reading {
    formats: Vec<Format>,
    pivot: u8,
    zone: Option<TimeZone>,
    past: bool,
    /// The day that the database writes for no day, such as Access's 1899-12-30.
    zero: Option<Date>,
}

pub(crate) fn make(name: &str, args: &mut Args, making: &mut Making<'_>) -> Made {
    let (op, ty) = match name {
        "date" => (DateOp::Date(reading(args, making)), Type::Date),
        "datetime" => {
            let reading = reading(args, making);
            if reading.zone.is_none() {
                args.fault_with(
                    "MAP0034",
                    None,
                    "times without an offset need a timezone: give `from` one, or write datetime(tz='...')",
                );
            }
            (DateOp::DateTime(reading), Type::DateTime)
        }
        "is_date" => (DateOp::IsDate(reading(args, making)), Type::Bool),
        "time" => (DateOp::Time, Type::Time),
        _ => (DateOp::AddDays(args.ex("days")?.ex), Type::Date),
    };
    Some((Op::Date(Box::new(op)), ty))
}

fn reading(args: &mut Args, making: &Making<'_>) -> Reading {
    let pivot = pivot(args).or(making.pivot);
    let zone = zone(args).or_else(|| making.zone.clone());
    let past = args.flag("past", false);
    let zero = zero_day(args);
    let mut formats = Vec::new();
    for (text, span) in args.texts() {
        match Format::parse(&text) {
            Ok(format) => {
                if format.needs_pivot() && pivot.is_none() {
                    args.fault_with(
                        "MAP0035",
                        Some(span),
                        "%y needs a pivot: two-digit years up to it are 20yy, later ones 19yy",
                    );
                }
                formats.push(format);
            }
            Err(why) => args.fault(Some(span), format!("this is not a date format: {why}")),
        }
    }
    Reading {
        formats,
        pivot: pivot.unwrap_or(0),
        zone,
        past,
        zero,
    }
}

fn pivot(args: &mut Args) -> Option<u8> {
    let arg = args.named("pivot")?;
    match arg.ex {
        Ex::Int(i) if (0..100).contains(&i) => u8::try_from(i).ok(),
        _ => {
            args.fault(
                Some(arg.span),
                "`pivot` must be a whole number from 0 to 99",
            );
            Some(0)
        }
    }
}

fn zero_day(args: &mut Args) -> Option<Date> {
    let arg = args.named("zero")?;
    let day = match &arg.ex {
        Ex::Text(text) => iso_date(text).filter(|day| exists(*day)),
        _ => None,
    };
    if day.is_none() {
        args.fault(
            Some(arg.span),
            "`zero` must be a literal day, such as '1899-12-30'",
        );
    }
    day
}

fn zone(args: &mut Args) -> Option<TimeZone> {
    let arg = args.named("tz")?;
    let Ex::Text(name) = &arg.ex else {
        args.fault(Some(arg.span), "`tz` must be a literal text");
        return None;
    };
    let zone = find_zone(name);
    if zone.is_none() {
        args.fault_with(
            "MAP0034",
            Some(arg.span),
            format!("there is no timezone {name:?}"),
        );
        args.suggest(name, zone_names());
    }
    zone
}

/// A zone of the embedded IANA database.
pub(crate) fn find_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// All zones of the embedded database.
pub(crate) fn zone_names() -> Vec<String> {
    TimeZoneDatabase::bundled()
        .available()
        .map(|n| n.as_str().to_owned())
        .collect()
}

impl DateOp {
    pub fn is_predicate(&self) -> bool {
        matches!(self, Self::IsDate(_))
    }

    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        if let Self::AddDays(ex) = self {
            visit(ex);
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: &Val<'a>) -> Eval<'a> {
        let result = match self {
            Self::IsDate(reading) => {
                let readable = reading.judged(value);
                return Ok(Val::Bool(readable.is_ok()));
            }
            Self::Date(reading) => reading
                .judged(value)
                .and_then(|m| reading.not_future(env, m))
                .map(|m| Val::Date(m.date())),
            Self::DateTime(reading) => reading
                .judged(value)
                .and_then(|m| reading.not_future(env, m))
                .and_then(|m| reading.placed(m)),
            Self::Time => match value {
                Val::Time(t) => Ok(Val::Time(*t)),
                Val::DateTime(dt) => Ok(Val::Time(dt.time)),
                Val::Text(t) => iso_time(t).map(Val::Time).ok_or(Fault::Unreadable),
                _ => Err(Fault::Kind),
            },
            Self::AddDays(days) => match env.eval(days)? {
                Val::Int(days) => as_moment(value)
                    .and_then(sound)
                    .and_then(|m| add_days(m.date(), days)),
                Val::Null => return Ok(Val::Null),
                _ => return Err(Stop::Wrong("`add_days` needs a whole number")),
            },
        };
        match result {
            Ok(value) => Ok(value),
            Err(Fault::Kind) => Err(Stop::Wrong("this filter needs a date or a text")),
            Err(fault) => {
                env.warn(fault.code(), column);
                Ok(Val::Null)
            }
        }
    }
}

/// Why a date was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Kind,
    Unreadable,
    Impossible,
    Zero,
    Future,
    Clock,
}

impl Fault {
    pub fn code(self) -> &'static str {
        match self {
            Self::Kind | Self::Unreadable => "MAP1002",
            Self::Impossible => "MAP1003",
            Self::Zero => "MAP1004",
            Self::Future => "MAP1005",
            Self::Clock => "MAP1016",
        }
    }
}

/// A day, possibly partial, or a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Day(Date),
    At(DateTime),
}

impl Moment {
    fn date(self) -> Date {
        match self {
            Self::Day(date) => date,
            Self::At(dt) => dt.date,
        }
    }
}

fn as_moment(value: &Val<'_>) -> Result<Moment, Fault> {
    match value {
        Val::Date(d) => Ok(Moment::Day(*d)),
        Val::DateTime(dt) => Ok(Moment::At(*dt)),
        Val::Text(t) => iso_datetime(t)
            .map(Moment::At)
            .or_else(|| iso_date(t).map(Moment::Day))
            .ok_or(Fault::Unreadable),
        Val::Int(i) => iso_date(&i.to_string())
            .map(Moment::Day)
            .ok_or(Fault::Unreadable),
        _ => Err(Fault::Kind),
    }
}

impl Reading {
    fn moment(&self, value: &Val<'_>) -> Result<Moment, Fault> {
        if self.formats.is_empty() || !matches!(value, Val::Text(_) | Val::Int(_) | Val::Num(_)) {
            return as_moment(value);
        }
        let text = value.to_text().ok_or(Fault::Kind)?;
        let (format, read) = self
            .formats
            .iter()
            .find_map(|f| Some((f, f.read(&text, self.pivot)?)))
            .ok_or(Fault::Unreadable)?;
        Ok(if format.has_time() {
            Moment::At(DateTime {
                date: read.date,
                time: read.time,
                offset_minutes: None,
            })
        } else {
            Moment::Day(read.date)
        })
    }

    /// A moment that exists and does not stand for none.
    fn judged(&self, value: &Val<'_>) -> Result<Moment, Fault> {
        let moment = self.moment(value).and_then(sound)?;
        if self.zero == Some(moment.date()) {
            return Err(Fault::Zero);
        }
        Ok(moment)
    }

    fn not_future(&self, env: &Env<'_>, moment: Moment) -> Result<Moment, Fault> {
        let later = self.past && env.today().is_some_and(|today| moment.date() > today);
        if later {
            Err(Fault::Future)
        } else {
            Ok(moment)
        }
    }

    /// A moment with its offset; a day stays a day.
    fn placed<'a>(&self, moment: Moment) -> Result<Val<'a>, Fault> {
        match moment {
            Moment::Day(date) => Ok(Val::Date(date)),
            Moment::At(dt) => place(dt, self.zone.as_ref()).map(Val::DateTime),
        }
    }
}

/// A moment with an offset: its own, or that of the zone at that local time.
pub(crate) fn place(dt: DateTime, zone: Option<&TimeZone>) -> Result<DateTime, Fault> {
    if dt.offset_minutes.is_some() {
        return Ok(dt);
    }
    let zone = zone.ok_or(Fault::Clock)?;
    let local = civil_datetime(dt).ok_or(Fault::Impossible)?;
    let AmbiguousOffset::Unambiguous { offset } = zone.to_ambiguous_timestamp(local).offset()
    else {
        return Err(Fault::Clock);
    };
    let minutes = i16::try_from(offset.seconds() / 60).map_err(|_| Fault::Clock)?;
    Ok(DateTime {
        offset_minutes: Some(minutes),
        ..dt
    })
}

fn civil_datetime(dt: DateTime) -> Option<civil::DateTime> {
    let date = civil_date(dt.date)?;
    let time = civil::Time::new(
        i8::try_from(dt.time.hour).ok()?,
        i8::try_from(dt.time.minute).ok()?,
        i8::try_from(dt.time.second).ok()?,
        i32::try_from(dt.time.nanosecond).ok()?,
    );
    Some(civil::DateTime::from_parts(date, time.ok()?))
}

fn civil_date(date: Date) -> Option<civil::Date> {
    civil::Date::new(
        i16::try_from(date.year).ok()?,
        i8::try_from(date.month).ok()?,
        i8::try_from(date.day).ok()?,
    )
    .ok()
}

/// Refuses zero dates and days that do not exist; partial dates pass.
pub(crate) fn sound(moment: Moment) -> Result<Moment, Fault> {
    let date = moment.date();
    if date.year == 0 {
        return Err(Fault::Zero);
    }
    let partial = date.day == 0 && matches!(moment, Moment::Day(_));
    let exists = if partial {
        date.month <= 12
    } else {
        exists(date) && date.month != 0
    };
    let clock = match moment {
        Moment::At(dt) => dt.time.hour < 24 && dt.time.minute < 60 && dt.time.second < 60,
        Moment::Day(_) => true,
    };
    match (exists, clock) {
        (true, true) => Ok(moment),
        (false, _) if date.day == 0 && date.month <= 12 => Err(Fault::Zero),
        _ => Err(Fault::Impossible),
    }
}

/// Whether the day is in the calendar.
pub(crate) fn exists(date: Date) -> bool {
    let days = match date.month {
        4 | 6 | 9 | 11 => 30,
        2 if leap(date.year) => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&date.day)
}

fn leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Days since 0000-03-01, by the usual count of eras.
pub(crate) fn day_number(date: Date) -> i64 {
    let shifted = i64::from(date.month) - 3;
    let year = i64::from(date.year) + shifted.div_euclid(12);
    let month = shifted.rem_euclid(12);
    let day_of_year = (153 * month + 2) / 5 + i64::from(date.day) - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year
}

fn add_days<'a>(date: Date, days: i64) -> Result<Val<'a>, Fault> {
    if date.day == 0 {
        return Err(Fault::Unreadable);
    }
    let later = civil_date(date)
        .and_then(|d| {
            d.checked_add(jiff::SignedDuration::from_hours(days.checked_mul(24)?))
                .ok()
        })
        .ok_or(Fault::Impossible)?;
    from_civil(later).map(Val::Date).ok_or(Fault::Impossible)
}

fn from_civil(date: civil::Date) -> Option<Date> {
    Some(Date {
        year: u16::try_from(date.year()).ok()?,
        month: u8::try_from(date.month()).ok()?,
        day: u8::try_from(date.day()).ok()?,
    })
}

/// The calendar day of a moment in a zone; of a moment without an offset, the day it says.
pub(crate) fn day_in_zone(moment: DateTime, zone: Option<&TimeZone>) -> Date {
    let in_zone = || {
        let offset = i32::from(moment.offset_minutes?) * 60;
        let local = civil_datetime(moment)?;
        let offset = jiff::tz::Offset::from_seconds(offset).ok()?;
        let timestamp = offset.to_timestamp(local).ok()?;
        from_civil(zone?.to_datetime(timestamp).date())
    };
    in_zone().unwrap_or(moment.date)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date { year, month, day }
    }

    fn at(text: &str) -> DateTime {
        iso_datetime(text).expect("a moment")
    }

    #[test]
    fn zero_and_impossible_dates_are_told_apart() {
        let judge = |y, m, d| sound(Moment::Day(date(y, m, d))).err();
        assert_eq!(judge(0, 0, 0), Some(Fault::Zero));
        assert_eq!(judge(1990, 2, 31), Some(Fault::Impossible));
        assert_eq!(judge(1990, 13, 1), Some(Fault::Impossible));
        assert_eq!(judge(1900, 2, 29), Some(Fault::Impossible));
        assert_eq!(judge(2000, 2, 29), None);
        assert_eq!(judge(1985, 0, 0), None);
        assert_eq!(judge(1985, 4, 0), None);
        assert_eq!(judge(1985, 0, 4), Some(Fault::Impossible));
    }

    #[test]
    fn a_local_time_gets_the_offset_of_its_zone_on_that_day() {
        let karachi = find_zone("Asia/Karachi").expect("zone");
        let placed = |text, zone: &TimeZone| place(at(text), Some(zone)).map(|d| d.offset_minutes);
        assert_eq!(placed("2024-10-04T16:16:00", &karachi), Ok(Some(300)));
        // Pakistan had summer time in 2008.
        assert_eq!(placed("2008-07-04T16:16:00", &karachi), Ok(Some(360)));
        let berlin = find_zone("Europe/Berlin").expect("zone");
        assert_eq!(placed("2024-03-31T02:30:00", &berlin), Err(Fault::Clock));
        assert_eq!(placed("2024-10-27T02:30:00", &berlin), Err(Fault::Clock));
        assert_eq!(placed("2024-10-27T02:30:00+01:00", &berlin), Ok(Some(60)));
        assert!(find_zone("Asia/Karachee").is_none());
        assert!(zone_names().len() > 300);
    }

    #[test]
    fn the_day_of_the_run_is_that_of_the_zone() {
        let karachi = find_zone("Asia/Karachi").expect("zone");
        let late = at("2025-06-30T20:00:00Z");
        assert_eq!(day_in_zone(late, Some(&karachi)), date(2025, 7, 1));
        assert_eq!(day_in_zone(late, None), date(2025, 6, 30));
    }

    #[test]
    fn day_numbers_follow_the_calendar() {
        let days = |a: Date, b: Date| day_number(b) - day_number(a);
        assert_eq!(days(date(2024, 2, 28), date(2024, 3, 1)), 2);
        assert_eq!(days(date(1900, 1, 1), date(2000, 1, 1)), 36524);
        assert!(
            matches!(add_days(date(2024, 2, 28), 2), Ok(Val::Date(d)) if d == date(2024, 3, 1))
        );
        assert!(matches!(
            add_days(date(9999, 12, 31), 1),
            Err(Fault::Impossible)
        ));
        assert!(matches!(
            add_days(date(2024, 1, 1), i64::MAX),
            Err(Fault::Impossible)
        ));
    }
}
