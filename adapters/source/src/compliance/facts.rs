// SPDX-License-Identifier: Apache-2.0
//! What an adapter was seen to do: the table in `docs/adapters.md` is made of this, so that it cannot say what is
//! not so.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;
use crate::{ColumnKind, Scan, Source, SourceError, Table, Value};

/// Rows looked at in each table.
const LOOKED_AT: usize = 1_000;

/// The rows of the generated table: what a value arrived as, and the word for it.
const KINDS: &[(&str, &str)] = &[
    ("boolean", "boolean"),
    ("integer", "integer"),
    ("decimal", "decimal"),
    ("float", "float"),
    ("text", "text"),
    ("bytes", "bytes"),
    ("date", "date"),
    ("datetime", "date and time"),
    ("time", "time of day"),
];

/// What was seen of one adapter on one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What the database calls itself, without a version.
    pub database: String,
    /// What was seen, by the heading of its row, in the order of the rows.
    pub rows: Vec<(&'static str, String)>,
}

/// Looks at every table of the sources that has a key, and at what the claims came to. `feed` is what the
/// database's log of changes is called, where the adapter follows one.
///
/// # Errors
/// When a source cannot be read.
///
/// # Panics
/// Without any source.
pub async fn facts(
    sources: &[&dyn Source],
    report: &Report,
    feed: Option<&str>,
) -> Result<Facts, SourceError> {
    let first = sources.first().expect("there is something to look at");
    let server = first.health().await?.server;
    let mut seen = Seen::default();
    for source in sources {
        for table in source.schema().await?.tables {
            seen.look_at(*source, &table).await?;
        }
    }
    let kept = report.outcomes.iter().filter(|(_, c)| c.is_ok()).count();
    let all = report.outcomes.len() + report.excused.len();
    let mut rows = vec![("claims kept", format!("{kept} of {all}"))];
    rows.extend(KINDS.iter().map(|(kind, word)| (*word, seen.types(kind))));
    rows.push(("not read", listed(&seen.unread)));
    rows.push(("changes", changes(report, feed)));
    let deletes = feed.map_or_else(|| "sweep".into(), |feed| format!("{feed}, sweep"));
    rows.push(("deletes", deletes));
    rows.push(("limits", limits(report)));
    Ok(Facts {
        database: product(&server),
        rows,
    })
}

/// `MariaDB` of `MariaDB 10.11.19`.
fn product(server: &str) -> String {
    let words = server.split_whitespace();
    let named: Vec<_> = words
        .take_while(|word| !word.starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    named.join(" ")
}

fn changes(report: &Report, feed: Option<&str>) -> String {
    let watermark = report
        .outcomes
        .iter()
        .filter(|(name, _)| name.starts_with("changes_"));
    let mut ways: Vec<&str> = feed.into_iter().collect();
    if watermark.clone().count() > 0 && watermark.into_iter().all(|(_, check)| check.is_ok()) {
        ways.push("watermark");
    }
    ways.push("sweep");
    ways.join(", ")
}

fn limits(report: &Report) -> String {
    let reasons: Vec<&str> = report.excused.iter().map(|(_, reason)| *reason).collect();
    match reasons.is_empty() {
        true => "none of the claims'".into(),
        false => reasons.join("; "),
    }
}

fn listed(types: &BTreeSet<String>) -> String {
    let types: Vec<&str> = types.iter().map(String::as_str).collect();
    match types.is_empty() {
        true => "–".into(),
        false => types.join(", "),
    }
}

#[derive(Default)]
struct Seen {
    /// The types by the kind of value that came of them.
    by_kind: BTreeMap<&'static str, BTreeSet<String>>,
    unread: BTreeSet<String>,
}

impl Seen {
    async fn look_at(&mut self, source: &dyn Source, table: &Table) -> Result<(), SourceError> {
        let unread = |kind| kind == ColumnKind::Unsupported;
        let (unread, read): (Vec<_>, Vec<_>) = table.columns.iter().partition(|c| unread(c.kind));
        self.unread
            .extend(unread.iter().map(|c| type_name(&c.sql_type)));
        if table.primary_key.is_empty() {
            return Ok(());
        }
        let columns: Vec<String> = read.iter().map(|c| c.name.clone()).collect();
        let rows = source
            .scan(Scan {
                table: &table.name,
                columns: &columns,
                key: &table.primary_key,
                after: None,
                limit: LOOKED_AT,
            })
            .await?;
        for row in &rows {
            for (value, column) in row.values().iter().zip(&read) {
                if *value != Value::Null {
                    let types = self.by_kind.entry(value.kind()).or_default();
                    types.insert(type_name(&column.sql_type));
                }
            }
        }
        Ok(())
    }

    fn types(&self, kind: &str) -> String {
        self.by_kind.get(kind).map_or_else(|| "–".into(), listed)
    }
}

/// `DECIMAL` of `decimal(19,4)`, `BIGINT UNSIGNED` of `bigint(20) unsigned`.
fn type_name(sql_type: &str) -> String {
    let mut depth = 0;
    let mut bare = String::new();
    for c in sql_type.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    let words: Vec<_> = bare.split_whitespace().collect();
    match words.is_empty() {
        true => "no type at all".into(),
        false => words.join(" ").to_uppercase(),
    }
}

/// The table in Markdown: a column for each adapter and database, under its heading.
#[must_use]
pub fn markdown(columns: &[(String, Facts)]) -> String {
    let cells = |first: &str, rest: Vec<&str>| format!("| {first} | {} |\n", rest.join(" | "));
    let headings = columns.iter().map(|(heading, _)| heading.as_str());
    let mut table = cells("", headings.collect());
    table.push_str(&"|---".repeat(columns.len() + 1));
    table.push_str("|\n");
    let databases = columns.iter().map(|(_, facts)| facts.database.as_str());
    table.push_str(&cells("tried on", databases.collect()));
    let rows = columns.first().map_or(0, |(_, facts)| facts.rows.len());
    for at in 0..rows {
        let row = columns.iter().map(|(_, facts)| facts.rows[at].1.as_str());
        table.push_str(&cells(columns[0].1.rows[at].0, row.collect()));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_goes_by_its_bare_name() {
        for (given, bare) in [
            ("decimal(19,4)", "DECIMAL"),
            ("bigint(20) unsigned", "BIGINT UNSIGNED"),
            ("enum('M','F')", "ENUM"),
            ("double precision", "DOUBLE PRECISION"),
            ("", "no type at all"),
        ] {
            assert_eq!(type_name(given), bare);
        }
        assert_eq!(product("MariaDB 10.11.19"), "MariaDB");
        assert_eq!(product("Microsoft SQL Server 2022"), "Microsoft SQL Server");
    }

    #[test]
    fn a_table_has_a_column_for_each_adapter() {
        let facts = |database: &str| Facts {
            database: database.into(),
            rows: vec![("changes", "sweep".into())],
        };
        let table = markdown(&[("a".into(), facts("A")), ("b".into(), facts("B"))]);
        assert_eq!(
            table,
            "|  | a | b |\n|---|---|---|\n| tried on | A | B |\n| changes | sweep | sweep |\n"
        );
    }
}
