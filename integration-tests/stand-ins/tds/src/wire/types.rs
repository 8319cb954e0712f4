// SPDX-License-Identifier: Apache-2.0
//! TYPE_INFO and values, MS-TDS 2.2.5.4 to 2.2.5.6.

use super::reader::{Reader, to_utf16, utf16};
use crate::data::{Collation, TICKS_PER_DAY, Type, Value};

const INTN: u8 = 0x26;
const BITN: u8 = 0x68;
const FLTN: u8 = 0x6d;
const MONEYN: u8 = 0x6e;
const DATETIMN: u8 = 0x6f;
const DECIMALN: u8 = 0x6a;
const NUMERICN: u8 = 0x6c;
const GUID: u8 = 0x24;
const DATEN: u8 = 0x28;
const TIMEN: u8 = 0x29;
const DATETIME2N: u8 = 0x2a;
const DATETIMEOFFSETN: u8 = 0x2b;
const BIGVARBIN: u8 = 0xa5;
const BIGBINARY: u8 = 0xad;
const BIGVARCHAR: u8 = 0xa7;
const BIGCHAR: u8 = 0xaf;
const NVARCHAR: u8 = 0xe7;
const NCHAR: u8 = 0xef;
const XML: u8 = 0xf1;
/// The length that says MAX.
const MAX: u16 = 0xffff;

/// A type whose values need no length, because NULL cannot occur: 2.2.5.4.1.
fn fixed(ty: Type) -> Option<u8> {
    Some(match ty {
        Type::TinyInt => 0x30,
        Type::Bit => 0x32,
        Type::SmallInt => 0x34,
        Type::Int => 0x38,
        Type::SmallDateTime => 0x3a,
        Type::Real => 0x3b,
        Type::Money => 0x3c,
        Type::DateTime => 0x3d,
        Type::Float => 0x3e,
        Type::SmallMoney => 0x7a,
        Type::BigInt => 0x7f,
        _ => return None,
    })
}

/// A column's TYPE_INFO.
pub(crate) fn write_type(ty: Type, nullable: bool, collation: Collation, out: &mut Vec<u8>) {
    if let (Some(token), false) = (fixed(ty), nullable) {
        return out.push(token);
    }
    let sized = |out: &mut Vec<u8>, token: u8, length: u16| {
        out.push(token);
        out.extend_from_slice(&length.to_le_bytes());
    };
    match ty {
        Type::Bit => out.extend([BITN, 1]),
        Type::TinyInt => out.extend([INTN, 1]),
        Type::SmallInt => out.extend([INTN, 2]),
        Type::Int => out.extend([INTN, 4]),
        Type::BigInt => out.extend([INTN, 8]),
        Type::Real => out.extend([FLTN, 4]),
        Type::Float => out.extend([FLTN, 8]),
        Type::Money => out.extend([MONEYN, 8]),
        Type::SmallMoney => out.extend([MONEYN, 4]),
        Type::DateTime => out.extend([DATETIMN, 8]),
        Type::SmallDateTime => out.extend([DATETIMN, 4]),
        Type::Decimal { precision, scale } => {
            out.extend([DECIMALN, decimal_length(precision), precision, scale]);
        }
        Type::Date => out.push(DATEN),
        Type::Time(scale) => out.extend([TIMEN, scale]),
        Type::DateTime2(scale) => out.extend([DATETIME2N, scale]),
        Type::DateTimeOffset(scale) => out.extend([DATETIMEOFFSETN, scale]),
        Type::UniqueIdentifier => out.extend([GUID, 16]),
        Type::RowVersion => sized(out, BIGBINARY, 8),
        Type::Binary(n) => sized(out, BIGBINARY, n),
        Type::VarBinary(n) => sized(out, BIGVARBIN, n.unwrap_or(MAX)),
        Type::Char(n) => sized(out, BIGCHAR, n),
        Type::VarChar(n) => sized(out, BIGVARCHAR, n.unwrap_or(MAX)),
        Type::NChar(n) => sized(out, NCHAR, 2 * n),
        Type::NVarChar(n) => sized(out, NVARCHAR, n.map_or(MAX, |n| 2 * n)),
        Type::Xml => out.extend([XML, 0]), // without a schema
        // The engine refuses to send these.
        Type::Text
        | Type::NText
        | Type::Image
        | Type::SqlVariant
        | Type::Geography
        | Type::HierarchyId => sized(out, NVARCHAR, MAX),
    }
    if ty.is_text() && ty != Type::Xml {
        write_collation(collation, out);
    }
}

