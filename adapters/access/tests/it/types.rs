// SPDX-License-Identifier: Apache-2.0
//! Every type of column, as it is stored and as it arrives.

use silsila_source::{ColumnKind, Date, DateTime, Row, Source, Table, Time, Value};

use crate::place::{int, rows, source, text};

async fn table(file: &str, name: &str) -> Table {
    let schema = source(file).schema().await.unwrap();
    schema.table(name).cloned().unwrap()
}

/// Name, type, kind and nullability of each column.
fn shown(table: &Table) -> Vec<(&str, &str, ColumnKind, bool)> {
    let columns = table.columns.iter();
    columns
        .map(|c| (c.name.as_str(), c.sql_type.as_str(), c.kind, c.nullable))
        .collect()
}

fn moment(date: (u16, u8, u8), time: (u8, u8, u8)) -> Value {
    Value::DateTime(DateTime {
        date: Date {
            year: date.0,
            month: date.1,
            day: date.2,
        },
        time: Time {
            hour: time.0,
            minute: time.1,
            second: time.2,
            nanosecond: 0,
        },
        offset_minutes: None,
    })
}

fn decimal(digits: &str) -> Value {
    Value::Decimal(digits.into())
}

/// Compares one column of all rows, in key order.
fn column(found: &[Row], name: &str, expect: &[Value]) {
    for (row, expect) in found.iter().zip(expect) {
        let got = row.get(name).unwrap();
        assert!(got == expect, "{name}: {got:?} instead of {expect:?}");
    }
    assert_eq!(found.len(), expect.len(), "{name}");
}

async fn patients(file: &str) {
    let source = source(file);
    let found = rows(&source, "Patients", &["PatientID"], 2).await.unwrap();
    let null = || Value::Null;
    let words = |s: &str| Value::Text(s.into());
    column(
        &found,
        "Full Name",
        &[
            words("Ali Khan"),
            words("Zoë O'Brien"),
            null(),
            words(""),
            words("emoji 😀 test"),
        ],
    );
    column(
        &found,
        "NameUrdu",
        &[
            words("محمد علی خان"),
            words("فاطمہ بی بی"),
            null(),
            words("عائشہ"),
            words("ڈاکٹر"),
        ],
    );
    column(
        &found,
        "DOB",
        &[
            moment((1980, 2, 29), (0, 0, 0)),
            moment((1899, 12, 30), (13, 45, 30)),
            null(),
            moment((2024, 12, 31), (23, 59, 59)),
            moment((1850, 1, 1), (12, 0, 0)),
        ],
    );
    column(
        &found,
        "Active",
        &[true, false, false, true, true].map(Value::Bool),
    );
    column(
        &found,
        "Balance",
        &[
            decimal("1234.5678"),
            decimal("-0.0001"),
            null(),
            decimal("922337203685477.5807"),
            decimal("0.0000"),
        ],
    );
    column(
        &found,
        "Weight",
        &[
            Value::Float(70.25),
            Value::Float(-1.5e-7),
            null(),
            Value::Float(1e300),
            Value::Float(0.0),
        ],
    );
    let number = |n: i64| Value::Int(n);
    column(
        &found,
        "Ward",
        &[
            number(3),
            number(-32_768),
            null(),
            number(32_767),
            number(0),
        ],
    );
    column(
        &found,
        "Flags",
        &[number(1), number(127), null(), number(0), number(5)],
    );
    column(
        &found,
        "Guid",
        &[
            words("{11223344-5566-7788-99AA-BBCCDDEEFF00}"),
            null(),
            null(),
            null(),
            null(),
        ],
    );
    column(
        &found,
        "Copay",
        &[
            decimal("99.95"),
            decimal("-12345678.90"),
            null(),
            decimal("0.00"),
            null(),
        ],
    );
    let alphabet: String = ('a'..='z').cycle().take(6_000).collect();
    column(
        &found,
        "Notes",
        &[
            words("short memo"),
            words(&alphabet),
            null(),
            words(&"اردو میمو ".repeat(400)),
            words("line1\r\nline2\t\"q\""),
        ],
    );
}

#[tokio::test]
async fn every_value_arrives_as_it_is_stored() {
    patients("types-v2010.accdb").await;
    patients("types-v2003.mdb").await;
}

