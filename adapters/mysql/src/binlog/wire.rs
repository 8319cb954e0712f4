// SPDX-License-Identifier: Apache-2.0
//! The bytes of the events that matter: table maps, row changes, statements; and MariaDB's compressed
//! forms of the latter two.
//!
//! The driver decodes rows too, but whole and with only the types that MySQL knows. Read here, a column
//! that nobody wants costs a length, and one that cannot be read costs that table's rows and not the log.
//!
//! Formats: MySQL's source documentation, "Binary log", and MariaDB's "Replication protocol" pages.

use std::io::Read;

/// Bytes that end too early, or say what cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// A cursor over an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (head, tail) = self.0.split_at_checked(length).ok_or(Broken)?;
        self.0 = tail;
        Ok(head)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A little-endian number of up to eight bytes.
    pub fn number(&mut self, length: usize) -> Result<u64, Broken> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// A big-endian number of up to eight bytes, as the newer types of times have them.
    pub fn big_endian(&mut self, length: usize) -> Result<u64, Broken> {
        let bytes = self.take(length)?;
        Ok(bytes.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    pub fn length(&mut self, bytes: usize) -> Result<usize, Broken> {
        usize::try_from(self.number(bytes)?).map_err(|_| Broken)
    }

    /// A number that says itself how long it is.
    fn packed(&mut self) -> Result<usize, Broken> {
        match self.number(1)? {
            0xfc => self.length(2),
            0xfd => self.length(3),
            0xfe => self.length(8),
            n @ 0..=0xfa => usize::try_from(n).map_err(|_| Broken),
            _ => Err(Broken),
        }
    }
}

/// Which columns a row has, or which of them are NULL.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bitmap<'a>(&'a [u8]);

impl Bitmap<'_> {
    pub fn has(&self, i: usize) -> bool {
        self.0
            .get(i / 8)
            .is_some_and(|byte| byte >> (i % 8) & 1 == 1)
    }

    fn count(&self, of: usize) -> usize {
        (0..of).filter(|i| self.has(*i)).count()
    }
}

/// A table as the log describes it before its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TableMap {
    pub id: u64,
    pub database: String,
    pub table: String,
    pub columns: Vec<WireColumn>,
}

/// A column's type and what it needs to be read, as the log has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WireColumn {
    pub code: u8,
    pub meta: [u8; 2],
}

/// Column types by their numbers in the protocol, with MariaDB's own.
pub(super) mod code {
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const TIMESTAMP2: u8 = 17;
    pub const DATETIME2: u8 = 18;
    pub const TIME2: u8 = 19;
    pub const BLOB_COMPRESSED: u8 = 140;
    pub const VARCHAR_COMPRESSED: u8 = 141;
    pub const VECTOR: u8 = 242;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const ENUM: u8 = 247;
    pub const SET: u8 = 248;
    pub const TINY_BLOB: u8 = 249;
    pub const MEDIUM_BLOB: u8 = 250;
    pub const LONG_BLOB: u8 = 251;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
    pub const GEOMETRY: u8 = 255;
}

/// How many bytes of the table map's metadata a type has.
fn meta_length(column: u8) -> Option<usize> {
    use code::*;
    Some(match column {
        TINY | SHORT | LONG | LONGLONG | INT24 | TIMESTAMP | DATE | TIME | DATETIME | YEAR
        | NEWDATE => 0,
        FLOAT | DOUBLE | TIMESTAMP2 | DATETIME2 | TIME2 | BLOB_COMPRESSED | JSON | TINY_BLOB
        | MEDIUM_BLOB | LONG_BLOB | BLOB | GEOMETRY | VECTOR => 1,
        VARCHAR | VARCHAR_COMPRESSED | BIT | NEWDECIMAL | ENUM | SET | VAR_STRING | STRING => 2,
        _ => return None,
    })
}

impl TableMap {
    pub fn read(data: &[u8]) -> Result<Self, Broken> {
        let mut bytes = Bytes(data);
        let id = bytes.number(6)?;
        bytes.take(2)?;
        let mut name = || -> Result<String, Broken> {
            let length = bytes.length(1)?;
            let name = bytes.take(length)?.to_vec();
            bytes.take(1)?;
            String::from_utf8(name).map_err(|_| Broken)
        };
        let (database, table) = (name()?, name()?);
        let count = bytes.packed()?;
        let codes = bytes.take(count)?;
        let length = bytes.packed()?;
        let mut meta = Bytes(bytes.take(length)?);
        // A type that is not known ends what can be told of the columns; the names are good all the same.
        let mut column = |code: u8| -> Option<WireColumn> {
            let bytes = meta.take(meta_length(code)?).ok()?;
            let at = |i: usize| bytes.get(i).copied().unwrap_or(0);
            Some(WireColumn {
                code,
                meta: [at(0), at(1)],
            })
        };
        let columns: Option<Vec<_>> = codes.iter().map(|code| column(*code)).collect();
        Ok(Self {
            id,
            database,
            table,
            columns: columns.unwrap_or_default(),
        })
    }
}

