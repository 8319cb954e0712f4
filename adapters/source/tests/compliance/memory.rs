// SPDX-License-Identifier: Apache-2.0
//! A source in memory that keeps every claim, or all but those that one fault breaks.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use silsila_source::compliance::{Fixture, Sample};
use silsila_source::{
    Changes, Column, Columns, Fetch, Health, Key, Row, Scan, Schema, Source, SourceError, Table,
    Value,
};

/// What is wrong with a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    ForgetsKeys,
    MiscountsByOne,
    NamesNoServer,
    RepeatsTheLastRow,
    IgnoresLimits,
    ComparesFirstKeyColumnOnly,
    NeedsTheCursorsRow,
    DropsTies,
    BeginsAfterSince,
    GivesNullWatermarks,
    FetchesOnlySomeKeys,
    FetchesOneRowPerKey,
    MatchesCrosswise,
    MatchesNullWithNull,
    ReadsNumbersOutOfText,
    TrimsDecimals,
    RoundsIntegers,
    MakesEmptyTextNull,
    CutsLongText,
    LosesTimes,
    KnowsNoOddNames,
    AnswersForMissingTables,
    AnswersForMissingColumns,
    InventsRows,
}

/// A source in memory, which keeps the claims but for its fault.
pub struct Memory {
    fixture: Fixture,
    fault: Fault,
    /// The rows of a table in an order, once somebody has asked for it.
    orders: Mutex<HashMap<String, Arc<[usize]>>>,
}

impl Memory {
    pub fn new(fault: Fault) -> Self {
        Self {
            fixture: Fixture::standard(),
            fault,
            orders: Mutex::default(),
        }
    }

    fn ordered(&self, sample: &Sample, at: &[usize]) -> Arc<[usize]> {
        let sort = || {
            let mut rows: Vec<usize> = (0..sample.rows.len()).collect();
            rows.sort_by(|&a, &b| {
                at.iter()
                    .map(|&i| compare(&sample.rows[a][i], &sample.rows[b][i]))
                    .find(|o| o.is_ne())
                    .unwrap_or(Ordering::Equal)
            });
            rows.into()
        };
        let mut orders = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("{} {at:?}", sample.name);
        Arc::clone(orders.entry(name).or_insert_with(sort))
    }

    fn sample(&self, table: &str) -> Result<&Sample, SourceError> {
        let found = self.fixture.samples.iter().find(|s| s.name == table);
        match (found, self.fault) {
            (Some(sample), _) => Ok(sample),
            (None, Fault::AnswersForMissingTables) => Ok(&self.fixture.samples[0]),
            (None, _) => Err(missing("table", table)),
        }
    }

    fn row(&self, sample: &Sample, columns: &[String], row: &[Value]) -> Result<Row, SourceError> {
        let mut values = Vec::new();
        for name in columns {
            let value = match sample.columns.iter().position(|c| c.name == *name) {
                Some(_) if self.fault == Fault::KnowsNoOddNames && name.contains('?') => {
                    return Err(missing("column", name));
                }
                Some(at) => self.spoilt(&row[at]),
                None if self.fault == Fault::AnswersForMissingColumns => Value::Null,
                None => return Err(missing("column", name)),
            };
            values.push(value);
        }
        Ok(Row::new(
            Columns::new(columns.iter().map(String::as_str)),
            values,
        ))
    }

    fn spoilt(&self, value: &Value) -> Value {
        match (self.fault, value) {
            (Fault::TrimsDecimals, Value::Decimal(d)) => {
                Value::Decimal(d.trim_end_matches('0').into())
            }
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                reason = "the fault itself"
            )]
            (Fault::RoundsIntegers, Value::Int(i)) => Value::Int(*i as f64 as i64),
            (Fault::MakesEmptyTextNull, Value::Text(t)) if t.is_empty() => Value::Null,
            (Fault::CutsLongText, Value::Text(t)) => {
                Value::Text(t.chars().take(16_383).collect::<String>().into())
            }
            (Fault::LosesTimes, Value::DateTime(at)) => Value::Date(at.date),
            _ => value.clone(),
        }
    }

    /// The rows of a sample in the order of some columns, after a position.
    fn page(
        &self,
        sample: &Sample,
        columns: &[String],
        order: &[&str],
        after: Option<&[Value]>,
        limit: usize,
        keep: impl Fn(&[Value]) -> bool,
    ) -> Result<Vec<Row>, SourceError> {
        let at: Vec<usize> = order.iter().map(|c| sample.position(c)).collect();
        let compared = match self.fault {
            Fault::ComparesFirstKeyColumnOnly | Fault::DropsTies => 1,
            _ => at.len(),
        };
        let beyond = |row: &Vec<Value>| {
            after.is_none_or(|after| {
                at.iter()
                    .zip(after)
                    .take(compared)
                    .map(|(&i, v)| compare(&row[i], v))
                    .find(|o| o.is_ne())
                    == Some(Ordering::Greater)
            })
        };
        let ordered = self.ordered(sample, &at);
        let rows = ordered.iter().map(|&i| &sample.rows[i]);
        let mut rows: Vec<_> = rows.filter(|r| keep(r) && beyond(r)).collect();
        if self.fault == Fault::NeedsTheCursorsRow
            && let Some(after) = after
            && !sample.rows.iter().any(|r| r[at[0]] == after[0])
        {
            rows.clear();
        }
        let limit = if self.fault == Fault::IgnoresLimits {
            limit + 1
        } else {
            limit
        };
        rows.truncate(limit);
        if self.fault == Fault::RepeatsTheLastRow && rows.len() > 1 {
            let last = rows.len() - 1;
            rows[last] = rows[last - 1];
        }
        if self.fault == Fault::InventsRows && rows.is_empty() && after.is_none() && limit > 0 {
            let invented = vec![Value::Int(1), Value::Null, Value::Null];
            return Ok(vec![self.row(sample, columns, &invented)?]);
        }
        rows.into_iter()
            .map(|r| self.row(sample, columns, r))
            .collect()
    }

    fn matches(&self, value: &Value, wanted: &Value) -> bool {
        match (value, wanted) {
            (Value::Null, Value::Null) => self.fault == Fault::MatchesNullWithNull,
            (Value::Int(i), Value::Text(t)) | (Value::Text(t), Value::Int(i)) => {
                if self.fault == Fault::ReadsNumbersOutOfText {
                    let digits: String = t.chars().take_while(char::is_ascii_digit).collect();
                    digits.parse().unwrap_or(0) == *i
                } else {
                    **t == *i.to_string()
                }
            }
            _ => value == wanted,
        }
    }
}

