// SPDX-License-Identifier: Apache-2.0
//! Tables, columns and keys from `information_schema`.

use std::collections::BTreeMap;

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value as Raw};
use silsila_source::{Column, Schema, Table};

use crate::fault::Asked;
use crate::sessions::{Problem, Question, Session};
use crate::types::kind;

const COLUMNS: &str = "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, DATA_TYPE, IS_NULLABLE, CHARACTER_SET_NAME \
     FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()";
const COLUMNS_ORDER: &str = "ORDER BY TABLE_NAME, ORDINAL_POSITION";

const KEYS: &str = "SELECT TABLE_NAME, COLUMN_NAME \
     FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME = 'PRIMARY'";
const KEYS_ORDER: &str = "ORDER BY TABLE_NAME, SEQ_IN_INDEX";

/// The schema, as far as the user may see it.
pub(crate) struct WhatIsThere<'a> {
    pub source: &'a str,
    /// These alone: named one by one, they are looked up and not searched for.
    pub tables: Option<&'a [String]>,
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
        let Some(tables) = self.tables else {
            let columns = format!("{COLUMNS} {COLUMNS_ORDER}");
            let keys = format!("{KEYS} {KEYS_ORDER}");
            let columns: Vec<ColumnRow> = session.conn.query(columns).await?;
            return Ok(assemble(columns, session.conn.query(keys).await?));
        };
        if tables.is_empty() {
            return Ok(Schema::default());
        }
        let among = format!("AND TABLE_NAME IN ({})", vec!["?"; tables.len()].join(", "));
        let names = || Params::Positional(tables.iter().map(Raw::from).collect());
        let columns = format!("{COLUMNS} {among} {COLUMNS_ORDER}");
        let keys = format!("{KEYS} {among} {KEYS_ORDER}");
        let columns: Vec<ColumnRow> = session.conn.exec(columns, names()).await?;
        Ok(assemble(columns, session.conn.exec(keys, names()).await?))
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
