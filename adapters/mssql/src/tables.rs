// SPDX-License-Identifier: Apache-2.0
//! What a table's columns are, asked once per connection: keys must be compared in the column's own type.

use std::sync::Arc;

use tiberius::{ColumnData, Query, Row};

use crate::bind::Raw;
use crate::fault::{Asked, missing};
use crate::names::Name;
use crate::sessions::{Lent, Problem};
use crate::shape::Described;

/// What is asked of `INFORMATION_SCHEMA.COLUMNS`. Of the two views' columns only this one is not Unicode.
pub(crate) const COLUMNS: &str = "COLUMN_NAME, DATA_TYPE, CHARACTER_MAXIMUM_LENGTH, NUMERIC_PRECISION, \
    NUMERIC_SCALE, DATETIME_PRECISION, CAST(IS_NULLABLE AS NVARCHAR(3)), COLLATION_NAME, CHARACTER_SET_NAME";

/// A table's columns, in its own order.
#[derive(Debug)]
pub(crate) struct Table {
    pub columns: Vec<Described>,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Described> {
        self.columns.iter().find(|c| c.name == name)
    }
}

/// The table of that name, or why it cannot be read.
pub(crate) async fn table(lent: &mut Lent, asked: Asked<'_>) -> Result<Arc<Table>, Problem> {
    if let Some(known) = lent.tables.get(asked.table) {
        return Ok(Arc::clone(known));
    }
    let name = Name::parse(asked.table);
    let sql = format!(
        "SELECT {COLUMNS} FROM INFORMATION_SCHEMA.COLUMNS \
         WHERE TABLE_SCHEMA = @P1 AND TABLE_NAME = @P2 ORDER BY ORDINAL_POSITION"
    );
    let text = |s: &str| ColumnData::String(Some(s.to_owned().into()));
    let rows = rows(lent, sql, vec![text(name.schema), text(name.table)]).await?;
    if rows.is_empty() {
        // The catalogue shows only what the login may see: the table itself says whether it is not there
        // (208) or not for us (229).
        rows_of_batch(lent, &format!("SELECT TOP (0) 1 FROM {}", name.quoted())).await?;
        return Err(Problem::Coded(missing(asked, "table", asked.table)));
    }
    let columns = rows
        .into_iter()
        .map(|row| described(&mut Cells::new(row)))
        .collect();
    let table = Arc::new(Table { columns });
    lent.tables.insert(asked.table.into(), Arc::clone(&table));
    Ok(table)
}

async fn rows_of_batch(lent: &mut Lent, sql: &str) -> Result<Vec<Row>, Problem> {
    Ok(lent.session.batch(sql).await?)
}

/// All rows of one statement with parameters.
pub(crate) async fn rows(
    lent: &mut Lent,
    sql: String,
    params: Vec<Raw>,
) -> Result<Vec<Row>, Problem> {
    let stream = query(sql, params).query(&mut lent.session.client).await?;
    Ok(stream.into_first_result().await?)
}

/// A statement and its parameters as the driver wants them.
pub(crate) fn query(sql: String, params: Vec<Raw>) -> Query<'static> {
    struct Param(Raw);
    impl tiberius::IntoSql<'static> for Param {
        fn into_sql(self) -> Raw {
            self.0
        }
    }
    let mut query = Query::new(sql);
    query.bind_iter(params.into_iter().map(Param));
    query
}

/// Reads one line of [`COLUMNS`].
pub(crate) fn described(cells: &mut Cells) -> Described {
    Described {
        name: cells.text().unwrap_or_default(),
        data_type: cells.text().unwrap_or_default(),
        characters: cells.integer(),
        precision: cells.integer(),
        scale: cells.integer(),
        fraction: cells.integer(),
        nullable: cells.text().is_none_or(|t| t != "NO"),
        collation: cells.text(),
        charset: cells.text(),
    }
}

/// A row of the catalogue, cell by cell.
pub(crate) struct Cells(<Row as IntoIterator>::IntoIter);

impl Cells {
    pub(crate) fn new(row: Row) -> Self {
        Self(row.into_iter())
    }

    pub(crate) fn text(&mut self) -> Option<String> {
        match self.0.next()? {
            ColumnData::String(text) => text.map(|t| t.into_owned()),
            _ => None,
        }
    }

    pub(crate) fn integer(&mut self) -> Option<i64> {
        match self.0.next()? {
            ColumnData::U8(n) => n.map(Into::into),
            ColumnData::I16(n) => n.map(Into::into),
            ColumnData::I32(n) => n.map(Into::into),
            ColumnData::I64(n) => n,
            ColumnData::Bit(b) => b.map(Into::into),
            _ => None,
        }
    }
}
