// SPDX-License-Identifier: Apache-2.0
//! [`Source`] over ODBC.

use std::collections::HashSet;

use async_trait::async_trait;
use silsila_source::{Changes, Fetch, Health, Key, Pace, Row, Scan, Schema, Source, SourceError};

use crate::OdbcOptions;
use crate::health::HowAreYou;
use crate::reading::{HowMany, Once, Reading, Which};
use crate::schema::WhatIsThere;
use crate::select::MOST_KEYS;
use crate::sessions::Sessions;

/// A database with an ODBC driver. Nothing is connected and no driver loaded until the first question.
#[derive(Debug)]
pub struct Odbc {
    name: String,
    sessions: Sessions,
    pace: Pace,
}

impl Odbc {
    /// Takes the options over; whether they work is seen at the first question.
    #[must_use]
    pub fn new(options: OdbcOptions) -> Self {
        Self {
            name: options.name.clone(),
            pace: Pace::new(options.rows_per_second),
            sessions: Sessions::new(options),
        }
    }

    /// Reads rows at the pace agreed.
    async fn rows(&self, reading: Reading) -> Result<Vec<Row>, SourceError> {
        self.pace
            .wait(|at| tokio::time::sleep_until(at.into()))
            .await;
        let rows = self.sessions.ask(reading).await?;
        self.pace.spent(rows.len());
        Ok(rows)
    }

    fn reading(
        &self,
        table: &str,
        columns: &[String],
        exact: Vec<String>,
        which: Which,
    ) -> Reading {
        Reading {
            source: self.name.clone(),
            table: table.to_owned(),
            columns: columns.to_vec(),
            exact,
            which,
        }
    }
}

#[async_trait]
impl Source for Odbc {
    fn name(&self) -> &str {
        &self.name
    }

    async fn schema(&self) -> Result<Schema, SourceError> {
        let source = self.name.clone();
        let question = WhatIsThere {
            source,
            tables: None,
        };
        self.sessions.ask(question).await
    }

    async fn tables(&self, names: &[String]) -> Result<Schema, SourceError> {
        let source = self.name.clone();
        let question = WhatIsThere {
            source,
            tables: Some(names.to_vec()),
        };
        self.sessions.ask(question).await
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError> {
        if scan.limit == 0 {
            return Ok(Vec::new());
        }
        let which = Which::After {
            position: scan.after.map(|k| k.0.clone()),
            limit: scan.limit,
        };
        let order = scan.key.to_vec();
        self.rows(self.reading(scan.table, scan.columns, order, which))
            .await
    }

    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError> {
        if changes.limit == 0 {
            return Ok(Vec::new());
        }
        let mut order = vec![changes.watermark.to_owned()];
        order.extend_from_slice(changes.key);
        let which = match changes.after {
            Some((watermark, key)) => Which::After {
                position: Some([std::slice::from_ref(watermark), &key.0].concat()),
                limit: changes.limit,
            },
            None => Which::Since {
                since: changes.since.cloned(),
                limit: changes.limit,
            },
        };
        self.rows(self.reading(changes.table, changes.columns, order, which))
            .await
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError> {
        let mut asked_for = HashSet::new();
        let keys: Vec<&Key> = fetch
            .keys
            .iter()
            .filter(|k| asked_for.insert(k.encode()))
            .collect();
        let mut rows = Vec::new();
        let mut once = Once::default();
        for keys in keys.chunks(MOST_KEYS) {
            let which = Which::Among {
                keys: keys.iter().map(|k| (*k).clone()).collect(),
            };
            let reading = self.reading(fetch.table, fetch.columns, fetch.by.to_vec(), which);
            let mut more = self.rows(reading).await?;
            once.keep_new(&mut more, fetch.by);
            rows.extend(more);
        }
        Ok(rows)
    }

    async fn count(&self, table: &str) -> Result<u64, SourceError> {
        let question = HowMany {
            source: self.name.clone(),
            table: table.to_owned(),
        };
        self.sessions.ask(question).await
    }

    async fn health(&self) -> Result<Health, SourceError> {
        let source = self.name.clone();
        self.sessions.ask(HowAreYou { source }).await
    }
}
