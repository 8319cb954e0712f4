// SPDX-License-Identifier: Apache-2.0
//! Column types of PostgreSQL and MariaDB, as their drivers deliver them.

use silsila_integration_tests::mariadb::Database;
use silsila_odbc::Odbc;
use silsila_source::{ColumnKind, Date, DateTime, Key, Scan, Source, Time, Value};

use crate::odbc_compliance::mariadb_over_odbc;
use crate::odbc_postgres::Postgres;

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

fn decimal(d: &str) -> Value {
    Value::Decimal(d.into())
}

fn date(year: u16, month: u8, day: u8) -> Date {
    Date { year, month, day }
}

fn time(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Time {
    Time {
        hour,
        minute,
        second,
        nanosecond,
    }
}

fn at(date: Date, time: Time) -> Value {
    Value::DateTime(DateTime {
        date,
        time,
        offset_minutes: None,
    })
}

/// Name, type, a literal, the kind declared and the value expected.
struct Case(&'static str, &'static str, &'static str, ColumnKind, Value);

fn create(cases: &[Case]) -> String {
    let columns: Vec<_> = cases.iter().map(|c| format!("{} {}", c.0, c.1)).collect();
    let values: Vec<_> = cases.iter().map(|c| c.2).collect();
    format!(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, {}); INSERT INTO t VALUES (1, {}); INSERT INTO t (id) VALUES (2);",
        columns.join(", "),
        values.join(", ")
    )
}

async fn check(source: &Odbc, cases: &[Case]) {
    let schema = source.tables(&["t".to_owned()]).await.unwrap();
    let table = schema.table("t").unwrap();
    let mut columns = vec!["id".to_owned()];
    columns.extend(cases.iter().map(|c| c.0.to_owned()));
    let scan = Scan {
        table: "t",
        columns: &columns,
        key: &columns[..1],
        after: None,
        limit: 10,
    };
    let rows = source.scan(scan).await.unwrap();
    let mut wrong = Vec::new();
    for Case(name, sql_type, _, kind, value) in cases {
        let listed = table.columns.iter().find(|c| c.name == *name).unwrap();
        let found = rows[0].get(name).unwrap();
        if listed.kind != *kind || found != value || !rows[1].get(name).unwrap().is_null() {
            let shown = match found {
                Value::Text(t) | Value::Decimal(t) => t.to_string(),
                Value::DateTime(t) => format!("{t:?}"),
                other => format!("{other:?}"),
            };
            wrong.push(format!("{name} {sql_type}: {:?} {shown}", listed.kind));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn postgresqls_types_arrive_as_they_are_stored() {
    use ColumnKind as K;
    let skipped = "PostgreSQL's types are not tried over ODBC";
    let Some(server) = Postgres::start(skipped) else {
        return;
    };
    let cases = [
        Case("small", "smallint", "-7", K::Integer, Value::Int(-7)),
        Case(
            "big",
            "bigint",
            "9007199254740993",
            K::Integer,
            Value::Int(9_007_199_254_740_993),
        ),
        Case(
            "amount",
            "numeric(12,4)",
            "7.1000",
            K::Decimal,
            decimal("7.1000"),
        ),
        Case(
            "half",
            "numeric(5,2)",
            "-0.50",
            K::Decimal,
            decimal("-0.50"),
        ),
        Case("whole", "numeric(9,0)", "42", K::Integer, Value::Int(42)),
        Case("single", "real", "98.6", K::Float, Value::Float(98.6)),
        Case(
            "two",
            "double precision",
            "0.1",
            K::Float,
            Value::Float(0.1),
        ),
        Case("flag", "boolean", "true", K::Bool, Value::Bool(true)),
        Case(
            "name",
            "varchar(60)",
            "'عاقب شیخ'",
            K::Text,
            text("عاقب شیخ"),
        ),
        Case("sex", "char(3)", "'M'", K::Text, text("M")),
        Case(
            "memo",
            "text",
            "repeat('بخار ', 9000)",
            K::Text,
            text(&"بخار ".repeat(9_000)),
        ),
        Case("emoji", "text", "'🩺'", K::Text, text("🩺")),
        Case(
            "guid",
            "uuid",
            "'9dda6ee3-e758-431b-9473-92bd4a333c66'",
            K::Text,
            text("9DDA6EE3-E758-431B-9473-92BD4A333C66"), // as ODBC spells it
        ),
        Case(
            "bytes",
            "bytea",
            "'\\x00ff10'",
            K::Bytes,
            Value::Bytes([0, 255, 16].into()),
        ),
        Case(
            "born",
            "date",
            "'1850-01-31'",
            K::Date,
            Value::Date(date(1850, 1, 31)),
        ),
        Case(
            "clock",
            "time(0)",
            "'23:59:01'",
            K::Time,
            Value::Time(time(23, 59, 1, 0)),
        ),
        Case(
            "seen",
            "timestamp(6)",
            "'2025-07-01 08:30:00.123456'",
            K::DateTime,
            at(date(2025, 7, 1), time(8, 30, 0, 123_456_000)),
        ),
        Case(
            "instant",
            "timestamptz(0)",
            "'2025-07-01 08:30:00+05'",
            K::DateTime,
            at(date(2025, 7, 1), time(3, 30, 0, 0)),
        ),
    ];
    server.execute(&create(&cases));
    check(&server.source(), &cases).await;
}

/// PostgreSQL sorts NULL last; a scan must come by it first all the same, and by every row once.
#[tokio::test]
async fn a_key_with_null_in_it_is_walked_where_the_database_sorts_null_last() {
    let skipped = "no key with NULL is walked over ODBC";
    let Some(server) = Postgres::start(skipped) else {
        return;
    };
    server.execute(
        "CREATE TABLE t (ward text, bed integer); CREATE UNIQUE INDEX i ON t (ward, bed);
         INSERT INTO t SELECT NULLIF('w' || n % 3, 'w0'), NULLIF(n, 6) FROM generate_series(1, 60) n;",
    );
    let source = server.source();
    let columns = ["ward".to_owned(), "bed".to_owned()];
    let mut after: Option<Key> = None;
    let mut keys = Vec::new();
    loop {
        let scan = Scan {
            table: "t",
            columns: &columns,
            key: &columns,
            after: after.as_ref(),
            limit: 7,
        };
        let rows = source.scan(scan).await.unwrap();
        keys.extend(rows.iter().filter_map(|row| row.key(&columns)));
        after = keys.last().cloned();
        if rows.len() < 7 {
            break;
        }
        assert!(keys.len() < 100, "the scan does not advance");
    }
    assert_eq!(keys.len(), 60);
    assert!(keys[0].0 == [Value::Null, Value::Null]);
    assert!(keys[19].0[0].is_null() && keys[20].0 == [text("w1"), Value::Int(1)]);
}

#[tokio::test]
async fn mariadbs_types_arrive_as_its_driver_gives_them() {
    use ColumnKind as K;
    let database = Database::new().await.unwrap();
    let skipped = "MariaDB's types are not tried over ODBC";
    let Some(source) = mariadb_over_odbc(&database, skipped) else {
        return;
    };
    let cases = [
        Case("tiny", "TINYINT(1)", "1", K::Integer, Value::Int(1)),
        Case(
            "big",
            "BIGINT UNSIGNED",
            "18446744073709551615",
            K::Integer,
            Value::UInt(u64::MAX),
        ),
        Case(
            "amount",
            "DECIMAL(19,4)",
            "7.1",
            K::Decimal,
            decimal("7.1000"),
        ),
        Case("single", "FLOAT", "98.6", K::Float, Value::Float(98.6)),
        Case(
            "name",
            "VARCHAR(60) CHARACTER SET latin1",
            "'Zoë'",
            K::Text,
            text("Zoë"),
        ),
        Case(
            "urdu",
            "TEXT CHARACTER SET utf8mb4",
            "'عاقب 🩺'",
            K::Text,
            text("عاقب 🩺"),
        ),
        Case("sex", "ENUM('M','F')", "'F'", K::Text, text("F")),
        Case(
            "bytes",
            "VARBINARY(20)",
            "x'00ff10'",
            K::Bytes,
            Value::Bytes([0, 255, 16].into()),
        ),
        Case(
            "born",
            "DATE",
            "'1984-07-01'",
            K::Date,
            Value::Date(date(1984, 7, 1)),
        ),
        Case(
            "clock",
            "TIME",
            "'23:59:01'",
            K::Time,
            Value::Time(time(23, 59, 1, 0)),
        ),
        Case(
            "seen",
            "DATETIME(6)",
            "'2025-07-01 08:30:00.123456'",
            K::DateTime,
            at(date(2025, 7, 1), time(8, 30, 0, 123_456_000)),
        ),
        // ODBC has no date of zeros; the driver gives none. `kind = "mysql"` keeps it.
        Case("never", "DATE", "'0000-00-00'", K::Date, Value::Null),
    ];
    database.execute(&create(&cases)).await.unwrap();
    check(&source, &cases).await;
}
