// SPDX-License-Identifier: Apache-2.0
//! A `*.tests.yaml` file.

use std::ops::Range;

use silsila_diagnostics::{Diagnostic, Diagnostics, Place, TextFile};
use silsila_source::{Date, DateTime, Time, Value};

use crate::RefState;
use crate::filters::dates;
use crate::language::keys::{self, Keyed};
use crate::language::source::Report;
use crate::language::yaml::{self, Data, Node, Plain, Scalar};

/// Named values, in the order written.
pub(crate) type Columns = Vec<(String, Value)>;

/// The tests of one file.
pub(crate) struct TestFile {
    pub as_of: DateTime,
    pub defaults: Vec<(String, Columns)>,
    pub cases: Vec<Case>,
}

/// One test.
pub(crate) struct Case {
    pub name: String,
    pub place: Place,
    pub mapping: String,
    pub rows: Vec<Columns>,
    pub tables: Vec<(String, Vec<Columns>)>,
    pub references: Vec<(String, RefState)>,
    pub outcome: Expected,
    pub code: Option<String>,
    pub expect: Option<Node>,
    pub exact: Option<Node>,
    pub absent: Vec<String>,
    pub warnings: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Produced,
    Empty,
    NotShared,
    Quarantined,
}

impl Expected {
    pub const ALL: [(&'static str, Self); 4] = [
        ("produced", Self::Produced),
        ("empty", Self::Empty),
        ("not-shared", Self::NotShared),
        ("quarantined", Self::Quarantined),
    ];

    pub fn word(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, e)| *e == self);
        found.map_or("", |(word, _)| word)
    }
}

const STATES: [(&str, RefState); 4] = [
    ("shared", RefState::Shared),
    ("not-shared", RefState::NotShared),
    ("quarantined", RefState::Quarantined),
    ("absent", RefState::Absent),
];

/// The day of tests that do not say one.
const SOME_DAY: DateTime = DateTime {
    date: Date {
        year: 2025,
        month: 7,
        day: 1,
    },
    time: Time {
        hour: 12,
        minute: 0,
        second: 0,
        nanosecond: 0,
    },
    offset_minutes: Some(0),
};

impl TestFile {
    /// Reads a file; `mappings` are the names that a case may name.
    pub fn read(file: &TextFile, mappings: &[&str], found: &mut Diagnostics) -> Option<Self> {
        let root = yaml::parse(file, found)?;
        let mut report = Report { file, found };
        let map = Keyed::of(&root, "a test file", keys::TESTS, &mut report)?;
        if let Some((version, span)) = map.text("tests", &mut report)
            && version != "1"
        {
            report.error(
                &span,
                "MAP0006",
                "this version of the language is not known; write 1",
            );
        }
        let as_of = map
            .opt_text("as_of", &mut report)
            .and_then(|t| as_of(&t, &mut report));
        let defaults = match map.get("defaults") {
            Some(node) => keys::entries(node, "defaults", &mut report)
                .unwrap_or_default()
                .iter()
                .filter_map(|e| Some((e.key.clone(), columns(&e.value, &mut report)?)))
                .collect(),
            None => Vec::new(),
        };
        let cases = map
            .need("cases", &mut report)
            .map(|n| list(n, "cases", &mut report));
        let cases = cases.unwrap_or_default();
        let cases = cases
            .iter()
            .filter_map(|n| case(n, mappings, &mut report))
            .collect();
        Some(Self {
            as_of: as_of.unwrap_or(SOME_DAY),
            defaults,
            cases,
        })
    }
}

fn as_of((text, span): &(String, Range<usize>), report: &mut Report<'_>) -> Option<DateTime> {
    let day = dates::iso_date(text).map(|date| DateTime { date, ..SOME_DAY });
    let moment = dates::iso_datetime(text).filter(|dt| dt.offset_minutes.is_some());
    let result = moment.or(day);
    if result.is_none() {
        report.error(
            span,
            "MAP0037",
            "as_of is a date, or a date with time and offset",
        );
    }
    result
}

fn list<'n>(node: &'n Node, what: &str, report: &mut Report<'_>) -> &'n [Node] {
    match &node.data {
        Data::List(items) => items,
        _ => {
            let message = format!("{what} must be a list, not {}", node.kind());
            report.error(&node.span, "MAP0005", message);
            &[]
        }
    }
}

