// SPDX-License-Identifier: Apache-2.0
//! Rows per second of the ODBC adapter against the bare driver, over an SQLite file, in turn, rounds of both:
//! `cargo run --release -p silsila-integration-tests --example extraction_odbc -- 200000`
//!
//! The bare driver puts the same statements with the same bulk fetch, and makes a `String` of every cell.

use std::time::{Duration, Instant};

use anyhow::Context;
use odbc_api::buffers::TextRowSet;
use odbc_api::{Connection, ConnectionOptions, Cursor, Environment, IntoParameter};
use silsila_odbc::{Odbc, OdbcOptions};
use silsila_source::{Key, Scan, Source};

const COLUMNS: &[&str] = &[
    "id", "mrno", "name", "father", "sex", "born", "phone", "city", "weight", "seen",
];
const CHUNK: usize = 2_000;
const ROUNDS: usize = 7;

fn fill(path: &std::path::Path, rows: usize) -> anyhow::Result<()> {
    let conn = rusqlite::Connection::open(path)?;
    conn.execute_batch(&format!(
        "CREATE TABLE patient (id INTEGER PRIMARY KEY, mrno VARCHAR(20), name VARCHAR(60), father VARCHAR(60), sex CHAR(1),
           born DATE, phone VARCHAR(20), city TEXT, weight DECIMAL(6,2), seen DATETIME);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
           INSERT INTO patient SELECT i, 'MR-' || i, 'Patient Number ' || i, 'عاقب شیخ', substr('MF', i % 2 + 1, 1), date('1950-01-01', i % 20000 || ' days'),
             '0300' || (1000000 + i), 'Mirpurkhas', i % 900 / 10.0, datetime('2025-01-01', i % 500000 || ' minutes') FROM n;"
    ))?;
    Ok(())
}

async fn by_adapter(source: &Odbc) -> anyhow::Result<usize> {
    let columns: Vec<String> = COLUMNS.iter().map(|c| (*c).into()).collect();
    let (mut count, mut after) = (0, None::<Key>);
    loop {
        let scan = Scan {
            table: "patient",
            columns: &columns,
            key: &columns[..1],
            after: after.as_ref(),
            limit: CHUNK,
        };
        let rows = source.scan(scan).await?;
        count += rows.len();
        after = rows.last().and_then(|row| row.key(&columns[..1]));
        if rows.len() < CHUNK {
            return Ok(count);
        }
    }
}

fn by_driver(conn: &Connection<'_>) -> anyhow::Result<usize> {
    let columns: Vec<_> = COLUMNS.iter().map(|c| format!("\"{c}\"")).collect();
    let sql = format!(
        "SELECT {} FROM patient WHERE id > ? ORDER BY id LIMIT {CHUNK}",
        columns.join(", ")
    );
    let (mut count, mut after) = (0, 0i64);
    loop {
        let cursor = conn.execute(&sql, &after.into_parameter(), None)?;
        let mut cursor = cursor.context("no answer")?;
        let buffer = TextRowSet::for_cursor(1_000, &mut cursor, Some(512))?;
        let mut cursor = cursor.bind_buffer(buffer)?;
        let mut rows: Vec<Vec<Option<String>>> = Vec::new();
        while let Some(set) = cursor.fetch()? {
            for row in 0..set.num_rows() {
                let cell = |at| set.at_as_str(at, row).map(|cell| cell.map(str::to_owned));
                rows.push((0..COLUMNS.len()).map(cell).collect::<Result<_, _>>()?);
            }
        }
        count += rows.len();
        let last = rows.last().and_then(|row| row[0].clone());
        if rows.len() < CHUNK {
            return Ok(count);
        }
        after = last.context("no key")?.parse()?;
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn per_second(rows: usize, mut times: Vec<Duration>) -> f64 {
    times.remove(0); // the first round warms the caches
    times.sort_unstable();
    rows as f64 / times[times.len() / 2].as_secs_f64()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let rows = std::env::args().nth(1).map_or(Ok(200_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("his.db");
    fill(&path, rows)?;
    let connection = format!("Driver={{SQLite3}};Database={}", path.display());
    let source = Odbc::new(OdbcOptions::new("bench", connection));
    let environment = Environment::new()?;
    let library = format!(
        "/usr/lib/{}-linux-gnu/odbc/libsqlite3odbc.so",
        std::env::consts::ARCH
    );
    let bare = format!("Driver={library};Database={}", path.display());
    let conn = environment.connect_with_connection_string(&bare, ConnectionOptions::default())?;
    let (mut adapter, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..=ROUNDS {
        let began = Instant::now();
        anyhow::ensure!(by_adapter(&source).await? == rows, "not all rows");
        adapter.push(began.elapsed());
        let began = Instant::now();
        anyhow::ensure!(by_driver(&conn)? == rows, "not all rows");
        alone.push(began.elapsed());
    }
    let (adapter, alone) = (per_second(rows, adapter), per_second(rows, alone));
    println!(
        "{rows} rows over libsqliteodbc: adapter {adapter:.0} rows/s, bare driver {alone:.0} (ratio {:.2})",
        adapter / alone
    );
    Ok(())
}
