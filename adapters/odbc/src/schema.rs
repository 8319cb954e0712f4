// SPDX-License-Identifier: Apache-2.0
//! Tables, columns and keys from the driver's own lists.

use std::collections::BTreeMap;

use odbc_api::handles::StatementImpl;
use odbc_api::{CursorImpl, DataType, Error, sys};
use silsila_source::{Column, Schema, Table};

use crate::catalog::{self, Listed};
use crate::fault::{self, Asked, Problem, refused};
use crate::session::{Known, Session};
use crate::sessions::Question;
use crate::types::Shape;

/// Schemas of the database's own.
const SYSTEM: &[&str] = &[
    "information_schema",
    "pg_catalog",
    "pg_toast",
    "sys",
    "system",
    "syscat",
    "sysibm",
    "sysstat",
    "mysql",
    "performance_schema",
];

/// The schema, or those of its tables that are named.
pub(crate) struct WhatIsThere {
    pub source: String,
    pub tables: Option<Vec<String>>,
}

impl Question for WhatIsThere {
    type Answer = Schema;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: &self.source,
            table: "",
        }
    }

    fn put(&self, session: &mut Session<'_>) -> Result<Schema, Problem> {
        let mut listed = tables(session)?;
        if let Some(wanted) = &self.tables {
            listed.retain(|t| wanted.contains(&t.name));
        }
        one_of_each(&self.source, &listed)?;
        let mut columns: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        if self.tables.is_none() {
            take(session, &listed, "%", &mut columns)?;
        } else {
            for table in &listed {
                take(session, &listed, &table.name, &mut columns)?;
            }
        }
        let mut keys_known = true;
        let mut tables = Vec::new();
        for table in &listed {
            let primary_key = match keys_known.then(|| primary_key(session, table)) {
                Some(Ok(key)) => key,
                // A driver without this list (Microsoft's for Access) leaves the key to the mapping.
                Some(Err(error)) if fault::is_unsupported(&error) => {
                    keys_known = false;
                    Vec::new()
                }
                Some(Err(error)) => return Err(error.into()),
                None => Vec::new(),
            };
            tables.push(Table {
                name: table.name.clone(),
                columns: columns.remove(&table.name).unwrap_or_default(),
                primary_key,
            });
        }
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Schema { tables })
    }

    fn patience(&self) -> u32 {
        10
    }
}

/// A table's columns; none where there is no such table.
pub(crate) fn columns_of(session: &mut Session<'_>, table: &str) -> Result<Vec<Column>, Problem> {
    let listed = tables(session)?;
    let wanted: Vec<Listed> = listed.into_iter().filter(|t| t.name == table).collect();
    let mut columns = BTreeMap::new();
    if !wanted.is_empty() {
        take(session, &wanted, table, &mut columns)?;
    }
    Ok(columns.remove(table).unwrap_or_default())
}

/// Tables and views, without the database's own.
fn tables(session: &mut Session<'_>) -> Result<Vec<Listed>, Problem> {
    let rows = first_answer(session, 4, |session, catalog, schema| {
        let statement = session.conn.preallocate()?;
        statement.into_tables_cursor(catalog, schema, "%", "TABLE,VIEW")
    })?;
    let of_ours = |row: &Vec<Option<String>>| {
        let kind = row.get(3).cloned().flatten().unwrap_or_default();
        !kind.to_ascii_uppercase().contains("SYSTEM")
    };
    let mut listed: Vec<Listed> = rows
        .iter()
        .filter(|row| of_ours(row))
        .filter_map(|row| Listed::of(row))
        .collect();
    let names = &session.known.names;
    listed.retain(|table| match (&names.schema, &table.schema) {
        (Some(wanted), Some(schema)) => wanted == schema,
        (None, Some(schema)) => !SYSTEM.contains(&schema.to_ascii_lowercase().as_str()),
        (_, None) => true,
    });
    Ok(listed)
}

/// A table of the same name in two schemas would be read as the one or the other.
fn one_of_each(source: &str, listed: &[Listed]) -> Result<(), Problem> {
    let mut seen: BTreeMap<&str, &Listed> = BTreeMap::new();
    for table in listed {
        if let Some(other) = seen.insert(&table.name, table) {
            let place = |t: &Listed| t.schema.clone().or(t.catalog.clone()).unwrap_or_default();
            let reason = format!(
                "table {:?} is there twice, in {:?} and {:?}; say which is meant: schema = \"...\" (or catalog)",
                table.name,
                place(other),
                place(table)
            );
            return Err(Problem::Coded(refused(source, reason)));
        }
    }
    Ok(())
}

/// Adds the columns of those tables whose names fit the pattern.
fn take(
    session: &mut Session<'_>,
    tables: &[Listed],
    pattern: &str,
    columns: &mut BTreeMap<String, Vec<Column>>,
) -> Result<(), Problem> {
    let pattern = session.known.calls.outward(pattern).into_owned();
    let rows = first_answer(session, 11, |session, catalog, schema| {
        let statement = session.conn.preallocate()?;
        statement.into_columns_cursor(catalog, schema, &pattern, "%")
    })?;
    for row in rows {
        let Some(of) = Listed::of(&row) else { continue };
        let wanted = tables
            .iter()
            .any(|t| t.name == of.name && (t.schema == of.schema || of.schema.is_none()));
        let exact = pattern == "%" || of.name == session.known.calls.inward(pattern.clone());
        let dynamic = session.known.dialect.dynamic;
        if let (true, true, Some(column)) = (wanted, exact, column(&row, dynamic)) {
            columns.entry(of.name).or_default().push(column);
        }
    }
    Ok(())
}

