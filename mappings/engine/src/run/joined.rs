// SPDX-License-Identifier: Apache-2.0
//! Rows of other tables, found by key.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use silsila_source::{Columns, Row, Value};

use crate::expression::eval::{Env, Joined};
use crate::expression::value::{Record, Shape, Val, View};
use crate::language::mapping_file::JoinSort;
use crate::plan::{Join, Plan};

/// Rows of one answer or several, each with its shape.
pub(crate) struct Rows {
    rows: Vec<(Row, usize)>,
    shapes: Vec<(Arc<Columns>, Shape)>,
}

impl Rows {
    /// Rows seen through the columns of a plan.
    pub fn new(
        rows: Vec<Row>,
        names: &[String],
        charsets: &[Option<&'static encoding_rs::Encoding>],
    ) -> Self {
        let mut shapes: Vec<(Arc<Columns>, Shape)> = Vec::new();
        let rows = rows
            .into_iter()
            .map(|row| {
                let columns = row.columns();
                let known = shapes
                    .iter()
                    .position(|(c, _)| Arc::ptr_eq(c, columns) || c == columns);
                let shape = known.unwrap_or_else(|| {
                    let shape = Shape::new(names, charsets, columns);
                    shapes.push((columns.clone(), shape));
                    shapes.len() - 1
                });
                (row, shape)
            })
            .collect();
        Self { rows, shapes }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn view(&self, i: usize) -> Option<View<'_>> {
        let (row, shape) = self.rows.get(i)?;
        Some(View {
            row,
            shape: &self.shapes[*shape].1,
        })
    }

    /// Keeps the rows for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(View<'_>) -> bool) {
        let shapes = &self.shapes;
        self.rows.retain(|(row, shape)| {
            keep(View {
                row,
                shape: &shapes[*shape].1,
            })
        });
    }
}

/// The rows that were supplied for a join, in order and by key.
pub(crate) struct Supply {
    rows: Rows,
    by_key: HashMap<Vec<u8>, Range<usize>>,
    /// Keys with texts folded, for databases that compare without regard to case.
    by_folded: HashMap<Vec<u8>, Range<usize>>,
}

impl Supply {
    /// Filters, sorts and indexes the rows of a join.
    pub fn new(plan: &Plan, j: usize, rows: Vec<Row>) -> Self {
        let join = &plan.joins[j];
        let mut rows = Rows::new(rows, &join.columns, &[]);
        if let Some(filter) = &join.filter {
            rows.retain(|view| {
                let env = Env::new(&plan.program, None, &[], None);
                env.item.set(Some((j, view)));
                env.eval(filter).is_ok_and(|v| v.is_true())
            });
        }
        let mut sorted: Vec<(Vec<u8>, Row)> = Vec::with_capacity(rows.len());
        for i in 0..rows.len() {
            let key = rows
                .view(i)
                .and_then(|view| key_of(join.by.iter().map(|c| view.raw(*c))));
            if let (Some(key), Some(view)) = (key, rows.view(i)) {
                sorted.push((key, view.row.clone()));
            }
        }
        sorted.sort_by(|(a_key, a), (b_key, b)| {
            a_key
                .cmp(b_key)
                .then_with(|| by_order(join, a, b))
                .then_with(|| by_contents(a, b))
        });
        let by_key = ranges(&sorted);
        let mut by_folded: HashMap<Vec<u8>, Range<usize>> = HashMap::new();
        for (key, range) in &by_key {
            let slot = by_folded
                .entry(folded_key(key))
                .or_insert_with(|| range.clone());
            // Of several spellings the first in order counts.
            if range.start < slot.start {
                *slot = range.clone();
            }
        }
        let rows = sorted.into_iter().map(|(_, row)| row).collect();
        Self {
            rows: Rows::new(rows, &join.columns, &[]),
            by_key,
            by_folded,
        }
    }

    fn find(&self, key: &[u8]) -> Range<usize> {
        let found = self
            .by_key
            .get(key)
            .or_else(|| self.by_folded.get(&folded_key(key)));
        found.cloned().unwrap_or(0..0)
    }
}

fn ranges(sorted: &[(Vec<u8>, Row)]) -> HashMap<Vec<u8>, Range<usize>> {
    let mut ranges: HashMap<Vec<u8>, Range<usize>> = HashMap::new();
    for (i, (key, _)) in sorted.iter().enumerate() {
        match ranges.get_mut(key) {
            Some(range) => range.end = i + 1,
            None => {
                ranges.insert(key.clone(), i..i + 1);
            }
        }
    }
    ranges
}

