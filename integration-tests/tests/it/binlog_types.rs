// SPDX-License-Identifier: Apache-2.0
//! Every value that the log tells is the very value that a `SELECT` gives.

use silsila_source::{Row, Scan, Source, Value};

use crate::binlog_server::{Logging, Reader};

/// Column, type, and the literals of three rows.
const COLUMNS: &[(&str, &str, [&str; 3])] = &[
    ("id", "INT PRIMARY KEY", ["1", "2", "3"]),
    ("t", "TINYINT", ["-128", "127", "NULL"]),
    ("tu", "TINYINT UNSIGNED", ["255", "0", "NULL"]),
    ("s", "SMALLINT", ["-32768", "32767", "1"]),
    ("su", "SMALLINT UNSIGNED ZEROFILL", ["65535", "7", "0"]),
    ("m", "MEDIUMINT", ["-8388608", "8388607", "-1"]),
    ("mu", "MEDIUMINT UNSIGNED", ["16777215", "8388608", "0"]),
    ("i", "INT", ["-2147483648", "2147483647", "0"]),
    ("iu", "INT UNSIGNED", ["4294967295", "2147483648", "0"]),
    (
        "b",
        "BIGINT",
        ["-9223372036854775808", "9223372036854775807", "0"],
    ),
    (
        "bu",
        "BIGINT UNSIGNED",
        ["18446744073709551615", "9223372036854775808", "0"],
    ),
    ("y", "YEAR", ["1901", "2155", "0"]),
    ("bit1", "BIT(1)", ["b'1'", "b'0'", "NULL"]),
    ("bit13", "BIT(13)", ["b'1010101010101'", "0", "8191"]),
    ("bit64", "BIT(64)", ["~0", "1", "0"]),
    ("d", "DECIMAL(5,1)", ["98.6", "-0.1", "0"]),
    (
        "dd",
        "DECIMAL(65,30)",
        [
            "12345678901234567890123456789012345.123456789012345678901234567890",
            "-7.1",
            "0.000000000000000000000000000001",
        ],
    ),
    ("d0", "DECIMAL(9,0)", ["999999999", "-1", "0"]),
    (
        "d10",
        "DECIMAL(10,10)",
        ["0.1234567890", "-0.0000000001", "0"],
    ),
    (
        "du",
        "DECIMAL(19,4) UNSIGNED",
        ["922337203685477.5807", "0.0001", "5"],
    ),
    ("f", "FLOAT", ["98.6", "-1.5e-7", "0"]),
    ("db", "DOUBLE", ["0.1", "-1e300", "0"]),
    ("c", "CHAR(8)", ["'ab '", "''", "'بخار'"]),
    ("c255", "CHAR(255)", ["REPEAT('ب',255)", "'x'", "NULL"]),
    ("v", "VARCHAR(40)", ["'ab '", "'بخار 🌡'", "''"]),
    ("v300", "VARCHAR(300)", ["REPEAT('x',300)", "'y'", "NULL"]),
    (
        "vl",
        "VARCHAR(40) CHARACTER SET latin1",
        ["'x³/µL €'", "'Zoë'", "''"],
    ),
    (
        "cl",
        "CHAR(200) CHARACTER SET latin1",
        ["'Zoë'", "''", "NULL"],
    ),
    (
        "v2",
        "VARCHAR(40) CHARACTER SET ucs2",
        ["'بخار'", "'ab'", "''"],
    ),
    (
        "v16",
        "VARCHAR(40) CHARACTER SET utf16",
        ["'🌡'", "'ab'", "''"],
    ),
    (
        "v32",
        "VARCHAR(40) CHARACTER SET utf32",
        ["'🌡'", "'ab'", "''"],
    ),
    (
        "va",
        "VARCHAR(40) CHARACTER SET ascii",
        ["'ab'", "''", "NULL"],
    ),
    ("tt", "TINYTEXT", ["'a'", "''", "NULL"]),
    ("tx", "TEXT", ["'a\\nb'", "REPEAT('ب',3000)", "NULL"]),
    (
        "mt",
        "MEDIUMTEXT CHARACTER SET latin1",
        ["REPEAT('ë',70000)", "''", "NULL"],
    ),
    ("lt", "LONGTEXT", ["'long'", "''", "NULL"]),
    (
        "e",
        "ENUM('Male','Fe''male','x,y')",
        ["'Fe''male'", "'x,y'", "''"],
    ),
    (
        "el",
        "ENUM('é','b') CHARACTER SET latin1",
        ["'é'", "'b'", "NULL"],
    ),
    ("st", "SET('a','b','c')", ["'a,c'", "''", "NULL"]),
    ("bi", "BINARY(4)", ["x'01020000'", "x'ff'", "x''"]),
    ("vb", "VARBINARY(10)", ["x'0102030000'", "x''", "NULL"]),
    ("bl", "BLOB", ["x'00ff00'", "x''", "NULL"]),
    ("tb", "TINYBLOB", ["x'00'", "x''", "NULL"]),
    (
        "dt",
        "DATE",
        ["'2025-02-28'", "'0000-00-00'", "'2025-00-00'"],
    ),
    (
        "dtm",
        "DATETIME",
        [
            "'1850-01-01 23:59:59'",
            "'0000-00-00 00:00:00'",
            "'9999-12-31 00:00:00'",
        ],
    ),
    (
        "dtm3",
        "DATETIME(3)",
        ["'2025-07-01 08:30:00.123'", "'0000-00-00'", "NULL"],
    ),
    (
        "dtm6",
        "DATETIME(6)",
        [
            "'2025-07-01 08:30:00.123456'",
            "'2025-07-01 08:30:00.000001'",
            "NULL",
        ],
    ),
    (
        "ts",
        "TIMESTAMP NULL",
        ["'2025-07-01 08:30:00'", "'0000-00-00'", "NULL"],
    ),
    (
        "ts1",
        "TIMESTAMP(1) NULL",
        ["'2025-07-01 08:30:00.1'", "'1970-01-01 00:00:01'", "NULL"],
    ),
    (
        "ts6",
        "TIMESTAMP(6) NULL",
        [
            "'2038-01-19 03:14:07.999999'",
            "'2000-02-29 12:00:00.5'",
            "NULL",
        ],
    ),
    ("ti", "TIME", ["'08:30:59'", "'-01:30:30'", "'838:59:59'"]),
    (
        "ti2",
        "TIME(2)",
        ["'-00:00:01.10'", "'-00:00:00.01'", "'23:59:59.99'"],
    ),
    (
        "ti6",
        "TIME(6)",
        [
            "'-838:59:58.999999'",
            "'00:00:00.000001'",
            "'-00:00:00.000001'",
        ],
    ),
    ("js", "JSON", ["'{\"t\": 37.10}'", "'[]'", "NULL"]),
];

