// SPDX-License-Identifier: Apache-2.0
//! Change tracking: which rows changed since a version, by their primary key.
//!
//! ```text
//! "~tracked"    id of the table, the version at which tracking began
//! "~ct ID"      version (NULL until the commit), operation I, U or D, the key's columns
//! ```

use rusqlite::types::Value as Sqlite;
use rusqlite::{Connection, OptionalExtension};

use super::bind::Visible;
use super::catalogue::{Table, quoted};
use super::push;
use super::views::View;
use super::writer::Writer;
use crate::data::{Collation, Type, Value, from_stored, to_stored};
use crate::error::{Result, SqlError};

/// What happened to a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Insert,
    Update,
    Delete,
}

impl Operation {
    fn letter(self) -> &'static str {
        match self {
            Self::Insert => "I",
            Self::Update => "U",
            Self::Delete => "D",
        }
    }
}

fn side_table(id: i64) -> String {
    quoted(&format!("~ct {id}"))
}

/// Begins or ends the tracking of a table.
pub(crate) fn track(connection: &Connection, table: &Table, on: bool, version: i64) -> Result<()> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS {}", side_table(table.id)))?;
    connection.execute("DELETE FROM \"~tracked\" WHERE id = ?", [table.id])?;
    if let (true, Some(key)) = (on, table.primary_key()) {
        let columns: Vec<_> = key
            .columns
            .iter()
            .map(|at| &table.columns[*at])
            .map(|c| push::declared(&c.name, c.ty, c.collation))
            .collect();
        connection.execute_batch(&format!(
            "CREATE TABLE {} (\"~version\" INTEGER, \"~operation\" TEXT NOT NULL, {})",
            side_table(table.id),
            columns.join(", ")
        ))?;
        connection.execute(
            "INSERT INTO \"~tracked\" VALUES (?, ?)",
            [table.id, version],
        )?;
    }
    Ok(())
}

/// `CHANGE_TRACKING_MIN_VALID_VERSION`.
pub(crate) fn since(connection: &Connection, id: i64) -> Result<Option<i64>> {
    Ok(connection
        .query_row("SELECT since FROM \"~tracked\" WHERE id = ?", [id], |row| {
            row.get(0)
        })
        .optional()?)
}

/// Notes a change; it gets its version with the commit.
pub(crate) fn note(
    writer: &Writer<'_>,
    table: &Table,
    operation: Operation,
    row: &[Value],
) -> Result<()> {
    let Some(key) = table.primary_key().filter(|_| table.tracked) else {
        return Ok(());
    };
    let mut values = vec![Sqlite::Null, Sqlite::Text(operation.letter().into())];
    values.extend(
        key.columns
            .iter()
            .map(|at| to_stored(&row[*at], table.columns[*at].ty)),
    );
    let places = vec!["?"; values.len()].join(", ");
    let sql = format!("INSERT INTO {} VALUES ({places})", side_table(table.id));
    writer.execute(sql, values)?;
    Ok(())
}

/// Gives what was noted in this transaction its version; answers whether there was anything.
pub(crate) fn stamp<'t>(
    connection: &Connection,
    tables: impl Iterator<Item = &'t Table>,
    version: i64,
) -> Result<bool> {
    let mut any = false;
    for table in tables.filter(|t| t.tracked) {
        let sql = format!(
            "UPDATE {} SET \"~version\" = ? WHERE \"~version\" IS NULL",
            side_table(table.id)
        );
        any |= connection.execute(&sql, [version])? > 0;
    }
    Ok(any)
}

/// `CHANGETABLE(CHANGES table, since)`: of each changed row its key, what came of it, and when last.
pub(crate) fn view(table: &Table, since: &Value, connection: &Connection) -> Result<View> {
    let Some(key) = table.primary_key().filter(|_| table.tracked) else {
        return Err(SqlError::new(
            22_105,
            16,
            format!(
                "Change tracking is not enabled on table '{}'.",
                table.full_name()
            ),
        ));
    };
    let since = match since {
        Value::Int(n) => *n,
        Value::Null => 0,
        _ => {
            return Err(SqlError::new(
                206,
                16,
                "Operand type clash: the version of CHANGETABLE is a bigint",
            ));
        }
    };
    let keys: Vec<_> = key.columns.iter().map(|at| &table.columns[*at]).collect();
    let names: Vec<_> = keys.iter().map(|c| quoted(&c.name)).collect();
    let sql = format!(
        "SELECT \"~version\", \"~operation\", {} FROM {} WHERE \"~version\" > ? ORDER BY \"~version\", rowid",
        names.join(", "),
        side_table(table.id)
    );
    let mut statement = connection.prepare(&sql)?;
    let mut found = statement.query([since])?;
    let mut changed: Vec<Change> = Vec::new();
    while let Some(row) = found.next()? {
        let key = keys
            .iter()
            .enumerate()
            .map(|(at, c)| from_stored(row.get_ref(at + 2)?, c.ty))
            .collect::<Result<Vec<_>>>()?;
        let (version, operation): (i64, String) = (row.get(0)?, row.get(1)?);
        match changed.iter_mut().find(|c| c.key == key) {
            Some(change) => change.then(version, &operation),
            None => changed.push(Change {
                key,
                first: operation.clone(),
                last: operation,
                version,
            }),
        }
    }
    let column = |name: &str, ty| Visible {
        name: name.into(),
        ty,
        nullable: true,
        collation: Collation::default(),
    };
    let mut columns = vec![
        column("SYS_CHANGE_VERSION", Type::BigInt),
        column("SYS_CHANGE_OPERATION", Type::NChar(1)),
    ];
    columns.extend(keys.iter().map(|c| Visible {
        name: c.name.clone(),
        ty: c.ty,
        nullable: c.nullable,
        collation: c.collation,
    }));
    let rows = changed.into_iter().map(Change::row).collect();
    Ok(View { columns, rows })
}

struct Change {
    key: Vec<Value>,
    first: String,
    last: String,
    version: i64,
}

impl Change {
    fn then(&mut self, version: i64, operation: &str) {
        self.version = version;
        self.last = operation.into();
    }

    /// Inserted and then updated is inserted; deleted is deleted; deleted and inserted again is updated.
    fn row(self) -> Vec<Value> {
        let net = match (self.first.as_str(), self.last.as_str()) {
            (_, "D") => "D",
            ("I", _) => "I",
            _ => "U",
        };
        let mut row = vec![Value::Int(self.version), Value::text(net)];
        row.extend(self.key);
        row
    }
}
