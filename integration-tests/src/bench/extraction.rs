// SPDX-License-Identifier: Apache-2.0
//! How fast the adapter reads, against the bare driver over the same rows.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Context;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Row};
use silsila_mysql::{MySql, MySqlOptions, session};
use silsila_source::{Scan, Source, Table};

/// The adapter's rows per second and the bare driver's, each the median of the rounds.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// Rows of all tables together, read once in each round.
    pub rows: usize,
    /// The adapter: chunks by key, values decoded.
    pub adapter: f64,
    /// The driver alone with the same statements: chunks by key, rows as the driver gives them.
    pub bare_chunks: f64,
    /// The driver alone with one endless result for each table, as it would be read without a cursor.
    pub bare_stream: f64,
}

impl Extraction {
    /// The adapter's share of the bare driver's speed over the same statements.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        self.adapter / self.bare_chunks
    }
}

impl fmt::Display for Extraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows: adapter {:.0} rows/s, bare driver {:.0} rows/s in chunks (ratio {:.2}), {:.0} rows/s as one stream (ratio {:.2})",
            self.rows,
            self.adapter,
            self.bare_chunks,
            self.ratio(),
            self.bare_stream,
            self.adapter / self.bare_stream,
        )
    }
}

/// Reads all tables that have a key of one column, in turn by the adapter and by the driver alone.
///
/// # Errors
/// When the database cannot be read.
pub async fn extraction(
    options: &MySqlOptions,
    chunk: usize,
    rounds: usize,
) -> anyhow::Result<Extraction> {
    let source = MySql::new(options.clone());
    let mut conn = session::open(options).await?;
    let mut tables = source.schema().await?.tables;
    tables.retain(|t| t.primary_key.len() == 1);
    let mut rows = 0;
    let (mut adapter, mut chunks, mut stream) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let start = Instant::now();
        rows = by_adapter(&source, &tables, chunk).await?;
        adapter.push(start.elapsed());
        let start = Instant::now();
        let bare = in_chunks(&mut conn, &tables, chunk).await?;
        chunks.push(start.elapsed());
        let start = Instant::now();
        let streamed = as_stream(&mut conn, &tables).await?;
        stream.push(start.elapsed());
        anyhow::ensure!(bare == rows && streamed == rows, "not the same rows");
    }
    conn.disconnect().await?;
    #[expect(clippy::cast_precision_loss, reason = "a count of rows for display")]
    let per_second = |times: Vec<Duration>| rows as f64 / median(times).as_secs_f64();
    Ok(Extraction {
        rows,
        adapter: per_second(adapter),
        bare_chunks: per_second(chunks),
        bare_stream: per_second(stream),
    })
}

/// The middle one, leaving out the first round, which warms the caches.
fn median(mut times: Vec<Duration>) -> Duration {
    times.remove(0);
    times.sort_unstable();
    times[times.len() / 2]
}

async fn by_adapter(source: &MySql, tables: &[Table], limit: usize) -> anyhow::Result<usize> {
    let mut count = 0;
    for table in tables {
        let columns: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        let mut after = None;
        loop {
            let rows = source
                .scan(Scan {
                    table: &table.name,
                    columns: &columns,
                    key: &table.primary_key,
                    after: after.as_ref(),
                    limit,
                })
                .await?;
            count += rows.len();
            let last = rows.last().and_then(|r| r.key(&table.primary_key));
            if rows.len() < limit {
                break;
            }
            after = last;
        }
    }
    Ok(count)
}

/// The columns of a table, quoted, and its key.
fn names(table: &Table) -> (String, String) {
    let columns: Vec<_> = table
        .columns
        .iter()
        .map(|c| format!("`{}`", c.name))
        .collect();
    (columns.join(", "), format!("`{}`", table.primary_key[0]))
}

async fn in_chunks(conn: &mut Conn, tables: &[Table], limit: usize) -> anyhow::Result<usize> {
    let mut count = 0;
    for table in tables {
        let (columns, key) = names(table);
        let first = format!(
            "SELECT {columns} FROM `{}` ORDER BY {key} LIMIT {limit}",
            table.name
        );
        let next = format!(
            "SELECT {columns} FROM `{}` WHERE {key} > ? ORDER BY {key} LIMIT {limit}",
            table.name
        );
        let mut rows: Vec<Row> = conn.exec(first, ()).await?;
        loop {
            count += rows.len();
            if rows.len() < limit {
                break;
            }
            let last = rows
                .last()
                .and_then(|r| {
                    r.as_ref(
                        table
                            .columns
                            .iter()
                            .position(|c| c.name == table.primary_key[0])?,
                    )
                })
                .context("the last row has no key")?
                .clone();
            rows = conn.exec(next.as_str(), (last,)).await?;
        }
    }
    Ok(count)
}

async fn as_stream(conn: &mut Conn, tables: &[Table]) -> anyhow::Result<usize> {
    let mut count = 0;
    for table in tables {
        let (columns, key) = names(table);
        let sql = format!("SELECT {columns} FROM `{}` ORDER BY {key}", table.name);
        let mut result = conn.exec_iter(sql, ()).await?;
        result.for_each(|_| count += 1).await?;
    }
    Ok(count)
}
