// SPDX-License-Identifier: Apache-2.0
//! From a changed row to the rows that were mapped with its help, by asking the database backwards.

use std::collections::{BTreeMap, HashSet};

use silsila_mapping::{Mapping, ReverseStep};
use silsila_source::Row;

use crate::PipelineError;
use crate::intake::{Intake, distinct_keys};
use crate::plan::View;

/// Changed rows by table, with the key columns by which to read more of them.
#[derive(Default)]
pub(crate) struct ChangedRows {
    tables: BTreeMap<String, Table>,
    count: usize,
}

#[derive(Default)]
struct Table {
    key: Vec<String>,
    rows: Vec<Row>,
    /// Rows as they were.
    images: Vec<Row>,
    seen: HashSet<Vec<u8>>,
}

impl ChangedRows {
    /// Adds rows of a mapping's table; several mappings of one table bring the same rows.
    pub fn add(&mut self, mapping: &Mapping, rows: Vec<Row>) {
        let table = self.tables.entry(mapping.table().to_owned()).or_default();
        if table.key.is_empty() {
            table.key = mapping.key().to_vec();
        }
        for row in rows {
            let Some(key) = row.key(&table.key) else {
                continue;
            };
            if table.seen.insert(key.encode()) {
                table.rows.push(row);
                self.count += 1;
            }
        }
    }

    /// Adds rows as they were, or rows of tables that no mapping reads as its own. What they lack cannot be
    /// asked for again.
    pub fn add_images(&mut self, name: &str, images: Vec<Row>) {
        let table = self.tables.entry(name.to_owned()).or_default();
        for image in images {
            let mut bytes = Vec::new();
            for (name, value) in image.columns().names().zip(image.values()) {
                bytes.extend_from_slice(name.as_bytes());
                value.encode_into(&mut bytes);
            }
            if table.seen.insert(bytes) {
                table.images.push(image);
                self.count += 1;
            }
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }
}

/// Changed rows from which the database is walked back at once: what they lead to is held in memory.
const PIECE: usize = 250;

impl Intake {
    /// Maps again what depends on changed rows, patients' own rows first.
    pub fn follow(&self, changed: &ChangedRows, view: View) -> Result<(), PipelineError> {
        for (mapping, _) in self.mappings() {
            for (name, table) in &changed.tables {
                for path in mapping.dependants_via(name) {
                    // A path that cannot be walked backwards is left to the sweep.
                    if let Some(steps) = path.steps {
                        self.walk(mapping, name, table, &steps, view)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn walk(
        &self,
        mapping: &Mapping,
        name: &str,
        table: &Table,
        steps: &[ReverseStep],
        view: View,
    ) -> Result<(), PipelineError> {
        let Some(first) = steps.first() else {
            return Ok(());
        };
        for piece in self.with_columns(name, table, &first.from)?.chunks(PIECE) {
            let rows = self.steps(mapping, piece, steps)?;
            self.take(mapping, &rows, view)?;
        }
        Ok(())
    }

    /// The main rows that a path leads to.
    fn steps(
        &self,
        mapping: &Mapping,
        from: &[Row],
        steps: &[ReverseStep],
    ) -> Result<Vec<Row>, PipelineError> {
        let mut rows = from.to_vec();
        for (i, step) in steps.iter().enumerate() {
            let keys = distinct_keys(&rows, &step.from);
            let wanted = match steps.get(i + 1) {
                Some(next) => &next.from,
                None => mapping.columns(),
            };
            let columns = union(wanted, &step.by);
            rows = self.fetch(&step.table, &columns, &step.by, &keys)?;
        }
        Ok(rows)
    }

    /// The changed rows with at least these columns.
    fn with_columns(
        &self,
        name: &str,
        table: &Table,
        columns: &[String],
    ) -> Result<Vec<Row>, PipelineError> {
        let has_all = |row: &Row| columns.iter().all(|c| row.columns().position(c).is_some());
        let images = table.images.iter().filter(|image| has_all(image)).cloned();
        let mut rows = if table.rows.iter().all(has_all) {
            table.rows.clone()
        } else {
            let keys = distinct_keys(&table.rows, &table.key);
            self.fetch(name, &union(columns, &table.key), &table.key, &keys)?
        };
        rows.extend(images);
        Ok(rows)
    }
}

/// Columns of both, each once.
fn union(a: &[String], b: &[String]) -> Vec<String> {
    let mut all = a.to_vec();
    all.extend(b.iter().filter(|c| !a.contains(c)).cloned());
    all
}