/// COLLATION, 2.2.5.1.2: the language, how it compares, and the old sort order where there is one.
pub(crate) fn write_collation(collation: Collation, out: &mut Vec<u8>) {
    const IGNORE_CASE_KANA_WIDTH: u32 = 0x00d0_0000;
    const UTF8: u32 = 0x0400_0000;
    let (language, sort) = match collation.code_page.number {
        1250 => (0x0415, 0),
        1251 => (0x0419, 0),
        1253 => (0x0408, 0),
        1254 => (0x041f, 0),
        1255 => (0x040d, 0),
        1256 => (0x0401, 0),
        65_001 => (0x0409 | UTF8, 0),
        _ => (0x0409, 52),
    };
    out.extend_from_slice(&(language | IGNORE_CASE_KANA_WIDTH).to_le_bytes());
    out.push(sort);
}

fn decimal_length(precision: u8) -> u8 {
    match precision {
        0..=9 => 5,
        10..=19 => 9,
        20..=28 => 13,
        _ => 17,
    }
}

/// A value of a column; NULL only where `nullable`.
pub(crate) fn write_value(
    value: &Value,
    ty: Type,
    nullable: bool,
    collation: Collation,
    out: &mut Vec<u8>,
) {
    let is_max = matches!(
        ty,
        Type::NVarChar(None) | Type::VarChar(None) | Type::VarBinary(None) | Type::Xml
    );
    let long = ty.is_text() || ty.is_binary();
    if value.is_null() {
        return match (is_max, long) {
            (true, _) => out.extend([0xff; 8]),
            (_, true) => out.extend([0xff; 2]),
            _ => out.push(0),
        };
    }
    let bytes = bytes(value, ty, collation);
    if is_max {
        out.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        // In chunks, as a server does that has not all of it at hand.
        for chunk in bytes.chunks(8000) {
            out.extend_from_slice(&u32::try_from(chunk.len()).unwrap_or(0).to_le_bytes());
            out.extend_from_slice(chunk);
        }
        return out.extend([0; 4]);
    }
    if long {
        out.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
    } else if nullable || fixed(ty).is_none() {
        out.push(u8::try_from(bytes.len()).unwrap_or(0));
    }
    out.extend(bytes);
}

fn bytes(value: &Value, ty: Type, collation: Collation) -> Vec<u8> {
    match value {
        Value::Null => Vec::new(),
        Value::Bit(b) => vec![u8::from(*b)],
        Value::Int(n) => {
            let length = match ty {
                Type::TinyInt => 1,
                Type::SmallInt => 2,
                Type::Int => 4,
                _ => 8,
            };
            n.to_le_bytes()[..length].to_vec()
        }
        Value::Decimal(n, _) => decimal(*n, ty),
        #[expect(clippy::cast_possible_truncation, reason = "it is a REAL")]
        Value::Float(f) if ty == Type::Real => (*f as f32).to_le_bytes().to_vec(),
        Value::Float(f) => f.to_le_bytes().to_vec(),
        Value::Text(text) if ty.is_code_page() => collation.code_page.encode(text),
        Value::Text(text) => to_utf16(text),
        Value::Bytes(bytes) => bytes.clone(),
        Value::Date(days) => days.to_le_bytes()[..3].to_vec(),
        Value::Time(ticks) => clock(*ticks, ty),
        Value::SmallDateTime(minutes) => {
            let part = |n: i64| u16::try_from(n).unwrap_or(0).to_le_bytes();
            [part(minutes / 1440), part(minutes % 1440)].concat()
        }
        Value::DateTime(n) => {
            let (days, ticks) = (n.div_euclid(25_920_000), n.rem_euclid(25_920_000));
            [
                days.to_le_bytes()[..4].to_vec(),
                ticks.to_le_bytes()[..4].to_vec(),
            ]
            .concat()
        }
        Value::DateTime2(ticks) => moment(*ticks, ty),
        Value::DateTimeOffset(utc, offset) => {
            [moment(*utc, ty), offset.to_le_bytes().to_vec()].concat()
        }
        Value::Uuid(id) => mixed(id).to_vec(),
    }
}

