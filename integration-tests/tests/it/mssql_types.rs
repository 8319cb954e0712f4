// SPDX-License-Identifier: Apache-2.0
//! Every column type, from the statement that stores a value to the value that arrives.

use silsila_integration_tests::mssql::Database;
use silsila_source::{
    ColumnKind, Date, DateTime, Fetch, Key, Scan, Source, SourceError, Time, Value,
};

fn text(s: &str) -> Value {
    Value::Text(s.into())
}

fn decimal(s: &str) -> Value {
    Value::Decimal(s.into())
}

fn at(date: (u16, u8, u8), time: (u8, u8, u8, u32), offset_minutes: Option<i16>) -> Value {
    let ((year, month, day), (hour, minute, second, nanosecond)) = (date, time);
    Value::DateTime(DateTime {
        date: Date { year, month, day },
        time: Time {
            hour,
            minute,
            second,
            nanosecond,
        },
        offset_minutes,
    })
}

fn time(hour: u8, minute: u8, second: u8, nanosecond: u32) -> Value {
    Value::Time(Time {
        hour,
        minute,
        second,
        nanosecond,
    })
}

fn day(year: u16, month: u8, day: u8) -> Value {
    Value::Date(Date { year, month, day })
}

struct Case {
    sql_type: &'static str,
    kind: ColumnKind,
    /// Literals as T-SQL writes them, and what must arrive, in ascending order.
    values: Vec<(&'static str, Value)>,
}

fn case(sql_type: &'static str, kind: ColumnKind, values: Vec<(&'static str, Value)>) -> Case {
    Case {
        sql_type,
        kind,
        values,
    }
}

fn numbers() -> Vec<Case> {
    use ColumnKind::{Bool, Decimal, Float, Integer};
    vec![
        case(
            "bit",
            Bool,
            vec![("0", Value::Bool(false)), ("1", Value::Bool(true))],
        ),
        case(
            "tinyint",
            Integer,
            vec![("0", Value::Int(0)), ("255", Value::Int(255))],
        ),
        case(
            "smallint",
            Integer,
            vec![
                ("-32768", Value::Int(-32_768)),
                ("32767", Value::Int(32_767)),
            ],
        ),
        case(
            "int",
            Integer,
            vec![
                ("-2147483648", Value::Int(-2_147_483_648)),
                ("7", Value::Int(7)),
            ],
        ),
        case(
            "bigint",
            Integer,
            vec![
                ("-9223372036854775808", Value::Int(i64::MIN)),
                ("9007199254740993", Value::Int(9_007_199_254_740_993)),
                ("9223372036854775807", Value::Int(i64::MAX)),
            ],
        ),
        case(
            "decimal(38,10)",
            Decimal,
            vec![
                (
                    "-9999999999999999999999999999.9999999999",
                    decimal("-9999999999999999999999999999.9999999999"),
                ),
                ("0", decimal("0.0000000000")),
                ("7.1", decimal("7.1000000000")),
            ],
        ),
        case(
            "numeric(5,0)",
            Decimal,
            vec![("-12", decimal("-12")), ("12345", decimal("12345"))],
        ),
        case(
            "money",
            Decimal,
            vec![
                ("-922337203685477.5808", decimal("-922337203685477.5808")),
                ("-0.0001", decimal("-0.0001")),
                ("1234567.8901", decimal("1234567.8901")),
                ("922337203685477.5807", decimal("922337203685477.5807")),
            ],
        ),
        case(
            "smallmoney",
            Decimal,
            vec![
                ("-214748.3648", decimal("-214748.3648")),
                ("99.95", decimal("99.9500")),
            ],
        ),
        case(
            "real",
            Float,
            vec![("-1.5", Value::Float(-1.5)), ("98.6", Value::Float(98.6))],
        ),
        case(
            "float",
            Float,
            vec![
                ("-1.5e-7", Value::Float(-1.5e-7)),
                ("1e300", Value::Float(1e300)),
            ],
        ),
    ]
}