fn missing(what: &'static str, name: &str) -> SourceError {
    SourceError::Missing {
        source_name: "memory".into(),
        what,
        name: name.into(),
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}

#[async_trait]
impl Source for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    async fn schema(&self) -> Result<Schema, SourceError> {
        let mut tables: Vec<Table> = self.fixture.samples.iter().map(table).collect();
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        if self.fault == Fault::ForgetsKeys {
            tables[0].primary_key.clear();
        }
        Ok(Schema { tables })
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError> {
        let sample = self.sample(scan.table)?;
        let order: Vec<&str> = scan.key.iter().map(String::as_str).collect();
        let after = scan.after.map(|k| k.0.as_slice());
        self.page(sample, scan.columns, &order, after, scan.limit, |_| true)
    }

    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError> {
        let sample = self.sample(changes.table)?;
        let mut order = vec![changes.watermark];
        order.extend(changes.key.iter().map(String::as_str));
        let at = sample.position(changes.watermark);
        let after: Option<Vec<Value>> = changes
            .after
            .map(|(w, k)| std::iter::once(w.clone()).chain(k.0.clone()).collect());
        let keep = |row: &[Value]| {
            let null = row[at].is_null() && self.fault != Fault::GivesNullWatermarks;
            let since = changes.since.is_none_or(|s| match compare(&row[at], s) {
                Ordering::Less => false,
                Ordering::Equal => self.fault != Fault::BeginsAfterSince,
                Ordering::Greater => true,
            });
            !null && since
        };
        self.page(
            sample,
            changes.columns,
            &order,
            after.as_deref(),
            changes.limit,
            keep,
        )
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError> {
        let sample = self.sample(fetch.table)?;
        let at: Vec<usize> = fetch.by.iter().map(|c| sample.position(c)).collect();
        let keys = match self.fault {
            Fault::FetchesOnlySomeKeys => &fetch.keys[..fetch.keys.len().min(1_000)],
            _ => fetch.keys,
        };
        let found = |row: &&Vec<Value>, key: &Key| {
            at.iter()
                .zip(&key.0)
                .all(|(&i, v)| self.matches(&row[i], v))
        };
        let crosswise = |row: &&Vec<Value>| {
            at.iter()
                .enumerate()
                .all(|(n, &i)| keys.iter().any(|k| self.matches(&row[i], &k.0[n])))
        };
        let mut rows = Vec::new();
        match self.fault {
            Fault::MatchesCrosswise => rows.extend(sample.rows.iter().filter(crosswise)),
            Fault::FetchesOneRowPerKey => rows.extend(
                keys.iter()
                    .filter_map(|k| sample.rows.iter().find(|r| found(r, k))),
            ),
            // Keys of the columns' own kind are looked up, for speed; NULL is in no key that counts.
            _ if alike(&at, sample, keys) => {
                let keys: HashSet<_> = keys.iter().map(Key::encode).collect();
                let key = |r: &&Vec<Value>| Key(at.iter().map(|&i| r[i].clone()).collect());
                rows.extend(
                    sample
                        .rows
                        .iter()
                        .filter(|r| keys.contains(&key(r).encode())),
                );
            }
            _ => rows.extend(
                sample
                    .rows
                    .iter()
                    .filter(|r| keys.iter().any(|k| found(r, k))),
            ),
        }
        rows.into_iter()
            .map(|r| self.row(sample, fetch.columns, r))
            .collect()
    }

    async fn count(&self, table: &str) -> Result<u64, SourceError> {
        let rows = self.sample(table)?.rows.len() as u64;
        Ok(rows + u64::from(self.fault == Fault::MiscountsByOne))
    }

    async fn health(&self) -> Result<Health, SourceError> {
        let named = self.fault != Fault::NamesNoServer;
        Ok(Health {
            server: if named {
                "Memory 1".into()
            } else {
                String::new()
            },
            tls: None,
            clock: None,
            notes: Vec::new(),
        })
    }
}

/// Whether every key has the kinds that the columns have in the first row.
fn alike(at: &[usize], sample: &Sample, keys: &[Key]) -> bool {
    sample.rows.first().is_some_and(|row| {
        keys.iter().all(|key| {
            at.iter()
                .zip(&key.0)
                .all(|(&i, v)| !v.is_null() && row[i].kind() == v.kind())
        })
    })
}

fn table(sample: &Sample) -> Table {
    Table {
        name: sample.name.clone(),
        primary_key: sample.key.clone(),
        columns: sample
            .columns
            .iter()
            .map(|c| Column {
                name: c.name.clone(),
                sql_type: format!("{:?}", c.kind),
                kind: c.kind,
                nullable: c.nullable,
                charset: None,
            })
            .collect(),
    }
}