fn by_order(join: &Join, a: &Row, b: &Row) -> Ordering {
    for (column, turned) in &join.order {
        let name = &join.columns[*column];
        let order = compare_values(a.get(name), b.get(name));
        let order = if *turned { order.reverse() } else { order };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

/// NULL first, then by value within a kind.
fn compare_values(a: Option<&Value>, b: Option<&Value>) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return a.is_some().cmp(&b.is_some());
    };
    match (a, b) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::UInt(a), Value::UInt(b)) => a.cmp(b),
        (Value::Int(_), Value::UInt(_)) => Ordering::Less,
        (Value::UInt(_), Value::Int(_)) => Ordering::Greater,
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Date(a), Value::Date(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.cmp(b),
        (Value::Time(a), Value::Time(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => crate::expression::compare::compare_plain(a, b),
        (a, b) => encoded(a).cmp(&encoded(b)),
    }
}

fn by_contents(a: &Row, b: &Row) -> Ordering {
    let all = |row: &Row| {
        let mut bytes = Vec::new();
        row.values().iter().for_each(|v| v.encode_into(&mut bytes));
        bytes
    };
    all(a).cmp(&all(b))
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode_into(&mut bytes);
    bytes
}

/// A key for matching, in which a number and the text of it are the same: databases think so too. `None`
/// when a part is NULL or missing.
pub(crate) fn key_of<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> Option<Vec<u8>> {
    let mut key = Vec::with_capacity(24);
    for value in values {
        match value? {
            Value::Null => return None,
            Value::Int(i) => key.extend_from_slice(i.to_string().as_bytes()),
            Value::UInt(u) => key.extend_from_slice(u.to_string().as_bytes()),
            Value::Bool(b) => key.push(if *b { b'1' } else { b'0' }),
            Value::Text(t) => key.extend_from_slice(t.trim_end().as_bytes()),
            Value::Decimal(d) => {
                let plain = match d.split_once('.') {
                    Some((_, fraction)) if fraction.bytes().any(|b| b != b'0') => {
                        d.trim_end_matches('0')
                    }
                    Some((whole, _)) => whole,
                    None => d,
                };
                key.extend_from_slice(plain.as_bytes());
            }
            other => other.encode_into(&mut key),
        }
        key.push(0);
    }
    Some(key)
}

fn folded_key(key: &[u8]) -> Vec<u8> {
    match std::str::from_utf8(key) {
        Ok(text) => text.to_lowercase().into_bytes(),
        Err(_) => key.to_vec(),
    }
}

/// What every join of a plan yields for one main row, and the lookups that found several rows without
/// being told which to take.
pub(crate) fn resolve<'b>(
    plan: &'b Plan,
    supplies: &'b [Option<Supply>],
    main: View<'b>,
) -> (Vec<Joined<'b>>, Vec<usize>) {
    let mut joined: Vec<Joined<'b>> = vec![Joined::Missing(true); plan.joins.len()];
    let mut ambiguous = Vec::new();
    for &j in &plan.join_order {
        let join = &plan.joins[j];
        let key = origin_key(join, main, &joined);
        let range = match (&key, &supplies[j]) {
            (Some(key), Some(supply)) => supply.find(key),
            _ => 0..0,
        };
        let views = || {
            let rows = supplies[j].as_ref().map(|s| &s.rows);
            range
                .clone()
                .filter_map(move |i| rows.and_then(|r| r.view(i)))
        };
        joined[j] = match join.sort {
            JoinSort::Lookup => {
                if range.len() > 1 && join.order.is_empty() {
                    ambiguous.push(j);
                }
                views()
                    .next()
                    .map_or(Joined::Missing(key.is_none()), Joined::One)
            }
            _ if join.pivot.is_some() => {
                let (record, repeated) = pivot(join, views());
                if repeated {
                    ambiguous.push(j);
                }
                record
            }
            _ => Joined::Many(views().collect()),
        };
    }
    (joined, ambiguous)
}

/// The values that a join of this row matches.
pub(crate) fn origin_values<'b>(
    join: &Join,
    main: View<'b>,
    joined: &[Joined<'b>],
) -> Vec<Option<&'b Value>> {
    join.from
        .iter()
        .map(|origin| match origin {
            crate::plan::Origin::Row(column) => main.raw(*column),
            crate::plan::Origin::Join(j, column) => match &joined[*j] {
                Joined::One(view) => view.raw(*column),
                _ => None,
            },
        })
        .collect()
}

fn origin_key(join: &Join, main: View<'_>, joined: &[Joined<'_>]) -> Option<Vec<u8>> {
    key_of(origin_values(join, main, joined).into_iter())
}

/// Attributes and values; of a repeated attribute the first counts.
fn pivot<'b>(join: &Join, views: impl Iterator<Item = View<'b>>) -> (Joined<'b>, bool) {
    let mut members: Vec<(std::borrow::Cow<'b, str>, Val<'b>)> = Vec::new();
    let mut repeated = false;
    let Some((by, value)) = join.pivot else {
        return (Joined::Many(Vec::new()), false);
    };
    for view in views {
        let (Some(name), Some(value)) = (view.raw(by), view.raw(value)) else {
            continue;
        };
        let Some(name) = plain(name).to_text() else {
            continue;
        };
        if members.iter().any(|(own, _)| *own == name) {
            repeated = true;
            continue;
        }
        members.push((name, plain(value)));
    }
    let record = Record {
        members,
        open: true,
    };
    (Joined::Pivot(Arc::new(record)), repeated)
}

/// A value without its column's peculiarities.
fn plain(value: &Value) -> Val<'_> {
    match value {
        Value::Null => Val::Null,
        Value::Bool(b) => Val::Bool(*b),
        Value::Int(i) => Val::Int(*i),
        Value::UInt(u) => Val::Num(u.to_string().into()),
        Value::Decimal(d) => Val::Num(std::borrow::Cow::Borrowed(d)),
        Value::Float(f) if f.is_finite() => Val::Num(f.to_string().into()),
        Value::Float(_) => Val::Null,
        Value::Text(t) => Val::Text(std::borrow::Cow::Borrowed(t)),
        Value::Bytes(b) => std::str::from_utf8(b).map_or(Val::Null, Val::text),
        Value::Date(d) => Val::Date(*d),
        Value::DateTime(dt) => Val::DateTime(*dt),
        Value::Time(t) => Val::Time(*t),
    }
}
