// SPDX-License-Identifier: Apache-2.0
//! A private server that keeps a binary log, and what the tests of it have in common.

use std::time::{Duration, Instant};

use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::MySql;
use silsila_source::{FeedAnswer, FeedBatch, FeedPosition, Follow, Followed, RowChange, Source};

/// A server with a log of its own.
pub struct Logging {
    pub server: MariaDb,
    pub database: Database,
}

impl Logging {
    /// A server that logs rows, with one database whose reading user may follow the log.
    pub async fn start(arguments: &[&str]) -> Self {
        let mut all = vec!["--log-bin=bin", "--binlog-format=ROW", "--server-id=7"];
        all.extend(arguments);
        let options = MariaDbOptions {
            arguments: all.into_iter().map(str::to_owned).collect(),
            ..MariaDbOptions::default()
        };
        let server = MariaDb::start(options).await.unwrap();
        let database = Database::on(&server, "mpk").await.unwrap();
        let this = Self { server, database };
        this.admin("GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `mpk`@`127.0.0.1`")
            .await;
        this
    }

    /// Runs statements in the hospital's database as its administrator.
    pub async fn admin(&self, sql: &str) {
        let sql = format!("SET sql_mode = 'NO_ENGINE_SUBSTITUTION'; {sql}");
        self.server.execute(Some("mpk"), &sql).await.unwrap();
    }

    pub fn source(&self) -> MySql {
        self.database.source()
    }
}

/// Follows some tables from a position on.
pub struct Reader {
    pub source: MySql,
    pub position: FeedPosition,
    pub tables: Vec<Followed>,
}

impl Reader {
    /// Begins at the log's end.
    pub async fn new(logging: &Logging, tables: &[(&str, &[&str])]) -> Self {
        let source = logging.source();
        let position = source.feed().unwrap().present().await.unwrap();
        Self {
            source,
            position,
            tables: followed(tables),
        }
    }

    pub async fn ask(&self, limit: usize, wait: Duration) -> FeedAnswer {
        let follow = Follow {
            after: &self.position,
            tables: &self.tables,
            limit,
            wait,
        };
        self.source.feed().unwrap().follow(follow).await.unwrap()
    }

    /// The next batch, with the position moved behind it.
    pub async fn batch(&mut self, limit: usize) -> FeedBatch {
        match self.ask(limit, Duration::from_secs(5)).await {
            FeedAnswer::Changes(batch) => {
                self.position = batch.position.clone();
                batch
            }
            FeedAnswer::Lost { reason } => panic!("lost: {reason}"),
        }
    }

    /// So many changes, over as many batches as it takes.
    pub async fn changes(&mut self, count: usize) -> Vec<RowChange> {
        let until = Instant::now() + Duration::from_secs(30);
        let mut found = Vec::new();
        while found.len() < count {
            assert!(Instant::now() < until, "{} of {count} changes", found.len());
            found.extend(self.batch(2_000).await.changes);
        }
        found
    }
}

pub fn followed(tables: &[(&str, &[&str])]) -> Vec<Followed> {
    tables
        .iter()
        .map(|(table, columns)| Followed {
            table: (*table).to_owned(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        })
        .collect()
}
