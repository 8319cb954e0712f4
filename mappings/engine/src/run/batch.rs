// SPDX-License-Identifier: Apache-2.0
//! A chunk of rows on its way through a mapping.

use std::collections::BTreeMap;

use silsila_source::{Fetch, Key, Row, Value};

use super::joined::{Rows, Supply, key_of, origin_values, resolve};
use super::{digest, row};
use crate::expression::eval::Joined;
use crate::expression::value::View;
use crate::{Context, Mapping, References, RowOutcome};

/// A chunk of rows of one mapping's main table.
///
/// ```text
/// let mut batch = Batch::new(mapping, rows);
/// loop {
///     let wants = batch.wants();
///     if wants.is_empty() { break }
///     for want in wants { batch.supply(want.id, source.fetch(want.as_fetch()).await?) }
/// }
/// for i in 0..batch.len() { batch.map(i, &context) }
/// ```
pub struct Batch<'m> {
    mapping: &'m Mapping,
    rows: Rows,
    supplies: Vec<Option<Supply>>,
}

/// Rows that a [`Batch`] needs before it can map: exactly the fields of a [`Fetch`].
#[derive(Debug, Clone)]
pub struct Want {
    /// To hand back to [`Batch::supply`].
    pub id: usize,
    /// The table to read.
    pub table: String,
    /// The columns wanted, those of `by` among them.
    pub columns: Vec<String>,
    /// The columns to match.
    pub by: Vec<String>,
    /// Distinct keys, none with a NULL in it.
    pub keys: Vec<Key>,
}

impl Want {
    /// The same as a [`Fetch`].
    #[must_use]
    pub fn as_fetch(&self) -> Fetch<'_> {
        Fetch {
            table: &self.table,
            columns: &self.columns,
            by: &self.by,
            keys: &self.keys,
        }
    }
}

impl<'m> Batch<'m> {
    /// Takes rows that hold at least [`Mapping::columns`]. Where rows come in groups, one row of each group is
    /// enough: the others are wanted by key.
    #[must_use]
    pub fn new(mapping: &'m Mapping, mut rows: Vec<Row>) -> Self {
        let plan = mapping.plan();
        if plan.group.is_some() {
            let mut seen = std::collections::HashSet::new();
            rows.retain(|row| {
                let key = row.key(mapping.key());
                seen.insert(key.map(|k| k.encode()))
            });
        }
        Self {
            rows: Rows::new(rows, &plan.program.columns, &plan.charsets),
            supplies: plan.joins.iter().map(|_| None).collect(),
            mapping,
        }
    }

    /// The next round of fetches; empty when the batch is ready to map. Every want of a round must be
    /// supplied before the next round.
    #[must_use]
    pub fn wants(&self) -> Vec<Want> {
        let joins = &self.mapping.plan().joins;
        let rounds = joins.iter().map(|j| j.level).max().map_or(0, |l| l + 1);
        for round in 0..rounds {
            let missing = (0..joins.len())
                .filter(|j| joins[*j].level == round && self.supplies[*j].is_none());
            let wants: Vec<Want> = missing.filter_map(|j| self.want(j)).collect();
            if !wants.is_empty() {
                return wants;
            }
        }
        Vec::new()
    }

    fn want(&self, j: usize) -> Option<Want> {
        let plan = self.mapping.plan();
        let join = &plan.joins[j];
        let mut keys: BTreeMap<Vec<u8>, Key> = BTreeMap::new();
        for i in 0..self.rows.len() {
            let Some(main) = self.rows.view(i) else {
                continue;
            };
            let joined = self.upstream(main, join.level);
            let values = origin_values(join, main, &joined);
            if let Some(key) = key_of(values.iter().copied()) {
                keys.entry(key)
                    .or_insert_with(|| Key(values.into_iter().flatten().cloned().collect()));
            }
        }
        let names = |numbers: &[usize]| numbers.iter().map(|c| join.columns[*c].clone()).collect();
        (!keys.is_empty()).then(|| Want {
            id: j,
            table: join.table.clone(),
            columns: join.columns.clone(),
            by: names(&join.by),
            keys: keys.into_values().collect(),
        })
    }

    fn upstream<'b>(&'b self, main: View<'b>, level: usize) -> Vec<Joined<'b>> {
        if level == 0 {
            return Vec::new();
        }
        resolve(self.mapping.plan(), &self.supplies, main).0
    }

    /// Hands over the rows fetched for a want, in any order.
    pub fn supply(&mut self, want: usize, rows: Vec<Row>) {
        if want < self.supplies.len() {
            self.supplies[want] = Some(Supply::new(self.mapping.plan(), want, rows));
        }
    }

    /// The key of application `i`: of the row, or of the group. Columns that are missing count as NULL.
    #[must_use]
    pub fn key(&self, i: usize) -> Key {
        let view = self.rows.view(i);
        let value = |c| view.and_then(|v| v.raw(c)).cloned().unwrap_or(Value::Null);
        Key((0..self.mapping.plan().key_len).map(value).collect())
    }

    /// How many applications there are: rows, or groups of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.len() == 0
    }

    /// A keyed digest of all that enters the outcome of row `i`, except `as_of`: the row, its joined rows, the
    /// states of rows that it refers to, the mapping. Equal digests mean that mapping again would change
    /// nothing.
    ///
    /// # Panics
    /// When `i` is not below [`Self::len`].
    #[must_use]
    pub fn input_digest(&self, i: usize, mac_key: &[u8; 32], refs: &dyn References) -> [u8; 16] {
        let main = self.rows.view(i).expect("a number below len");
        let (joined, _) = resolve(self.mapping.plan(), &self.supplies, main);
        digest::input(self.mapping, main, &joined, mac_key, refs)
    }

    /// Maps row `i`.
    ///
    /// # Panics
    /// When `i` is not below [`Self::len`].
    #[must_use]
    pub fn map(&self, i: usize, cx: &Context<'_>) -> RowOutcome {
        let main = self.rows.view(i).expect("a number below len");
        let (joined, ambiguous) = resolve(self.mapping.plan(), &self.supplies, main);
        row::map(self.mapping, main, &joined, &ambiguous, self.key(i), cx)
    }
}
