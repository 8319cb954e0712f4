// SPDX-License-Identifier: Apache-2.0
//! The mapping engine alone, on one thread: the real pack over the real rows, read beforehand.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use silsila_gateway::pack;
use silsila_mapping::{Batch, Context, LogicalId, Mapping, Outcome, Pack, RefState, References};
use silsila_mysql::MySql;
use silsila_source::{Date, DateTime, Fetch, Key, Row, Scan, Source, Time};

use crate::site::Site;

/// What one mapping did.
pub struct Mapped {
    /// Its name.
    pub mapping: String,
    /// Rows given to it.
    pub rows: u64,
    /// Resources that came out.
    pub resources: u64,
    /// Bytes of those, canonical.
    pub bytes: u64,
    /// Time for joined rows to be taken in and for resources to be made and validated.
    pub mapping_time: Duration,
    /// Time for the digests by which unchanged rows are known.
    pub digest_time: Duration,
}

/// Runs every mapping of the pack over the whole of its table.
pub async fn mapped(site: &Site, source: &MySql, chunk: usize) -> anyhow::Result<Vec<Mapped>> {
    let loaded = silsila_config::load(&site.config().file())
        .map_err(|faults| anyhow::anyhow!("the configuration is faulty: {faults:?}"))?;
    let settings = pack::settings(&loaded.settings);
    let pack = pack::configured(&loaded.settings)?;
    let known = Known::default();
    let mut all = Vec::new();
    for mapping in pack.mappings() {
        all.push(one(&pack, mapping, source, &settings.source, &known, chunk).await?);
    }
    Ok(all)
}

async fn one(
    _pack: &Pack,
    mapping: &Mapping,
    source: &MySql,
    source_name: &str,
    known: &Known,
    chunk: usize,
) -> anyhow::Result<Mapped> {
    let mut sum = Mapped {
        mapping: mapping.name().to_owned(),
        rows: 0,
        resources: 0,
        bytes: 0,
        mapping_time: Duration::ZERO,
        digest_time: Duration::ZERO,
    };
    let ids = |of: &str, key: &Key| LogicalId::derive(&[7; 32], source_name, of, key);
    let context = Context {
        as_of: AS_OF,
        ids: &ids,
        references: known,
    };
    let mut after = None;
    loop {
        let rows = scan(mapping, source, after.as_ref(), chunk).await?;
        let (count, last) = (rows.len(), rows.last().and_then(|r| r.key(mapping.key())));
        let mut batch = Batch::new(mapping, rows);
        join(&mut batch, source, &mut sum.mapping_time).await?;
        run(&batch, &context, known, &mut sum);
        if count < chunk {
            break;
        }
        after = last;
    }
    Ok(sum)
}

/// Noon of the dataset's last day.
const AS_OF: DateTime = DateTime {
    date: Date {
        year: 2025,
        month: 6,
        day: 30,
    },
    time: Time {
        hour: 12,
        minute: 0,
        second: 0,
        nanosecond: 0,
    },
    offset_minutes: Some(300),
};

async fn scan(
    mapping: &Mapping,
    source: &MySql,
    after: Option<&Key>,
    limit: usize,
) -> anyhow::Result<Vec<Row>> {
    let scan = Scan {
        table: mapping.table(),
        columns: mapping.columns(),
        key: mapping.key(),
        after,
        limit,
    };
    Ok(source.scan(scan).await?)
}

/// Gives a batch the rows that it wants; the time of reading them does not count, that of taking them in does.
async fn join(batch: &mut Batch<'_>, source: &MySql, spent: &mut Duration) -> anyhow::Result<()> {
    loop {
        let start = Instant::now();
        let wants = batch.wants();
        *spent += start.elapsed();
        if wants.is_empty() {
            return Ok(());
        }
        for want in wants {
            let fetch = Fetch {
                table: &want.table,
                columns: &want.columns,
                by: &want.by,
                keys: &want.keys,
            };
            let rows = source.fetch(fetch).await?;
            let start = Instant::now();
            batch.supply(want.id, rows);
            *spent += start.elapsed();
        }
    }
}

fn run(batch: &Batch<'_>, context: &Context<'_>, known: &Known, sum: &mut Mapped) {
    let start = Instant::now();
    for at in 0..batch.len() {
        std::hint::black_box(batch.input_digest(at, &[9; 32], context.references));
    }
    sum.digest_time += start.elapsed();
    let start = Instant::now();
    let outcomes: Vec<_> = (0..batch.len()).map(|at| batch.map(at, context)).collect();
    sum.mapping_time += start.elapsed();
    for outcome in outcomes {
        sum.rows += 1;
        let state = match outcome.outcome {
            Outcome::Produced(resource) => {
                sum.resources += 1;
                sum.bytes += resource.body().len() as u64;
                RefState::Shared
            }
            Outcome::Empty => RefState::Absent,
            Outcome::NotShared => RefState::NotShared,
            Outcome::Quarantined(_) => RefState::Quarantined,
        };
        known.learn(&sum.mapping, &outcome.key, state);
    }
}

/// What became of earlier rows, in memory; in the gateway this is a table.
#[derive(Default)]
struct Known(RefCell<HashMap<String, HashMap<Vec<u8>, RefState>>>);

impl Known {
    fn learn(&self, mapping: &str, key: &Key, state: RefState) {
        let mut known = self.0.borrow_mut();
        if !known.contains_key(mapping) {
            known.insert(mapping.to_owned(), HashMap::new());
        }
        if let Some(rows) = known.get_mut(mapping) {
            rows.insert(key.encode(), state);
        }
    }
}

impl References for Known {
    fn state(&self, mapping: &str, key: &Key) -> RefState {
        let known = self.0.borrow();
        // The hospital's own Organization comes from the configuration, not from a table.
        let absent = if mapping == "organization" {
            RefState::Shared
        } else {
            RefState::Absent
        };
        let state = known.get(mapping).and_then(|rows| rows.get(&key.encode()));
        state.copied().unwrap_or(absent)
    }
}
