// SPDX-License-Identifier: Apache-2.0
//! What a binary log tells of rows, over a real server.

use std::time::Duration;

use silsila_source::{
    ChangeKind, FeedAnswer, FeedPosition, FeedStanding, Fetch, Follow, Key, Row, Source,
    SourceError, Value,
};

use crate::binlog_server::{Logging, Reader};

const VISITS: &[(&str, &[&str])] = &[("visits", &["visit_id", "patient_id"])];

async fn hospital(arguments: &[&str]) -> Logging {
    let logging = Logging::start(arguments).await;
    logging
        .admin(
            "CREATE TABLE visits (visit_id INT PRIMARY KEY AUTO_INCREMENT, patient_id INT, note VARCHAR(300)) ENGINE=InnoDB;
             CREATE TABLE other (id INT PRIMARY KEY) ENGINE=InnoDB",
        )
        .await;
    logging
}

fn ints(row: Option<&Row>) -> Option<(i64, i64)> {
    let row = row?;
    let int = |name| match row.get(name) {
        Some(Value::Int(i)) => *i,
        other => panic!("{name}: {other:?}"),
    };
    Some((int("visit_id"), int("patient_id")))
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_are_told_in_their_order_with_what_they_were_before() {
    let logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    logging
        .admin(
            "INSERT INTO visits VALUES (1, 10, 'a'), (2, 10, 'b');
             INSERT INTO other VALUES (1);
             UPDATE visits SET patient_id = 20 WHERE visit_id = 1;
             DELETE FROM visits WHERE visit_id = 2",
        )
        .await;
    let changes = reader.changes(4).await;
    let told: Vec<_> = changes
        .iter()
        .map(|c| (c.kind, ints(c.before.as_ref()), ints(c.after.as_ref())))
        .collect();
    assert_eq!(
        told,
        [
            (ChangeKind::Inserted, None, Some((1, 10))),
            (ChangeKind::Inserted, None, Some((2, 10))),
            (ChangeKind::Updated, Some((1, 10)), Some((1, 20))),
            (ChangeKind::Deleted, Some((2, 10)), None),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_the_privileges_is_told_which() {
    let logging = hospital(&[]).await;
    logging
        .admin("REVOKE REPLICATION SLAVE, BINLOG MONITOR ON *.* FROM `mpk`@`127.0.0.1`")
        .await;
    let standing = |part: &'static str| {
        let source = logging.source();
        async move {
            match source.feed().unwrap().standing().await.unwrap() {
                FeedStanding::Missing(missing) => {
                    assert!(missing.iter().any(|m| m.contains(part)), "{missing:?}");
                }
                ready @ FeedStanding::Ready { .. } => panic!("{ready:?}"),
            }
        }
    };
    standing("BINLOG MONITOR").await;
    logging
        .admin("GRANT BINLOG MONITOR ON *.* TO `mpk`@`127.0.0.1`")
        .await;
    standing("REPLICATION SLAVE").await;
    logging
        .admin("GRANT REPLICATION SLAVE ON *.* TO `mpk`@`127.0.0.1`")
        .await;
    let ready = logging.source().feed().unwrap().standing().await.unwrap();
    assert_eq!(ready, FeedStanding::Ready { notes: Vec::new() });
    logging
        .admin("SET GLOBAL binlog_format = 'STATEMENT'")
        .await;
    standing("STATEMENT").await;
}

fn note(row: Option<&Row>) -> String {
    match row.and_then(|r| r.get("note")) {
        Some(Value::Text(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hears_of_a_change_can_read_it() {
    let logging = hospital(&["--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1"]).await;
    logging.admin("INSERT INTO visits VALUES (1, 1, '0')").await;
    let mut reader =
        Reader::new(&logging, &[("visits", &["visit_id", "patient_id", "note"])]).await;
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let port = logging.server.admin(Some("mpk"));
            let last = writer;
            async move {
                let mut conn = port.await.unwrap();
                for n in 0..100 {
                    use mysql_async::prelude::Queryable;
                    let sql =
                        format!("UPDATE visits SET note = note + 1, patient_id = {last} + {n} * 4");
                    conn.query_drop(sql).await.unwrap();
                }
            }
        })
        .collect();
    let writing = futures_util::future::join_all(writers);
    let reading = async {
        let mut heard = 0;
        while heard < 400 {
            let batch = reader.batch(5).await;
            heard += batch.changes.len();
            let Some(change) = batch.changes.last() else {
                continue;
            };
            let told: u32 = note(change.after.as_ref()).parse().unwrap();
            let rows = read_visits(&reader).await;
            let read: u32 = note(rows.first()).parse().unwrap();
            assert!(read >= told, "the log says {told}, the table {read}");
        }
    };
    tokio::join!(writing, reading);
}

async fn read_visits(reader: &Reader) -> Vec<Row> {
    let columns = ["visit_id".to_owned(), "note".into()];
    let fetch = Fetch {
        table: "visits",
        columns: &columns,
        by: &columns[..1],
        keys: &[Key(vec![Value::Int(1)])],
    };
    reader.source.fetch(fetch).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_comes_in_bounded_batches_and_is_resumed_in_its_middle() {
    let logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    logging
        .admin(
            "INSERT INTO visits SELECT seq, seq DIV 10, REPEAT('x', 100) FROM seq_1_to_20000;
             INSERT INTO visits VALUES (20001, 1, 'after it')",
        )
        .await;
    let mut seen = Vec::new();
    while seen.len() < 20_001 {
        let batch = reader.batch(500).await;
        assert!(batch.changes.len() < 1_500, "{}", batch.changes.len());
        seen.extend(batch.changes.iter().filter_map(|c| ints(c.after.as_ref())));
        // As after a crash: another process, the same position.
        reader.source = logging.source();
    }
    let expect: Vec<_> = (1..=20_000)
        .map(|i| (i, i / 10))
        .chain([(20_001, 1)])
        .collect();
    assert!(seen == expect, "{} rows", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_rolled_back_is_not_told_and_savepoints_are_heeded() {
    let logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    logging
        .admin(
            "START TRANSACTION; INSERT INTO visits VALUES (1, 1, 'a'); ROLLBACK;
             START TRANSACTION; INSERT INTO visits VALUES (2, 2, 'b'); SAVEPOINT s;
             INSERT INTO visits VALUES (3, 3, 'c'); ROLLBACK TO s; COMMIT;
             XA START 'x'; INSERT INTO visits VALUES (4, 4, 'd'); XA END 'x'; XA PREPARE 'x'; XA ROLLBACK 'x';
             INSERT INTO visits VALUES (5, 5, 'e')",
        )
        .await;
    let told: Vec<_> = reader
        .changes(2)
        .await
        .iter()
        .filter_map(|c| ints(c.after.as_ref()))
        .filter(|row| *row != (4, 4))
        .collect();
    assert_eq!(told, [(2, 2), (5, 5)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_transaction_asks_for_a_sweep_when_it_is_committed() {
    let logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    let mut unclear = Vec::new();
    logging
        .admin("XA START 'x'; INSERT INTO visits VALUES (4, 4, 'd'); XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'")
        .await;
    while unclear.is_empty() {
        unclear = reader.batch(100).await.unclear;
    }
    assert_eq!(unclear, ["visits"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_change_tables_as_a_whole_name_them() {
    let logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    for sql in [
        "TRUNCATE TABLE visits",
        "ALTER TABLE visits ADD COLUMN more INT",
        "SET SESSION binlog_format = 'STATEMENT'; UPDATE visits SET note = 'x'",
        "RENAME TABLE visits TO v2, v2 TO visits",
    ] {
        logging.admin(sql).await;
        let batch = reader.batch(100).await;
        assert_eq!(batch.unclear, ["visits"], "{sql}");
    }
    logging
        .admin(
            "CREATE TABLE visits_archive (id INT); GRANT SELECT ON mpk.* TO `mpk`@`127.0.0.1`; FLUSH TABLES;
             ANALYZE TABLE visits; INSERT INTO visits VALUES (9, 9, 'x', NULL)",
        )
        .await;
    let changes = reader.changes(1).await;
    assert_eq!(ints(changes[0].after.as_ref()), Some((9, 9)));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_engine_changes_by_itself_ask_for_a_sweep() {
    let logging = hospital(&[]).await;
    logging
        .admin(
            "CREATE TABLE patients (id INT PRIMARY KEY, name VARCHAR(20)) ENGINE=InnoDB;
             CREATE TABLE tests (id INT PRIMARY KEY, patient INT,
               FOREIGN KEY (patient) REFERENCES patients (id) ON DELETE CASCADE ON UPDATE CASCADE) ENGINE=InnoDB;
             INSERT INTO patients VALUES (1, 'a'), (2, 'b'); INSERT INTO tests VALUES (1, 1), (2, 2)",
        )
        .await;
    let tables: &[(&str, &[&str])] =
        &[("patients", &["id", "name"]), ("tests", &["id", "patient"])];
    let mut reader = Reader::new(&logging, tables).await;
    logging.admin("UPDATE patients SET name = 'c'").await;
    let batch = reader.batch(100).await;
    assert_eq!((batch.changes.len(), batch.unclear.len()), (2, 0));
    logging.admin("DELETE FROM patients WHERE id = 1").await;
    let batch = reader.batch(100).await;
    assert_eq!(batch.unclear, ["tests"]);
    logging
        .admin("UPDATE patients SET id = 7 WHERE id = 2")
        .await;
    let batch = reader.batch(100).await;
    assert_eq!(batch.unclear, ["tests"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn minimal_images_tell_the_key_and_what_changed() {
    let logging = hospital(&["--binlog-row-image=MINIMAL"]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    logging
        .admin(
            "INSERT INTO visits VALUES (1, 10, 'a'); UPDATE visits SET note = 'b'; UPDATE visits SET patient_id = 20;
             DELETE FROM visits",
        )
        .await;
    let changes = reader.changes(4).await;
    let told = |row: &Option<Row>| -> Vec<(String, Option<i64>)> {
        let Some(row) = row else { return Vec::new() };
        let value = |v: &Value| match v {
            Value::Int(i) => Some(*i),
            _ => None,
        };
        let values = row.values().iter().map(value);
        row.columns()
            .names()
            .map(str::to_owned)
            .zip(values)
            .collect()
    };
    let id = ("visit_id".to_owned(), Some(1));
    let patient = |n| ("patient_id".to_owned(), Some(n));
    assert_eq!(told(&changes[0].after), [id.clone(), patient(10)]);
    assert_eq!(told(&changes[1].before), std::slice::from_ref(&id));
    assert_eq!(told(&changes[1].after), std::slice::from_ref(&id));
    let mut after = told(&changes[2].after);
    after.sort();
    assert_eq!(after, [patient(20), id.clone()]);
    assert_eq!(told(&changes[3].before), [id]);
    match reader.source.feed().unwrap().standing().await.unwrap() {
        FeedStanding::Ready { notes } => assert!(notes[0].contains("MINIMAL"), "{notes:?}"),
        missing @ FeedStanding::Missing(_) => panic!("{missing:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_goes_on_in_the_next_file_and_after_a_restart() {
    let mut logging = hospital(&[]).await;
    let mut reader = Reader::new(&logging, VISITS).await;
    logging
        .admin("INSERT INTO visits VALUES (1, 1, 'a'); FLUSH BINARY LOGS; INSERT INTO visits VALUES (2, 2, 'b')")
        .await;
    assert_eq!(reader.changes(2).await.len(), 2);
    logging.server.kill().unwrap();
    let follow = Follow {
        after: &reader.position,
        tables: &reader.tables,
        limit: 10,
        wait: Duration::from_secs(5),
    };
    let fault = reader.source.feed().unwrap().follow(follow).await;
    assert!(
        matches!(fault, Err(SourceError::Unavailable { .. })),
        "{fault:?}"
    );
    logging.server.restart().await.unwrap();
    logging.admin("INSERT INTO visits VALUES (3, 3, 'c')").await;
    let told = reader.changes(1).await;
    assert_eq!(ints(told[0].after.as_ref()), Some((3, 3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_a_reset_and_a_foreign_log_are_lost() {
    let mut logging = hospital(&[]).await;
    let reader = Reader::new(&logging, VISITS).await;
    logging
        .admin("INSERT INTO visits VALUES (1, 1, 'a'); FLUSH BINARY LOGS; FLUSH BINARY LOGS")
        .await;
    logging.server.restart().await.unwrap();
    logging
        .admin("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
        .await;
    lost(&reader, "Could not find").await;

    let mut reader = Reader::new(&logging, VISITS).await;
    logging.admin("INSERT INTO visits VALUES (2, 2, 'b')").await;
    reader.changes(1).await;
    // A log of the same name that begins anew and grows beyond our position.
    logging.admin("RESET MASTER").await;
    for _ in 0..8 {
        logging.admin("FLUSH BINARY LOGS").await;
    }
    logging
        .admin("INSERT INTO visits SELECT seq, seq, REPEAT('x', 100) FROM seq_100_to_2000")
        .await;
    let file = String::from_utf8(reader.position.as_bytes().to_vec()).unwrap();
    reader.source = logging.source();
    lost(&reader, file.rsplit(' ').next().unwrap()).await;

    reader.position = FeedPosition::new(b"of another adapter".to_vec());
    lost(&reader, "adapter").await;
}

async fn lost(reader: &Reader, part: &str) {
    match reader.ask(10, Duration::from_secs(5)).await {
        FeedAnswer::Lost { reason } => assert!(reason.contains(part), "{reason}"),
        FeedAnswer::Changes(batch) => panic!("{batch:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_may_follow_one_log() {
    let logging = hospital(&[]).await;
    let mut one = Reader::new(&logging, VISITS).await;
    let mut two = Reader::new(&logging, VISITS).await;
    for round in 1..=3 {
        logging
            .admin(&format!("INSERT INTO visits VALUES ({round}, 1, 'a')"))
            .await;
        let both = (one.changes(1).await, two.changes(1).await);
        assert_eq!((both.0.len(), both.1.len()), (1, 1));
    }
}