/// What the log does not tell exactly; a row that needs one of these waits for the sweep.
const LEFT_OUT: &[(&str, &str, [&str; 3])] = &[
    (
        "u",
        "UUID",
        ["'11223344-5566-7788-99aa-bbccddeeff00'", "NULL", "NULL"],
    ),
    ("ip", "INET6", ["'2001:db8::1'", "'::'", "NULL"]),
    (
        "vu",
        "VARCHAR(40) CHARACTER SET cp1256",
        ["'بخار'", "'ab'", "NULL"],
    ),
];

fn sql(columns: &[(&str, &str, [&str; 3])]) -> String {
    let defined: Vec<String> = columns
        .iter()
        .map(|(name, kind, _)| format!("`{name}` {kind}"))
        .collect();
    let row = |i: usize| {
        let values: Vec<&str> = columns.iter().map(|(.., v)| v[i]).collect();
        format!("({})", values.join(", "))
    };
    format!(
        "SET NAMES utf8mb4; SET time_zone = '+00:00';
         CREATE TABLE types ({}) ENGINE=InnoDB CHARACTER SET utf8mb4 ROW_FORMAT=DYNAMIC;
         INSERT INTO types VALUES {}, {}, {}",
        defined.join(", "),
        row(0),
        row(1),
        row(2)
    )
}

async fn told_and_selected(logging: &Logging) -> (Vec<Row>, Vec<Row>, Vec<String>) {
    let all: Vec<_> = COLUMNS.iter().chain(LEFT_OUT).copied().collect();
    let names: Vec<&str> = all.iter().map(|(name, ..)| *name).collect();
    let mut reader = Reader::new(logging, &[("types", &names)]).await;
    logging.admin(&sql(&all)).await;
    let told = reader.changes(3).await;
    let told = told
        .into_iter()
        .map(|change| change.after.unwrap())
        .collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let scan = Scan {
        table: "types",
        columns: &names,
        key: &names[..1],
        after: None,
        limit: 10,
    };
    let selected = logging.source().scan(scan).await.unwrap();
    (told, selected, names)
}

fn compare(told: &[Row], selected: &[Row]) {
    assert_eq!((told.len(), selected.len()), (3, 3));
    for (i, (told, selected)) in told.iter().zip(selected).enumerate() {
        for (name, ..) in COLUMNS {
            let (a, b) = (told.get(name), selected.get(name));
            let kinds = || (a.map(Value::kind), b.map(Value::kind));
            assert!(
                a.is_some() && a == b,
                "row {i}, column {name}: {:?}",
                kinds()
            );
        }
        for (name, ..) in LEFT_OUT {
            let value = told.get(name);
            let left_out = value.is_none_or(|v| v.is_null() && selected.get(name) == Some(v));
            assert!(left_out, "row {i}, column {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_is_told_as_it_is_selected() {
    for arguments in [
        &[][..],
        &["--log-bin-compress=1", "--log-bin-compress-min-len=10"],
        &["--binlog-checksum=NONE", "--binlog-row-metadata=FULL"],
    ] {
        let logging = Logging::start(arguments).await;
        let (told, selected, _) = told_and_selected(&logging).await;
        compare(&told, &selected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_the_older_format_of_times_is_told_too() {
    let logging = Logging::start(&["--mysql56-temporal-format=OFF"]).await;
    let mut reader = Reader::new(&logging, &[("old", &["id", "a", "b", "c"])]).await;
    logging
        .admin(
            "SET time_zone = '+00:00';
             CREATE TABLE old (id INT PRIMARY KEY, a DATETIME, b TIMESTAMP NULL, c TIME);
             INSERT INTO old VALUES (1, '2025-07-01 08:30:59', '2025-07-01 08:30:59', '-01:30:30')",
        )
        .await;
    let told = reader.changes(1).await.remove(0).after.unwrap();
    let names: Vec<String> = ["id", "a", "b", "c"].map(str::to_owned).to_vec();
    let scan = Scan {
        table: "old",
        columns: &names,
        key: &names[..1],
        after: None,
        limit: 10,
    };
    let selected = logging.source().scan(scan).await.unwrap();
    for name in &names {
        assert!(told.get(name) == selected[0].get(name), "{name}");
    }
}
