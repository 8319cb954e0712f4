// SPDX-License-Identifier: Apache-2.0
//! CAST and the conversions that SQL Server makes by itself, as far as anybody here needs them.

use super::calendar::{TICKS_PER_DAY, date_of, day_of};
use super::collation::Collation;
use super::types::Type;
use super::value::Value;
use crate::error::{Result, SqlError};

const TICKS_PER_SECOND: i64 = 10_000_000;
const TICKS_PER_MINUTE: i64 = 60 * TICKS_PER_SECOND;
/// 1 January 1900.
const YEAR_1900: i64 = 693_595;

/// A value as another type. Text is converted through the code page of `collation` where it goes into a
/// type of one byte per letter.
pub(crate) fn convert(value: Value, from: Type, to: Type, collation: Collation) -> Result<Value> {
    let failed = || SqlError::conversion(from.name(), to.name());
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (value, Type::Bit) => match value {
            Value::Bit(_) => Ok(value),
            Value::Int(n) => Ok(Value::Bit(n != 0)),
            Value::Text(s) => match s.trim() {
                "1" => Ok(Value::Bit(true)),
                "0" => Ok(Value::Bit(false)),
                word if word.eq_ignore_ascii_case("true") => Ok(Value::Bit(true)),
                word if word.eq_ignore_ascii_case("false") => Ok(Value::Bit(false)),
                _ => Err(failed()),
            },
            _ => Err(failed()),
        },
        (value, to) if to.is_integer() => {
            let n = integer(value, from, to)?;
            in_range(n, to)
        }
        (value, Type::Decimal { precision, scale }) => decimal(value, from, to, precision, scale),
        (value, Type::Money) => decimal(value, from, to, 19, 4),
        (value, Type::SmallMoney) => decimal(value, from, to, 10, 4),
        (value, Type::Real | Type::Float) => float(value, from, to),
        (Value::Text(s), Type::UniqueIdentifier) => uuid(&s).map(Value::Uuid).ok_or_else(|| {
            SqlError::new(
                8169,
                16,
                "Conversion failed when converting from a character string to uniqueidentifier.",
            )
        }),
        (Value::Uuid(id), Type::UniqueIdentifier) => Ok(Value::Uuid(id)),
        (value, to) if to.is_text() => text(value, from, to, collation),
        (value, to) if to.is_binary() => binary(value, from, to),
        (value, to) => moment(value, from, to),
    }
}

fn integer(value: Value, from: Type, to: Type) -> Result<i64> {
    Ok(match value {
        Value::Int(n) => n,
        Value::Bit(b) => b.into(),
        Value::Decimal(n, scale) => i64::try_from(n / 10i128.pow(scale.into()))
            .map_err(|_| SqlError::overflow(to.name()))?,
        #[expect(clippy::cast_possible_truncation, reason = "a CAST truncates")]
        Value::Float(f) if f.abs() < 9e18 => f as i64,
        Value::Float(_) => return Err(SqlError::overflow(to.name())),
        Value::Text(s) => s.trim().parse().map_err(|_| {
            SqlError::new(
                245,
                16,
                format!(
                    "Conversion failed when converting the {} value '{s}' to data type {}.",
                    from.name(),
                    to.name()
                ),
            )
        })?,
        Value::Bytes(bytes) => bytes
            .iter()
            .rev()
            .take(8)
            .rev()
            .fold(0i64, |n, b| n << 8 | i64::from(*b)),
        _ => return Err(not_allowed(from, to)),
    })
}

fn in_range(n: i64, to: Type) -> Result<Value> {
    let fits = match to {
        Type::TinyInt => u8::try_from(n).is_ok(),
        Type::SmallInt => i16::try_from(n).is_ok(),
        Type::Int => i32::try_from(n).is_ok(),
        _ => true,
    };
    if fits {
        Ok(Value::Int(n))
    } else {
        Err(SqlError::overflow(to.name()))
    }
}

fn not_allowed(from: Type, to: Type) -> SqlError {
    SqlError::new(
        529,
        16,
        format!(
            "Explicit conversion from data type {} to {} is not allowed.",
            from.name(),
            to.name()
        ),
    )
}

fn decimal(value: Value, from: Type, to: Type, precision: u8, scale: u8) -> Result<Value> {
    let (n, has) = match value {
        Value::Decimal(n, scale) => (n, scale),
        Value::Int(n) => (n.into(), 0),
        Value::Bit(b) => (b.into(), 0),
        Value::Text(s) => digits(&s).ok_or_else(|| SqlError::conversion(from.name(), to.name()))?,
        Value::Float(f) => digits(&format!("{f:.*}", usize::from(scale)))
            .ok_or_else(|| SqlError::overflow(to.name()))?,
        _ => return Err(not_allowed(from, to)),
    };
    let n = rescaled(n, has, scale).filter(|n| n.unsigned_abs() < 10u128.pow(precision.into()));
    n.map(|n| Value::Decimal(n, scale))
        .ok_or_else(|| SqlError::overflow(to.name()))
}

/// With another number of digits after the point, rounded half away from zero.
fn rescaled(n: i128, from: u8, to: u8) -> Option<i128> {
    if to >= from {
        return n.checked_mul(10i128.checked_pow((to - from).into())?);
    }
    let unit = 10i128.checked_pow((from - to).into())?;
    Some((n + n.signum() * unit / 2) / unit)
}

/// A number's digits, and how many of them stand behind the point.
pub(super) fn digits(text: &str) -> Option<(i128, u8)> {
    let text = text.trim();
    let (negative, unsigned) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let sound = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !(sound(whole) && sound(fraction)) || whole.len() + fraction.len() == 0 {
        return None;
    }
    let n: i128 = format!("{whole}{fraction}").parse().ok()?;
    Some((
        if negative { -n } else { n },
        u8::try_from(fraction.len()).ok()?,
    ))
}

