// SPDX-License-Identifier: Apache-2.0
//! The values of a logged row, exactly as a `SELECT` gives them.

use std::sync::Arc;

use mysql_async::Value as Raw;
use silsila_source::{Columns, Row, Value};

use super::layout::{Kind, Layout};
use super::wire::{Bitmap, Broken, Bytes, TableMap, WireColumn, code, nulls};
use super::{decimal, times};
use crate::types::{Shape, read};

/// Reads one image. Columns that are wanted and in it come out; the others are passed over.
pub(super) fn image(
    bytes: &mut Bytes<'_>,
    present: Bitmap<'_>,
    map: &TableMap,
    layout: &Layout,
) -> Result<Row, Broken> {
    let nulls = nulls(bytes, present, map.columns.len())?;
    let mut found: Vec<Option<Value>> = vec![None; layout.names.names().count()];
    let mut stored = 0;
    for (i, (wire, wanted)) in map.columns.iter().zip(&layout.columns).enumerate() {
        if !present.has(i) {
            continue;
        }
        let null = nulls.has(stored);
        stored += 1;
        let value = if null {
            Some(Value::Null)
        } else {
            let cell = bytes.take(length(*wire, bytes)?)?;
            wanted.as_ref().and_then(|w| value(&w.kind, *wire, cell))
        };
        if let (Some(wanted), Some(value)) = (wanted, value)
            && let Some(place) = found.get_mut(wanted.at)
        {
            *place = Some(value);
        }
    }
    Ok(row(layout, found))
}

/// A row of those columns that were found; with all of them, its names are shared by all such rows.
fn row(layout: &Layout, found: Vec<Option<Value>>) -> Row {
    if found.iter().all(Option::is_some) {
        return Row::new(
            Arc::clone(&layout.names),
            found.into_iter().flatten().collect(),
        );
    }
    let named = layout.names.names().zip(found);
    let (names, values): (Vec<&str>, Vec<Value>) = named
        .filter_map(|(name, value)| Some((name, value?)))
        .unzip();
    Row::new(Columns::new(names), values)
}

/// How many bytes the next value has, its own length included.
fn length(wire: WireColumn, bytes: &Bytes<'_>) -> Result<usize, Broken> {
    if let Some(digits) = prefix(wire) {
        let mut ahead = *bytes;
        return Ok(digits + ahead.length(digits)?);
    }
    let [first, second] = wire.meta.map(usize::from);
    Ok(match wire.code() {
        code::TINY | code::YEAR => 1,
        code::SHORT => 2,
        code::INT24 | code::DATE | code::NEWDATE | code::TIME => 3,
        code::LONG | code::FLOAT | code::TIMESTAMP => 4,
        code::LONGLONG | code::DOUBLE | code::DATETIME => 8,
        code::BIT => second + usize::from(first > 0),
        code::TIMESTAMP2 => 4 + first.div_ceil(2),
        code::DATETIME2 => 5 + first.div_ceil(2),
        code::TIME2 => 3 + first.div_ceil(2),
        code::NEWDECIMAL => decimal::length(first, second).ok_or(Broken)?,
        code::ENUM | code::SET => second,
        _ => return Err(Broken),
    })
}

/// How many digits the length of a text or blob has, where the value begins with one.
fn prefix(wire: WireColumn) -> Option<usize> {
    let [first, second] = wire.meta.map(usize::from);
    let digits = |longest: usize| if longest > 255 { 2 } else { 1 };
    match wire.code() {
        // A length above 255 hides its two high bits, inverted, in the type's byte.
        code::STRING => Some(digits((first & 0x30 ^ 0x30) << 4 | second)),
        code::VARCHAR | code::VARCHAR_COMPRESSED | code::VAR_STRING => {
            Some(digits(first | second << 8))
        }
        code::BLOB
        | code::BLOB_COMPRESSED
        | code::TINY_BLOB
        | code::MEDIUM_BLOB
        | code::LONG_BLOB
        | code::GEOMETRY
        | code::VECTOR
        | code::JSON => (1..=4).contains(&first).then_some(first),
        _ => None,
    }
}