fn decimal(n: i128, ty: Type) -> Vec<u8> {
    match ty {
        Type::Money => {
            let bytes = i64::try_from(n).unwrap_or(0).to_le_bytes();
            [&bytes[4..], &bytes[..4]].concat() // the higher half first
        }
        Type::SmallMoney => i32::try_from(n).unwrap_or(0).to_le_bytes().to_vec(),
        Type::Decimal { precision, .. } => {
            let length = usize::from(decimal_length(precision)) - 1;
            [
                &[u8::from(n >= 0)],
                &n.unsigned_abs().to_le_bytes()[..length],
            ]
            .concat()
        }
        _ => Vec::new(),
    }
}

fn scale_of(ty: Type) -> u8 {
    match ty {
        Type::Time(s) | Type::DateTime2(s) | Type::DateTimeOffset(s) => s,
        _ => 7,
    }
}

fn clock_length(scale: u8) -> usize {
    match scale {
        0..=2 => 3,
        3..=4 => 4,
        _ => 5,
    }
}

fn clock(ticks: i64, ty: Type) -> Vec<u8> {
    let scale = scale_of(ty);
    let increments = ticks / 10i64.pow(u32::from(7 - scale.min(7)));
    increments.to_le_bytes()[..clock_length(scale)].to_vec()
}

fn moment(ticks: i64, ty: Type) -> Vec<u8> {
    let (days, of_day) = (
        ticks.div_euclid(TICKS_PER_DAY),
        ticks.rem_euclid(TICKS_PER_DAY),
    );
    [clock(of_day, ty), days.to_le_bytes()[..3].to_vec()].concat()
}

/// A uniqueidentifier's first three groups travel least significant byte first.
fn mixed(id: &[u8; 16]) -> [u8; 16] {
    const PLACE: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    PLACE.map(|at| id[at])
}

/// A parameter: its TYPE_INFO and its value. `None` where it is not of a kind that is known here.
pub(crate) fn read_parameter(reader: &mut Reader<'_>) -> Option<(Type, Value)> {
    let token = reader.u8()?;
    match token {
        INTN | BITN | FLTN | MONEYN | DATETIMN | GUID => {
            let size = reader.u8()?;
            let length = reader.u8()?;
            sized(reader, token, size, length)
        }
        DECIMALN | NUMERICN => {
            let (_, precision, scale) = (reader.u8()?, reader.u8()?, reader.u8()?);
            if !(1..=38).contains(&precision) || scale > precision {
                return None;
            }
            let ty = Type::Decimal { precision, scale };
            Some((
                ty,
                match reader.u8()? {
                    0 => Value::Null,
                    length => read_decimal(reader, length, scale)?,
                },
            ))
        }
        DATEN => {
            let value = match reader.u8()? {
                0 => Value::Null,
                _ => Value::Date(day(reader)?),
            };
            Some((Type::Date, value))
        }
        TIMEN | DATETIME2N | DATETIMEOFFSETN => temporal(reader, token),
        NVARCHAR | NCHAR | BIGVARCHAR | BIGCHAR | BIGVARBIN | BIGBINARY => long(reader, token),
        _ => None,
    }
}