#[expect(clippy::cast_precision_loss, reason = "a float is what is wanted")]
#[expect(clippy::cast_possible_truncation, reason = "a REAL is what is wanted")]
fn float(value: Value, from: Type, to: Type) -> Result<Value> {
    let f = match value {
        Value::Float(f) => f,
        Value::Int(n) => n as f64,
        Value::Bit(b) => f64::from(u8::from(b)),
        Value::Decimal(n, scale) => show_decimal(n, scale).parse().unwrap_or_default(),
        Value::Text(s) => s
            .trim()
            .parse()
            .map_err(|_| SqlError::conversion(from.name(), to.name()))?,
        _ => return Err(not_allowed(from, to)),
    };
    Ok(Value::Float(if to == Type::Real {
        f64::from(f as f32)
    } else {
        f
    }))
}

/// Text of a value, cut to the type's length as CAST cuts it.
fn text(value: Value, from: Type, to: Type, collation: Collation) -> Result<Value> {
    let text = match value {
        Value::Bytes(_) => return Err(SqlError::unknown("how to read binary data as text")),
        value => show(&value, from),
    };
    let text = if to.is_code_page() {
        collation.code_page.pass(text)
    } else {
        text
    };
    let cut = |n: u16| cut(&text, to, usize::from(n), collation);
    Ok(Value::Text(match to {
        Type::Char(n) | Type::NChar(n) => {
            let cut = cut(n);
            let missing = usize::from(n).saturating_sub(length(&cut, to, collation));
            format!("{cut}{}", " ".repeat(missing))
        }
        Type::VarChar(Some(n)) | Type::NVarChar(Some(n)) => cut(n),
        _ => text,
    }))
}

/// Its length as the type counts: UTF-16 units, or bytes of the code page.
pub(crate) fn length(text: &str, to: Type, collation: Collation) -> usize {
    if to.is_unicode() {
        text.encode_utf16().count()
    } else {
        collation.code_page.encode(text).len()
    }
}

fn cut(text: &str, to: Type, most: usize, collation: Collation) -> String {
    if length(text, to, collation) <= most {
        return text.into();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        kept.push(letter);
        if length(&kept, to, collation) > most {
            kept.pop();
            break;
        }
    }
    kept
}

fn binary(value: Value, from: Type, to: Type) -> Result<Value> {
    let mut bytes = match value {
        Value::Bytes(bytes) => bytes,
        Value::Int(n) => match from {
            Type::BigInt => n.to_be_bytes().to_vec(),
            _ => n.to_be_bytes()[4..].to_vec(),
        },
        Value::Uuid(id) => id.to_vec(),
        _ => return Err(not_allowed(from, to)),
    };
    match to {
        Type::RowVersion => pad(&mut bytes, 8),
        Type::Binary(n) => pad(&mut bytes, n.into()),
        Type::VarBinary(Some(n)) => bytes.truncate(n.into()),
        _ => {}
    }
    Ok(Value::Bytes(bytes))
}

fn pad(bytes: &mut Vec<u8>, length: usize) {
    bytes.resize(length, 0);
}

/// A value as SQL Server prints it, style 121.
pub(crate) fn show(value: &Value, of: Type) -> String {
    match value {
        Value::Null => String::new(),
        Value::Bit(b) => u8::from(*b).to_string(),
        Value::Int(n) => n.to_string(),
        Value::Decimal(n, scale) => show_decimal(*n, *scale),
        Value::Float(f) => f.to_string(),
        Value::Text(s) => s.clone(),
        Value::Bytes(bytes) => bytes.iter().map(|b| format!("{b:02X}")).collect(),
        Value::Uuid(id) => show_uuid(id),
        Value::Date(days) => show_date(*days),
        Value::Time(ticks) => show_time(*ticks, scale_of(of)),
        Value::SmallDateTime(minutes) => {
            show_moment(*minutes * TICKS_PER_MINUTE + YEAR_1900 * TICKS_PER_DAY, 0)
        }
        Value::DateTime(n) => show_moment(ticks_of_datetime(*n), 3),
        Value::DateTime2(ticks) => show_moment(*ticks, scale_of(of)),
        Value::DateTimeOffset(utc, offset) => {
            let local = show_moment(utc + i64::from(*offset) * TICKS_PER_MINUTE, scale_of(of));
            let (sign, minutes) = (if *offset < 0 { '-' } else { '+' }, offset.unsigned_abs());
            format!("{local} {sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
    }
}

fn scale_of(of: Type) -> u8 {
    match of {
        Type::Time(s) | Type::DateTime2(s) | Type::DateTimeOffset(s) => s,
        _ => 7,
    }
}

fn show_decimal(n: i128, scale: u8) -> String {
    let (sign, scale) = (if n < 0 { "-" } else { "" }, usize::from(scale));
    let digits = format!("{:0>width$}", n.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let point = if scale == 0 { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

fn show_uuid(id: &[u8; 16]) -> String {
    let hex: String = id.iter().map(|b| format!("{b:02X}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

/// The sixteen bytes of a uniqueidentifier as it is written, with braces or without.
pub(crate) fn uuid(text: &str) -> Option<[u8; 16]> {
    let text = text.trim();
    let text = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    let places = [8, 13, 18, 23];
    let hyphens =
        text.len() == 36 && text.is_ascii() && places.iter().all(|at| text.as_bytes()[*at] == b'-');
    let hex: String = text.chars().filter(|c| *c != '-').collect();
    if !hyphens || hex.len() != 32 {
        return None;
    }
    let mut id = [0; 16];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(id)
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

fn moment(value: Value, from: Type, to: Type) -> Result<Value> {
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
