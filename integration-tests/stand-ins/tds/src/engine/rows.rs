// SPDX-License-Identifier: Apache-2.0
//! INSERT, UPDATE and DELETE.

use rusqlite::types::Value as Sqlite;
use rusqlite::{ErrorCode, OptionalExtension, params_from_iter};

use super::bind::{Binder, Condition};
use super::catalogue::{Column, Table, quoted};
use super::changes::{self, Operation};
use super::context::Context;
use super::judge::{holds, value};
use super::push;
use super::select::visible;
use super::writer::Writer;
use crate::data::{Type, Value, convert, from_stored, length, show, to_stored};
use crate::error::{Result, SqlError};
use crate::sql::Expr;

/// What writing needs to know.
pub(crate) struct Writing<'a, 'c> {
    pub writer: &'a Writer<'a>,
    pub context: &'a Context<'c>,
    pub table: &'a Table,
    /// Whether `SET IDENTITY_INSERT` is on for this table.
    pub identity_insert: bool,
}

impl Writing<'_, '_> {
    pub(crate) fn insert(&self, columns: Option<&[String]>, rows: &[Vec<Expr>]) -> Result<u64> {
        let positions = self.positions(columns)?;
        for row in rows {
            if row.len() != positions.len() {
                return Err(SqlError::new(
                    110,
                    15,
                    "The number of columns in the INSERT statement must match the number of values specified in the VALUES clause.",
                ));
            }
            let mut values = vec![None; self.table.columns.len()];
            for (at, expression) in positions.iter().zip(row) {
                if *expression != Expr::Default {
                    values[*at] = Some(self.assigned(expression, &self.table.columns[*at], &[])?);
                }
            }
            self.insert_row(values)?;
        }
        Ok(rows.len() as u64)
    }

    /// Where the listed columns stand, or all that a value may be given for.
    fn positions(&self, columns: Option<&[String]>) -> Result<Vec<usize>> {
        let Some(columns) = columns else {
            let given = |c: &Column| c.identity.is_none() && c.ty != Type::RowVersion;
            let all = self.table.columns.iter().enumerate();
            return Ok(all.filter(|(_, c)| given(c)).map(|(at, _)| at).collect());
        };
        let positions = columns
            .iter()
            .map(|c| self.table.position(c))
            .collect::<Result<Vec<_>>>()?;
        for column in positions.iter().map(|at| &self.table.columns[*at]) {
            self.may_be_given(column)?;
        }
        Ok(positions)
    }

    fn may_be_given(&self, column: &Column) -> Result<()> {
        if column.ty == Type::RowVersion {
            return Err(SqlError::new(
                273,
                16,
                "Cannot insert an explicit value into a timestamp column. Use INSERT with a column list to exclude the timestamp column, or insert a DEFAULT into the timestamp column.",
            ));
        }
        if column.identity.is_some() && !self.identity_insert {
            return Err(SqlError::new(
                544,
                16,
                format!(
                    "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set to OFF.",
                    self.table.name
                ),
            ));
        }
        Ok(())
    }

    /// The value of an expression in a column's type.
    fn assigned(&self, expression: &Expr, column: &Column, row: &[Value]) -> Result<Value> {
        let columns = if row.is_empty() {
            Vec::new()
        } else {
            visible(self.table)
        };
        let scalar = Binder {
            context: self.context,
            columns: &columns,
        }
        .scalar(expression)?;
        let value = value(&scalar, row, self.context)?;
        if let Value::Text(text) = &value
            && let Some(most) = limit(column.ty)
        {
            // CAST cuts, an assignment does not: but for blanks at the end.
            let passed = if column.ty.is_code_page() {
                column.collation.code_page.pass(text.clone())
            } else {
                text.clone()
            };
            if length(passed.trim_end_matches(' '), column.ty, column.collation) > most {
                return Err(SqlError::new(
                    8152,
                    16,
                    "String or binary data would be truncated.",
                ));
            }
        }
        convert(value, scalar.ty(), column.ty, column.collation)
    }

