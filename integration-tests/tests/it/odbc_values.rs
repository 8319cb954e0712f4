// SPDX-License-Identifier: Apache-2.0
//! What a database without types holds, arrives; and nothing of a cell is ever cut off.

use silsila_odbc::Odbc;
use silsila_source::{Columns, Date, DateTime, Key, Row, Scan, Source, SourceError, Time, Value};

use crate::odbc_ground::SqliteFile;

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

async fn scan(source: &Odbc, columns: &[&str], limit: usize) -> Result<Vec<Row>, SourceError> {
    let columns: Vec<String> = columns.iter().map(|c| (*c).into()).collect();
    let scan = Scan {
        table: "t",
        columns: &columns,
        key: &columns[..1],
        after: None,
        limit,
    };
    source.scan(scan).await
}

#[tokio::test]
async fn cells_longer_than_any_buffer_arrive_whole_among_short_ones() {
    let Some(file) = SqliteFile::new("no long cell is read over ODBC") else {
        return;
    };
    file.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, memo TEXT, scan BLOB);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
           INSERT INTO t SELECT i, 'بخار ' || i, x'00ff' FROM n;
         UPDATE t SET memo = replace(hex(zeroblob(100000)), '00', 'ش۔') WHERE id IN (7, 2501);
         UPDATE t SET memo = replace(hex(zeroblob(700)), '00', 'گ') WHERE id % 100 = 0;
         UPDATE t SET scan = zeroblob(200000) WHERE id = 8;",
    );
    let source = file.source();
    // Twice, because the second time the buffers are larger.
    for _ in 0..2 {
        let rows = scan(&source, &["id", "memo", "scan"], 5_000).await.unwrap();
        assert_eq!(rows.len(), 3_000);
        for (at, row) in rows.iter().enumerate() {
            let id = at + 1;
            let memo = match id {
                7 | 2501 => "ش۔".repeat(100_000),
                _ if id % 100 == 0 => "گ".repeat(700),
                _ => format!("بخار {id}"),
            };
            assert!(row.values()[1] == text(&memo), "memo {id}");
            let bytes = if id == 8 {
                vec![0; 200_000]
            } else {
                vec![0, 255]
            };
            assert!(row.values()[2] == Value::Bytes(bytes.into()), "scan {id}");
        }
    }
}

#[tokio::test]
async fn what_a_column_was_not_meant_for_arrives_as_it_is_stored() {
    let Some(file) = SqliteFile::new("no column holds what it was not meant for") else {
        return;
    };
    file.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, age INTEGER, weight REAL, born DATE, seen DATETIME, at TIME, alive BOOLEAN, note);
         INSERT INTO t VALUES
           (1, 41, 70.5, '1984-07-01', '2025-03-01 02:00:00', '09:30:00', 1, 'x'),
           (2, 'about 40', 'n/a', '1984', '2025-03-01T02:00', 'noon', 'Y', 5),
           (3, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
           (4, 9007199254740993, 70, '01/07/84', '2025-03-01 02:00:00.500', '09:30', 0, ''),
           (5, '', '', '', '', '', '', 'ش');",
    );
    let source = file.source();
    let rows = scan(
        &source,
        &["id", "age", "weight", "born", "seen", "at", "alive", "note"],
        10,
    );
    let rows = rows.await.unwrap();
    let date = |year, month, day| Date { year, month, day };
    let time = |hour, minute, nanosecond| Time {
        hour,
        minute,
        second: 0,
        nanosecond,
    };
    let moment = |time| {
        Value::DateTime(DateTime {
            date: date(2025, 3, 1),
            time,
            offset_minutes: None,
        })
    };
    let stored: [&[Value]; 5] = [
        &[
            Value::Int(1),
            Value::Int(41),
            Value::Float(70.5),
            Value::Date(date(1984, 7, 1)),
            moment(time(2, 0, 0)),
            Value::Time(time(9, 30, 0)),
            Value::Bool(true),
            text("x"),
        ],
        &[
            Value::Int(2),
            text("about 40"),
            text("n/a"),
            text("1984"),
            text("2025-03-01T02:00"),
            text("noon"),
            text("Y"),
            text("5"),
        ],
        &[
            Value::Int(3),
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
            Value::Null,
        ],
        &[
            Value::Int(4),
            Value::Int(9_007_199_254_740_993),
            Value::Float(70.0),
            text("01/07/84"),
            moment(time(2, 0, 500_000_000)),
            text("09:30"),
            Value::Bool(false),
            text(""),
        ],
        &[
            Value::Int(5),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text(""),
            text("ش"),
        ],
    ];
    for (row, stored) in rows.iter().zip(stored) {
        let names: Vec<&str> = row.columns().names().collect();
        let expect = Row::new(Columns::new(names), stored.to_vec());
        assert!(
            *row == expect,
            "{row:?} where {expect:?} was stored, or others of these kinds"
        );
    }
}

/// SQLite takes a name in double quotes that it does not know for a text of these letters.
#[tokio::test]
async fn a_column_that_goes_away_is_missed_and_not_read_as_its_own_name() {
    let Some(file) = SqliteFile::new("no column goes away under an ODBC connection") else {
        return;
    };
    file.execute(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, phone TEXT); INSERT INTO t VALUES (1, '0300');",
    );
    let source = file.source();
    assert_eq!(scan(&source, &["id", "phone"], 10).await.unwrap().len(), 1);
    file.execute("ALTER TABLE t DROP COLUMN phone;");
    let error = scan(&source, &["id", "phone"], 10).await.unwrap_err();
    let missed =
        matches!(&error, SourceError::Missing { what: "column", name, .. } if name == "phone");
    assert!(missed, "{error}");
    file.execute("ALTER TABLE t ADD COLUMN phone INTEGER; UPDATE t SET phone = 300;");
    let rows = scan(&source, &["id", "phone"], 10).await.unwrap();
    assert!(rows[0].values()[1] == Value::Int(300));
}

#[tokio::test]
async fn a_scan_goes_on_after_every_kind_of_key_that_a_column_without_types_can_hold() {
    let Some(file) = SqliteFile::new("no key is of mixed types") else {
        return;
    };
    file.execute(
        "CREATE TABLE t (seen DATETIME PRIMARY KEY);
         INSERT INTO t VALUES ('2025-03-01 02:00:00'), ('2025-03-01T02:00:00'), ('2025-03-01 02:00:00.5'),
           ('2025-03-01 02:00:00.500'), ('2025-03-01'), ('1/3/2025'), (20250301), (20250301.5), ('ش'), ('');",
    );
    let source = file.source();
    let columns = ["seen".to_owned()];
    let mut after: Option<Key> = None;
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let scan = Scan {
            table: "t",
            columns: &columns,
            key: &columns,
            after: after.as_ref(),
            limit: 1,
        };
        let rows = source.scan(scan).await.unwrap();
        let Some(row) = rows.first() else { break };
        after = row.key(&columns);
        seen.push(after.as_ref().map(Key::encode));
    }
    let all = scan(&source, &["seen"], 100).await.unwrap();
    let all: Vec<_> = all
        .iter()
        .map(|r| r.key(&columns).map(|k| k.encode()))
        .collect();
    assert_eq!(all.len(), 10);
    assert!(seen == all, "{} rows one by one", seen.len());
}
