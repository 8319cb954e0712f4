// SPDX-License-Identifier: Apache-2.0
//! The claims of every adapter, on SQL Server or its stand-in.

use silsila_integration_tests::mssql::Database;
use silsila_source::compliance::{Fixture, Role, Sample, run};
use silsila_source::{ColumnKind, Value};

pub(crate) fn quote(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// The type that a sample's column has in SQL Server.
fn sql_type(kind: ColumnKind, key: bool) -> &'static str {
    match kind {
        ColumnKind::Integer => "bigint",
        ColumnKind::Decimal => "decimal(19,4)",
        ColumnKind::DateTime => "datetime2(0)",
        ColumnKind::Text if key => "nvarchar(40)",
        _ => "nvarchar(max)",
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
    let table = quote(&sample.name);
    let mut script = format!("CREATE TABLE [dbo].{table} ({});\n", columns.join(", "));
    if let Some(watermark) = &sample.watermark {
        let watermark = quote(watermark);
        script.push_str(&format!(
            "CREATE INDEX [by_watermark] ON [dbo].{table} ({watermark});\n"
        ));
    }
    script
}

pub(crate) fn literal(value: &Value) -> String {
    match value {
        Value::Null => "NULL".into(),
        Value::Int(i) => i.to_string(),
        Value::Decimal(d) => d.to_string(),
        Value::Text(t) => format!("N'{}'", t.replace('\'', "''")),
        Value::DateTime(at) => format!(
            "'{:04}-{:02}-{:02}T{:02}:{:02}:{:02}'",
            at.date.year, at.date.month, at.date.day, at.time.hour, at.time.minute, at.time.second
        ),
        other => panic!("no sample holds a {}", other.kind()),
    }
}

/// The statements that fill it.
pub(crate) fn fill(sample: &Sample) -> String {
    let mut script = String::new();
    for rows in sample.rows.chunks(500) {
        let rows: Vec<_> = rows
            .iter()
            .map(|row| row.iter().map(literal).collect::<Vec<_>>().join(", "))
            .collect();
        let table = quote(&sample.name);
        script.push_str(&format!(
            "INSERT INTO [dbo].{table} VALUES ({});\n",
            rows.join("), (")
        ));
    }
    script
}

#[tokio::test]
async fn sql_server_keeps_the_claims_of_every_adapter() {
    let database = Database::new().await.unwrap();
    let mut fixture = Fixture::standard();
    let odd = fixture.sample_mut(Role::OddNames);
    odd.columns[2].name = "br]ack[et".into();
    for sample in &fixture.samples {
        database.execute(&create(sample)).await.unwrap();
        database.execute(&fill(sample)).await.unwrap();
    }
    run(&database.source(), &fixture).await.assert_all_hold();
}