    fn insert_row(&self, given: Vec<Option<Value>>) -> Result<()> {
        let mut row = Vec::with_capacity(given.len());
        for (column, value) in self.table.columns.iter().zip(given) {
            row.push(match (value, column) {
                (_, c) if c.ty == Type::RowVersion => self.row_version(),
                (Some(value), c) if c.identity.is_some() => {
                    self.identity_given(&value)?;
                    value
                }
                (Some(value), _) => value,
                (None, c) if c.identity.is_some() => self.next_identity(c)?,
                (None, c) => match &c.default {
                    Some(default) => self.assigned(default, c, &[])?,
                    None => Value::Null,
                },
            });
        }
        self.check(&row, "INSERT")?;
        let names: Vec<_> = self.table.columns.iter().map(|c| quoted(&c.name)).collect();
        let places = vec!["?"; row.len() + 1].join(", ");
        let sql = format!(
            "INSERT INTO {} (rowid, {}) VALUES ({places})",
            self.table.stored_name(),
            names.join(", ")
        );
        let mut values = vec![Sqlite::Integer(self.context.database.next_row())];
        values.extend(self.stored(&row));
        self.execute(sql, values, &row)?;
        changes::note(self.writer, self.table, Operation::Insert, &row)
    }

    fn row_version(&self) -> Value {
        let next = self.context.database.next_row_version(self.context.session);
        Value::Bytes(next.to_be_bytes().to_vec())
    }

    fn last_identity(&self) -> Result<Option<i64>> {
        let sql = "SELECT last FROM \"~identity\" WHERE id = ?";
        Ok(self
            .writer
            .connection
            .query_row(sql, [self.table.id], |row| row.get(0))
            .optional()?)
    }

    fn next_identity(&self, column: &Column) -> Result<Value> {
        let (seed, increment) = column.identity.unwrap_or((1, 1));
        let next = self.last_identity()?.map_or(seed, |last| last + increment);
        self.keep_identity(next)?;
        Ok(Value::Int(next))
    }

    fn identity_given(&self, value: &Value) -> Result<()> {
        match (value, self.last_identity()?) {
            (Value::Int(n), last) if last.is_none_or(|last| *n > last) => self.keep_identity(*n),
            _ => Ok(()),
        }
    }

    fn keep_identity(&self, last: i64) -> Result<()> {
        self.writer.execute(
            "INSERT OR REPLACE INTO \"~identity\" VALUES (?, ?)".into(),
            vec![Sqlite::Integer(self.table.id), Sqlite::Integer(last)],
        )?;
        Ok(())
    }

    fn stored(&self, row: &[Value]) -> Vec<Sqlite> {
        row.iter()
            .zip(&self.table.columns)
            .map(|(v, c)| to_stored(v, c.ty))
            .collect()
    }

    /// NOT NULL and CHECK.
    fn check(&self, row: &[Value], statement: &str) -> Result<()> {
        for (value, column) in row.iter().zip(&self.table.columns) {
            if value.is_null() && !column.nullable {
                return Err(SqlError::new(
                    515,
                    16,
                    format!(
                        "Cannot insert the value NULL into column '{}', table '{}.{}'; column does not allow nulls. {statement} fails.",
                        column.name,
                        self.context.database.name,
                        self.table.full_name()
                    ),
                ));
            }
        }
        let columns = visible(self.table);
        for (name, check) in &self.table.checks {
            let condition = Binder {
                context: self.context,
                columns: &columns,
            }
            .condition(check)?;
            if holds(&condition, row, self.context)? == Some(false) {
                return Err(SqlError::new(
                    547,
                    16,
                    format!(
                        "The {statement} statement conflicted with the CHECK constraint \"{name}\"."
                    ),
                ));
            }
        }
        Ok(())
    }