fn sized(reader: &mut Reader<'_>, token: u8, size: u8, length: u8) -> Option<(Type, Value)> {
    let ty = match (token, size) {
        (BITN, 1) => Type::Bit,
        (INTN, 1) => Type::TinyInt,
        (INTN, 2) => Type::SmallInt,
        (INTN, 4) => Type::Int,
        (INTN, 8) => Type::BigInt,
        (FLTN, 4) => Type::Real,
        (FLTN, 8) => Type::Float,
        (GUID, 16) => Type::UniqueIdentifier,
        (DATETIMN, 8) => Type::DateTime,
        (MONEYN, 8) => Type::Money,
        _ => return None,
    };
    if length == 0 {
        return Some((ty, Value::Null));
    }
    if length != size {
        return None;
    }
    Some((
        ty,
        match ty {
            Type::Bit => Value::Bit(reader.u8()? != 0),
            Type::TinyInt => Value::Int(reader.u8()?.into()),
            Type::SmallInt => Value::Int(reader.i16()?.into()),
            Type::Int => Value::Int(reader.i32()?.into()),
            Type::BigInt => Value::Int(reader.i64()?),
            Type::Real => Value::Float(reader.f32()?.into()),
            Type::Float => Value::Float(reader.f64()?),
            Type::DateTime => {
                Value::DateTime(i64::from(reader.i32()?) * 25_920_000 + i64::from(reader.u32()?))
            }
            Type::Money => {
                let (high, low) = (reader.i32()?, reader.u32()?);
                Value::Decimal((i128::from(high) << 32) + i128::from(low), 4)
            }
            _ => Value::Uuid(mixed(reader.bytes(16)?.try_into().ok()?)),
        },
    ))
}

fn read_decimal(reader: &mut Reader<'_>, length: u8, scale: u8) -> Option<Value> {
    let positive = reader.u8()? != 0;
    let magnitude = reader.bytes(usize::from(length.checked_sub(1)?))?;
    let mut bytes = [0; 16];
    bytes.get_mut(..magnitude.len())?.copy_from_slice(magnitude);
    let n = i128::try_from(u128::from_le_bytes(bytes))
        .ok()
        .filter(|n| *n < 10i128.pow(38))?;
    Some(Value::Decimal(if positive { n } else { -n }, scale))
}

fn day(reader: &mut Reader<'_>) -> Option<i64> {
    i64::try_from(reader.uint(3)?)
        .ok()
        .filter(|days| *days <= 3_652_058)
}

fn temporal(reader: &mut Reader<'_>, token: u8) -> Option<(Type, Value)> {
    let scale = reader.u8().filter(|s| *s <= 7)?;
    let ty = match token {
        TIMEN => Type::Time(scale),
        DATETIME2N => Type::DateTime2(scale),
        _ => Type::DateTimeOffset(scale),
    };
    if reader.u8()? == 0 {
        return Some((ty, Value::Null));
    }
    let increments = i64::try_from(reader.uint(clock_length(scale))?).ok()?;
    let ticks = increments
        .checked_mul(10i64.pow(u32::from(7 - scale)))
        .filter(|t| *t < TICKS_PER_DAY)?;
    Some((
        ty,
        match token {
            TIMEN => Value::Time(ticks),
            DATETIME2N => Value::DateTime2(day(reader)? * TICKS_PER_DAY + ticks),
            _ => {
                let utc = day(reader)? * TICKS_PER_DAY + ticks;
                Value::DateTimeOffset(utc, reader.i16().filter(|o| o.abs() <= 14 * 60)?)
            }
        },
    ))
}

/// Text and bytes, short or MAX.
fn long(reader: &mut Reader<'_>, token: u8) -> Option<(Type, Value)> {
    let size = reader.u16()?;
    let is_text = !matches!(token, BIGVARBIN | BIGBINARY);
    if is_text {
        reader.bytes(5)?; // the collation is that of the database
    }
    let bytes = match size {
        MAX => reader.plp()?,
        _ => match reader.u16()? {
            MAX => None,
            n => Some(reader.bytes(n.into())?.to_vec()),
        },
    };
    let ty = match token {
        NVARCHAR | NCHAR => Type::NVarChar((size != MAX).then_some((size / 2).max(1))),
        BIGVARCHAR | BIGCHAR => Type::VarChar((size != MAX).then_some(size.max(1))),
        _ => Type::VarBinary((size != MAX).then_some(size.max(1))),
    };
    let Some(bytes) = bytes else {
        return Some((ty, Value::Null));
    };
    Some((
        ty,
        match token {
            NVARCHAR | NCHAR => Value::Text(utf16(&bytes)?),
            BIGVARCHAR | BIGCHAR => Value::Text(Collation::default().code_page.decode(&bytes)),
            _ => Value::Bytes(bytes),
        },
    ))
}
