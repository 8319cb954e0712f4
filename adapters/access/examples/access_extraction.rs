// SPDX-License-Identifier: Apache-2.0
//! How fast a table of an Access file is read, by jetdb alone in the file's own order and by the adapter in key order,
//! with what memory: `cargo run --release -p silsila-access --example access_extraction FILE TABLE [CHUNK]`.

use std::time::Instant;

use silsila_access::{Access, AccessOptions};
use silsila_source::{Fetch, Key, Scan, Source, SourceError, Value};

/// Rows per second.
fn rate(rows: usize, since: Instant) -> f64 {
    rows as f64 / since.elapsed().as_secs_f64()
}

fn bare(file: &str, table: &str) -> Result<usize, jetdb::FileError> {
    let mut reader = jetdb::PageReader::open(file)?;
    let catalog = jetdb::read_catalog(&mut reader)?;
    let entry = jetdb::find_table(&catalog, table)?;
    let def = jetdb::read_table_def(&mut reader, &entry.name, entry.table_page)?;
    let calculated = jetdb::calculated_column_types_in(&catalog, &def);
    let mut rows = jetdb::TableRows::new(&def, &calculated);
    let mut count = 0;
    while rows.next_row(&mut reader)?.is_some() {
        count += 1;
    }
    Ok(count)
}

async fn scan(source: &Access, table: &str, chunk: usize) -> Result<usize, SourceError> {
    let schema = source.schema().await?;
    let Some(table) = schema.table(table) else {
        return Ok(0);
    };
    let columns: Vec<String> = table
        .columns
        .iter()
        .filter(|c| c.kind != silsila_source::ColumnKind::Unsupported)
        .map(|c| c.name.clone())
        .collect();
    let mut count = 0;
    let mut after: Option<Key> = None;
    loop {
        let rows = source
            .scan(Scan {
                table: &table.name,
                columns: &columns,
                key: &table.primary_key,
                after: after.as_ref(),
                limit: chunk,
            })
            .await?;
        count += rows.len();
        match rows.last().and_then(|row| row.key(&table.primary_key)) {
            Some(last) if rows.len() == chunk => after = Some(last),
            _ => return Ok(count),
        }
    }
}

async fn fetch(source: &Access, table: &str, keys: i64) -> Result<usize, SourceError> {
    let schema = source.schema().await?;
    let Some(table) = schema.table(table) else {
        return Ok(0);
    };
    let keys: Vec<Key> = (0..keys).map(|n| Key(vec![Value::Int(n * 7)])).collect();
    let rows = source
        .fetch(Fetch {
            table: &table.name,
            columns: &table.primary_key,
            by: &table.primary_key,
            keys: &keys,
        })
        .await?;
    Ok(rows.len())
}

/// The most memory that the process ever held.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.unwrap_or("unknown").replace('\t', " ")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, file, table, ..] = arguments.as_slice() else {
        return Err("FILE TABLE [CHUNK]".into());
    };
    let chunk = arguments.get(3).map_or(Ok(2_000), |n| n.parse())?;
    for _ in 0..2 {
        let start = Instant::now();
        let rows = bare(file, table)?;
        println!("jetdb alone: {rows} rows, {:.0} rows/s", rate(rows, start));
    }
    println!("{}", peak());
    let mut options = AccessOptions::new("x", file, std::env::temp_dir());
    options.rows_per_second = None;
    let source = Access::new(options);
    let start = Instant::now();
    source.health().await?;
    println!(
        "copied and checked in {:.2} s; {}",
        start.elapsed().as_secs_f64(),
        peak()
    );
    for round in ["with its index", "again"] {
        let start = Instant::now();
        let rows = scan(&source, table, chunk).await?;
        println!(
            "scan {round}: {rows} rows, {:.0} rows/s; {}",
            rate(rows, start),
            peak()
        );
    }
    for _ in 0..2 {
        let start = Instant::now();
        let rows = fetch(&source, table, 2_000).await?;
        println!(
            "fetch of 2,000 keys: {rows} rows in {:.3} s; {}",
            start.elapsed().as_secs_f64(),
            peak()
        );
    }
    Ok(())
}
