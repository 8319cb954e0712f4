// SPDX-License-Identifier: Apache-2.0
//! Every column type of MySQL arrives as it is stored.

use silsila_integration_tests::mariadb::Database;
use silsila_source::{ColumnKind, Date, DateTime, Row, Scan, Source, Time, Value};

async fn rows(database: &Database, table: &str, columns: &[&str]) -> Vec<Row> {
    let columns: Vec<String> = columns.iter().map(|c| (*c).into()).collect();
    database
        .source()
        .scan(Scan {
            table,
            columns: &columns,
            key: &columns[..1],
            after: None,
            limit: 100,
        })
        .await
        .unwrap()
}

fn text(t: &str) -> Value {
    Value::Text(t.into())
}

fn bytes(b: &[u8]) -> Value {
    Value::Bytes(b.into())
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

fn at(date: Date, time: Time, offset_minutes: Option<i16>) -> Value {
    Value::DateTime(DateTime {
        date,
        time,
        offset_minutes,
    })
}

/// Name, type, literals of three rows, the kind declared and the values expected.
type Case = (
    &'static str,
    &'static str,
    [&'static str; 2],
    ColumnKind,
    [Value; 2],
);

fn cases() -> Vec<Case> {
    use ColumnKind as K;
    let decimal = |d: &str| Value::Decimal(d.into());
    vec![
        (
            "t",
            "TINYINT(1)",
            ["1", "-128"],
            K::Integer,
            [Value::Int(1), Value::Int(-128)],
        ),
        (
            "tu",
            "TINYINT UNSIGNED ZEROFILL",
            ["7", "255"],
            K::Integer,
            [Value::Int(7), Value::Int(255)],
        ),
        (
            "s",
            "SMALLINT",
            ["-32768", "32767"],
            K::Integer,
            [Value::Int(-32_768), Value::Int(32_767)],
        ),
        (
            "m",
            "MEDIUMINT UNSIGNED",
            ["16777215", "0"],
            K::Integer,
            [Value::Int(16_777_215), Value::Int(0)],
        ),
        (
            "i",
            "INT UNSIGNED",
            ["4294967295", "0"],
            K::Integer,
            [Value::Int(4_294_967_295), Value::Int(0)],
        ),
        (
            "b",
            "BIGINT UNSIGNED",
            ["18446744073709551615", "9223372036854775807"],
            K::Integer,
            [Value::UInt(u64::MAX), Value::Int(i64::MAX)],
        ),
        (
            "y",
            "YEAR",
            ["2025", "0"],
            K::Integer,
            [Value::Int(2025), Value::Int(0)],
        ),
        (
            "bit1",
            "BIT(1)",
            ["b'1'", "b'0'"],
            K::Integer,
            [Value::Int(1), Value::Int(0)],
        ),
        (
            "bit64",
            "BIT(64)",
            ["b'101'", "~0"],
            K::Integer,
            [Value::Int(5), Value::UInt(u64::MAX)],
        ),
        (
            "d",
            "DECIMAL(5,1)",
            ["98.6", "-0.1"],
            K::Decimal,
            [decimal("98.6"), decimal("-0.1")],
        ),
        (
            "dd",
            "DECIMAL(65,30)",
            [
                "12345678901234567890123456789012345.123456789012345678901234567890",
                "7.1",
            ],
            K::Decimal,
            [
                decimal("12345678901234567890123456789012345.123456789012345678901234567890"),
                decimal("7.100000000000000000000000000000"),
            ],
        ),
        (
            "f",
            "FLOAT",
            ["98.6", "0.1"],
            K::Float,
            [Value::Float(98.6), Value::Float(0.1)],
        ),
        (
            "db",
            "DOUBLE",
            ["0.1", "-1e300"],
            K::Float,
            [Value::Float(0.1), Value::Float(-1e300)],
        ),
        (
            "c",
            "CHAR(8)",
            ["'ab '", "''"],
            K::Text,
            [text("ab"), text("")],
        ),
        (
            "v",
            "VARCHAR(40)",
            ["'ab '", "'بخار 🌡'"],
            K::Text,
            [text("ab "), text("بخار 🌡")],
        ),
        (
            "tx",
            "TEXT",
            ["'a\\nb'", "NULL"],
            K::Text,
            [text("a\nb"), Value::Null],
        ),
        (
            "e",
            "ENUM('Male','Female')",
            ["'Female'", "''"],
            K::Text,
            [text("Female"), text("")],
        ),
        (
            "st",
            "SET('a','b','c')",
            ["'a,c'", "''"],
            K::Text,
            [text("a,c"), text("")],
        ),
        (
            "js",
            "JSON",
            ["'{\"t\": 37.10}'", "'[]'"],
            K::Text,
            [text("{\"t\": 37.10}"), text("[]")],
        ),
        (
            "ip",
            "INET6",
            ["'::1'", "NULL"],
            K::Text,
            [text("::1"), Value::Null],
        ),
        (
            "bn",
            "BINARY(3)",
            ["x'0102'", "NULL"],
            K::Bytes,
            [bytes(&[1, 2, 0]), Value::Null],
        ),
        (
            "vb",
            "VARBINARY(9)",
            ["x'00ff'", "''"],
            K::Bytes,
            [bytes(&[0, 255]), bytes(&[])],
        ),
        (
            "bl",
            "BLOB",
            ["'text'", "x'c3'"],
            K::Bytes,
            [bytes(b"text"), bytes(&[0xc3])],
        ),
        (
            "da",
            "DATE",
            ["'2025-06-30'", "'0000-00-00'"],
            K::Date,
            [Value::Date(date(2025, 6, 30)), Value::Date(date(0, 0, 0))],
        ),
        (
            "dp",
            "DATE",
            ["'1985-00-00'", "'1985-07-00'"],
            K::Date,
            [Value::Date(date(1985, 0, 0)), Value::Date(date(1985, 7, 0))],
        ),
        (
            "dt",
            "DATETIME",
            ["'0000-00-00 00:00:00'", "'2025-07-01 09:12:00'"],
            K::DateTime,
            [
                at(date(0, 0, 0), time(0, 0, 0, 0), None),
                at(date(2025, 7, 1), time(9, 12, 0, 0), None),
            ],
        ),
        (
            "d6",
            "DATETIME(6)",
            [
                "'9999-12-31 23:59:59.999999'",
                "'1000-01-01 00:00:00.000001'",
            ],
            K::DateTime,
            [
                at(date(9999, 12, 31), time(23, 59, 59, 999_999_000), None),
                at(date(1000, 1, 1), time(0, 0, 0, 1_000), None),
            ],
        ),
        (
            "ts",
            "TIMESTAMP NULL",
            ["'2025-07-01 09:12:00'", "'0000-00-00 00:00:00'"],
            K::DateTime,
            [
                at(date(2025, 7, 1), time(4, 12, 0, 0), Some(0)),
                at(date(0, 0, 0), time(0, 0, 0, 0), Some(0)),
            ],
        ),
        (
            "ti",
            "TIME(3)",
            ["'23:59:59.125'", "'00:00:00'"],
            K::Time,
            [
                Value::Time(time(23, 59, 59, 125_000_000)),
                Value::Time(time(0, 0, 0, 0)),
            ],
        ),
        (
            "tl",
            "TIME",
            ["'838:59:59'", "'-01:30:00'"],
            K::Time,
            [text("838:59:59"), text("-01:30:00")],
        ),
    ]
}

#[tokio::test]
async fn every_type_arrives_as_stored() {
    let database = Database::new().await.unwrap();
    let cases = cases();
    let columns: Vec<_> = cases.iter().map(|c| format!("`{}` {}", c.0, c.1)).collect();
    let values = |row: usize| {
        let literals: Vec<_> = cases.iter().map(|c| c.2[row]).collect();
        format!("({row}, {})", literals.join(", "))
    };
    // The hospital's clock is five hours east; a TIMESTAMP is stored in UTC all the same.
    let sql = format!(
        "SET time_zone = '+05:00'; CREATE TABLE kinds (id INT PRIMARY KEY, {}); INSERT INTO kinds VALUES {}, {};",
        columns.join(", "),
        values(0),
        values(1)
    );
    database.execute(&sql).await.unwrap();

    let mut names = vec!["id"];
    names.extend(cases.iter().map(|c| c.0));
    let rows = rows(&database, "kinds", &names).await;
    let schema = database.source().schema().await.unwrap();
    let table = schema.table("kinds").unwrap();
    for (name, sql_type, literals, kind, expect) in cases {
        let column = table.columns.iter().find(|c| c.name == name).unwrap();
        assert_eq!(column.kind, kind, "{sql_type} is declared");
        for (row, (value, literal)) in rows.iter().zip(expect.iter().zip(literals)) {
            let got = row.get(name).unwrap();
            assert!(
                got == value,
                "{sql_type} {literal} arrived as another {got:?}"
            );
        }
    }
}

#[tokio::test]
async fn keys_of_every_kind_resume_exactly() {
    let database = Database::new().await.unwrap();
    let kinds = [
        (
            "DECIMAL(30,10)",
            "'1234567890123456789.0000000001'",
            "'1234567890123456789.0000000002'",
        ),
        ("FLOAT", "0.1", "0.2"),
        ("ENUM('zebra','apple')", "'zebra'", "'apple'"),
        ("DATE", "'0000-00-00'", "'2025-02-31'"),
        (
            "DATETIME(6)",
            "'0000-00-00 00:00:00'",
            "'2025-01-01 00:00:00.000001'",
        ),
        ("TIME", "'-01:00:00'", "'100:00:00'"),
        ("BINARY(2)", "x'00ff'", "x'ff00'"),
        ("BIT(64)", "1", "~0"),
        (
            "BIGINT UNSIGNED",
            "9223372036854775807",
            "18446744073709551615",
        ),
        ("VARCHAR(9) CHARACTER SET latin1", "'é'", "'ü'"),
        (
            "VARCHAR(9) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin",
            "'B'",
            "'a'",
        ),
        ("YEAR", "0", "2025"),
    ];
    for (at, (sql_type, one, other)) in kinds.into_iter().enumerate() {
        let sql = format!(
            "SET sql_mode = 'ALLOW_INVALID_DATES';
             CREATE TABLE k{at} (k {sql_type} NOT NULL PRIMARY KEY); INSERT INTO k{at} VALUES ({one}), ({other});"
        );
        database.execute(&sql).await.unwrap();
        let source = database.source();
        let columns = ["k".to_owned()];
        let table = format!("k{at}");
        let mut after = None;
        let mut seen = Vec::new();
        for _ in 0..4 {
            let rows = source
                .scan(Scan {
                    table: &table,
                    columns: &columns,
                    key: &columns,
                    after: after.as_ref(),
                    limit: 1,
                })
                .await
                .unwrap();
            let Some(row) = rows.first() else { break };
            after = row.key(&columns);
            seen.push(after.clone().unwrap().encode());
        }
        assert_eq!(seen.len(), 2, "{sql_type}: two keys, each once");
        assert_ne!(seen[0], seen[1], "{sql_type}");
    }
}

#[tokio::test]
async fn uuids_of_servers_that_have_them_are_text() {
    let database = Database::new().await.unwrap();
    let server = database.source().health().await.unwrap().server;
    let sql = "CREATE TABLE u (k UUID PRIMARY KEY); INSERT INTO u VALUES ('123e4567-e89b-12d3-a456-426655440000')";
    let made = database.execute(sql).await;
    // MariaDB has the type since 10.7; before, there is nothing to read.
    let since = |minor: &str| minor.parse::<u32>().is_ok_and(|m| m >= 7);
    let has_it = server.starts_with("MariaDB 1")
        && server
            .strip_prefix("MariaDB 10.")
            .is_none_or(|v| v.split('.').next().is_some_and(since));
    assert_eq!(made.is_ok(), has_it, "{server}: {made:?}");
    if has_it {
        let rows = rows(&database, "u", &["k"]).await;
        assert!(rows[0].values() == [text("123e4567-e89b-12d3-a456-426655440000")]);
    }
}
