// SPDX-License-Identifier: Apache-2.0
//! The invented tables that the claims are tried on.

use crate::{ColumnKind, Date, DateTime, Key, Time, Value};

/// What a sample table is there to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Many rows under an integer key with holes.
    Numbered,
    /// A key of two columns with long runs of equal first parts.
    Composite,
    /// A key of text.
    TextKey,
    /// A watermark with ties, NULLs and an order unlike the key's.
    Changed,
    /// One row for each value that is easily spoilt.
    Exact,
    /// Names that need quoting.
    OddNames,
    /// No rows at all.
    Empty,
}

/// One column of a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleColumn {
    /// Name, to be quoted.
    pub name: String,
    /// The kind that the schema must report.
    pub kind: ColumnKind,
    /// Whether NULL occurs.
    pub nullable: bool,
}

/// A table to be created and filled before the claims are tried.
#[derive(Debug, Clone)]
pub struct Sample {
    /// What it shows.
    pub role: Role,
    /// Its name, to be quoted.
    pub name: String,
    /// Its columns in order.
    pub columns: Vec<SampleColumn>,
    /// Its primary key.
    pub key: Vec<String>,
    /// Its watermark column, to be indexed.
    pub watermark: Option<String>,
    /// Its rows, to be inserted in this order, which is not the key's.
    pub rows: Vec<Vec<Value>>,
}

impl Sample {
    /// The names of all columns.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        self.columns.iter().map(|c| c.name.clone()).collect()
    }

    /// Where a column stands.
    ///
    /// # Panics
    /// When there is no such column, which is a fault of the suite.
    #[must_use]
    pub fn position(&self, column: &str) -> usize {
        self.columns
            .iter()
            .position(|c| c.name == column)
            .expect("the suite names its own columns")
    }

    /// A row's key.
    #[must_use]
    pub fn key_of(&self, row: &[Value]) -> Key {
        Key(self
            .key
            .iter()
            .map(|k| row[self.position(k)].clone())
            .collect())
    }
}

/// All samples.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// One sample for each role.
    pub samples: Vec<Sample>,
    /// Claims that this database cannot keep, by name, each with the reason.
    pub excused: Vec<(&'static str, &'static str)>,
}

impl Fixture {
    /// The samples as every database should be able to hold them.
    #[must_use]
    pub fn standard() -> Self {
        Self {
            samples: vec![
                numbered(),
                composite(),
                text_key(),
                changed(),
                exact(),
                odd_names(),
                empty(),
            ],
            excused: Vec::new(),
        }
    }

    /// Says that the database cannot keep a claim, and why. The claim is tried all the same: an excuse that is
    /// not needed is a fault of the test.
    #[must_use]
    pub fn excusing(mut self, claim: &'static str, reason: &'static str) -> Self {
        self.excused.push((claim, reason));
        self
    }

    /// The sample of a role.
    ///
    /// # Panics
    /// When the test has removed it.
    #[must_use]
    pub fn sample(&self, role: Role) -> &Sample {
        self.samples
            .iter()
            .find(|s| s.role == role)
            .expect("every role has its sample")
    }

    /// The sample of a role, to adjust it to what a database can hold.
    ///
    /// # Panics
    /// When the test has removed it.
    pub fn sample_mut(&mut self, role: Role) -> &mut Sample {
        self.samples
            .iter_mut()
            .find(|s| s.role == role)
            .expect("every role has its sample")
    }
}

fn sample(role: Role, name: &str, columns: &[(&str, ColumnKind, bool)], key: &[&str]) -> Sample {
    Sample {
        role,
        name: name.into(),
        columns: columns
            .iter()
            .map(|&(name, kind, nullable)| SampleColumn {
                name: name.into(),
                kind,
                nullable,
            })
            .collect(),
        key: key.iter().map(|&k| k.into()).collect(),
        watermark: None,
        rows: Vec::new(),
    }
}

fn text(s: impl Into<Box<str>>) -> Value {
    Value::Text(s.into())
}

/// 0 to n-1, each once, in an order that is not ascending (n must not divide by 7).
fn scrambled(n: i64) -> impl Iterator<Item = i64> {
    (0..n).map(move |i| (i * 7 + 3) % n)
}

fn numbered() -> Sample {
    use ColumnKind::{Integer, Text};
    let columns = [
        ("id", Integer, false),
        ("ward", Integer, true),
        ("label", Text, true),
    ];
    let mut sample = sample(Role::Numbered, "numbered", &columns, &["id"]);
    sample.rows = scrambled(2_346)
        .map(|i| {
            let ward = if i % 50 == 0 {
                Value::Null
            } else {
                Value::Int(i % 97)
            };
            vec![Value::Int(i * 3 + 1), ward, text(format!("bed {i}"))]
        })
        .collect();
    sample
}