#[tokio::test]
async fn the_schema_calls_types_as_access_does() {
    use ColumnKind::{Bool, DateTime, Decimal, Float, Integer, Text, Unsupported};
    let patients = table("types-v2010.accdb", "Patients").await;
    assert_eq!(patients.primary_key, ["PatientID"]);
    assert_eq!(
        shown(&patients),
        [
            ("PatientID", "AutoNumber", Integer, false),
            ("MRN", "Short Text(10)", Text, true),
            ("Full Name", "Short Text(100)", Text, true),
            ("NameUrdu", "Short Text(100)", Text, true),
            ("DOB", "Date/Time", DateTime, true),
            ("Sex", "Short Text(1)", Text, true),
            ("Active", "Yes/No", Bool, false),
            ("Balance", "Currency", Decimal, true),
            ("Notes", "Long Text", Text, true),
            ("Weight", "Double", Float, true),
            ("Ward", "Integer", Integer, true),
            ("Flags", "Byte", Integer, true),
            ("Guid", "Replication ID", Text, true),
            ("Photo", "OLE Object", Unsupported, true),
            ("Copay", "Decimal(12,2)", Decimal, true),
        ]
    );
}

#[tokio::test]
async fn links_calculations_and_required_columns_are_told() {
    use ColumnKind::{Bytes, Decimal, Float, Integer, Text, Unsupported};
    let kinds = table("kinds.accdb", "Kinds").await;
    assert_eq!(
        shown(&kinds),
        [
            ("Id", "AutoNumber", Integer, false),
            ("Link", "Hyperlink", Text, true),
            ("Single", "Single", Float, true),
            ("Decimal", "Decimal(28,10)", Decimal, true),
            ("Must", "Short Text(20)", Text, false),
            ("Bytes", "Binary(16)", Bytes, true),
            ("Calc text", "Calculated Short Text", Text, true),
            ("Calc long", "Calculated Long Integer", Integer, true),
            ("Calc money", "Calculated Currency", Decimal, true),
            ("Odd", "Short Text(50)", Text, true),
            ("Odd memo", "Long Text", Text, true),
            ("Ole", "OLE Object", Unsupported, true),
        ]
    );
    let found = rows(&source("kinds.accdb"), "Kinds", &["Id"], 10)
        .await
        .unwrap();
    let first = &found[0];
    assert_eq!(
        text(first, "Link"),
        Some("Ward#https://hyderabad.example/ward#")
    );
    assert!(first.get("Single") == Some(&Value::Float(98.6)));
    assert!(first.get("Decimal") == Some(&decimal("123456789012345678.0123456789")));
    assert!(first.get("Bytes") == Some(&Value::Bytes([0, 1, 255].into())));
    assert_eq!(text(first, "Calc text"), Some("here!"));
    assert_eq!(int(first, "Calc long"), 2);
    assert!(first.get("Calc money") == Some(&decimal("1.5000")));
    let second = &found[1];
    assert!(second.get("Decimal") == Some(&decimal("-0.0000000001")));
    for calculated in ["Calc text", "Calc long", "Calc money", "Link", "Bytes"] {
        assert!(second.get(calculated) == Some(&Value::Null), "{calculated}");
    }
}

#[tokio::test]
async fn half_a_character_costs_itself_and_neither_its_text_nor_its_row() {
    let found = rows(&source("kinds.accdb"), "Kinds", &["Id"], 10)
        .await
        .unwrap();
    assert_eq!(text(&found[0], "Odd"), Some("half \u{FFFD} of one"));
    let memo = text(&found[0], "Odd memo").unwrap();
    assert_eq!(memo.chars().count(), 6_005);
    assert!(memo.ends_with("اب\u{FFFD} end"));
}

#[tokio::test]
async fn what_is_not_read_is_named_with_its_table() {
    let health = source("kinds.accdb").health().await.unwrap();
    assert_eq!(health.server, "MS Access 2010 (.accdb)");
    let notes = health.notes.join("\n");
    assert!(
        notes.contains(r#"table "Kinds": not read are columns: "Ole" is an OLE object"#),
        "{notes}"
    );
    assert!(
        notes.contains(r#"table "Elsewhere" is only a link to C:\HIS\Data_be.accdb"#),
        "{notes}"
    );
    let names = ["Id".to_owned(), "Ole".to_owned()];
    let error = source("kinds.accdb")
        .scan(silsila_source::Scan {
            table: "Kinds",
            columns: &names,
            key: &names[..1],
            after: None,
            limit: 1,
        })
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"SRC0005 hyd: table "Kinds": column "Ole" is an OLE object, which is not read"#
    );
}

#[tokio::test]
async fn a_table_without_a_key_can_be_counted_and_fetched_from() {
    let source = source("kinds.accdb");
    assert!(table("kinds.accdb", "No key").await.primary_key.is_empty());
    assert_eq!(source.count("No key").await.unwrap(), 3);
    let names = ["a".to_owned(), "b".to_owned()];
    let found = source
        .fetch(silsila_source::Fetch {
            table: "No key",
            columns: &names,
            by: &names[..1],
            keys: &[silsila_source::Key(vec![Value::Int(1)])],
        })
        .await
        .unwrap();
    assert_eq!(found.len(), 2, "two rows alike are two rows");
}
