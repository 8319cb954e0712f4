// SPDX-License-Identifier: Apache-2.0
//! The server goes away in mid-scan, and the scan goes on from its key.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::MySql;
use silsila_source::{Key, Row, Scan, Source, SourceError, Value};

const ROWS: i64 = 5_000;

async fn filled() -> (MariaDb, Database) {
    let server = MariaDb::start(MariaDbOptions::default()).await.unwrap();
    let database = Database::on(&server, "hospital").await.unwrap();
    let sql = format!(
        "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(40)) SELECT seq AS id, CONCAT('row ', seq) AS note FROM seq_1_to_{ROWS}"
    );
    server.execute(Some("hospital"), &sql).await.unwrap();
    (server, database)
}

async fn chunk(source: &MySql, after: Option<&Key>, limit: usize) -> Result<Vec<Row>, SourceError> {
    let columns = ["id".to_owned(), "note".to_owned()];
    source
        .scan(Scan {
            table: "t",
            columns: &columns,
            key: &columns[..1],
            after,
            limit,
        })
        .await
}

fn ids(rows: &[Row]) -> Vec<i64> {
    rows.iter()
        .map(|r| match r.values()[0] {
            Value::Int(id) => id,
            _ => 0,
        })
        .collect()
}

#[tokio::test]
async fn a_scan_resumes_from_its_key_after_the_server_was_killed() {
    let (mut server, database) = filled().await;
    let source = MySql::new(database.options());
    let key = ["id".to_owned()];
    let mut rows = Vec::new();
    let mut after: Option<Key> = None;
    let mut outages = 0;
    while rows.len() < usize::try_from(ROWS).unwrap() {
        if rows.len() == 2_000 && outages == 0 {
            server.kill().unwrap();
        }
        match chunk(&source, after.as_ref(), 500).await {
            Ok(more) => {
                after = more.last().and_then(|r| r.key(&key));
                rows.extend(more);
            }
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                outages += 1;
                server.restart().await.unwrap();
            }
        }
    }
    assert_eq!(outages, 1, "one chunk failed, and the next attempt went on");
    assert_eq!(ids(&rows), (1..=ROWS).collect::<Vec<_>>());
}

#[tokio::test]
async fn connections_that_died_while_idle_are_replaced_unseen() {
    let (mut server, database) = filled().await;
    let source = MySql::new(database.options());
    // Two at once, so that two connections lie idle afterwards.
    let (one, two) = tokio::join!(chunk(&source, None, 10), chunk(&source, None, 10));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 20);
    server.kill().unwrap();
    server.restart().await.unwrap();
    let (one, two) = tokio::join!(chunk(&source, None, 10), chunk(&source, None, 10));
    assert_eq!(one.unwrap().len() + two.unwrap().len(), 20);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_worth_trying_again() {
    let (mut server, database) = filled().await;
    let source = MySql::new(database.options());
    server.stop().unwrap();
    let error = chunk(&source, None, 10).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().starts_with("SRC0001 mpk:"),
        "{error}"
    );
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended_by_the_server() {
    let database = Database::new().await.unwrap();
    let sql = "CREATE TABLE slow (id INT PRIMARY KEY); INSERT INTO slow VALUES (1), (2), (3);
         CREATE VIEW t AS SELECT id, CONCAT(SLEEP(5), 'x') AS note FROM slow";
    database.execute(sql).await.unwrap();
    let mut options = database.options();
    options.statement_timeout = Duration::from_millis(300);
    let start = Instant::now();
    let error = chunk(&MySql::new(options), None, 10).await.unwrap_err();
    assert!(
        error.is_transient() && error.to_string().contains("longer than it may"),
        "{error}"
    );
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn the_rate_limit_holds_over_many_chunks() {
    let (_server, database) = filled().await;
    let mut options = database.options();
    options.rows_per_second = NonZeroU32::new(10_000);
    let source = MySql::new(options);
    let key = ["id".to_owned()];
    let mut after = None;
    let start = Instant::now();
    let mut read = 0;
    loop {
        let rows = chunk(&source, after.as_ref(), 1_000).await.unwrap();
        read += rows.len();
        after = rows.last().and_then(|r| r.key(&key)).or(after);
        if rows.len() < 1_000 {
            break;
        }
    }
    // The last chunk is read when all the others are paid for.
    assert_eq!(read, usize::try_from(ROWS).unwrap());
    assert!(
        start.elapsed() >= Duration::from_millis(490),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let mut options = Database::new().await.unwrap().options();
    options.port = silent.local_addr().unwrap().port();
    options.connect_timeout = Duration::from_millis(200);
    let start = Instant::now();
    let error = chunk(&MySql::new(options), None, 10).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