fn words() -> Vec<Case> {
    use ColumnKind::{Bytes, Text};
    vec![
        case(
            "char(4)",
            Text,
            vec![("'F'", text("F")), ("'M'", text("M"))],
        ),
        case(
            "varchar(20)",
            Text,
            vec![("''", text("")), ("'Zoë O''Brien '", text("Zoë O'Brien "))],
        ),
        case(
            "varchar(max)",
            Text,
            vec![("'a'", text("a")), ("'b'", text("b"))],
        ),
        case("nchar(6)", Text, vec![("N'میر'", text("میر"))]),
        case(
            "nvarchar(100)",
            Text,
            vec![
                ("N'Ali 😀 test'", text("Ali 😀 test")),
                ("N'محمد علی خان'", text("محمد علی خان")),
            ],
        ),
        case("nvarchar(max)", Text, vec![("N'ڈاکٹر'", text("ڈاکٹر"))]),
        case(
            "uniqueidentifier",
            Text,
            vec![
                (
                    "'513952d6-df55-4d6e-a33c-3dd65ec73a2a'",
                    text("513952D6-DF55-4D6E-A33C-3DD65EC73A2A"),
                ),
                (
                    "'00000000-0000-0000-0000-3dd65ec73a2b'",
                    text("00000000-0000-0000-0000-3DD65EC73A2B"),
                ),
            ],
        ),
        case(
            "binary(3)",
            Bytes,
            vec![
                ("0x000102", Value::Bytes([0, 1, 2].into())),
                ("0x01", Value::Bytes([1, 0, 0].into())),
            ],
        ),
        case(
            "varbinary(8000)",
            Bytes,
            vec![
                ("0x01", Value::Bytes([1].into())),
                ("0xFF00", Value::Bytes([255, 0].into())),
            ],
        ),
        case(
            "varbinary(max)",
            Bytes,
            vec![("0x0102", Value::Bytes([1, 2].into()))],
        ),
    ]
}

fn moments() -> Vec<Case> {
    use ColumnKind::{Date, DateTime, Time};
    vec![
        case(
            "date",
            Date,
            vec![
                ("'0001-01-01'", day(1, 1, 1)),
                ("'9999-12-31'", day(9999, 12, 31)),
            ],
        ),
        case(
            "time(7)",
            Time,
            vec![
                ("'00:00:00'", time(0, 0, 0, 0)),
                ("'23:59:59.9999999'", time(23, 59, 59, 999_999_900)),
            ],
        ),
        case("time(0)", Time, vec![("'13:45:30'", time(13, 45, 30, 0))]),
        case(
            "smalldatetime",
            DateTime,
            vec![
                (
                    "'1900-01-01T00:00:00'",
                    at((1900, 1, 1), (0, 0, 0, 0), None),
                ),
                (
                    "'2079-06-06T23:59:00'",
                    at((2079, 6, 6), (23, 59, 0, 0), None),
                ),
            ],
        ),
        case(
            "datetime",
            DateTime,
            vec![
                (
                    "'1753-01-01T00:00:00'",
                    at((1753, 1, 1), (0, 0, 0, 0), None),
                ),
                (
                    "'2025-07-01T09:30:00.003'",
                    at((2025, 7, 1), (9, 30, 0, 3_000_000), None),
                ),
                (
                    "'2025-07-01T09:30:00.007'",
                    at((2025, 7, 1), (9, 30, 0, 7_000_000), None),
                ),
                (
                    "'9999-12-31T23:59:59.997'",
                    at((9999, 12, 31), (23, 59, 59, 997_000_000), None),
                ),
            ],
        ),
        case(
            "datetime2(7)",
            DateTime,
            vec![
                (
                    "'0001-01-01T00:00:00.0000001'",
                    at((1, 1, 1), (0, 0, 0, 100), None),
                ),
                (
                    "'1850-01-01T12:00:00'",
                    at((1850, 1, 1), (12, 0, 0, 0), None),
                ),
                (
                    "'9999-12-31T23:59:59.9999999'",
                    at((9999, 12, 31), (23, 59, 59, 999_999_900), None),
                ),
            ],
        ),
        case(
            "datetime2(3)",
            DateTime,
            vec![(
                "'2025-07-01T09:30:00.123'",
                at((2025, 7, 1), (9, 30, 0, 123_000_000), None),
            )],
        ),
        case(
            "datetimeoffset(7)",
            DateTime,
            vec![
                (
                    "'2025-07-01T00:30:00.0000001 +05:00'",
                    at((2025, 7, 1), (0, 30, 0, 100), Some(300)),
                ),
                (
                    "'2025-06-30T20:00:00 +00:00'",
                    at((2025, 6, 30), (20, 0, 0, 0), Some(0)),
                ),
                (
                    "'2025-06-30T18:00:00 -03:30'",
                    at((2025, 6, 30), (18, 0, 0, 0), Some(-210)),
                ),
            ],
        ),
        case(
            "datetimeoffset(0)",
            DateTime,
            vec![(
                "'2025-07-01T09:42:00 +05:00'",
                at((2025, 7, 1), (9, 42, 0, 0), Some(300)),
            )],
        ),
    ]
}

