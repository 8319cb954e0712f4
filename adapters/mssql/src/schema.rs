// SPDX-License-Identifier: Apache-2.0
//! Tables, views, columns and keys, out of INFORMATION_SCHEMA.

use std::collections::{BTreeMap, HashMap, HashSet};

use silsila_source::{Schema, Table};

use crate::fault::Asked;
use crate::names::Name;
use crate::sessions::{Lent, Problem, Question};
use crate::tables::{COLUMNS, Cells, described};

pub(crate) struct WhatIsThere<'a> {
    pub source: &'a str,
    /// These tables alone, by the names that the schema lists them under; `None` is all.
    pub only: Option<&'a [String]>,
}

/// The column order of a key is that of its index, which `ORDINAL_POSITION` follows. The two views share
/// the constraint's name, which is unique in its schema.
const PRIMARY_KEYS: &str = "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS \
    WHERE CONSTRAINT_TYPE = 'PRIMARY KEY'";
const KEY_COLUMNS: &str = "SELECT CONSTRAINT_SCHEMA, CONSTRAINT_NAME, TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME \
    FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE \
    ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";

impl Question for WhatIsThere<'_> {
    type Answer = Schema;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: "",
            columns: &[],
        }
    }

    async fn put(&self, lent: &mut Lent) -> Result<Schema, Problem> {
        let keys = primary_keys(lent).await?;
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for mut cells in ask(lent, &self.columns()).await? {
            let (schema, table) = (
                cells.text().unwrap_or_default(),
                cells.text().unwrap_or_default(),
            );
            let name = Name {
                schema: &schema,
                table: &table,
            }
            .to_string();
            if self.only.is_some_and(|only| !only.contains(&name)) {
                continue;
            }
            let column = described(&mut cells).column();
            tables
                .entry(name)
                .or_insert_with_key(|name| Table {
                    name: name.clone(),
                    columns: Vec::new(),
                    primary_key: keys.get(name).cloned().unwrap_or_default(),
                })
                .columns
                .push(column);
        }
        Ok(Schema {
            tables: tables.into_values().collect(),
        })
    }
}

impl WhatIsThere<'_> {
    fn columns(&self) -> String {
        let only = match self.only {
            Some([]) => " WHERE 1 = 0".into(),
            Some(names) => {
                let literal = |name: &String| {
                    let table = Name::parse(name).table.replace('\'', "''");
                    format!("N'{table}'")
                };
                let names: Vec<_> = names.iter().map(literal).collect();
                format!(" WHERE TABLE_NAME IN ({})", names.join(", "))
            }
            None => String::new(),
        };
        format!(
            "SELECT TABLE_SCHEMA, TABLE_NAME, {COLUMNS} FROM INFORMATION_SCHEMA.COLUMNS{only} \
             ORDER BY TABLE_SCHEMA, TABLE_NAME, ORDINAL_POSITION"
        )
    }
}

/// The columns of every primary key, by the name of its table.
pub(crate) async fn primary_keys(lent: &mut Lent) -> Result<HashMap<String, Vec<String>>, Problem> {
    let primary: HashSet<_> = ask(lent, PRIMARY_KEYS)
        .await?
        .into_iter()
        .map(|mut cells| (cells.text(), cells.text()))
        .collect();
    let mut keys: HashMap<String, Vec<String>> = HashMap::new();
    for mut cells in ask(lent, KEY_COLUMNS).await? {
        if !primary.contains(&(cells.text(), cells.text())) {
            continue;
        }
        let (schema, table) = (
            cells.text().unwrap_or_default(),
            cells.text().unwrap_or_default(),
        );
        let name = Name {
            schema: &schema,
            table: &table,
        }
        .to_string();
        keys.entry(name).or_default().extend(cells.text());
    }
    Ok(keys)
}

async fn ask(lent: &mut Lent, sql: &str) -> Result<Vec<Cells>, Problem> {
    let rows = lent.session.batch(sql).await?;
    Ok(rows.into_iter().map(Cells::new).collect())
}
