// SPDX-License-Identifier: Apache-2.0
//! A legacy database in memory, which can fail on demand.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use silsila_source::{
    Changes, Column, ColumnKind, Columns, Date, DateTime, Feed, Fetch, Health, Key, Row, Scan,
    Schema, Source, SourceError, Table, Time, Value,
};

use crate::log::Log;

/// Shared with the pipeline that reads it.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
pub(crate) struct Inner {
    tables: BTreeMap<&'static str, Content>,
    calls: u64,
    fault: Option<Box<dyn FnMut(u64) -> Fault + Send>>,
    pub(crate) log: Log,
}

/// What a call meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    Unavailable,
    Panic,
}

#[derive(Clone, Default)]
struct Content {
    columns: Vec<(&'static str, ColumnKind)>,
    rows: Vec<Vec<Value>>,
}

impl Memory {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic that a test asked for must not poison the hospital.
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes a table; its first column is the primary key, and the keys of mappings have one column.
    pub fn create(&self, name: &'static str, columns: &[(&'static str, ColumnKind)]) {
        let content = Content {
            columns: columns.to_vec(),
            rows: Vec::new(),
        };
        self.lock().tables.insert(name, content);
    }

    /// Inserts a row, or takes the place of the one with the same key.
    pub fn put(&self, table: &str, row: Vec<Value>) {
        let mut inner = self.lock();
        let content = inner.tables.get_mut(table).unwrap();
        assert_eq!(row.len(), content.columns.len());
        let names = content.names();
        let before = match content.rows.binary_search_by(|r| order(&r[0], &row[0])) {
            Ok(i) => Some(std::mem::replace(&mut content.rows[i], row.clone())),
            Err(i) => {
                content.rows.insert(i, row.clone());
                None
            }
        };
        inner.log.write(table, &names, before, Some(row));
    }

    /// Changes one column of one row, if the row is there.
    pub fn set(&self, table: &str, key: i64, column: &str, value: Value) {
        let mut inner = self.lock();
        let content = inner.tables.get_mut(table).unwrap();
        let c = content
            .columns
            .iter()
            .position(|(n, _)| *n == column)
            .unwrap();
        if let Ok(i) = content
            .rows
            .binary_search_by(|r| order(&r[0], &Value::Int(key)))
        {
            let before = content.rows[i].clone();
            content.rows[i][c] = value;
            let (after, names) = (content.rows[i].clone(), content.names());
            inner.log.write(table, &names, Some(before), Some(after));
        }
    }

    pub fn delete(&self, table: &str, key: i64) {
        let mut inner = self.lock();
        let content = inner.tables.get_mut(table).unwrap();
        let names = content.names();
        let place = content.rows.iter().position(|r| r[0] == Value::Int(key));
        if let Some(i) = place {
            let before = content.rows.remove(i);
            inner.log.write(table, &names, Some(before), None);
        }
    }

    /// Gives a column another name; its values stay.
    pub fn rename(&self, table: &str, column: &str, name: &'static str) {
        let mut inner = self.lock();
        let content = inner.tables.get_mut(table).unwrap();
        let at = content.at(column);
        content.columns[at].0 = name;
    }

    /// Gives a column another type; its values stay.
    pub fn retype(&self, table: &str, column: &str, kind: ColumnKind) {
        let mut inner = self.lock();
        let content = inner.tables.get_mut(table).unwrap();
        let at = content.at(column);
        content.columns[at].1 = kind;
    }

    pub fn keys(&self, table: &str) -> Vec<i64> {
        let inner = self.lock();
        let key = |row: &Vec<Value>| match row[0] {
            Value::Int(i) => i,
            _ => panic!("keys are integers here"),
        };
        inner.tables[table].rows.iter().map(key).collect()
    }

    /// Has every call ask what it meets; it is told its number.
    pub fn fail_when(&self, fault: impl FnMut(u64) -> Fault + Send + 'static) {
        self.lock().fault = Some(Box::new(fault));
    }

    pub fn heal(&self) {
        self.lock().fault = None;
    }

    pub(crate) fn answer<T>(&self, read: impl FnOnce(&Inner) -> T) -> Result<T, SourceError> {
        self.try_answer(|inner| Ok(read(inner)))
    }

    fn try_answer<T>(
        &self,
        read: impl FnOnce(&Inner) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        let mut inner = self.lock();
        inner.calls += 1;
        let calls = inner.calls;
        let fault = inner.fault.as_mut().map_or(Fault::None, |f| f(calls));
        match fault {
            Fault::None => read(&inner),
            Fault::Unavailable => Err(SourceError::Unavailable {
                source_name: "memory".to_owned(),
                reason: "the test says so".to_owned(),
            }),
            Fault::Panic => {
                drop(inner);
                // Without the panic hook, which would fill the output with faults that are meant.
                std::panic::resume_unwind(Box::new("the test has the adapter fail"));
            }
        }
    }
}

/// The database's own order.
pub fn order(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        _ => panic!("one column holds one kind"),
    }
}

