// SPDX-License-Identifier: Apache-2.0
//! Prints the tables that the claims of every adapter are tried on, one field after a tab, for the program that
//! writes them into Access files: `tests/fixtures/Make.java`.

use silsila_source::Value;
use silsila_source::compliance::Fixture;

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('\t', "\\t")
        .replace('\n', "\\n")
        .replace('\r', "\\r")
}

fn field(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Int(n) => format!("int:{n}"),
        Value::Decimal(digits) => format!("dec:{digits}"),
        Value::Text(text) => format!("text:{}", escaped(text)),
        Value::DateTime(at) => format!(
            "time:{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            at.date.year, at.date.month, at.date.day, at.time.hour, at.time.minute, at.time.second
        ),
        other => panic!("no sample holds a {}", other.kind()),
    }
}

fn main() {
    for sample in Fixture::standard().samples {
        println!("table\t{}", escaped(&sample.name));
        for column in &sample.columns {
            let name = escaped(&column.name);
            println!("column\t{name}\t{:?}\t{}", column.kind, column.nullable);
        }
        println!("key\t{}", sample.key.join("\t"));
        for row in &sample.rows {
            let fields: Vec<String> = row.iter().map(field).collect();
            println!("row\t{}", fields.join("\t"));
        }
    }
}
