// SPDX-License-Identifier: Apache-2.0
//! What the log leaves out about a followed table: names, signs, character sets, the words of an ENUM.
//! MariaDB logs none of them by default, so they come from `information_schema`.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use silsila_source::Columns;

use super::charset::Charset;
use super::wire::{TableMap, WireColumn, code};
use crate::fault::Asked;
use crate::sessions::{Problem, Question, Session};

/// A followed table, ready to read its rows.
#[derive(Debug)]
pub(super) struct Layout {
    /// One per column of the table; `None` where nobody wants it, or it cannot be read exactly.
    pub columns: Vec<Option<Wanted>>,
    /// The names that the images may have, in the order in which they are wanted.
    pub names: Arc<Columns>,
}

/// A column that is wanted.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Its place among [`Layout::names`].
    pub at: usize,
    pub kind: Kind,
}

/// How a column's bytes become the value that a `SELECT` gives.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Integer {
        unsigned: bool,
    },
    Year,
    Float,
    Double,
    Bit,
    Decimal,
    Date,
    Time,
    DateTime,
    Timestamp,
    Text(Charset),
    /// BINARY is filled up to its length again, which the log leaves out.
    Bytes {
        fill: usize,
    },
    Enum(Arc<[String]>),
    Set(Arc<[String]>),
}

/// A column as `information_schema` has it.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub name: String,
    /// Such as `int(10) unsigned`.
    pub full_type: String,
    /// Such as `int`.
    pub data_type: String,
    pub charset: Option<String>,
}

/// The columns of a table in their order.
pub(super) struct WhatColumns<'a> {
    pub source: &'a str,
    pub table: &'a str,
}

impl Question for WhatColumns<'_> {
    type Answer = Vec<Described>;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: self.table,
            columns: &[],
        }
    }

    async fn put(&self, session: &mut Session) -> Result<Vec<Described>, Problem> {
        type Line = (String, String, String, Option<String>);
        let sql = "SELECT COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, CHARACTER_SET_NAME \
                   FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? \
                   ORDER BY ORDINAL_POSITION";
        let lines: Vec<Line> = session.conn.exec(sql, (self.table,)).await?;
        let described = |(name, full_type, data_type, charset)| Described {
            name,
            full_type,
            data_type,
            charset,
        };
        Ok(lines.into_iter().map(described).collect())
    }
}

impl Layout {
    /// Brings together what the log and the database say. `None` where they speak of different tables:
    /// the table was altered between the event and now.
    pub fn of(map: &TableMap, described: &[Described], wanted: &[String]) -> Option<Self> {
        let same = map.columns.len() == described.len()
            && map
                .columns
                .iter()
                .zip(described)
                .all(|(w, d)| fits(w.code(), &d.data_type));
        if !same {
            return None;
        }
        let names = Columns::new(wanted.iter().map(String::as_str));
        let columns = map
            .columns
            .iter()
            .zip(described)
            .map(|(wire, column)| {
                let at = wanted.iter().position(|name| *name == column.name)?;
                let kind = kind(*wire, column)?;
                Some(Wanted { at, kind })
            })
            .collect();
        Some(Self { columns, names })
    }
}

impl WireColumn {
    /// The type itself, which CHAR, ENUM and SET hide in their metadata.
    pub fn code(&self) -> u8 {
        match self.code {
            code::STRING if self.meta[0] | 0x30 == code::ENUM => code::ENUM,
            code::STRING if self.meta[0] | 0x30 == code::SET => code::SET,
            code => code,
        }
    }
}

/// Whether a column of that declared type is logged as that code.
fn fits(logged: u8, declared: &str) -> bool {
    use code::*;
    let declared = declared.to_ascii_lowercase();
    let expected: &[u8] = match declared.as_str() {
        "tinyint" => &[TINY],
        "smallint" => &[SHORT],
        "mediumint" => &[INT24],
        "int" | "integer" => &[LONG],
        "bigint" => &[LONGLONG],
        "year" => &[YEAR],
        "bit" => &[BIT],
        "float" => &[FLOAT],
        "double" | "real" => &[DOUBLE],
        "decimal" | "numeric" => &[NEWDECIMAL],
        "date" => &[DATE, NEWDATE],
        "time" => &[TIME, TIME2],
        "datetime" => &[DATETIME, DATETIME2],
        "timestamp" => &[TIMESTAMP, TIMESTAMP2],
        "enum" => &[ENUM],
        "set" => &[SET],
        "char" | "binary" | "uuid" | "inet4" | "inet6" => &[STRING],
        "varchar" | "varbinary" => &[VARCHAR, VAR_STRING, VARCHAR_COMPRESSED],
        "json" => &[JSON, BLOB],
        "tinytext" | "text" | "mediumtext" | "longtext" | "tinyblob" | "blob" | "mediumblob"
        | "longblob" => &[BLOB, BLOB_COMPRESSED, TINY_BLOB, MEDIUM_BLOB, LONG_BLOB],
        _ => return true,
    };
    expected.contains(&logged)
}

