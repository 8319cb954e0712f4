// SPDX-License-Identifier: Apache-2.0
//! Tables, columns and keys from `information_schema`.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use silsila_source::{Column, Schema, Table};

use crate::fault::Asked;
use crate::sessions::{Problem, Question, Session};
use crate::types::kind;

const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, CHARACTER_SET_NAME \
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() \
     ORDER BY TABLE_NAME, ORDINAL_POSITION";

const KEYS: &str = "SELECT TABLE_NAME, COLUMN_NAME \
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY' \
     ORDER BY TABLE_NAME, SEQ_IN_INDEX";

/// The schema, as far as the user may see it.
pub(crate) struct WhatIsThere<'a> {
    pub source: &'a str,
}

/// Table, column, full type, type, `YES` or `NO`, character set.
type ColumnRow = (String, String, String, String, String, Option<String>);

impl Question for WhatIsThere<'_> {
    type Answer = Schema;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "information_schema",
            columns: &[],
        }
    }

    async fn put(&self, session: &mut Session) -> Result<Schema, Problem> {
        let columns: Vec<ColumnRow> = session.conn.query(COLUMNS).await?;
        let keys: Vec<(String, String)> = session.conn.query(KEYS).await?;
        Ok(assemble(columns, keys))
    }
}

fn assemble(columns: Vec<ColumnRow>, keys: Vec<(String, String)>) -> Schema {
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for (table, name, sql_type, data_type, nullable, charset) in columns {
        let entry = tables.entry(table.clone()).or_insert_with(|| Table {
            name: table,
            columns: Vec::new(),
            primary_key: Vec::new(),
        });
        entry.columns.push(Column {
            name,
            sql_type,
            kind: kind(&data_type),
            nullable: nullable == "YES",
            charset,
        });
    }
    for (table, column) in keys {
        if let Some(entry) = tables.get_mut(&table) {
            entry.primary_key.push(column);
        }
    }
    Schema {
        tables: tables.into_values().collect(),
    }
}
