// SPDX-License-Identifier: Apache-2.0
//! The `Source` trait: the one seam between the gateway and a legacy database.

use async_trait::async_trait;

use crate::{Key, Row, Value};

/// A table or view and its columns, as the database describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The name as the database spells it.
    pub name: String,
    /// Columns in table order.
    pub columns: Vec<Column>,
    /// The primary key's columns in key order; empty where there is none.
    pub primary_key: Vec<String>,
}

/// One column of a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name as the database spells it.
    pub name: String,
    /// The database's own type name, such as `varchar(60)`.
    pub sql_type: String,
    /// What kind of [`Value`] to expect.
    pub kind: ColumnKind,
    /// Whether NULL may occur.
    pub nullable: bool,
    /// The column's character set, where it has one of its own.
    pub charset: Option<String>,
}

/// The kind of value that a column yields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// [`Value::Bool`]
    Bool,
    /// [`Value::Int`] or [`Value::UInt`]
    Integer,
    /// [`Value::Decimal`]
    Decimal,
    /// [`Value::Float`]
    Float,
    /// [`Value::Text`]
    Text,
    /// [`Value::Bytes`]
    Bytes,
    /// [`Value::Date`]
    Date,
    /// [`Value::DateTime`]
    DateTime,
    /// [`Value::Time`]
    Time,
    /// Something this adapter does not read; the column is skipped with a note.
    Unsupported,
}

/// All that a source holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    /// Tables and views in name order.
    pub tables: Vec<Table>,
}

impl Schema {
    /// The table of that exact name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.name == name)
    }
}

/// One bounded chunk of a table in ascending key order.
///
/// The order is the database's own (a text key sorts by its column's collation), NULL before all else.
/// The key must be unique in that order: of rows with equal keys, those beyond the chunk's end are
/// passed over. Fewer rows than `limit` mean that the table's end was reached.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// Table to read.
    pub table: &'a str,
    /// Columns wanted; the key columns must be among them.
    pub columns: &'a [String],
    /// The key columns, in key order.
    pub key: &'a [String],
    /// Resume strictly after this key, or from the start.
    pub after: Option<&'a Key>,
    /// At most this many rows.
    pub limit: usize,
}

/// One bounded chunk of the rows whose watermark column is at or after `since`, in ascending order of
/// (watermark, key). NULL watermarks are never returned: the sweep finds those rows.
#[derive(Debug, Clone)]
pub struct Changes<'a> {
    /// Table to read.
    pub table: &'a str,
    /// Columns wanted; key columns and watermark must be among them.
    pub columns: &'a [String],
    /// The key columns, in key order.
    pub key: &'a [String],
    /// The watermark column, such as `updated_at`.
    pub watermark: &'a str,
    /// Inclusive lower bound of the watermark; `None` reads from the beginning.
    pub since: Option<&'a Value>,
    /// Resume strictly after this (watermark, key) pair; takes the place of `since`.
    pub after: Option<(&'a Value, &'a Key)>,
    /// At most this many rows.
    pub limit: usize,
}

/// All rows whose `by` columns equal one of `keys`: how the engine's lookups, child rows and reverse
/// lookups are read. The adapter splits the keys into statements of bounded size; each matching row
/// comes back once, in no particular order.
///
/// Equal means equal to the database: a case-insensitive collation matches both cases. An integer key
/// finds text that spells it the same way and nothing else; text that is no number finds no integer.
#[derive(Debug, Clone)]
pub struct Fetch<'a> {
    /// Table to read.
    pub table: &'a str,
    /// Columns wanted; the `by` columns must be among them.
    pub columns: &'a [String],
    /// The columns to match.
    pub by: &'a [String],
    /// One key per wanted match; NULLs match nothing.
    pub keys: &'a [Key],
}

/// What `status` shows of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Product and version as the server names itself, such as `MariaDB 10.11.19`.
    pub server: String,
    /// Whether the connection is encrypted, and how.
    pub tls: Option<String>,
    /// The server's clock, as it says it.
    pub clock: Option<crate::DateTime>,
    /// What an operator should know (a privilege too many, a server too old), in sentences.
    pub notes: Vec<String>,
}

/// The copy that a source reads from, where it does not read from the database itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyState {
    /// When it was taken, milliseconds since 1970: what was written later is not in it.
    pub taken_ms: u64,
    /// When the original had been written last, by the clock of the machine where it lies.
    pub modified_ms: Option<u64>,
    /// Why the copy is older than the original, in one sentence, while it is.
    pub behind: Option<String>,
}

