// SPDX-License-Identifier: Apache-2.0
//! Order: the least value of a parameter when rising, the greatest when falling; resources without a
//! value last; equal ones by the newest commit, so that the order is total and pages do not overlap.

use std::cmp::Ordering;

use silsila_schema::Json;

use super::body;
use super::query::{SortBy, SortKey};
use crate::index::facts::{Fact, Reader};

/// The value of one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A time or the entry's number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// A text.
    Text(Box<str>),
}

/// The values of all keys; none where the resource has none.
pub type Values = Vec<Option<Value>>;

/// The keys of an order.
#[derive(Debug, Default)]
pub struct Keys<'q>(&'q [SortKey]);

impl<'q> Keys<'q> {
    /// The keys of a query.
    pub fn new(keys: &'q [SortKey]) -> Self {
        Self(keys)
    }

    /// Whether a key is read from the body.
    pub fn need_body(&self) -> bool {
        self.0.iter().any(|key| matches!(key.by, SortBy::Body(_)))
    }

    /// Whether a key is the id.
    pub fn need_id(&self) -> bool {
        self.0.iter().any(|key| matches!(key.by, SortBy::Id))
    }

    /// The values that facts give; those of other keys stay open.
    pub fn of_facts(&self, facts: &[u8], vid: i64) -> Values {
        self.0
            .iter()
            .map(|key| match &key.by {
                SortBy::Updated => Some(Value::Whole(vid)),
                SortBy::Facts(params) => from_facts(facts, params, key.descending),
                SortBy::Id | SortBy::Body(_) => None,
            })
            .collect()
    }

    /// Fills in the values that the body gives.
    pub fn add_from_body(&self, values: &mut Values, tree: &Json) {
        for (key, value) in self.0.iter().zip(values) {
            if let SortBy::Body(code) = key.by {
                *value = body::sort_text(tree, code, key.descending)
                    .map(|text| Value::Text(text.into()));
            }
        }
    }

    /// Fills in the id.
    pub fn add_id(&self, values: &mut Values, id: Option<&str>) {
        for (key, value) in self.0.iter().zip(values) {
            if let SortBy::Id = key.by {
                *value = id.map(|id| Value::Text(id.into()));
            }
        }
    }

    /// Compares two matches.
    pub fn compare(&self, a: &(Values, i64), b: &(Values, i64)) -> Ordering {
        for ((key, a), b) in self.0.iter().zip(&a.0).zip(&b.0) {
            let order = match (a, b) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(a), Some(b)) if key.descending => compare(b, a),
                (Some(a), Some(b)) => compare(a, b),
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        b.1.cmp(&a.1)
    }
}

fn from_facts(facts: &[u8], params: &[u16], descending: bool) -> Option<Value> {
    let values = Reader::new(facts)
        .filter(|(param, _)| params.contains(param))
        .map(|(_, fact)| match fact {
            Fact::Date { lo, hi } => Value::Whole(if descending { hi } else { lo }),
            Fact::Number { lo, hi } | Fact::Quantity { lo, hi, .. } => {
                Value::Number(if descending { hi } else { lo })
            }
            Fact::Text(text) => Value::Text(text.kept.into()),
        });
    if descending {
        values.max_by(compare)
    } else {
        values.min_by(compare)
    }
}

fn compare(a: &Value, b: &Value) -> Ordering {
    match (a, b) {
        (Value::Whole(a), Value::Whole(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => Ordering::Equal,
    }
}
