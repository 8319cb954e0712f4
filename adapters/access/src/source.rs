// SPDX-License-Identifier: Apache-2.0
//! [`Source`] for files of MS Access.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use silsila_source::{
    Changes, CopyState, Fetch, Health, Pace, Row, Scan, Schema, Source, SourceError,
};

use crate::AccessOptions;
use crate::desk::{Desk, InOrder};

/// A file of MS Access. Nothing is read until the first question.
pub struct Access {
    name: String,
    desk: Arc<Mutex<Desk>>,
    state: Arc<Mutex<Option<CopyState>>>,
    pace: Pace,
}

impl Access {
    /// Takes the options over; whether they work is seen at the first question.
    #[must_use]
    pub fn new(options: AccessOptions) -> Self {
        Self {
            name: options.name.clone(),
            pace: Pace::new(options.rows_per_second),
            desk: Arc::new(Mutex::new(Desk::new(options))),
            state: Arc::default(),
        }
    }

    /// Asks the desk on a thread that may block, one question at a time. A file may be damaged in a way that
    /// jetdb does not expect: what it then does ends the question and the copy, and nothing else.
    async fn ask<T: Send + 'static>(
        &self,
        table: &str,
        question: impl FnOnce(&mut Desk) -> Result<T, SourceError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let (desk, state) = (self.desk.clone(), self.state.clone());
        let asked = tokio::task::spawn_blocking(move || {
            let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
            let answer = catch_unwind(AssertUnwindSafe(|| question(&mut desk)));
            if answer.is_err() {
                desk.forget();
            }
            *state.lock().unwrap_or_else(PoisonError::into_inner) = desk.state();
            answer.ok()
        });
        let broken = || {
            SourceError::Unreadable {
            source_name: self.name.clone(),
            table: table.to_owned(),
            reason: "the file is damaged in a way that its reader does not expect; compact and repair it in Access"
                .to_owned(),
        }
        };
        match asked.await {
            Ok(Some(answer)) => answer,
            Ok(None) | Err(_) => Err(broken()),
        }
    }

    async fn rows(
        &self,
        table: &str,
        question: impl FnOnce(&mut Desk) -> Result<Vec<Row>, SourceError> + Send + 'static,
    ) -> Result<Vec<Row>, SourceError> {
        self.pace
            .wait(|at| tokio::time::sleep_until(at.into()))
            .await;
        let rows = self.ask(table, question).await?;
        self.pace.spent(rows.len());
        Ok(rows)
    }
}

#[async_trait]
impl Source for Access {
    fn name(&self) -> &str {
        &self.name
    }

    async fn schema(&self) -> Result<Schema, SourceError> {
        self.ask("", Desk::schema).await
    }

    async fn scan(&self, scan: Scan<'_>) -> Result<Vec<Row>, SourceError> {
        if scan.limit == 0 {
            return Ok(Vec::new());
        }
        let table = scan.table.to_owned();
        let (columns, by) = (scan.columns.to_vec(), scan.key.to_vec());
        let after = scan.after.map(|key| key.0.clone());
        let limit = scan.limit;
        self.rows(scan.table, move |desk| {
            desk.in_order(&InOrder {
                table: &table,
                columns: &columns,
                by: &by,
                valued: false,
                after,
                limit,
            })
        })
        .await
    }

    async fn changes(&self, changes: Changes<'_>) -> Result<Vec<Row>, SourceError> {
        if changes.limit == 0 {
            return Ok(Vec::new());
        }
        let table = changes.table.to_owned();
        let columns = changes.columns.to_vec();
        let mut by = vec![changes.watermark.to_owned()];
        by.extend_from_slice(changes.key);
        let after = match changes.after {
            Some((watermark, key)) => Some([std::slice::from_ref(watermark), &key.0].concat()),
            None => changes.since.map(|since| vec![since.clone()]),
        };
        let limit = changes.limit;
        self.rows(changes.table, move |desk| {
            desk.in_order(&InOrder {
                table: &table,
                columns: &columns,
                by: &by,
                valued: true,
                after,
                limit,
            })
        })
        .await
    }

    async fn fetch(&self, fetch: Fetch<'_>) -> Result<Vec<Row>, SourceError> {
        let table = fetch.table.to_owned();
        let (columns, by) = (fetch.columns.to_vec(), fetch.by.to_vec());
        let keys = fetch.keys.to_vec();
        self.rows(fetch.table, move |desk| {
            desk.find(&table, &columns, &by, &keys)
        })
        .await
    }

    async fn count(&self, table: &str) -> Result<u64, SourceError> {
        let name = table.to_owned();
        self.ask(table, move |desk| desk.count(&name)).await
    }

    async fn health(&self) -> Result<Health, SourceError> {
        let (server, notes) = self.ask("", Desk::greet).await?;
        Ok(Health {
            server,
            tls: Some("a file, read from a copy".to_owned()),
            clock: None,
            notes,
        })
    }

    fn copy(&self) -> Option<CopyState> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clone()
    }
}
