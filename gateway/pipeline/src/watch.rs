// SPDX-License-Identifier: Apache-2.0
//! What polling one mapping remembers: how far it has come, and what the overlap will bring again.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use silsila_source::{DateTime, Row, Value};

use crate::watermark::{back, compare, shift};

/// What polling one mapping remembers between rounds. Nothing of it needs to survive a restart but the
/// watermark, which the store holds.
#[derive(Default)]
pub(crate) struct Watch {
    /// Up to where rows were read and everything that depends on them was done.
    pub newest: Option<Value>,
    /// The rows of the last round by key, as hashes: those that come again because of the overlap and are
    /// the same need no second look.
    pub recent: HashMap<Vec<u8>, u64>,
    dice: RandomState,
}

/// Rows of the overlap that are remembered; beyond that they are simply mapped again.
const REMEMBERED: usize = 200_000;
/// A watermark further ahead of the server's clock than this is an accident.
const AHEAD: i64 = 24 * 60 * 60;

/// The server's clock, read once at connecting and advanced by our own.
#[derive(Clone, Copy)]
pub(crate) struct ServerClock {
    read: DateTime,
    at: Instant,
}

impl ServerClock {
    pub fn new(read: DateTime) -> Self {
        Self {
            read,
            at: Instant::now(),
        }
    }

    /// The latest watermark that is believed.
    pub fn latest(&self) -> Option<Value> {
        let passed = i64::try_from(self.at.elapsed().as_secs()).ok()?;
        shift(self.read, passed + AHEAD).map(Value::DateTime)
    }
}

impl Watch {
    pub fn newest(&self) -> Option<&Value> {
        self.newest.as_ref()
    }

    pub fn resume(watermark: Option<Value>) -> Self {
        Self {
            newest: watermark,
            ..Self::default()
        }
    }

    /// Where the next round begins.
    pub fn since(&self, latest: Option<&Value>, overlap: Duration) -> Option<Value> {
        let newest = self.newest.as_ref()?;
        let from = match latest {
            Some(latest) if !believed(newest, Some(latest)) => latest,
            _ => newest,
        };
        Some(back(from, overlap))
    }

    /// Leaves out rows that the last round brought already; notes what this one brings.
    pub fn fresh(
        &self,
        rows: Vec<Row>,
        key: &[String],
        noted: &mut HashMap<Vec<u8>, u64>,
    ) -> Vec<Row> {
        let mut bytes = Vec::new();
        rows.into_iter()
            .filter(|row| {
                let Some(key) = row.key(key) else {
                    return true;
                };
                bytes.clear();
                row.values().iter().for_each(|v| v.encode_into(&mut bytes));
                let hash = self.dice.hash_one(&bytes);
                let key = key.encode();
                let same = self.recent.get(&key) == Some(&hash);
                if noted.len() < REMEMBERED {
                    noted.insert(key, hash);
                }
                !same
            })
            .collect()
    }

    pub fn advance(&mut self, watermark: Value) {
        let later = match &self.newest {
            None => true,
            Some(newest) => compare(&watermark, newest) != Some(Ordering::Less),
        };
        if later {
            self.newest = Some(watermark);
        }
    }
}

/// Whether a watermark is not further ahead than clocks and time zones explain. A later one never moves the
/// poll forward: its row comes again in every round, and is known by its hash.
pub(crate) fn believed(watermark: &Value, latest: Option<&Value>) -> bool {
    latest.is_none_or(|latest| compare(watermark, latest) != Some(Ordering::Greater))
}
