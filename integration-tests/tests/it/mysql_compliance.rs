// SPDX-License-Identifier: Apache-2.0
//! The claims of every adapter, on MariaDB.

use std::fmt::Write;

use silsila_integration_tests::mariadb::Database;
use silsila_source::compliance::{Fixture, Role, Sample, run};
use silsila_source::{ColumnKind, Value};

fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The type that a sample's column has in MySQL.
fn sql_type(kind: ColumnKind, key: bool) -> &'static str {
    match kind {
        ColumnKind::Integer => "BIGINT",
        ColumnKind::Decimal => "DECIMAL(19,4)",
        ColumnKind::DateTime => "DATETIME",
        ColumnKind::Text if key => "VARCHAR(40)",
        _ => "MEDIUMTEXT",
    }
}

/// The statement that creates a sample.
pub(crate) fn create(sample: &Sample) -> String {
    let mut columns: Vec<String> = sample
        .columns
        .iter()
        .map(|c| {
            let null = if c.nullable { "NULL" } else { "NOT NULL" };
            let sql_type = sql_type(c.kind, sample.key.contains(&c.name));
            format!("{} {sql_type} {null}", quote(&c.name))
        })
        .collect();
    let key: Vec<_> = sample.key.iter().map(|k| quote(k)).collect();
    columns.push(format!("PRIMARY KEY ({})", key.join(", ")));
    if let Some(watermark) = &sample.watermark {
        columns.push(format!("KEY ({})", quote(watermark)));
    }
    format!(
        "CREATE TABLE {} ({});",
        quote(&sample.name),
        columns.join(", ")
    )
}

fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(i) => i.to_string(),
        Value::Decimal(d) => d.to_string(),
        Value::Text(t) => format!("'{}'", t.replace('\\', "\\\\").replace('\'', "''")),
        Value::DateTime(at) => format!(
            "'{:04}-{:02}-{:02} {:02}:{:02}:{:02}'",
            at.date.year, at.date.month, at.date.day, at.time.hour, at.time.minute, at.time.second
        ),
        other => panic!("no sample holds a {}", other.kind()),
    }
}

/// The statements that fill it.
pub(crate) fn fill(sample: &Sample) -> String {
    let mut sql = String::new();
    for rows in sample.rows.chunks(500) {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.iter().map(literal).collect::<Vec<_>>().join(", "))
            .collect();
        let table = quote(&sample.name);
        writeln!(sql, "INSERT INTO {table} VALUES ({});", rows.join("), (")).unwrap();
    }
    sql
}

#[tokio::test]
async fn mariadb_keeps_the_claims_of_every_adapter() {
    let database = Database::new().await.unwrap();
    let mut fixture = Fixture::standard();
    let odd = fixture.sample_mut(Role::OddNames);
    odd.columns[2].name = "back`tick".into();
    for sample in &fixture.samples {
        database.execute(&create(sample)).await.unwrap();
        database.execute(&fill(sample)).await.unwrap();
    }
    run(&database.source(), &fixture).await.assert_all_hold();
}
