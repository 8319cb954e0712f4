// SPDX-License-Identifier: Apache-2.0
//! How fast the SQL Server adapter reads, against the bare driver over the same rows.
//!
//! The stand-in takes longer to answer than either takes to read, so the time that matters is that of the
//! reading thread: the caller must run on one thread, which does nothing else. On a real server the same.

use std::fmt;
use std::time::Instant;

use anyhow::Context;
use futures_util::TryStreamExt;
use silsila_mssql::{MsSql, MsSqlOptions};
use silsila_source::{Scan, Source, Table};
use tiberius::{AuthMethod, Client, Config, EncryptionLevel, Query, Row};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};

/// What both took, each the median of the rounds, in nanoseconds for all rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MssqlExtraction {
    /// Rows of all tables together, read once in each round.
    pub rows: usize,
    /// The adapter: chunks by key, values decoded.
    pub adapter: Spent,
    /// The driver alone: the same chunks by key, every column as it is, rows as the driver gives them.
    pub bare: Spent,
}

/// Time in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spent {
    /// Of the reading thread.
    pub cpu: u64,
    /// Of the clock on the wall.
    pub wall: u64,
}

impl fmt::Display for MssqlExtraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rows,
            adapter,
            bare,
        } = self;
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let (per_second, ratio) = (
            |time: u64| *rows as f64 * 1e9 / time as f64,
            |adapter: u64, bare: u64| bare as f64 / adapter as f64,
        );
        write!(
            f,
            "{rows} rows: adapter {:.0} rows/s of its thread, bare driver {:.0} (ratio {:.2}); on the wall {:.0} and {:.0} (ratio {:.2})",
            per_second(adapter.cpu),
            per_second(bare.cpu),
            ratio(adapter.cpu, bare.cpu),
            per_second(adapter.wall),
            per_second(bare.wall),
            ratio(adapter.wall, bare.wall),
        )
    }
}

/// Reads all tables that have a key of one column, in turn by the adapter and by the driver alone. The
/// server must be on loopback, without encryption.
///
/// # Errors
/// When the database cannot be read.
pub async fn mssql_extraction(
    options: &MsSqlOptions,
    chunk: usize,
    rounds: usize,
) -> anyhow::Result<MssqlExtraction> {
    let source = MsSql::new(options.clone());
    let mut client = bare(options).await?;
    let mut tables = source.schema().await?.tables;
    tables.retain(|t| t.primary_key.len() == 1);
    let mut rows = 0;
    let (mut adapter, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..=rounds {
        let (start, began) = (cpu()?, Instant::now());
        rows = by_adapter(&source, &tables, chunk).await?;
        adapter.push(spent(start, began)?);
        let (start, began) = (cpu()?, Instant::now());
        let read = by_driver(&mut client, &tables, chunk).await?;
        alone.push(spent(start, began)?);
        anyhow::ensure!(read == rows, "not the same rows");
    }
    Ok(MssqlExtraction {
        rows,
        adapter: median(adapter),
        bare: median(alone),
    })
}

/// The CPU time of this thread, as Linux counts it.
fn cpu() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let first = text.split(' ').next().context("schedstat is empty")?;
    Ok(first.parse()?)
}

fn spent(start: u64, began: Instant) -> anyhow::Result<Spent> {
    Ok(Spent {
        cpu: cpu()? - start,
        wall: u64::try_from(began.elapsed().as_nanos())?,
    })
}

/// The middle one, leaving out the first round, which warms the caches.
fn median(mut times: Vec<Spent>) -> Spent {
    times.remove(0);
    times.sort_unstable();
    times[times.len() / 2]
}

async fn bare(options: &MsSqlOptions) -> anyhow::Result<Client<Compat<TcpStream>>> {
    let mut config = Config::new();
    config.host(&options.host);
    config.port(options.port);
    config.database(&options.database);
    config.authentication(AuthMethod::sql_server(
        &options.user,
        options.password.expose(),
    ));
    config.encryption(EncryptionLevel::NotSupported);
    config.packet_size(16_384);
    let tcp = TcpStream::connect(config.get_addr()).await?;
    tcp.set_nodelay(true)?;
    Ok(Client::connect(config, tcp.compat()).await?)
}

async fn by_adapter(source: &MsSql, tables: &[Table], limit: usize) -> anyhow::Result<usize> {
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

async fn by_driver(
    client: &mut Client<Compat<TcpStream>>,
    tables: &[Table],
    limit: usize,
) -> anyhow::Result<usize> {
    let mut count = 0;
    for table in tables {
        let columns: Vec<_> = table
            .columns
            .iter()
            .map(|c| format!("[{}]", c.name))
            .collect();
        let key = &table.primary_key[0];
        let at = table
            .columns
            .iter()
            .position(|c| c.name == *key)
            .context("no key")?;
        let page = |filter: &str| {
            format!(
                "SELECT TOP ({limit}) {} FROM [{}] {filter} ORDER BY [{key}]",
                columns.join(", "),
                table.name
            )
        };
        let mut query = Query::new(page(""));
        loop {
            let mut stream = query.query(client).await?.into_row_stream();
            let mut rows: Vec<Row> = Vec::new();
            while let Some(row) = stream.try_next().await? {
                rows.push(row);
            }
            drop(stream);
            count += rows.len();
            let Some(last) = rows.pop().filter(|_| rows.len() + 1 >= limit) else {
                break;
            };
            query = Query::new(page(&format!("WHERE [{key}] > @P1")));
            query.bind(Value(last.into_iter().nth(at).context("no key")?));
        }
    }
    Ok(count)
}

/// A value as the driver gave it, to be sent back.
struct Value(tiberius::ColumnData<'static>);

impl tiberius::IntoSql<'static> for Value {
    fn into_sql(self) -> tiberius::ColumnData<'static> {
        self.0
    }
}