/// The value in those bytes; `None` where it cannot be told exactly.
fn value(kind: &Kind, wire: WireColumn, cell: &[u8]) -> Option<Value> {
    let raw = raw(kind, wire, cell)?;
    let shape = match kind {
        Kind::Integer { .. } | Kind::Year => Shape::Integer,
        Kind::Float | Kind::Double => Shape::Float,
        Kind::Bit => Shape::Bit,
        Kind::Decimal => Shape::Decimal {
            precision: u32::from(wire.meta[0]),
            scale: wire.meta[1],
        },
        Kind::Date => Shape::Date,
        Kind::Time => Shape::Time,
        Kind::DateTime => Shape::DateTime,
        Kind::Timestamp => Shape::Timestamp,
        Kind::Text(_) => Shape::Text,
        Kind::Enum(_) | Kind::Set(_) => Shape::Named,
        Kind::Bytes { .. } => Shape::Bytes,
    };
    read(shape, raw, false).ok()
}

/// The value as the driver would bring it from a `SELECT`.
fn raw(kind: &Kind, wire: WireColumn, cell: &[u8]) -> Option<Raw> {
    let little = || Bytes(cell).number(cell.len()).ok();
    Some(match kind {
        Kind::Integer { unsigned: true } => Raw::UInt(little()?),
        Kind::Integer { unsigned: false } => Raw::Int(signed(little()?, cell.len())),
        Kind::Year => Raw::Int(match little()? {
            0 => 0,
            since => 1900 + i64::try_from(since).ok()?,
        }),
        Kind::Float => Raw::Float(f32::from_le_bytes(cell.try_into().ok()?)),
        Kind::Double => Raw::Double(f64::from_le_bytes(cell.try_into().ok()?)),
        Kind::Bit => Raw::Bytes(cell.to_vec()),
        Kind::Decimal => {
            let [precision, scale] = wire.meta.map(usize::from);
            Raw::Bytes(decimal::digits(cell, precision, scale)?.into_bytes())
        }
        Kind::Date => times::date(little()?),
        Kind::DateTime if wire.code == code::DATETIME => times::old_date_time(little()?),
        Kind::DateTime => times::date_time(cell, wire.meta[0])?,
        Kind::Timestamp if wire.code == code::TIMESTAMP => times::timestamp(little()?, 0),
        Kind::Timestamp => {
            let (seconds, micros) = times::fractioned(cell, 4, wire.meta[0])?;
            times::timestamp(seconds, micros)
        }
        Kind::Time if wire.code == code::TIME => times::old_time(little()?),
        Kind::Time => times::time(cell, wire.meta[0])?,
        Kind::Text(charset) => Raw::Bytes(charset.decode(content(cell, wire)?)?.into_bytes()),
        Kind::Bytes { fill } => {
            let mut bytes = content(cell, wire)?.to_vec();
            bytes.resize(bytes.len().max(*fill), 0);
            Raw::Bytes(bytes)
        }
        Kind::Enum(words) => {
            let number = usize::try_from(little()?).ok()?;
            let word = match number.checked_sub(1) {
                None => "", // what MySQL stores for a word that is none
                Some(i) => words.get(i)?,
            };
            Raw::Bytes(word.into())
        }
        Kind::Set(words) => {
            let bits = little()?;
            let of = |i: usize| bits >> i & 1 == 1;
            let chosen: Vec<&str> = (0..words.len().min(64))
                .filter(|i| of(*i))
                .map(|i| &*words[i])
                .collect();
            Raw::Bytes(chosen.join(",").into_bytes())
        }
    })
}

/// The bytes behind a value's own length.
fn content(cell: &[u8], wire: WireColumn) -> Option<&[u8]> {
    cell.get(prefix(wire)?..)
}

/// Reads a number of fewer than eight bytes with its sign.
fn signed(number: u64, bytes: usize) -> i64 {
    let unused = 64 - 8 * bytes.clamp(1, 8);
    (number << unused).cast_signed() >> unused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_sign_whatever_their_length() {
        assert_eq!(signed(0xff, 1), -1);
        assert_eq!(signed(0x7f_ffff, 3), 8_388_607);
        assert_eq!(signed(0x80_0000, 3), -8_388_608);
        assert_eq!(signed(u64::MAX, 8), -1);
    }

    #[test]
    fn an_image_that_ends_too_early_is_no_row() {
        let wire = WireColumn {
            code: code::VARCHAR,
            meta: [40, 0],
        };
        assert_eq!(length(wire, &Bytes(&[3, b'a'])), Ok(4));
        assert!(Bytes(&[3, b'a']).take(4).is_err());
        assert!(length(WireColumn { code: 200, ..wire }, &Bytes(&[])).is_err());
    }
}
