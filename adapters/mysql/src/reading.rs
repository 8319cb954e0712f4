// SPDX-License-Identifier: Apache-2.0
//! One read of one table, from the wish to the rows.
//!
//! A statement without a condition is prepared first (once per connection and table) for the types of
//! the columns, because keys must be compared in the column's own type and order.

use std::sync::Arc;

use mysql_async::prelude::Queryable;
use mysql_async::{Column, Params, Row as RawRow, Value as Raw};
use silsila_source::{Columns, Key, Row, Value};

use crate::bind;
use crate::fault::{Asked, unreadable};
use crate::select::{self, Condition, Term};
use crate::sessions::{Problem, Question, Session};
use crate::types::{Shape, read};

/// Which rows of a table are wanted, in terms of the columns that order or select.
pub(crate) enum Which<'a> {
    /// The next ones in order.
    After {
        position: Option<Vec<Value>>,
        limit: usize,
    },
    /// The first ones with a watermark at or after one; the watermark leads the order.
    Since {
        since: Option<&'a Value>,
        limit: usize,
    },
    /// Those with one of the keys.
    Among { keys: &'a [&'a Key] },
}

/// One statement on one table.
pub(crate) struct Reading<'a> {
    source: &'a str,
    table: &'a str,
    columns: &'a [String],
    /// Every name in the statement, to tell which one is missing.
    names: Vec<&'a str>,
    /// The columns that order or select, whose values will be compared with again.
    exact: &'a [&'a str],
    which: Which<'a>,
}

impl<'a> Reading<'a> {
    pub(crate) fn new(
        source: &'a str,
        table: &'a str,
        columns: &'a [String],
        exact: &'a [&'a str],
        which: Which<'a>,
    ) -> Self {
        let names = columns.iter().map(String::as_str);
        Self {
            source,
            table,
            columns,
            names: names.chain(exact.iter().copied()).collect(),
            exact,
            which,
        }
    }

    /// The columns that order or select, with the types that the answer will have.
    fn terms(&self, described: &[Column]) -> Result<Vec<Term>, Problem> {
        self.exact
            .iter()
            .map(|name| {
                let at = self.columns.iter().position(|c| c == name);
                at.and_then(|at| described.get(at))
                    .map(|column| Term::new(name, Shape::of(column)))
                    .ok_or_else(|| {
                        Problem::Coded(unreadable(
                            self.asked(),
                            format!("column {name:?} must be among those read"),
                        ))
                    })
            })
            .collect()
    }

    /// The statement, or `None` when it could give no row.
    fn statement(&self, described: &[Column]) -> Result<Option<(String, Vec<Raw>)>, Problem> {
        let terms = self.terms(described)?;
        let select = select::columns(self.table, self.columns);
        let condition = match &self.which {
            Which::After { position, .. } => position.as_ref().map(|p| select::after(&terms, p)),
            Which::Since { since, .. } => terms.first().map(|w| select::since(w, *since)),
            Which::Among { keys, .. } => {
                let keys = bound(&terms, keys);
                if keys.is_empty() {
                    return Ok(None);
                }
                let Condition { sql, params } = select::among(&terms, &keys);
                return Ok(Some((format!("{select} WHERE {sql}"), params)));
            }
        };
        let limit = match self.which {
            Which::After { limit, .. } | Which::Since { limit, .. } => limit,
            Which::Among { .. } => usize::MAX,
        };
        let sql = select::page(&select, condition.as_ref(), &terms, limit);
        Ok(Some((sql, condition.map_or_else(Vec::new, |c| c.params))))
    }
}

/// The keys as parameters, without those that can equal nothing.
fn bound(terms: &[Term], keys: &[&Key]) -> Vec<Vec<Raw>> {
    keys.iter()
        .filter(|key| key.0.len() == terms.len())
        .filter_map(|key| {
            let params = terms.iter().zip(&key.0);
            params.map(|(t, v)| bind::equal(t.shape(), v)).collect()
        })
        .collect()
}

impl Question for Reading<'_> {
    type Answer = Vec<Row>;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: self.table,
            columns: &self.names,
        }
    }

    async fn put(&self, session: &mut Session) -> Result<Vec<Row>, Problem> {
        let plain = select::columns(self.table, self.columns);
        let described = session.conn.prep(plain).await?.columns();
        let Some((sql, params)) = self.statement(&described)? else {
            return Ok(Vec::new());
        };
        let mut result = session
            .conn
            .exec_iter(sql, Params::Positional(params))
            .await?;
        let mut reader = Reader::new(self, result.columns_ref());
        result.for_each(|row| reader.take(row)).await?;
        reader.finish()
    }
}

/// Turns raw rows into rows as they arrive.
struct Reader<'a> {
    reading: &'a Reading<'a>,
    names: Arc<Columns>,
    columns: Vec<(Shape, bool)>,
    rows: Vec<Row>,
    fault: Option<(usize, &'static str)>,
}

impl<'a> Reader<'a> {
    fn new(reading: &'a Reading<'a>, described: &[Column]) -> Self {
        let exact = |name: &String| reading.exact.contains(&name.as_str());
        Self {
            reading,
            names: Columns::new(reading.columns.iter().map(String::as_str)),
            columns: described
                .iter()
                .zip(reading.columns)
                .map(|(column, name)| (Shape::of(column), exact(name)))
                .collect(),
            rows: Vec::new(),
            fault: None,
        }
    }

    fn take(&mut self, row: RawRow) {
        let mut values = Vec::with_capacity(self.columns.len());
        for (at, (raw, (shape, exact))) in row.unwrap().into_iter().zip(&self.columns).enumerate() {
            match read(*shape, raw, *exact) {
                Ok(value) => values.push(value),
                Err(why) => {
                    self.fault.get_or_insert((at, why));
                    return;
                }
            }
        }
        self.rows.push(Row::new(Arc::clone(&self.names), values));
    }

    fn finish(self) -> Result<Vec<Row>, Problem> {
        match self.fault {
            None => Ok(self.rows),
            Some((at, why)) => {
                let column = &self.reading.columns[at];
                let reason = format!("column {column:?}: {why}");
                Err(Problem::Coded(unreadable(self.reading.asked(), reason)))
            }
        }
    }
}

/// The number of rows in a table.
pub(crate) struct HowMany<'a> {
    pub source: &'a str,
    pub table: &'a str,
}

impl Question for HowMany<'_> {
    type Answer = u64;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: self.source,
            table: self.table,
            columns: &[],
        }
    }

    async fn put(&self, session: &mut Session) -> Result<u64, Problem> {
        let sql = format!("SELECT COUNT(*) FROM {}", select::quote(self.table));
        let count: Option<u64> = session.conn.query_first(sql).await?;
        count.ok_or_else(|| Problem::Coded(unreadable(self.asked(), "no count came back".into())))
    }
}