/// Why a source could not answer. Texts name tables, columns and hosts, never a value from a row.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The database cannot be reached or went away: worth trying again.
    #[error("SRC0001 {source_name}: the database cannot be reached: {reason}")]
    Unavailable {
        /// The source's name in the configuration.
        source_name: String,
        /// What the driver said, without any value of a row.
        reason: String,
    },
    /// Wrong user, password or privilege: a person must act.
    #[error("SRC0002 {source_name}: the database refuses us: {reason}")]
    Refused {
        /// The source's name in the configuration.
        source_name: String,
        /// What the server said.
        reason: String,
    },
    /// A table or column that is not there.
    #[error("SRC0003 {source_name}: no {what} {name:?}")]
    Missing {
        /// The source's name in the configuration.
        source_name: String,
        /// `table` or `column`.
        what: &'static str,
        /// Its name as asked for.
        name: String,
    },
    /// The encrypted connection could not be made: certificate, name or protocol.
    #[error("SRC0004 {source_name}: no encrypted connection: {reason}")]
    Tls {
        /// The source's name in the configuration.
        source_name: String,
        /// What rustls said.
        reason: String,
    },
    /// The answer could not be read: a protocol or decoding fault.
    #[error("SRC0005 {source_name}: table {table:?}: {reason}")]
    Unreadable {
        /// The source's name in the configuration.
        source_name: String,
        /// Table being read.
        table: String,
        /// What was wrong, without any value of a row.
        reason: String,
    },
    /// The driver that the connection needs is not on this machine, or cannot be loaded.
    #[error("SRC0006 {source_name}: no driver: {reason}")]
    NoDriver {
        /// The source's name in the configuration.
        source_name: String,
        /// Which one, and which ones there are.
        reason: String,
    },
    /// A driver that is known to give wrong data; it is not used.
    #[error("SRC0007 {source_name}: this driver is not used: {reason}")]
    Unfit {
        /// The source's name in the configuration.
        source_name: String,
        /// What it does wrong, and what to use instead.
        reason: String,
    },
}

impl SourceError {
    /// The stable code, whose page is `docs/errors/<code>.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "SRC0001",
            Self::Refused { .. } => "SRC0002",
            Self::Missing { .. } => "SRC0003",
            Self::Tls { .. } => "SRC0004",
            Self::Unreadable { .. } => "SRC0005",
            Self::NoDriver { .. } => "SRC0006",
            Self::Unfit { .. } => "SRC0007",
        }
    }

    /// Whether waiting and trying again can help without a person doing something.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

/// A legacy database, read-only. Every method is bounded in rows and obeys the source's rate limit;
/// every method may be called again after an error.
#[async_trait]
pub trait Source: Send + Sync {
    /// The source's name in the configuration; part of every resource's identity.
    fn name(&self) -> &str;

    /// Tables, columns and keys.
    async fn schema(&self) -> Result<Schema, SourceError>;

    /// The same of some tables only: asked often, to notice early that a program was updated under us.
    /// An adapter that can answer this for less than the whole schema should.
    async fn tables(&self, names: &[String]) -> Result<Schema, SourceError> {
        let mut schema = self.schema().await?;
        schema.tables.retain(|table| names.contains(&table.name));
        Ok(schema)
    }

    /// One chunk of a table in key order.
    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError>;

    /// One chunk of changed rows.
    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError>;

    /// Rows by key.
    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError>;

    /// How many rows a table has now.
    async fn count(&self, table: &str) -> Result<u64, SourceError>;

    /// Whether the database answers, and what it is.
    async fn health(&self) -> Result<Health, SourceError>;

    /// How old what is read is, for a source that reads from a copy of its own; from memory.
    fn copy(&self) -> Option<CopyState> {
        None
    }

    /// The database's own log of changes, where the adapter can follow one.
    fn feed(&self) -> Option<&dyn crate::Feed> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_begins_with_its_code() {
        let (source_name, reason) = (String::from("s"), String::from("r"));
        let name = || (source_name.clone(), reason.clone());
        let errors = [
            SourceError::Unavailable {
                source_name: name().0,
                reason: name().1,
            },
            SourceError::Refused {
                source_name: name().0,
                reason: name().1,
            },
            SourceError::Missing {
                source_name: name().0,
                what: "table",
                name: name().1,
            },
            SourceError::Tls {
                source_name: name().0,
                reason: name().1,
            },
            SourceError::Unreadable {
                source_name: name().0,
                table: "t".into(),
                reason: name().1,
            },
            SourceError::NoDriver {
                source_name: name().0,
                reason: name().1,
            },
            SourceError::Unfit {
                source_name: name().0,
                reason: name().1,
            },
        ];
        for error in errors {
            assert!(
                error
                    .to_string()
                    .starts_with(&format!("{} s:", error.code()))
            );
        }
    }
}