    fn execute(&self, sql: String, values: Vec<Sqlite>, row: &[Value]) -> Result<()> {
        match self.writer.execute(sql, values) {
            Ok(_) => Ok(()),
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::ConstraintViolation =>
            {
                Err(self.duplicate(row))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn duplicate(&self, row: &[Value]) -> SqlError {
        let key = self.table.primary_key().or(self.table.keys.first());
        let shown: Vec<_> = key
            .into_iter()
            .flat_map(|k| &k.columns)
            .map(|at| show(&row[*at], self.table.columns[*at].ty))
            .collect();
        let name = key.map_or("", |k| &k.name);
        SqlError::new(
            2627,
            14,
            format!(
                "Violation of PRIMARY KEY constraint '{name}'. Cannot insert duplicate key in object '{}'. The duplicate key value is ({}).",
                self.table.full_name(),
                shown.join(", ")
            ),
        )
    }

    pub(crate) fn update(&self, set: &[(String, Expr)], filter: Option<&Expr>) -> Result<u64> {
        let mut changed = Vec::new();
        for (name, expression) in set {
            let at = self.table.position(name)?;
            let column = &self.table.columns[at];
            if column.ty == Type::RowVersion {
                return Err(SqlError::new(272, 16, "Cannot update a timestamp column."));
            }
            if column.identity.is_some() {
                return Err(SqlError::new(
                    8102,
                    16,
                    format!("Cannot update identity column '{}'.", column.name),
                ));
            }
            changed.push((at, column, expression));
        }
        let found = self.found(filter)?;
        for (rowid, before) in &found {
            let mut after = before.clone();
            for (at, column, expression) in &changed {
                after[*at] = self.assigned(expression, column, before)?;
            }
            for (value, column) in after.iter_mut().zip(&self.table.columns) {
                if column.ty == Type::RowVersion {
                    *value = self.row_version();
                }
            }
            self.check(&after, "UPDATE")?;
            let names: Vec<_> = self
                .table
                .columns
                .iter()
                .map(|c| format!("{} = ?", quoted(&c.name)))
                .collect();
            let sql = format!(
                "UPDATE {} SET {} WHERE rowid = ?",
                self.table.stored_name(),
                names.join(", ")
            );
            let mut values = self.stored(&after);
            values.push(Sqlite::Integer(*rowid));
            self.execute(sql, values, &after)?;
            self.note_update(before, &after)?;
        }
        Ok(found.len() as u64)
    }

    /// A changed key is a row gone and another come.
    fn note_update(&self, before: &[Value], after: &[Value]) -> Result<()> {
        let key = self.table.primary_key().map_or(&[][..], |k| &k.columns);
        if key.iter().all(|at| before[*at] == after[*at]) {
            return changes::note(self.writer, self.table, Operation::Update, after);
        }
        changes::note(self.writer, self.table, Operation::Delete, before)?;
        changes::note(self.writer, self.table, Operation::Insert, after)
    }

    pub(crate) fn delete(&self, filter: Option<&Expr>) -> Result<u64> {
        let found = self.found(filter)?;
        for (rowid, row) in &found {
            let sql = format!("DELETE FROM {} WHERE rowid = ?", self.table.stored_name());
            self.writer.execute(sql, vec![Sqlite::Integer(*rowid)])?;
            changes::note(self.writer, self.table, Operation::Delete, row)?;
        }
        Ok(found.len() as u64)
    }

    /// The rows that a filter lets through, each with its place in SQLite.
    fn found(&self, filter: Option<&Expr>) -> Result<Vec<(i64, Vec<Value>)>> {
        let columns = visible(self.table);
        let binder = Binder {
            context: self.context,
            columns: &columns,
        };
        let condition: Option<Condition> = filter.map(|f| binder.condition(f)).transpose()?;
        let pushed = condition.as_ref().and_then(|c| push::push(c, self.table));
        let (sql, parameters) = pushed.map_or(("1".into(), Vec::new()), |p| (p.sql, p.parameters));
        let sql = format!(
            "SELECT rowid, * FROM {} WHERE {sql}",
            self.table.stored_name()
        );
        let mut statement = self.writer.connection.prepare_cached(&sql)?;
        let mut rows = statement.query(params_from_iter(parameters))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let read = |(at, c): (usize, &Column)| from_stored(row.get_ref(at + 1)?, c.ty);
            let values = self
                .table
                .columns
                .iter()
                .enumerate()
                .map(read)
                .collect::<Result<Vec<_>>>()?;
            let passes = condition
                .as_ref()
                .map_or(Ok(Some(true)), |c| holds(c, &values, self.context))?;
            if passes == Some(true) {
                found.push((row.get(0)?, values));
            }
        }
        Ok(found)
    }
}

/// How many characters or bytes a text column holds.
fn limit(ty: Type) -> Option<usize> {
    match ty {
        Type::Char(n) | Type::NChar(n) | Type::VarChar(Some(n)) | Type::NVarChar(Some(n)) => {
            Some(n.into())
        }
        _ => None,
    }
}