impl Content {
    fn at(&self, column: &str) -> usize {
        self.columns.iter().position(|(n, _)| *n == column).unwrap()
    }

    fn names(&self) -> Vec<&'static str> {
        self.columns.iter().map(|(name, _)| *name).collect()
    }

    fn project(&self, wanted: &[String]) -> Result<(Arc<Columns>, Vec<usize>), SourceError> {
        let columns = Columns::new(wanted.iter().map(String::as_str));
        let known = |c: &String| {
            let at = self.columns.iter().position(|(n, _)| n == c);
            at.ok_or_else(|| SourceError::Missing {
                source_name: "memory".to_owned(),
                what: "column",
                name: c.clone(),
            })
        };
        let places: Result<Vec<usize>, _> = wanted.iter().map(known).collect();
        Ok((columns, places?))
    }
}

fn row(columns: &Arc<Columns>, places: &[usize], from: &[Value]) -> Row {
    Row::new(
        columns.clone(),
        places.iter().map(|p| from[*p].clone()).collect(),
    )
}

#[async_trait]
impl Source for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    async fn schema(&self) -> Result<Schema, SourceError> {
        self.answer(|inner| {
            let table = |(name, content): (&&'static str, &Content)| Table {
                name: (*name).to_owned(),
                columns: content
                    .columns
                    .iter()
                    .map(|(name, kind)| Column {
                        name: (*name).to_owned(),
                        sql_type: "memory".to_owned(),
                        kind: *kind,
                        nullable: true,
                        charset: None,
                    })
                    .collect(),
                primary_key: vec![content.columns[0].0.to_owned()],
            };
            Schema {
                tables: inner.tables.iter().map(table).collect(),
            }
        })
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError> {
        self.try_answer(|inner| {
            let content = &inner.tables[scan.table];
            let (columns, places) = content.project(scan.columns)?;
            let key = content.at(&scan.key[0]);
            let mut rows: Vec<&Vec<Value>> = content.rows.iter().collect();
            rows.retain(|r| scan.after.is_none_or(|k| order(&r[key], &k.0[0]).is_gt()));
            rows.sort_by(|a, b| order(&a[key], &b[key]));
            let rows = rows.into_iter().take(scan.limit);
            Ok(rows.map(|r| row(&columns, &places, r)).collect())
        })
    }

    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError> {
        self.try_answer(|inner| {
            let content = &inner.tables[changes.table];
            let (columns, places) = content.project(changes.columns)?;
            let (w, key) = (content.at(changes.watermark), content.at(&changes.key[0]));
            let mut rows: Vec<&Vec<Value>> = content
                .rows
                .iter()
                .filter(|r| !r[w].is_null())
                .filter(|r| match (changes.after, changes.since) {
                    (Some((mark, after)), _) => order(&r[w], mark)
                        .then_with(|| order(&r[key], &after.0[0]))
                        .is_gt(),
                    (None, Some(since)) => order(&r[w], since).is_ge(),
                    (None, None) => true,
                })
                .collect();
            rows.sort_by(|a, b| order(&a[w], &b[w]).then_with(|| order(&a[key], &b[key])));
            let rows = rows.into_iter().take(changes.limit);
            Ok(rows.map(|r| row(&columns, &places, r)).collect())
        })
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError> {
        self.try_answer(|inner| {
            let content = &inner.tables[fetch.table];
            let (columns, places) = content.project(fetch.columns)?;
            let by: Vec<usize> = fetch.by.iter().map(|c| content.at(c)).collect();
            let wanted = |r: &&Vec<Value>| {
                let matches = |k: &Key| by.iter().zip(&k.0).all(|(c, v)| r[*c] == *v);
                fetch.keys.iter().any(matches)
            };
            let rows = content.rows.iter().filter(wanted);
            Ok(rows.map(|r| row(&columns, &places, r)).collect())
        })
    }

    async fn count(&self, table: &str) -> Result<u64, SourceError> {
        self.answer(|inner| inner.tables[table].rows.len() as u64)
    }

    async fn health(&self) -> Result<Health, SourceError> {
        self.answer(|_| Health {
            server: "Memory 1".to_owned(),
            tls: None,
            clock: Some(moment(1_000_000)),
            notes: Vec::new(),
        })
    }

    fn feed(&self) -> Option<&dyn Feed> {
        let kept = self.lock().log.kept;
        kept.then_some(self)
    }
}

/// A time that lies so many seconds after the first of January 2025.
pub fn moment(seconds: u32) -> DateTime {
    let part = |n: u32| u8::try_from(n).unwrap();
    DateTime {
        date: Date {
            year: 2025,
            month: 1,
            day: part(1 + seconds / 86_400),
        },
        time: Time {
            hour: part(seconds / 3600 % 24),
            minute: part(seconds / 60 % 60),
            second: part(seconds % 60),
            nanosecond: 0,
        },
        offset_minutes: None,
    }
}
