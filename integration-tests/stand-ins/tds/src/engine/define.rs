// SPDX-License-Identifier: Apache-2.0
//! What defining statements do to the file.

use rusqlite::Connection;

use super::catalogue::{Catalogue, Table, quoted};
use super::changes;
use super::database::Database;
use super::push::declared;
use crate::error::Result;
use crate::sql::Statement;

/// Applies a defining statement to catalogue and file, and keeps its text.
pub(crate) fn define(
    database: &Database,
    connection: &Connection,
    statement: &Statement,
    text: &str,
) -> Result<()> {
    let mut catalogue = (*database.catalogue()).clone();
    let before = subject(&catalogue, statement);
    catalogue.apply(statement)?;
    store(
        database,
        connection,
        &catalogue,
        before.as_deref(),
        statement,
    )?;
    connection.execute("INSERT INTO \"~defined\" (text) VALUES (?)", [text])?;
    database.replace_catalogue(catalogue);
    Ok(())
}

/// The table that a statement changes, as it is before.
fn subject(catalogue: &Catalogue, statement: &Statement) -> Option<std::sync::Arc<Table>> {
    match statement {
        Statement::DropTable(name)
        | Statement::DropColumn(name, _)
        | Statement::AddColumn(name, _)
        | Statement::TrackTable(name, _) => catalogue.find(name),
        _ => None,
    }
}

fn store(
    database: &Database,
    connection: &Connection,
    catalogue: &Catalogue,
    before: Option<&Table>,
    statement: &Statement,
) -> Result<()> {
    match statement {
        Statement::CreateTable { table, .. } => create(connection, &*catalogue.table(table)?),
        Statement::DropTable(_) => {
            let name = before.map(Table::stored_name).unwrap_or_default();
            connection.execute_batch(&format!("DROP TABLE {name}"))?;
            Ok(())
        }
        Statement::AddColumn(name, definition) => {
            let table = catalogue.table(name)?;
            let column = &table.columns[table.position(&definition.name)?];
            let declared = declared(&column.name, column.ty, column.collation);
            connection.execute_batch(&format!(
                "ALTER TABLE {} ADD COLUMN {declared}",
                table.stored_name()
            ))?;
            Ok(())
        }
        Statement::DropColumn(name, column) => {
            let table = catalogue.table(name)?;
            let spelt = before.and_then(|t| {
                t.columns
                    .iter()
                    .find(|c| c.name.eq_ignore_ascii_case(column))
            });
            let spelt = quoted(spelt.map_or(column.as_str(), |c| &c.name));
            connection.execute_batch(&format!(
                "ALTER TABLE {} DROP COLUMN {spelt}",
                table.stored_name()
            ))?;
            Ok(())
        }
        Statement::CreateIndex {
            name,
            table,
            columns,
            unique,
        } => {
            let table = catalogue.table(table)?;
            let positions = columns
                .iter()
                .map(|c| table.position(c))
                .collect::<Result<Vec<_>>>()?;
            index(connection, &table, name, &positions, *unique)
        }
        Statement::TrackTable(name, on) => changes::track(
            connection,
            &*catalogue.table(name)?,
            *on,
            database.tracked_version(),
        ),
        _ => Ok(()),
    }
}

fn create(connection: &Connection, table: &Table) -> Result<()> {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|c| declared(&c.name, c.ty, c.collation))
        .collect();
    connection.execute_batch(&format!(
        "CREATE TABLE {} ({})",
        table.stored_name(),
        columns.join(", ")
    ))?;
    for key in &table.keys {
        index(connection, table, &key.name, &key.columns, true)?;
    }
    Ok(())
}

fn index(
    connection: &Connection,
    table: &Table,
    name: &str,
    columns: &[usize],
    unique: bool,
) -> Result<()> {
    let columns: Vec<_> = columns
        .iter()
        .map(|at| quoted(&table.columns[*at].name))
        .collect();
    let (unique, name) = (
        if unique { "UNIQUE " } else { "" },
        quoted(&format!("{}.{name}", table.full_name())),
    );
    connection.execute_batch(&format!(
        "CREATE {unique}INDEX {name} ON {} ({})",
        table.stored_name(),
        columns.join(", ")
    ))?;
    Ok(())
}