/// A column of a row of the list: 4 is its name, 5 and 6 its type, 7 and 9 its digits, 11 whether NULL may be.
fn column(row: &[Option<String>], dynamic: bool) -> Option<Column> {
    let text = |at: usize| row.get(at - 1).cloned().flatten();
    let number = |at: usize| text(at).and_then(|n| n.trim().parse::<i64>().ok());
    let type_name = text(6).unwrap_or_default();
    let size = number(7).and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let digits = number(9).and_then(|n| i16::try_from(n).ok()).unwrap_or(0);
    let code = number(5).and_then(|n| i16::try_from(n).ok()).unwrap_or(0);
    let data_type = DataType::new(sys::SqlDataType(code), size, digits);
    let unsigned = type_name.to_ascii_lowercase().contains("unsigned");
    let shape = match dynamic {
        true => Shape::declared(&type_name),
        false => Shape::of(data_type, unsigned),
    };
    Some(Column {
        name: text(4)?,
        sql_type: spelt(&type_name, shape, size, digits),
        kind: shape.kind(),
        nullable: number(11) != Some(0),
        charset: None,
    })
}

/// The type's name with its size, unless the driver says it already.
fn spelt(name: &str, shape: Shape, size: usize, digits: i16) -> String {
    let name = name.trim();
    if name.contains('(') || size == 0 {
        return name.to_owned();
    }
    match shape {
        Shape::Text | Shape::Padded | Shape::Bytes if size < 65_536 => format!("{name}({size})"),
        Shape::Decimal => format!("{name}({size},{digits})"),
        _ => name.to_owned(),
    }
}

/// A table's key, in key order.
fn primary_key(session: &mut Session<'_>, table: &Listed) -> Result<Vec<String>, Error> {
    let Known { calls, text, .. } = session.known;
    let outward = |name: &String| calls.outward(name).into_owned();
    let catalog = table.catalog.as_ref().map(outward);
    let schema = table.schema.as_ref().map(outward);
    let statement = session.conn.preallocate()?;
    let mut cursor = statement.into_primary_keys_cursor(
        catalog.as_deref(),
        schema.as_deref(),
        &outward(&table.name),
    )?;
    let mut parts: Vec<(i64, String)> = catalog::rows(&mut cursor, 5, text)?
        .into_iter()
        .filter_map(|row| {
            let sequence = row[4].as_deref()?.trim().parse().ok()?;
            Some((sequence, row[3].clone()?))
        })
        .collect();
    parts.sort();
    Ok(parts.into_iter().map(|(_, name)| name).collect())
}

/// Asks with the catalog and schema that are meant, and with fewer of them where the driver finds nothing that
/// way: drivers differ in which of the two they know, and in what an empty one means.
fn first_answer<F>(
    session: &mut Session<'_>,
    columns: u16,
    ask: F,
) -> Result<Vec<Vec<Option<String>>>, Problem>
where
    F: for<'s> Fn(&'s Session<'_>, &str, &str) -> Result<CursorImpl<StatementImpl<'s>>, Error>,
{
    let Known { calls, text, .. } = session.known;
    let catalog = session.known.catalog.clone().unwrap_or_default();
    let catalog = calls.outward(&catalog).into_owned();
    let schema = session.known.names.schema.clone();
    let schema = schema.map_or_else(|| "%".to_owned(), |s| calls.outward(&s).into_owned());
    let ways = [
        (catalog.as_str(), schema.as_str()),
        (catalog.as_str(), ""),
        ("", schema.as_str()),
        ("", ""),
    ];
    let mut last = Ok(Vec::new());
    for (catalog, schema) in ways {
        let answer = ask(session, catalog, schema)
            .and_then(|mut cursor| catalog::rows(&mut cursor, columns, text));
        match answer {
            Ok(rows) if !rows.is_empty() => return Ok(rows),
            Ok(rows) => last = Ok(rows),
            Err(error) if fault::is_lost(&error) => return Err(error.into()),
            Err(error) => last = last.and(Err(error)),
        }
    }
    Ok(last?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        let given = |c: &&str| (!c.is_empty()).then(|| (*c).to_owned());
        cells.iter().map(given).collect()
    }

    #[test]
    fn a_column_is_read_from_the_drivers_list() {
        let varchar = row(&[
            "", "", "t", "name", "12", "varchar", "60", "60", "", "", "1",
        ]);
        let column = column(&varchar, false).unwrap();
        assert_eq!(
            (column.sql_type.as_str(), column.nullable),
            ("varchar(60)", true)
        );
        let number = row(&["", "", "t", "n", "3", "NUMBER", "10", "12", "2", "10", "0"]);
        let column = super::column(&number, false).unwrap();
        assert_eq!(
            (column.sql_type.as_str(), column.nullable),
            ("NUMBER(10,2)", false)
        );
    }

    #[test]
    fn a_table_in_two_schemas_is_not_guessed() {
        let listed = |schema: &str| Listed {
            catalog: None,
            schema: Some(schema.into()),
            name: "patient".into(),
        };
        assert!(one_of_each("s", &[listed("a")]).is_ok());
        let error = one_of_each("s", &[listed("a"), listed("b")]);
        assert!(
            matches!(error, Err(Problem::Coded(e)) if e.to_string().contains("in \"a\" and \"b\""))
        );
    }
}
