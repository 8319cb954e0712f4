// SPDX-License-Identifier: Apache-2.0
//! The catalogue of an Access file: which tables it has, and which it only points to.
//!
//! jetdb has a reader of it too, but that one does not know which of the catalogue's own rows are stale, and
//! it loads every form and report with it.

use std::collections::HashMap;

use jetdb::format::CATALOG_PAGE;
use jetdb::{CatalogEntry, ObjectType, PageReader, RowPosition, TableRows, Value};

use crate::census::{Census, Ill};

/// Everything that a file says it holds.
#[derive(Default)]
pub(crate) struct Objects {
    /// The file's own tables for people, without those that Access keeps for itself.
    pub tables: Vec<CatalogEntry>,
    /// Tables that lie elsewhere: name, and file or database.
    pub linked: Vec<(String, Option<String>)>,
}

impl Objects {
    /// Reads the catalogue.
    pub fn read(reader: &mut PageReader) -> Result<Self, Ill> {
        let def = jetdb::read_table_def(reader, "MSysObjects", CATALOG_PAGE)?;
        let census = Census::take(reader, &def, CATALOG_PAGE)?;
        let none = HashMap::new();
        let column = |name: &str| def.columns.iter().position(|c| c.name == name);
        let place = ["Id", "Name", "Type", "Flags", "Database", "LvProp"].map(column);
        let [
            Some(id),
            Some(name),
            Some(kind),
            flags,
            database,
            properties,
        ] = place
        else {
            return Err(Ill::Page {
                page: CATALOG_PAGE,
                what: "does not describe a catalogue",
            });
        };
        let wanted: Vec<usize> = place[..5].iter().copied().flatten().collect();
        let mut rows = TableRows::new(&def, &none).with_columns(&wanted);
        let mut objects = Self::default();
        let mut tables: Vec<(RowPosition, CatalogEntry)> = Vec::new();
        while let Some(row) = rows.next_row(reader)? {
            if !census.lives(row.position) {
                continue;
            }
            let text = |at: usize| match &row.values[at] {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            };
            let (Some(name), Some(kind)) = (text(name), object_type(&row.values[kind])) else {
                continue;
            };
            let entry = CatalogEntry {
                name,
                object_type: kind,
                table_page: long(&row.values[id]) & 0x00FF_FFFF,
                flags: flags.map_or(0, |at| long(&row.values[at])),
                lv_prop: None,
                lv_extra: None,
            };
            match kind {
                // Access keeps a deleted table under such a name until it tidies up.
                ObjectType::Table
                    if !entry.is_system_or_hidden() && !entry.name.starts_with('~') =>
                {
                    tables.push((row.position, entry));
                }
                ObjectType::LinkedTable | ObjectType::LinkedOdbcTable => {
                    objects.linked.push((entry.name, database.and_then(text)));
                }
                _ => {}
            }
        }
        for (at, mut entry) in tables {
            if let Some(properties) = properties {
                let columns = [properties];
                let row = jetdb::read_row_at(reader, &def, &none, at, Some(&columns))?;
                if let Some(Value::Binary(bytes)) =
                    row.and_then(|mut row| row.drain(properties..).next())
                {
                    entry.lv_prop = Some(bytes);
                }
            }
            objects.tables.push(entry);
        }
        Ok(objects)
    }
}

fn object_type(value: &Value) -> Option<ObjectType> {
    match value {
        Value::Int(number) => ObjectType::try_from(i32::from(*number)).ok(),
        _ => None,
    }
}

/// A number that Access uses as bits.
fn long(value: &Value) -> u32 {
    match value {
        Value::Long(number) => number.cast_unsigned(),
        _ => 0,
    }
}
