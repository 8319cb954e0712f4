// SPDX-License-Identifier: Apache-2.0
//! Where the files lie, and a source over one of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use silsila_access::{Access, AccessOptions};
use silsila_source::{Key, Row, Scan, Source, SourceError, Value};

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

/// Options for a test: no rate, no rest, short pauses, and a look at the file with every question.
pub fn options(file: &Path) -> AccessOptions {
    let copies = Path::new(env!("CARGO_TARGET_TMPDIR")).join("access-copies");
    let mut options = AccessOptions::new("hyd", file, copies);
    options.rows_per_second = None;
    options.pause = Duration::from_millis(5);
    options.rest = 0;
    options.look_every = Duration::ZERO;
    options
}

/// A source over a file of `tests/fixtures`.
pub fn source(name: &str) -> Access {
    Access::new(options(&fixture(name)))
}

/// All rows of a table in the order of some columns, chunk by chunk, with all columns that can be read.
pub async fn rows(
    source: &Access,
    table: &str,
    key: &[&str],
    chunk: usize,
) -> Result<Vec<Row>, SourceError> {
    let schema = source.schema().await?;
    let columns: Vec<String> = schema
        .table(table)
        .ok_or_else(|| SourceError::Missing {
            source_name: "hyd".into(),
            what: "table",
            name: table.into(),
        })?
        .columns
        .iter()
        .filter(|c| c.kind != silsila_source::ColumnKind::Unsupported)
        .map(|c| c.name.clone())
        .collect();
    let key: Vec<String> = key.iter().map(|&k| k.to_owned()).collect();
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let after: Option<Key> = rows.last().and_then(|row| row.key(&key));
        let more = source
            .scan(Scan {
                table,
                columns: &columns,
                key: &key,
                after: after.as_ref(),
                limit: chunk,
            })
            .await?;
        let ended = more.len() < chunk;
        rows.extend(more);
        if ended {
            return Ok(rows);
        }
    }
}

/// The text of a column.
pub fn text<'r>(row: &'r Row, column: &str) -> Option<&'r str> {
    match row.get(column) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

/// The integer of a column.
pub fn int(row: &Row, column: &str) -> i64 {
    match row.get(column) {
        Some(Value::Int(n)) => *n,
        other => panic!("{column} is {other:?}"),
    }
}
