// SPDX-License-Identifier: Apache-2.0
//! The log that a hospital in memory keeps of its changes, and what can be wrong with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use silsila_source::{
    ChangeKind, Columns, Feed, FeedAnswer, FeedBatch, FeedPosition, FeedStanding, Follow, Followed,
    Row, RowChange, SourceError, Value,
};

use crate::memory::Memory;

/// Every change since the beginning.
#[derive(Default)]
pub struct Log {
    /// Whether the hospital keeps one at all.
    pub kept: bool,
    /// What the user lacks, if anything.
    pub missing: Option<String>,
    /// Entries before this one were purged.
    pub first: usize,
    /// Whether images hold the table's first column alone, as change tracking has it.
    pub keys_only: bool,
    /// The log answers with this fault.
    pub broken: bool,
    entries: Vec<Entry>,
}

struct Entry {
    table: String,
    /// Columns, before, after; or nothing, where the table changed as a whole.
    rows: Option<(Vec<&'static str>, Image, Image)>,
}

type Image = Option<Vec<Value>>;

impl Log {
    pub fn write(&mut self, table: &str, names: &[&'static str], before: Image, after: Image) {
        self.entries.push(Entry {
            table: table.to_owned(),
            rows: Some((names.to_vec(), before, after)),
        });
    }

    fn image(&self, names: &[&'static str], wanted: &[String], row: &Image) -> Option<Row> {
        let row = row.as_ref()?;
        let told = names.iter().zip(row).enumerate();
        let told = told.filter(|(i, (name, _))| {
            wanted.iter().any(|w| w == *name) && (*i == 0 || !self.keys_only)
        });
        let (names, values): (Vec<&str>, Vec<Value>) = told
            .map(|(_, (name, value))| (*name, value.clone()))
            .unzip();
        let columns: Arc<Columns> = Columns::new(names);
        Some(Row::new(columns, values))
    }

    fn change(&self, entry: &Entry, followed: &Followed) -> Option<RowChange> {
        let (names, before, after) = entry.rows.as_ref()?;
        let kind = match (before, after) {
            (None, _) => ChangeKind::Inserted,
            (_, None) => ChangeKind::Deleted,
            _ => ChangeKind::Updated,
        };
        let image = |row: &Image| self.image(names, &followed.columns, row);
        Some(RowChange {
            table: entry.table.clone(),
            kind,
            before: image(before),
            after: image(after),
        })
    }

    fn read(&self, follow: &Follow<'_>) -> FeedAnswer {
        let text = String::from_utf8_lossy(follow.after.as_bytes()).into_owned();
        let from: usize = text.parse().unwrap();
        if from < self.first {
            return FeedAnswer::Lost {
                reason: "it was purged".to_owned(),
            };
        }
        let to = self.entries.len().min(from + follow.limit);
        let mut batch = FeedBatch {
            changes: Vec::new(),
            unclear: Vec::new(),
            position: position(to),
            more: to < self.entries.len(),
        };
        for entry in &self.entries[from..to] {
            let Some(followed) = follow.tables.iter().find(|f| f.table == entry.table) else {
                continue;
            };
            match self.change(entry, followed) {
                Some(change) => batch.changes.push(change),
                None => batch.unclear.push(entry.table.clone()),
            }
        }
        FeedAnswer::Changes(batch)
    }
}

fn position(at: usize) -> FeedPosition {
    FeedPosition::new(at.to_string().into_bytes())
}

impl Memory {
    /// Keeps a log from now on.
    pub fn keep_log(&self) {
        self.lock().log.kept = true;
    }

    /// Changes what is wrong with the log.
    pub fn log(&self, change: impl FnOnce(&mut Log)) {
        change(&mut self.lock().log);
    }

    /// How many changes there were.
    pub fn logged(&self) -> usize {
        self.lock().log.entries.len()
    }

    /// Forgets all that was logged so far.
    pub fn purge_log(&self) {
        self.log(|log| log.first = log.entries.len());
    }

    /// Logs that a table changed as a whole.
    pub fn log_table(&self, table: &str) {
        self.log(|log| {
            log.entries.push(Entry {
                table: table.to_owned(),
                rows: None,
            });
        });
    }
}

#[async_trait]
impl Feed for Memory {
    fn name(&self) -> &'static str {
        "memory log"
    }

    async fn standing(&self) -> Result<FeedStanding, SourceError> {
        self.answer(|inner| match &inner.log.missing {
            Some(missing) => FeedStanding::Missing(vec![missing.clone()]),
            None => FeedStanding::Ready { notes: Vec::new() },
        })
    }

    async fn present(&self) -> Result<FeedPosition, SourceError> {
        self.answer(|inner| position(inner.log.entries.len()))
    }

    async fn follow(&self, follow: Follow<'_>) -> Result<FeedAnswer, SourceError> {
        let until = Instant::now() + follow.wait;
        loop {
            let answer = self.answer(|inner| {
                if inner.log.broken {
                    return Err(SourceError::Refused {
                        source_name: "memory".to_owned(),
                        reason: "the log is not for you".to_owned(),
                    });
                }
                Ok(inner.log.read(&follow))
            })??;
            let idle = matches!(&answer, FeedAnswer::Changes(b) if b.changes.is_empty() && b.unclear.is_empty());
            if !idle || Instant::now() >= until {
                return Ok(answer);
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
