// SPDX-License-Identifier: Apache-2.0
//! How values lie in SQLite: in a form that SQLite itself compares as SQL Server would, so that its
//! indexes serve.
//!
//! | type | stored as |
//! |---|---|
//! | integers, BIT, ROWVERSION, DATE, TIME, the moments without an offset | INTEGER |
//! | DECIMAL, MONEY | BLOB of 16 bytes: the digits plus 2^127, most significant first; the scale is the column's |
//! | REAL, FLOAT | REAL |
//! | text | TEXT under one of the collations of [`super::Collation`] |
//! | DATETIMEOFFSET | BLOB of 10 bytes: the instant, then the offset; compared by its first eight |
//! | UNIQUEIDENTIFIER | BLOB of 16 bytes in SQL Server's order of weight |
//! | binary data | BLOB |

use rusqlite::types::{Value as Sqlite, ValueRef};

use super::types::Type;
use super::value::{Value, sorting, written};
use crate::error::{Result, SqlError};

/// A value of a column's own type, as SQLite holds it.
pub(crate) fn to_stored(value: &Value, of: Type) -> Sqlite {
    match value {
        Value::Null => Sqlite::Null,
        Value::Bit(b) => Sqlite::Integer((*b).into()),
        Value::Int(n)
        | Value::Date(n)
        | Value::Time(n)
        | Value::SmallDateTime(n)
        | Value::DateTime(n)
        | Value::DateTime2(n) => Sqlite::Integer(*n),
        Value::Decimal(n, _) => {
            Sqlite::Blob((n.cast_unsigned() ^ (1 << 127)).to_be_bytes().to_vec())
        }
        Value::Float(f) => Sqlite::Real(*f),
        Value::Text(s) => Sqlite::Text(s.clone()),
        Value::Bytes(bytes) if of == Type::RowVersion => Sqlite::Integer(row_version(bytes)),
        Value::Bytes(bytes) => Sqlite::Blob(bytes.clone()),
        Value::DateTimeOffset(utc, offset) => {
            let mut bytes = utc.to_be_bytes().to_vec();
            bytes.extend_from_slice(&offset.to_be_bytes());
            Sqlite::Blob(bytes)
        }
        Value::Uuid(id) => Sqlite::Blob(sorting(id).to_vec()),
    }
}

fn row_version(bytes: &[u8]) -> i64 {
    bytes.iter().take(8).fold(0, |n, b| n << 8 | i64::from(*b))
}

/// The reverse of [`to_stored`].
pub(crate) fn from_stored(stored: ValueRef<'_>, of: Type) -> Result<Value> {
    let value = match (stored, of) {
        (ValueRef::Null, _) => Some(Value::Null),
        (ValueRef::Integer(n), Type::Bit) => Some(Value::Bit(n != 0)),
        (ValueRef::Integer(n), Type::RowVersion) => Some(Value::Bytes(n.to_be_bytes().to_vec())),
        (ValueRef::Integer(n), Type::Date) => Some(Value::Date(n)),
        (ValueRef::Integer(n), Type::Time(_)) => Some(Value::Time(n)),
        (ValueRef::Integer(n), Type::SmallDateTime) => Some(Value::SmallDateTime(n)),
        (ValueRef::Integer(n), Type::DateTime) => Some(Value::DateTime(n)),
        (ValueRef::Integer(n), Type::DateTime2(_)) => Some(Value::DateTime2(n)),
        (ValueRef::Integer(n), of) if of.is_integer() => Some(Value::Int(n)),
        (ValueRef::Real(f), _) => Some(Value::Float(f)),
        (ValueRef::Text(bytes), _) => std::str::from_utf8(bytes).ok().map(Value::text),
        (ValueRef::Blob(bytes), Type::UniqueIdentifier) => bytes
            .try_into()
            .ok()
            .map(|sorted: [u8; 16]| Value::Uuid(written(&sorted))),
        (ValueRef::Blob(bytes), Type::DateTimeOffset(_)) => offset(bytes),
        (ValueRef::Blob(bytes), of) => match of.decimal_scale() {
            Some(scale) => {
                let n = bytes
                    .try_into()
                    .ok()
                    .map(|b: [u8; 16]| (u128::from_be_bytes(b) ^ (1 << 127)).cast_signed());
                n.map(|n| Value::Decimal(n, scale))
            }
            None => Some(Value::Bytes(bytes.to_vec())),
        },
        _ => None,
    };
    value.ok_or_else(|| {
        SqlError::new(
            824,
            24,
            format!("The stand-in's storage holds no {of} where it should."),
        )
    })
}

fn offset(bytes: &[u8]) -> Option<Value> {
    let (utc, offset) = bytes.split_first_chunk::<8>()?;
    Some(Value::DateTimeOffset(
        i64::from_be_bytes(*utc),
        i16::from_be_bytes(offset.try_into().ok()?),
    ))
}

/// A column, or a parameter, as SQLite is to compare and sort it.
pub(crate) fn ordered_sql(sql: &str, of: Type) -> String {
    match of {
        Type::DateTimeOffset(_) => format!("substr({sql}, 1, 8)"),
        _ => sql.into(),
    }
}
