// SPDX-License-Identifier: Apache-2.0
//! [`Source`] for SQL Server.

use std::collections::HashSet;
use std::fmt;

use async_trait::async_trait;
use silsila_source::{
    Changes, Feed, Fetch, Health, Key, Pace, Row, Scan, Schema, Source, SourceError,
};

use crate::MsSqlOptions;
use crate::health::HowAreYou;
use crate::reading::{From, HowMany, Reading, Which};
use crate::schema::WhatIsThere;
use crate::select::keys_at_once;
use crate::sessions::{Question, Sessions};

/// A SQL Server database. Nothing is connected until the first question.
pub struct MsSql {
    name: String,
    sessions: Sessions,
    pace: Pace,
}

impl fmt::Debug for MsSql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The driver's connections would show the bytes that they hold.
        f.debug_struct("MsSql")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl MsSql {
    /// Takes the options over; whether they work is seen at the first question.
    #[must_use]
    pub fn new(options: MsSqlOptions) -> Self {
        Self {
            name: options.name.clone(),
            pace: Pace::new(options.rows_per_second),
            sessions: Sessions::new(options),
        }
    }

    /// Puts a question that is answered in few rows.
    pub(crate) async fn ask<Q: Question>(&self, question: &Q) -> Result<Q::Answer, SourceError> {
        self.pace
            .wait(|at| tokio::time::sleep_until(at.into()))
            .await;
        self.sessions.ask(question).await
    }

    /// Accounts for rows that were read.
    pub(crate) fn spent(&self, rows: usize) {
        self.pace.spent(rows);
    }

    /// Reads rows at the pace agreed.
    async fn rows(&self, reading: &Reading<'_>) -> Result<Vec<Row>, SourceError> {
        self.pace
            .wait(|at| tokio::time::sleep_until(at.into()))
            .await;
        let rows = self.sessions.ask(reading).await?;
        self.pace.spent(rows.len());
        Ok(rows)
    }
}

#[async_trait]
impl Source for MsSql {
    fn name(&self) -> &str {
        &self.name
    }

    async fn schema(&self) -> Result<Schema, SourceError> {
        let question = WhatIsThere {
            source: &self.name,
            only: None,
        };
        self.sessions.ask(&question).await
    }

    async fn tables(&self, names: &[String]) -> Result<Schema, SourceError> {
        let question = WhatIsThere {
            source: &self.name,
            only: Some(names),
        };
        self.sessions.ask(&question).await
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError> {
        if scan.limit == 0 {
            return Ok(Vec::new());
        }
        let order: Vec<&str> = scan.key.iter().map(String::as_str).collect();
        let which = Which::After {
            position: scan.after.map(|k| k.0.clone()),
            limit: scan.limit,
        };
        self.rows(&Reading::new(
            &self.name,
            scan.table,
            scan.columns,
            &order,
            which,
        ))
        .await
    }

    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError> {
        if changes.limit == 0 {
            return Ok(Vec::new());
        }
        let mut order = vec![changes.watermark];
        order.extend(changes.key.iter().map(String::as_str));
        let from = match changes.after {
            Some((watermark, key)) => {
                From::After([std::slice::from_ref(watermark), &key.0].concat())
            }
            None => From::Watermark(changes.since),
        };
        let which = Which::Changed {
            from,
            limit: changes.limit,
        };
        self.rows(&Reading::new(
            &self.name,
            changes.table,
            changes.columns,
            &order,
            which,
        ))
        .await
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError> {
        let by: Vec<&str> = fetch.by.iter().map(String::as_str).collect();
        let mut asked_for = HashSet::new();
        let keys: Vec<&Key> = fetch
            .keys
            .iter()
            .filter(|k| asked_for.insert(k.encode()))
            .collect();
        let mut rows = Vec::new();
        let mut answered = HashSet::new();
        for keys in keys.chunks(keys_at_once(by.len())) {
            let which = Which::Among { keys };
            let reading = Reading::new(&self.name, fetch.table, fetch.columns, &by, which);
            let mut more = self.rows(&reading).await?;
            // A collation may hold keys of two statements for equal; the first has given all their rows.
            more.retain(|r| r.key(&by).is_some_and(|k| !answered.contains(&k.encode())));
            answered.extend(more.iter().filter_map(|r| r.key(&by)).map(|k| k.encode()));
            rows.extend(more);
        }
        Ok(rows)
    }

    async fn count(&self, table: &str) -> Result<u64, SourceError> {
        let question = HowMany {
            source: &self.name,
            table,
        };
        self.sessions.ask(&question).await
    }

    async fn health(&self) -> Result<Health, SourceError> {
        self.sessions.ask(&HowAreYou { source: &self.name }).await
    }

    fn feed(&self) -> Option<&dyn Feed> {
        Some(self)
    }
}