fn composite() -> Sample {
    use ColumnKind::{Integer, Text};
    let columns = [
        ("clinic", Integer, false),
        ("serial", Integer, false),
        ("remark", Text, true),
    ];
    let mut sample = sample(
        Role::Composite,
        "composite",
        &columns,
        &["clinic", "serial"],
    );
    sample.rows = scrambled(600)
        .map(|i| {
            vec![
                Value::Int(i / 250),
                Value::Int(i % 250 - 100),
                text(format!("slip {i}")),
            ]
        })
        .collect();
    sample
}

fn text_key() -> Sample {
    use ColumnKind::{Integer, Text};
    let columns = [("code", Text, false), ("rank", Integer, true)];
    let mut sample = sample(Role::TextKey, "text_key", &columns, &["code"]);
    let letters = ["a", "B", "c", "D", "e", "ز", "ش", "ñ"];
    sample.rows = scrambled(8 * 25)
        .map(|i| {
            let letter = letters[usize::try_from(i % 8).unwrap_or(0)];
            vec![text(format!("{letter}{:02}", i / 8)), Value::Int(i)]
        })
        .collect();
    sample
}

/// A naive date and time of the year 2025.
fn moment(month: u8, day: u8, hour: u8, minute: u8) -> Value {
    Value::DateTime(DateTime {
        date: Date {
            year: 2025,
            month,
            day,
        },
        time: Time {
            hour,
            minute,
            second: 0,
            nanosecond: 0,
        },
        offset_minutes: None,
    })
}

fn changed() -> Sample {
    let columns = [
        ("id", ColumnKind::Integer, false),
        ("changed_at", ColumnKind::DateTime, true),
    ];
    let mut sample = sample(Role::Changed, "changed", &columns, &["id"]);
    sample.watermark = Some("changed_at".into());
    sample.rows = scrambled(260)
        .map(|i| {
            let at = match i {
                0..100 => moment(3, 1, 2, 0),
                100..110 => Value::Null,
                _ => {
                    let back = u8::try_from((259 - i) / 6).unwrap_or(0);
                    moment(1 + back / 5, 1 + back, 8, 30)
                }
            };
            vec![Value::Int(i), at]
        })
        .collect();
    sample
}

fn exact() -> Sample {
    use ColumnKind::{DateTime, Decimal, Integer, Text};
    let columns = [
        ("id", Integer, false),
        ("amount", Decimal, true),
        ("large", Integer, true),
        ("note", Text, true),
        ("at", DateTime, true),
    ];
    let mut sample = sample(Role::Exact, "exact", &columns, &["id"]);
    let decimals = ["7.1000", "0.0100", "-0.0001", "123456789012.3456", "0.0000"];
    let integers = [
        9_007_199_254_740_993,
        -9_007_199_254_740_993,
        i64::MAX,
        i64::MIN,
        0,
    ];
    let long: String = "Fever \"39\" C,\tبخار\r\n"
        .chars()
        .cycle()
        .take(24_000)
        .collect();
    let notes = [
        text(""),
        Value::Null,
        text(long),
        text(" spaced "),
        text("\\N"),
    ];
    let times = [
        moment(2, 28, 23, 59),
        Value::Null,
        moment(12, 31, 0, 0),
        Value::DateTime(crate::DateTime {
            date: Date {
                year: 1850,
                month: 1,
                day: 1,
            },
            time: Time {
                hour: 12,
                minute: 0,
                second: 1,
                nanosecond: 0,
            },
            offset_minutes: None,
        }),
        moment(7, 1, 9, 12),
    ];
    sample.rows = (0..5)
        .map(|i| {
            vec![
                Value::Int(i64::try_from(i).unwrap_or(0)),
                Value::Decimal(decimals[i].into()),
                Value::Int(integers[i]),
                notes[i].clone(),
                times[i].clone(),
            ]
        })
        .collect();
    sample
}

fn odd_names() -> Sample {
    use ColumnKind::{Integer, Text};
    let columns = [
        ("select", Integer, false),
        ("Full Name", Text, true),
        ("group", Text, true),
        ("نام", Text, true),
        ("what?", Text, true),
        ("it's 5%", Text, true),
    ];
    let mut sample = sample(Role::OddNames, "order", &columns, &["select"]);
    sample.rows = (1..=3)
        .map(|i| {
            let mut row = vec![Value::Int(i)];
            row.extend((1..6).map(|c| text(format!("cell {i}.{c}"))));
            row
        })
        .collect();
    sample
}

fn empty() -> Sample {
    let columns = [
        ("id", ColumnKind::Integer, false),
        ("note", ColumnKind::Text, true),
    ];
    sample(Role::Empty, "empty", &columns, &["id"])
}
