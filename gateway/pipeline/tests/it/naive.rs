// SPDX-License-Identifier: Apache-2.0
//! The same hospital mapped once, from beginning to end, without any memory of the past: what the ledger
//! must say in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use silsila_mapping::{Batch, Context, LogicalId, Mapping, Outcome, Pack, RefState, References};
use silsila_source::{Fetch, Key, Row, Scan, Source};

use crate::ledger::{KEYS, name};
use crate::memory::{Memory, moment};

/// What one row comes to.
pub enum Expected {
    Body(Vec<u8>),
    Empty,
    NotShared,
    /// Whether an earlier version must be withdrawn.
    Quarantined {
        withdraws: bool,
    },
}

/// Rows by mapping and key.
pub type World = BTreeMap<String, BTreeMap<i64, Expected>>;

struct Told<'t>(&'t HashMap<(String, Vec<u8>), RefState>);

impl References for Told<'_> {
    fn state(&self, mapping: &str, key: &Key) -> RefState {
        let place = (mapping.to_owned(), key.encode());
        self.0.get(&place).copied().unwrap_or(RefState::Absent)
    }
}

pub fn id(mapping: &str, key: &Key) -> LogicalId {
    LogicalId::derive(&KEYS.id_key, "memory", mapping, key)
}

/// Maps everything; `suspicious` patients are held back.
pub async fn world(memory: &Memory, pack: &Pack, suspicious: &BTreeSet<i64>) -> World {
    let mut states = HashMap::new();
    let mut world = World::new();
    for mapping in pack.mappings() {
        let batch = joined(memory, mapping).await;
        let mut expected = BTreeMap::new();
        for i in 0..batch.len() {
            let references = Told(&states);
            let context = Context {
                as_of: moment(0),
                ids: &id,
                references: &references,
            };
            let outcome = batch.map(i, &context);
            let silsila_source::Value::Int(number) = outcome.key.0[0] else {
                panic!("keys are integers here");
            };
            let held = mapping.name() == "patient" && suspicious.contains(&number);
            let expect = match outcome.outcome {
                Outcome::Produced(_) if held => Expected::Quarantined { withdraws: true },
                Outcome::Produced(made) => Expected::Body(made.into_body()),
                Outcome::Empty => Expected::Empty,
                Outcome::NotShared => Expected::NotShared,
                Outcome::Quarantined(fault) => Expected::Quarantined {
                    withdraws: fault.withdraws,
                },
            };
            let state = match &expect {
                Expected::Body(_) => RefState::Shared,
                Expected::Empty => RefState::Absent,
                Expected::NotShared => RefState::NotShared,
                Expected::Quarantined { .. } => RefState::Quarantined,
            };
            expected.insert(number, (outcome.key, expect, state));
        }
        let mut rows = BTreeMap::new();
        for (number, (key, expect, state)) in expected {
            states.insert((mapping.name().to_owned(), key.encode()), state);
            rows.insert(number, expect);
        }
        world.insert(mapping.name().to_owned(), rows);
    }
    world
}

async fn joined<'m>(memory: &Memory, mapping: &'m Mapping) -> Batch<'m> {
    let scan = Scan {
        table: mapping.table(),
        columns: mapping.columns(),
        key: mapping.key(),
        after: None,
        limit: usize::MAX,
    };
    let rows: Vec<Row> = memory.scan(scan).await.unwrap();
    let mut batch = Batch::new(mapping, rows);
    loop {
        let wants = batch.wants();
        if wants.is_empty() {
            return batch;
        }
        for want in wants {
            let fetch = Fetch {
                table: &want.table,
                columns: &want.columns,
                by: &want.by,
                keys: &want.keys,
            };
            batch.supply(want.id, memory.fetch(fetch).await.unwrap());
        }
    }
}

/// `type/id` of the resource of a row.
pub fn resource(pack: &Pack, mapping: &str, number: i64) -> String {
    let key = Key(vec![silsila_source::Value::Int(number)]);
    let kind = pack.mapping(mapping).unwrap().resource_type().to_owned();
    format!("{kind}/{}", id(mapping, &key))
}

/// A body's own name must be the one it is known by.
pub fn check_name(known: &str, body: &[u8]) {
    assert_eq!(known, name(body));
}
