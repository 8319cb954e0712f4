// SPDX-License-Identifier: Apache-2.0
//! CAST and the conversions that SQL Server makes by itself, as far as anybody here needs them.

use super::collation::Collation;
use super::moments::{self, moment};
use super::types::Type;
use super::value::Value;
use crate::error::{Result, SqlError};

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

pub(super) fn not_allowed(from: Type, to: Type) -> SqlError {
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
        moment => moments::show(moment, scale_of(of)),
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