/// A table with the values under a number, and with one row of NULL.
async fn store(database: &Database, table: &str, case: &Case) {
    let rows: Vec<_> = case
        .values
        .iter()
        .enumerate()
        .map(|(at, (literal, _))| format!("({at}, {literal})"))
        .collect();
    let sql_type = case.sql_type;
    let script = format!(
        "CREATE TABLE [{table}] ([id] int PRIMARY KEY, [v] {sql_type} NULL);
         INSERT INTO [{table}] VALUES {}, (99, NULL);",
        rows.join(", ")
    );
    database
        .execute(&script)
        .await
        .unwrap_or_else(|e| panic!("{sql_type}: {e:#}"));
}

#[tokio::test]
async fn every_type_arrives_as_it_was_stored() {
    let database = Database::new().await.unwrap();
    let source = database.source();
    let columns = ["id", "v"].map(String::from);
    let cases: Vec<_> = [numbers(), words(), moments()]
        .into_iter()
        .flatten()
        .collect();
    for (n, case) in cases.iter().enumerate() {
        let table = format!("t{n}");
        store(&database, &table, case).await;
        let rows = source
            .scan(Scan {
                table: &table,
                columns: &columns,
                key: &columns[..1],
                after: None,
                limit: 100,
            })
            .await
            .unwrap();
        let arrived: Vec<_> = rows.iter().map(|row| row.values()[1].clone()).collect();
        let mut stored: Vec<_> = case.values.iter().map(|(_, v)| v.clone()).collect();
        stored.push(Value::Null);
        for (at, (arrived, stored)) in arrived.iter().zip(&stored).enumerate() {
            assert!(
                arrived == stored,
                "{} value {at}: {}",
                case.sql_type,
                shown(arrived)
            );
        }
        assert_eq!(arrived.len(), stored.len(), "{}", case.sql_type);
    }
    let schema = source.schema().await.unwrap();
    for (n, case) in cases.iter().enumerate() {
        let column = &schema.table(&format!("t{n}")).unwrap().columns[1];
        let declared = case.sql_type.replace("numeric", "decimal");
        let listed = column.sql_type.replace("numeric", "decimal");
        assert_eq!(
            (listed.as_str(), column.kind),
            (declared.as_str(), case.kind)
        );
    }
}

/// Invented values may be shown.
fn shown(value: &Value) -> String {
    match value {
        Value::Decimal(t) | Value::Text(t) => format!("{} {t:?}", value.kind()),
        Value::Float(f) => format!("float {f}"),
        Value::Int(i) => format!("integer {i}"),
        Value::DateTime(t) => format!("{t:?}"),
        Value::Time(t) => format!("{t:?}"),
        other => other.kind().into(),
    }
}

