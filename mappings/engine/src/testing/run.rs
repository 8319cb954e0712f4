// SPDX-License-Identifier: Apache-2.0
//! Running the tests of a pack.

use silsila_diagnostics::Place;
use silsila_schema::Json;
use silsila_source::{Columns as RowColumns, Key, Row, Value};

use super::compare::{at, differences};
use super::file::{Case, Columns, Expected, TestFile, value};
use crate::language::yaml::{Scalar, Style};
use crate::preview::preview;
use crate::run::key_of;
use crate::{
    Batch, Context, LogicalId, Mapping, Outcome, Pack, RefState, References, RowOutcome, Want,
};

/// How the tests of a pack went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TestReport {
    /// How many passed.
    pub passed: usize,
    /// Those that did not, in the order of the files.
    pub failures: Vec<TestFailure>,
}

/// One test that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestFailure {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub place: Place,
    /// What is not as expected, a line each, then what came out.
    pub diff: String,
}

/// Runs all tests of a pack. Ids are made with a key of zeros.
#[must_use]
pub fn run_tests(pack: &Pack) -> TestReport {
    let mut report = TestReport::default();
    for file in &pack.tests {
        for case in &file.cases {
            let Some(mapping) = pack.mapping(&case.mapping) else {
                continue;
            };
            match run(mapping, file, case) {
                None => report.passed += 1,
                Some(diff) => report.failures.push(TestFailure {
                    name: case.name.clone(),
                    place: case.place.clone(),
                    diff,
                }),
            }
        }
    }
    report
}

struct States<'c>(&'c Case);

impl References for States<'_> {
    fn state(&self, mapping: &str, _: &Key) -> RefState {
        let said = self.0.references.iter().find(|(m, _)| m == mapping);
        said.map_or(RefState::Shared, |(_, state)| *state)
    }
}

fn test_id(mapping: &str, key: &Key) -> LogicalId {
    LogicalId::derive(&[0; 32], "test", mapping, key)
}

fn run(mapping: &Mapping, file: &TestFile, case: &Case) -> Option<String> {
    let mut batch = Batch::new(
        mapping,
        rows(mapping.table(), mapping.columns(), &case.rows, file),
    );
    loop {
        let wants = batch.wants();
        if wants.is_empty() {
            break;
        }
        for want in wants {
            let found = answer(&want, mapping, file, case);
            batch.supply(want.id, found);
        }
    }
    if batch.len() != 1 {
        return Some(format!(
            "the rows make {} applications; a case is about one",
            batch.len()
        ));
    }
    let context = Context {
        as_of: file.as_of,
        ids: &test_id,
        references: &States(case),
    };
    let outcome = batch.map(0, &context);
    let faults = faults(case, &outcome);
    (!faults.is_empty()).then(|| format!("{}\n{}", faults.join("\n"), preview(&outcome)))
}

/// What the source would answer.
fn answer(want: &Want, mapping: &Mapping, file: &TestFile, case: &Case) -> Vec<Row> {
    let given = case.tables.iter().find(|(t, _)| *t == want.table);
    let mut given: Vec<Columns> = given.map(|(_, rows)| rows.clone()).unwrap_or_default();
    // A mapping that joins its own table finds the case's rows there too.
    if want.table == mapping.table() {
        let own = case.rows.iter().filter(|row| !given.contains(row));
        given.extend(own.cloned().collect::<Vec<_>>());
    }
    let wanted: Vec<_> = want
        .keys
        .iter()
        .map(|k| key_of(k.0.iter().map(Some)))
        .collect();
    let mut rows = rows(&want.table, &want.columns, &given, file);
    rows.retain(|row| wanted.contains(&key_of(want.by.iter().map(|c| row.get(c)))));
    rows
}

fn rows(table: &str, columns: &[String], given: &[Columns], file: &TestFile) -> Vec<Row> {
    let names = RowColumns::new(columns.iter().map(String::as_str));
    let defaults = file.defaults.iter().find(|(t, _)| t == table);
    let lookup = |row: &Columns, name: &str| {
        let own = row.iter().find(|(n, _)| n == name);
        let own = own.or_else(|| defaults?.1.iter().find(|(n, _)| n == name));
        own.map_or(Value::Null, |(_, v)| v.clone())
    };
    let row = |given: &Columns| {
        let values = columns.iter().map(|c| lookup(given, c)).collect();
        Row::new(names.clone(), values)
    };
    given.iter().map(row).collect()
}

fn faults(case: &Case, row: &RowOutcome) -> Vec<String> {
    let mut faults = Vec::new();
    let (kind, code) = match &row.outcome {
        Outcome::Produced(_) => (Expected::Produced, None),
        Outcome::Empty => (Expected::Empty, None),
        Outcome::NotShared => (Expected::NotShared, None),
        Outcome::Quarantined(fault) => (Expected::Quarantined, Some(fault.code)),
    };
    if kind != case.outcome {
        faults.push(format!(
            "outcome: expected {}, found {}",
            case.outcome.word(),
            kind.word()
        ));
    }
    if let Some(wanted) = &case.code
        && code != Some(wanted)
    {
        faults.push(format!(
            "code: expected {wanted}, found {}",
            code.unwrap_or("none")
        ));
    }
    let mut codes: Vec<&str> = row.warnings.iter().map(|w| w.code).collect();
    codes.sort_unstable();
    if let Some(wanted) = &case.warnings {
        let mut wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        wanted.sort_unstable();
        if wanted != codes {
            faults.push(format!(
                "warnings: expected [{}], found [{}]",
                wanted.join(", "),
                codes.join(", ")
            ));
        }
    }
    if let Outcome::Produced(resource) = &row.outcome
        && let Ok(json) = Json::parse(resource.body())
    {
        for (node, exact) in [(&case.expect, false), (&case.exact, true)] {
            if let Some(node) = node {
                faults.extend(differences(node, &json, exact, &fill));
            }
        }
        let there = case.absent.iter().filter(|path| at(&json, path).is_some());
        faults.extend(there.map(|path| format!("{path}: expected nothing")));
    } else if kind == case.outcome && (case.expect.is_some() || case.exact.is_some()) {
        faults.push("there is no resource to compare".to_owned());
    }
    faults
}

/// `Patient/<patient:4101>` with the id that the tests give to key 4101 of mapping `patient`.
fn fill(text: &str) -> String {
    let (Some(start), Some(end)) = (text.find('<'), text.rfind('>')) else {
        return text.to_owned();
    };
    let Some((mapping, keys)) = text.get(start + 1..end).and_then(|t| t.split_once(':')) else {
        return text.to_owned();
    };
    let part = |text: &str| {
        value(&Scalar {
            text: text.trim().to_owned(),
            style: Style::Plain,
        })
    };
    let key = Key(keys.split(',').map(part).collect());
    format!(
        "{}{}{}",
        &text[..start],
        test_id(mapping, &key),
        &text[end + 1..]
    )
}