/// How to read a column, if that can be done exactly.
fn kind(wire: WireColumn, column: &Described) -> Option<Kind> {
    use code::*;
    let declared = column.full_type.to_ascii_lowercase();
    let unsigned = declared.contains("unsigned") || declared.contains("zerofill");
    Some(
        match (wire.code(), column.data_type.to_ascii_lowercase().as_str()) {
            (TINY | SHORT | INT24 | LONG | LONGLONG, _) => Kind::Integer { unsigned },
            (YEAR, _) => Kind::Year,
            (FLOAT, _) => Kind::Float,
            (DOUBLE, _) => Kind::Double,
            (BIT, _) => Kind::Bit,
            (NEWDECIMAL, _) => Kind::Decimal,
            (DATE | NEWDATE, _) => Kind::Date,
            // The older forms of these lengthen with the fraction, which the log does not tell.
            (TIME | DATETIME | TIMESTAMP, _) if declared.contains('(') => return None,
            (TIME | TIME2, _) => Kind::Time,
            (DATETIME | DATETIME2, _) => Kind::DateTime,
            (TIMESTAMP | TIMESTAMP2, _) => Kind::Timestamp,
            (ENUM, _) => Kind::Enum(members(&column.full_type)?),
            (SET, _) => Kind::Set(members(&column.full_type)?),
            (STRING, "binary") => Kind::Bytes {
                fill: declared_length(&declared)?,
            },
            (STRING, "char") | (VARCHAR | VAR_STRING, "varchar") => Kind::Text(charset(column)?),
            (VARCHAR | VAR_STRING, "varbinary") => Kind::Bytes { fill: 0 },
            (BLOB, "tinyblob" | "blob" | "mediumblob" | "longblob") | (GEOMETRY, _) => {
                Kind::Bytes { fill: 0 }
            }
            (BLOB, "tinytext" | "text" | "mediumtext" | "longtext" | "json") => {
                Kind::Text(charset(column)?)
            }
            // MySQL's JSON is binary in the log, and only the server knows how it writes it as text; UUIDs and
            // addresses have a type of their own in MariaDB.
            _ => return None,
        },
    )
}

fn charset(column: &Described) -> Option<Charset> {
    Charset::named(column.charset.as_deref().unwrap_or("utf8mb4"))
}

/// The number in `binary(16)`.
fn declared_length(declared: &str) -> Option<usize> {
    let inside = declared.split_once('(')?.1;
    inside.split_once(')')?.0.trim().parse().ok()
}

/// The words of `enum('a','b''c')`, which `information_schema` writes with doubled quotes.
fn members(full_type: &str) -> Option<Arc<[String]>> {
    let (_, list) = full_type.split_once('(')?;
    let mut members = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start().strip_prefix('\'')?;
        let mut word = String::new();
        loop {
            let quote = rest.find('\'')?;
            word.push_str(&rest[..quote]);
            rest = &rest[quote + 1..];
            match rest.strip_prefix('\'') {
                Some(after) => {
                    word.push('\'');
                    rest = after;
                }
                None => break,
            }
        }
        members.push(word);
        match rest.trim_start().strip_prefix(',') {
            Some(after) => rest = after,
            None => return rest.trim_start().starts_with(')').then(|| members.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_enum_are_read_with_their_quotes_and_commas() {
        let check = |text: &str, expect: &[&str]| {
            let found = members(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(*found, *expect, "{text}");
        };
        check("enum('Male','Female')", &["Male", "Female"]);
        check("set('a,b','c''d','','e)')", &["a,b", "c'd", "", "e)"]);
        assert!(members("enum('a").is_none() && members("int(4)").is_none());
    }

    fn column(full_type: &str) -> Described {
        let data_type = full_type.split('(').next().unwrap_or_default().to_owned();
        Described {
            name: "c".into(),
            full_type: full_type.into(),
            data_type,
            charset: None,
        }
    }

    fn map(code: u8) -> TableMap {
        TableMap {
            id: 1,
            database: "d".into(),
            table: "t".into(),
            columns: vec![WireColumn { code, meta: [0, 0] }],
        }
    }

    #[test]
    fn an_altered_table_is_not_read_by_its_new_columns() {
        let wanted = ["c".to_owned()];
        let layout = |code, declared: &[Described]| Layout::of(&map(code), declared, &wanted);
        assert!(layout(code::LONG, &[column("int(11)")]).is_some());
        assert!(layout(code::LONG, &[column("bigint(20)")]).is_none());
        assert!(layout(code::LONG, &[column("int(11)"), column("int(11)")]).is_none());
    }

    #[test]
    fn a_column_that_nobody_can_read_exactly_is_left_out() {
        let layout = Layout::of(&map(code::STRING), &[column("uuid")], &["c".into()]);
        assert!(layout.is_some_and(|l| l.columns[0].is_none()));
    }
}
