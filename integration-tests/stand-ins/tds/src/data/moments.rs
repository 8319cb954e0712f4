// SPDX-License-Identifier: Apache-2.0
//! Dates and times: read, shown, and converted into each other.

use super::calendar::{TICKS_PER_DAY, date_of, day_of};
use super::convert::not_allowed;
use super::types::Type;
use super::value::Value;
use crate::error::{Result, SqlError};

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// 1 January 1900.
const YEAR_1900: i64 = 693_595;

/// A date or time as it is shown, with so many digits behind the second.
pub(super) fn show(value: &Value, scale: u8) -> String {
    match value {
        Value::Date(days) => show_date(*days),
        Value::Time(ticks) => show_time(*ticks, scale),
        Value::SmallDateTime(minutes) => {
            show_moment(*minutes * TICKS_PER_MINUTE + YEAR_1900 * TICKS_PER_DAY, 0)
        }
        Value::DateTime(n) => show_moment(ticks_of_datetime(*n), 3),
        Value::DateTime2(ticks) => show_moment(*ticks, scale),
        Value::DateTimeOffset(utc, offset) => {
            let local = show_moment(utc + i64::from(*offset) * TICKS_PER_MINUTE, scale);
            let (sign, minutes) = (if *offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            format!("{local} {sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        _ => String::new(),
    }
}

fn show_date(days: i64) -> String {
    let (y, m, d) = date_of(days).unwrap_or((1, 1, 1));
    format!("{y:04}-{m:02}-{d:02}")
}

fn show_time(ticks: i64, scale: u8) -> String {
    let seconds = ticks / TICKS_PER_SECOND;
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    );
    let fraction = format!("{:07}", ticks % TICKS_PER_SECOND);
    match scale {
        0 => clock,
        n => format!("{clock}.{}", &fraction[..usize::from(n.min(7))]),
    }
}

fn show_moment(ticks: i64, scale: u8) -> String {
    let (days, of_day) = (
        ticks.div_euclid(TICKS_PER_DAY),
        ticks.rem_euclid(TICKS_PER_DAY),
    );
    format!("{} {}", show_date(days), show_time(of_day, scale))
}

/// Shown to the millisecond, as SQL Server shows a DATETIME.
fn ticks_of_datetime(n: i64) -> i64 {
    let (days, of_day) = (n.div_euclid(25_920_000), n.rem_euclid(25_920_000));
    let milliseconds = (of_day * 10 + 1) / 3;
    (days + YEAR_1900) * TICKS_PER_DAY + milliseconds * 10_000
}

/// A moment, its clock as shown, and the offset where one was given.
struct Moment {
    ticks: i64,
    offset: Option<i16>,
}

/// A date or time as another type of its kind.
pub(super) fn moment(value: Value, from: Type, to: Type) -> Result<Value> {
    let failed = || {
        SqlError::new(
            241,
            16,
            "Conversion failed when converting date and/or time from character string.",
        )
    };
    let out = || {
        SqlError::new(
            242,
            16,
            format!(
                "The conversion of a {} data type to a {} data type resulted in an out-of-range value.",
                from.name(),
                to.name()
            ),
        )
    };
    let at = match &value {
        Value::Text(s) => read_moment(s).ok_or_else(failed)?,
        Value::Date(days) => Moment {
            ticks: days * TICKS_PER_DAY,
            offset: None,
        },
        Value::Time(ticks) => Moment {
            ticks: YEAR_1900 * TICKS_PER_DAY + ticks,
            offset: None,
        },
        Value::SmallDateTime(m) => Moment {
            ticks: YEAR_1900 * TICKS_PER_DAY + m * TICKS_PER_MINUTE,
            offset: None,
        },
        Value::DateTime(n) => match to {
            Type::DateTime => return Ok(value),
            // Since SQL Server 2016 exactly, to a third of a millisecond.
            _ => Moment {
                ticks: YEAR_1900 * TICKS_PER_DAY + rounded(n * 100_000, 3),
                offset: None,
            },
        },
        Value::DateTime2(ticks) => Moment {
            ticks: *ticks,
            offset: None,
        },
        Value::DateTimeOffset(utc, offset) => Moment {
            ticks: utc + i64::from(*offset) * TICKS_PER_MINUTE,
            offset: Some(*offset),
        },
        _ => return Err(not_allowed(from, to)),
    };
    let since_1900 = at.ticks - YEAR_1900 * TICKS_PER_DAY;
    let sound = |ticks: i64| {
        (0..=3_652_059 * TICKS_PER_DAY - 1)
            .contains(&ticks)
            .then_some(ticks)
    };
    Ok(match to {
        Type::Date => Value::Date(at.ticks.div_euclid(TICKS_PER_DAY)),
        Type::Time(scale) => {
            Value::Time(to_scale(at.ticks.rem_euclid(TICKS_PER_DAY), scale) % TICKS_PER_DAY)
        }
        Type::SmallDateTime => {
            let minutes = rounded(since_1900, TICKS_PER_MINUTE);
            (0..=65_535 * 1440 + 1439)
                .contains(&minutes)
                .then_some(Value::SmallDateTime(minutes))
                .ok_or_else(out)?
        }
        Type::DateTime => {
            let n = rounded(since_1900 * 3, 100_000);
            (-53_690 * 25_920_000..=2_958_464 * 25_920_000 - 1)
                .contains(&n)
                .then_some(Value::DateTime(n))
                .ok_or_else(out)?
        }
        Type::DateTime2(scale) => sound(to_scale(at.ticks, scale))
            .map(Value::DateTime2)
            .ok_or_else(out)?,
        Type::DateTimeOffset(scale) => {
            let offset = at.offset.unwrap_or(0);
            let utc = to_scale(at.ticks, scale) - i64::from(offset) * TICKS_PER_MINUTE;
            sound(utc)
                .map(|utc| Value::DateTimeOffset(utc, offset))
                .ok_or_else(out)?
        }
        _ => return Err(not_allowed(from, to)),
    })
}

/// Divided and rounded half up.
fn rounded(n: i64, by: i64) -> i64 {
    (n + by / 2).div_euclid(by)
}

fn to_scale(ticks: i64, scale: u8) -> i64 {
    let unit = 10i64.pow(u32::from(7 - scale.min(7)));
    rounded(ticks, unit) * unit
}

/// `2025-07-01`, `2025-07-01 09:30:00.1234567`, with `T` between, with `Z` or `+05:00` behind; or a time alone.
fn read_moment(text: &str) -> Option<Moment> {
    let text = text.trim();
    let (date, rest) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], text[at + 1..].trim_start()),
        None if text.contains(':') => ("1900-01-01", text),
        None => (text, ""),
    };
    let mut parts = date.splitn(3, '-').map(|p| p.parse::<i64>().ok());
    let days = match (date.len(), date.contains('-')) {
        (8, false) => day_of(
            date[..4].parse().ok()?,
            date[4..6].parse().ok()?,
            date[6..].parse().ok()?,
        )?,
        _ => day_of(parts.next()??, parts.next()??, parts.next()??)?,
    };
    let (clock, offset) = match rest.find(['Z', '+', '-']) {
        Some(at) => (rest[..at].trim_end(), Some(read_offset(&rest[at..])?)),
        None => (rest, None),
    };
    let ticks = if clock.is_empty() {
        0
    } else {
        read_clock(clock)?
    };
    Some(Moment {
        ticks: days * TICKS_PER_DAY + ticks,
        offset,
    })
}

fn read_offset(text: &str) -> Option<i16> {
    if text == "Z" {
        return Some(0);
    }
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let minutes = hours.parse::<i16>().ok()? * 60 + minutes.parse::<i16>().ok()?;
    (minutes <= 14 * 60).then_some(if text.starts_with('-') {
        -minutes
    } else {
        minutes
    })
}

fn read_clock(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = clock.split(':').map(|p| p.parse::<i64>().ok());
    let (hour, minute, second) = (
        parts.next()??,
        parts.next()??,
        parts.next().unwrap_or(Some(0))?,
    );
    let sound =
        hour < 24 && minute < 60 && second < 60 && parts.next().is_none() && fraction.len() <= 7;
    let fraction: i64 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<7}").parse().ok()?
    };
    sound.then(|| (hour * 3600 + minute * 60 + second) * TICKS_PER_SECOND + fraction)
}
