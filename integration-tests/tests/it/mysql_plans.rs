// SPDX-License-Identifier: Apache-2.0
//! A chunk costs what a chunk should: the server walks an index from the cursor and no further.

use mysql_async::prelude::Queryable;
use silsila_integration_tests::mariadb::{Database, MariaDb, MariaDbOptions};
use silsila_mysql::MySql;
use silsila_source::{Changes, Date, DateTime, Fetch, Key, Scan, Source, Time, Value};

/// The rows that the server has read for its clients since it started.
async fn rows_read(server: &MariaDb) -> u64 {
    let mut conn = server.admin(None).await.unwrap();
    let rows: Vec<(String, u64)> = conn
        .query("SHOW GLOBAL STATUS WHERE Variable_name LIKE 'Handler_read%' AND Variable_name NOT LIKE '%retry%' AND Variable_name NOT LIKE '%deleted%'")
        .await
        .unwrap();
    conn.disconnect().await.unwrap();
    rows.into_iter().map(|(_, n)| n).sum()
}

const SETUP: &str = "
CREATE TABLE one (id INT PRIMARY KEY, changed DATETIME, KEY (changed)) SELECT seq AS id, '2025-01-01' + INTERVAL seq DIV 50 MINUTE AS changed FROM seq_1_to_20000;
CREATE TABLE pair (a INT, b INT, PRIMARY KEY (a, b)) SELECT seq DIV 10000 AS a, seq AS b FROM seq_1_to_20000;
CREATE TABLE latin (code VARCHAR(20), PRIMARY KEY (code)) CHARACTER SET latin1 SELECT CONCAT('é', LPAD(seq, 8, '0')) AS code FROM seq_1_to_20000;
CREATE TABLE money (amount DECIMAL(20,4), PRIMARY KEY (amount)) SELECT seq / 4 AS amount FROM seq_1_to_20000;
CREATE TABLE visits (id INT PRIMARY KEY, who VARCHAR(10), KEY (who)) SELECT seq AS id, seq DIV 4 AS who FROM seq_1_to_20000;
ANALYZE TABLE one, pair, latin, money, visits;
";

async fn scan_costs(
    server: &MariaDb,
    source: &MySql,
    table: &str,
    key: &[&str],
    after: Vec<Value>,
) {
    let key: Vec<String> = key.iter().map(|k| (*k).into()).collect();
    let after = Key(after);
    let scan = Scan {
        table,
        columns: &key,
        key: &key,
        after: Some(&after),
        limit: 100,
    };
    let before = rows_read(server).await;
    assert_eq!(source.scan(scan).await.unwrap().len(), 100, "{table}");
    let read = rows_read(server).await - before;
    assert!(
        read < 400,
        "a chunk of 100 rows of {table} read {read} rows"
    );
}

#[tokio::test]
async fn a_chunk_reads_little_more_than_its_own_rows() {
    let server = MariaDb::start(MariaDbOptions::default()).await.unwrap();
    let database = Database::on(&server, "plans").await.unwrap();
    server.execute(Some("plans"), SETUP).await.unwrap();
    let source = MySql::new(database.options());
    let text = |t: &str| Value::Text(t.into());
    scan_costs(&server, &source, "one", &["id"], vec![Value::Int(15_000)]).await;
    scan_costs(
        &server,
        &source,
        "pair",
        &["a", "b"],
        vec![Value::Int(1), Value::Int(15_000)],
    )
    .await;
    scan_costs(
        &server,
        &source,
        "latin",
        &["code"],
        vec![text("é00015000")],
    )
    .await;
    scan_costs(
        &server,
        &source,
        "money",
        &["amount"],
        vec![Value::Decimal("3750.0000".into())],
    )
    .await;

    let columns = ["id".to_owned(), "changed".to_owned()];
    let watermark = Value::DateTime(DateTime {
        date: Date {
            year: 2025,
            month: 1,
            day: 1,
        },
        time: Time {
            hour: 5,
            minute: 0,
            second: 0,
            nanosecond: 0,
        },
        offset_minutes: None,
    });
    let key = Key(vec![Value::Int(15_010)]);
    let before = rows_read(&server).await;
    let changed = source
        .changes(Changes {
            table: "one",
            columns: &columns,
            key: &columns[..1],
            watermark: "changed",
            since: None,
            after: Some((&watermark, &key)),
            limit: 100,
        })
        .await
        .unwrap();
    let read = rows_read(&server).await - before;
    assert_eq!(changed.len(), 100);
    assert!(read < 500, "100 changes read {read} rows");

    // Numbers looked up in a text column, as legacy joins do.
    let columns = ["id".to_owned(), "who".to_owned()];
    let keys: Vec<_> = (1..=100).map(|i| Key(vec![Value::Int(i)])).collect();
    let before = rows_read(&server).await;
    let visits = source
        .fetch(Fetch {
            table: "visits",
            columns: &columns,
            by: &columns[1..],
            keys: &keys,
        })
        .await
        .unwrap();
    let read = rows_read(&server).await - before;
    assert_eq!(visits.len(), 400);
    assert!(read < 1_500, "400 rows by 100 keys read {read} rows");
}