/// What a row event says of its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowsKind {
    Write,
    Update,
    Delete,
}

/// A row event, with its rows still to be read.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    pub table_id: u64,
    pub columns: usize,
    pub before: Option<Bitmap<'a>>,
    pub after: Option<Bitmap<'a>>,
    pub rows: RowBytes<'a>,
}

/// The rows of an event; those of a compressed one are our own.
#[derive(Debug)]
pub(super) enum RowBytes<'a> {
    Plain(&'a [u8]),
    Inflated(Vec<u8>),
}

impl RowBytes<'_> {
    pub fn bytes(&self) -> Bytes<'_> {
        match self {
            Self::Plain(bytes) => Bytes(bytes),
            Self::Inflated(bytes) => Bytes(bytes),
        }
    }
}

/// The form in which a row event stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowsForm {
    pub kind: RowsKind,
    /// Version 2 has room for extra data before the columns.
    pub extra: bool,
    pub compressed: bool,
}

impl RowsForm {
    /// `None` where the event holds no rows, or rows that are not whole (MySQL's partial JSON).
    pub fn of(event: u8) -> Option<Self> {
        let form = |kind, extra, compressed| {
            Some(Self {
                kind,
                extra,
                compressed,
            })
        };
        use RowsKind::{Delete, Update, Write};
        match event {
            23 => form(Write, false, false),
            24 => form(Update, false, false),
            25 => form(Delete, false, false),
            30 => form(Write, true, false),
            31 => form(Update, true, false),
            32 => form(Delete, true, false),
            166 => form(Write, false, true),
            167 => form(Update, false, true),
            168 => form(Delete, false, true),
            169 => form(Write, true, true),
            170 => form(Update, true, true),
            171 => form(Delete, true, true),
            _ => None,
        }
    }
}

impl<'a> Rows<'a> {
    pub fn read(form: RowsForm, data: &'a [u8]) -> Result<Self, Broken> {
        let mut bytes = Bytes(data);
        let table_id = bytes.number(6)?;
        bytes.take(2)?;
        if form.extra {
            let length = bytes.length(2)?;
            bytes.take(length.checked_sub(2).ok_or(Broken)?)?;
        }
        let columns = bytes.packed()?;
        let mut bitmap = || Ok(Some(Bitmap(bytes.take(columns.div_ceil(8))?)));
        let (before, after) = match form.kind {
            RowsKind::Write => (None, bitmap()?),
            RowsKind::Delete => (bitmap()?, None),
            RowsKind::Update => (bitmap()?, bitmap()?),
        };
        let rows = if form.compressed {
            RowBytes::Inflated(inflate(bytes.0)?)
        } else {
            RowBytes::Plain(bytes.0)
        };
        Ok(Self {
            table_id,
            columns,
            before,
            after,
            rows,
        })
    }
}

/// Which of the columns in an image are NULL.
pub(super) fn nulls<'a>(
    bytes: &mut Bytes<'a>,
    present: Bitmap<'_>,
    columns: usize,
) -> Result<Bitmap<'a>, Broken> {
    Ok(Bitmap(bytes.take(present.count(columns).div_ceil(8))?))
}

/// MariaDB's compressed payload: a byte that says how (zlib) and how long the next number is, the length
/// before compression, big-endian, and the stream.
fn inflate(data: &[u8]) -> Result<Vec<u8>, Broken> {
    let mut bytes = Bytes(data);
    let head = bytes.length(1)?;
    let (algorithm, digits) = (head >> 4 & 7, head & 7);
    if head & 0x80 == 0 || algorithm != 0 || digits > 4 {
        return Err(Broken);
    }
    let length = bytes.big_endian(digits)?;
    let mut inflated = Vec::new();
    flate2::read::ZlibDecoder::new(bytes.0)
        .take(length)
        .read_to_end(&mut inflated)
        .map_err(|_| Broken)?;
    (inflated.len() as u64 == length)
        .then_some(inflated)
        .ok_or(Broken)
}

/// A statement in the log: the database it was sent in, and its text.
#[derive(Debug)]
pub(super) struct Statement {
    pub database: String,
    pub text: String,
}

impl Statement {
    /// Reads a query event, compressed or not.
    pub fn read(data: &[u8], compressed: bool) -> Result<Self, Broken> {
        let mut bytes = Bytes(data);
        bytes.take(8)?;
        let database = bytes.length(1)?;
        bytes.take(2)?;
        let variables = bytes.length(2)?;
        bytes.take(variables)?;
        let database = String::from_utf8_lossy(bytes.take(database)?).into_owned();
        bytes.take(1)?;
        let inflated;
        let text = if compressed {
            inflated = inflate(bytes.0)?;
            &inflated
        } else {
            bytes.0
        };
        Ok(Self {
            database,
            text: String::from_utf8_lossy(text).into_owned(),
        })
    }
}
