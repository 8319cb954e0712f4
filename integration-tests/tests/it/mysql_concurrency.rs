// SPDX-License-Identifier: Apache-2.0
//! Many questions at once, questions given up half-way, and a server that dies under a running statement.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::MySql;
use silsila_source::{Fetch, Key, Row, Scan, Source, SourceError, Value};

async fn filled() -> Database {
    let database = Database::new().await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(40)) SELECT seq AS id, CONCAT('row ', seq) AS note FROM seq_1_to_2000;
         CREATE VIEW slow AS SELECT id, CONCAT(SLEEP(0.2), note) AS note FROM t";
    database.execute(sql).await.unwrap();
    database
}

fn columns() -> [String; 2] {
    ["id".into(), "note".into()]
}

async fn by_id(source: &MySql, id: i64) -> Vec<Row> {
    let columns = columns();
    let keys = [Key(vec![Value::Int(id)])];
    let fetch = Fetch {
        table: "t",
        columns: &columns,
        by: &columns[..1],
        keys: &keys,
    };
    source.fetch(fetch).await.unwrap()
}

async fn slowly(source: &MySql) -> Result<Vec<Row>, SourceError> {
    let columns = columns();
    let scan = Scan {
        table: "slow",
        columns: &columns,
        key: &columns[..1],
        after: None,
        limit: 100,
    };
    source.scan(scan).await
}

/// How many connections of the reading user the server holds, and how many of them are at work.
async fn connections(server: &MariaDb, user: &str) -> (usize, usize) {
    let mut conn = server.admin(None).await.unwrap();
    let sql = format!("SELECT COMMAND FROM information_schema.PROCESSLIST WHERE USER = '{user}'");
    let commands: Vec<String> = conn.query(sql).await.unwrap();
    conn.disconnect().await.unwrap();
    let busy = commands.iter().filter(|c| *c != "Sleep").count();
    (commands.len(), busy)
}

/// Waits until one statement of the user is running on the server.
async fn one_is_running(server: &MariaDb, user: &str) {
    while connections(server, user).await.1 == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn questions_at_once_get_their_own_answers_over_few_connections() {
    let database = filled().await;
    let source = Arc::new(database.source());
    let tasks: Vec<_> = (1..=200)
        .map(|id| {
            let source = Arc::clone(&source);
            tokio::spawn(async move { (id, by_id(&source, id).await) })
        })
        .collect();
    for task in tasks {
        let (id, rows) = task.await.unwrap();
        let note = Value::Text(format!("row {id}").into());
        assert!(
            rows.len() == 1 && rows[0].values() == [Value::Int(id), note],
            "{id}"
        );
    }
    let (open, _) = connections(database.server().unwrap(), &database.name).await;
    assert!((1..=2).contains(&open), "{open} connections");
}

#[tokio::test]
async fn a_question_given_up_half_way_does_not_answer_the_next_one() {
    let database = filled().await;
    let mut options = database.options();
    options.connections = 1;
    let source = Arc::new(MySql::new(options));
    let asking = Arc::clone(&source);
    let task = tokio::spawn(async move { slowly(&asking).await.map(drop) });
    one_is_running(database.server().unwrap(), &database.name).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    for id in [7, 8] {
        let rows = by_id(&source, id).await;
        assert!(
            rows.len() == 1 && rows[0].values()[0] == Value::Int(id),
            "{id}"
        );
    }
}

#[tokio::test]
async fn a_server_killed_under_a_running_statement_is_an_outage_and_nothing_else() {
    let mut server = MariaDb::start(MariaDbOptions::default()).await.unwrap();
    let database = Database::on(&server, "hospital").await.unwrap();
    let sql = "CREATE TABLE t (id INT PRIMARY KEY, note VARCHAR(40)) SELECT seq AS id, CONCAT('row ', seq) AS note FROM seq_1_to_2000;
         CREATE VIEW slow AS SELECT id, CONCAT(SLEEP(0.2), note) AS note FROM t";
    server.execute(Some("hospital"), sql).await.unwrap();
    let source = Arc::new(MySql::new(database.options()));
    let asking = Arc::clone(&source);
    let task = tokio::spawn(async move { slowly(&asking).await.map(drop) });
    one_is_running(&server, &database.name).await;
    server.kill().unwrap();
    let error = task.await.unwrap().unwrap_err();
    assert!(error.is_transient(), "{error}");
    server.restart().await.unwrap();
    assert_eq!(by_id(&source, 9).await.len(), 1);
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_replaced_within_the_same_question() {
    let database = filled().await;
    let source = database.source();
    assert_eq!(by_id(&source, 1).await.len(), 1);
    let mut conn = database.server().unwrap().admin(None).await.unwrap();
    let sql = format!(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = '{}'",
        database.name
    );
    let ids: Vec<u64> = conn.query(sql).await.unwrap();
    assert_eq!(ids.len(), 1);
    conn.query_drop(format!("KILL HARD {}", ids[0]))
        .await
        .unwrap();
    conn.disconnect().await.unwrap();
    assert_eq!(by_id(&source, 2).await.len(), 1);
}