/// As a key a value must find its own row, and a scan must go on after it.
#[tokio::test]
async fn every_type_that_can_be_compared_can_be_a_key() {
    let database = Database::new().await.unwrap();
    let source = database.source();
    let columns = ["v", "id"].map(String::from);
    let cases: Vec<_> = [numbers(), words(), moments()]
        .into_iter()
        .flatten()
        .collect();
    for (n, case) in cases.iter().enumerate() {
        let table = format!("t{n}");
        store(&database, &table, case).await;
        let (mut after, mut walked): (Option<Key>, Vec<Value>) = (None, Vec::new());
        for _ in 0..=case.values.len() + 1 {
            let rows = source
                .scan(Scan {
                    table: &table,
                    columns: &columns,
                    key: &columns[..1],
                    after: after.as_ref(),
                    limit: 1,
                })
                .await
                .unwrap_or_else(|e| panic!("{}: {e}", case.sql_type));
            let Some(row) = rows.first() else { break };
            after = row.key(&columns[..1]);
            walked.push(row.values()[1].clone());
        }
        let mut expect = vec![Value::Int(99)]; // NULL comes first
        expect.extend((0..case.values.len()).map(|at| Value::Int(i64::try_from(at).unwrap())));
        assert!(
            walked == expect,
            "{}: {} rows walked",
            case.sql_type,
            walked.len()
        );
        let keys: Vec<_> = case
            .values
            .iter()
            .map(|(_, v)| Key(vec![v.clone()]))
            .collect();
        let found = source
            .fetch(Fetch {
                table: &table,
                columns: &columns,
                by: &columns[..1],
                keys: &keys,
            })
            .await
            .unwrap();
        assert_eq!(found.len(), case.values.len(), "{}", case.sql_type);
    }
}

#[tokio::test]
async fn long_texts_xml_and_images_are_read_and_never_compared() {
    let database = Database::new().await.unwrap();
    database
        .execute(
            "CREATE TABLE [t] ([id] int PRIMARY KEY, [a] ntext, [b] text, [c] xml, [d] image);
             INSERT INTO [t] VALUES (1, N'میمو', 'memo', N'<p>بخار</p>', 0x0102)",
        )
        .await
        .unwrap();
    let source = database.source();
    let columns = ["id", "a", "b", "c", "d"].map(String::from);
    let scan = |key: &'static [usize]| {
        let key: Vec<_> = key.iter().map(|at| columns[*at].clone()).collect();
        let (source, columns) = (&source, &columns);
        async move {
            source
                .scan(Scan {
                    table: "t",
                    columns,
                    key: &key,
                    after: None,
                    limit: 9,
                })
                .await
        }
    };
    let rows = scan(&[0]).await.unwrap();
    let expect = [
        Value::Int(1),
        text("میمو"),
        text("memo"),
        text("<p>بخار</p>"),
        Value::Bytes([1, 2].into()),
    ];
    assert!(rows[0].values() == expect);
    let error = scan(&[1]).await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreadable { .. })
            && error.to_string().contains("cannot be compared"),
        "{error}"
    );
}

#[tokio::test]
async fn a_type_that_is_not_read_is_listed_as_such_and_the_others_go_on() {
    let database = Database::new().await.unwrap();
    database
        .execute(
            "CREATE TABLE [t] ([id] int PRIMARY KEY, [v] sql_variant, [g] geography, [h] hierarchyid);
             INSERT INTO [t] ([id]) VALUES (1)",
        )
        .await
        .unwrap();
    let source = database.source();
    let schema = source.schema().await.unwrap();
    let kinds: Vec<_> = schema
        .table("t")
        .unwrap()
        .columns
        .iter()
        .map(|c| c.kind)
        .collect();
    assert_eq!(kinds[1..], [ColumnKind::Unsupported; 3]);
    let read = |columns: &[&str]| {
        let columns: Vec<_> = columns.iter().map(|c| (*c).to_owned()).collect();
        let source = &source;
        async move {
            source
                .scan(Scan {
                    table: "t",
                    columns: &columns,
                    key: &columns[..1],
                    after: None,
                    limit: 9,
                })
                .await
        }
    };
    assert_eq!(read(&["id"]).await.unwrap().len(), 1);
    let error = read(&["id", "g"]).await.unwrap_err().to_string();
    assert!(
        error.starts_with("SRC0005 khi:") && error.contains("geography"),
        "{error}"
    );
}