fn case(node: &Node, mappings: &[&str], report: &mut Report<'_>) -> Option<Case> {
    let map = Keyed::of(node, "a case", keys::CASE, report)?;
    let name = map.text("name", report);
    let mapping = map.text("mapping", report);
    if let Some((mapping, span)) = &mapping
        && !mappings.contains(&&**mapping)
    {
        let problem = Diagnostic::error(
            "MAP0037",
            format!("there is no mapping {mapping:?} in the pack"),
        )
        .did_you_mean(mapping, mappings.iter().copied());
        report.add(span, problem);
    }
    let mut rows: Vec<Columns> = map
        .get("row")
        .and_then(|n| columns(n, report))
        .into_iter()
        .collect();
    if let Some(node) = map.get("rows") {
        rows.extend(
            list(node, "rows", report)
                .iter()
                .filter_map(|n| columns(n, report)),
        );
    }
    if rows.is_empty() {
        report.error(&node.span, "MAP0004", "a case needs \"row\" or \"rows\"");
    }
    let outcome = word(&map, "outcome", &Expected::ALL, report);
    let references = map
        .get("references")
        .and_then(|n| keys::entries(n, "references", report));
    let references = references.unwrap_or_default().iter().filter_map(|e| {
        let (text, span) = keys::text(&e.value, "a reference's state", report)?;
        Some((
            e.key.clone(),
            chosen(&text, &span, "a reference's state", &STATES, report)?,
        ))
    });
    let references = references.collect();
    let (name, span) = name?;
    Some(Case {
        name,
        place: report.file.place(span),
        mapping: mapping?.0,
        rows,
        tables: tables(&map, report),
        references,
        outcome: outcome.unwrap_or(Expected::Produced),
        code: map.opt_text("code", report).map(|(t, _)| t),
        expect: map.get("expect").cloned(),
        exact: map.get("exact").cloned(),
        absent: texts(&map, "absent", report).unwrap_or_default(),
        warnings: texts(&map, "warnings", report),
    })
}

fn texts(map: &Keyed<'_>, key: &str, report: &mut Report<'_>) -> Option<Vec<String>> {
    let texts = keys::texts(map.get(key)?, key, report);
    Some(texts.into_iter().map(|(t, _)| t).collect())
}

fn tables(map: &Keyed<'_>, report: &mut Report<'_>) -> Vec<(String, Vec<Columns>)> {
    let entries = map
        .get("tables")
        .and_then(|n| keys::entries(n, "tables", report));
    let mut tables = Vec::new();
    for entry in entries.unwrap_or_default() {
        let rows = list(&entry.value, "a table", report);
        let rows = rows.iter().filter_map(|n| columns(n, report)).collect();
        tables.push((entry.key.clone(), rows));
    }
    tables
}

fn word<T: Copy>(
    map: &Keyed<'_>,
    key: &'static str,
    words: &[(&'static str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let (text, span) = map.opt_text(key, report)?;
    chosen(&text, &span, key, words, report)
}

fn chosen<T: Copy>(
    text: &str,
    span: &Range<usize>,
    what: &str,
    words: &[(&'static str, T)],
    report: &mut Report<'_>,
) -> Option<T> {
    let found = words.iter().find(|(w, _)| *w == text);
    if found.is_none() {
        let known: Vec<_> = words.iter().map(|(w, _)| *w).collect();
        let problem =
            Diagnostic::error("MAP0037", format!("{what} is one of {}", known.join(", ")))
                .did_you_mean(text, known.iter().copied());
        report.add(span, problem);
    }
    found.map(|(_, value)| *value)
}

fn columns(node: &Node, report: &mut Report<'_>) -> Option<Columns> {
    let entries = keys::entries(node, "a row", report)?;
    let mut columns = Vec::new();
    for entry in entries {
        match entry.value.scalar() {
            Some(scalar) => columns.push((entry.key.clone(), value(scalar))),
            None => report.error(
                &entry.value.span,
                "MAP0005",
                "a column's value is a single value",
            ),
        }
    }
    Some(columns)
}

/// A value as the database would hand it over.
pub(crate) fn value(scalar: &Scalar) -> Value {
    match scalar.meaning() {
        Plain::Null => Value::Null,
        Plain::Bool(b) => Value::Bool(b),
        Plain::Number(n) => match n.parse() {
            Ok(i) => Value::Int(i),
            Err(_) => Value::Decimal(n.into()),
        },
        Plain::Text(t) if scalar.style == yaml::Style::Plain => moment(t),
        Plain::Text(t) => Value::Text(t.into()),
    }
}

fn moment(text: &str) -> Value {
    if let Some(dt) = dates::iso_datetime(text) {
        return Value::DateTime(dt);
    }
    if text.len() == 10
        && let Some(date) = dates::iso_date(text)
    {
        return Value::Date(date);
    }
    if text.len() >= 8
        && let Some(time) = dates::iso_time(text)
    {
        return Value::Time(time);
    }
    Value::Text(text.into())
}
