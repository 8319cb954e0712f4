// SPDX-License-Identifier: Apache-2.0
//! One read of one table, from the wish to the rows.

use std::sync::Arc;

use futures_util::TryStreamExt;
use silsila_source::{Columns, Key, Row, Value};
use tiberius::Row as RawRow;

use crate::bind::{self, Raw};
use crate::fault::{Asked, missing, unreadable};
use crate::names::Name;
use crate::select::{self, Condition, Term};
use crate::sessions::{Lent, Problem, Question};
use crate::shape::{Described, Shape};
use crate::tables::{self, Cells, Table};

/// Which rows of a table are wanted, in terms of the columns that order or select.
pub(crate) enum Which<'a> {
    /// The next ones in order.
    After {
        position: Option<Vec<Value>>,
        limit: usize,
    },
    /// The next ones of a watermark, which leads the order: what is not committed yet is left for later.
    Changed { from: From<'a>, limit: usize },
    /// Those with one of the keys.
    Among { keys: &'a [&'a Key] },
}

/// Where changes begin.
pub(crate) enum From<'a> {
    Watermark(Option<&'a Value>),
    After(Vec<Value>),
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

    fn described<'t>(&self, table: &'t Table, name: &str) -> Result<&'t Described, Problem> {
        table
            .column(name)
            .ok_or_else(|| Problem::Coded(missing(self.asked(), "column", name)))
    }

    fn unreadable(&self, column: &str, why: &str) -> Problem {
        Problem::Coded(unreadable(
            self.asked(),
            format!("column {column:?}: {why}"),
        ))
    }

    /// The shapes of the wanted columns.
    fn shapes(&self, table: &Table) -> Result<Vec<Shape>, Problem> {
        let shape = |name: &String| {
            let described = self.described(table, name)?;
            match described.shape() {
                Shape::Unsupported => {
                    let why = format!("the type {} is not read", described.sql_type());
                    Err(self.unreadable(name, &why))
                }
                shape => Ok(shape),
            }
        };
        self.columns.iter().map(shape).collect()
    }

    /// The columns that order or select.
    fn terms(&self, table: &Table) -> Result<Vec<Term>, Problem> {
        let term = |name: &&str| {
            let described = self.described(table, name)?;
            match described.shape() {
                Shape::LongText | Shape::LongBinary | Shape::Unsupported => {
                    let why = format!("the type {} cannot be compared", described.sql_type());
                    Err(self.unreadable(name, &why))
                }
                shape => Ok(Term::new(name, shape, described.sql_type())),
            }
        };
        self.exact.iter().map(term).collect()
    }

    /// The statement and its parameters, or `None` where nothing can match.
    fn statement(
        &self,
        terms: &[Term],
        shapes: &[Shape],
        bound: Option<u64>,
    ) -> Result<Option<(String, Vec<Raw>)>, Problem> {
        let table = Name::parse(self.table);
        let wanted: Vec<_> = self
            .columns
            .iter()
            .zip(shapes)
            .map(|(column, shape)| select::wanted(column, shape))
            .collect();
        let retyped = || {
            self.unreadable(
                self.exact.first().unwrap_or(&""),
                "it has another type than before",
            )
        };
        let (condition, limit) = match &self.which {
            Which::Among { keys } => {
                let keys = bound_keys(terms, keys);
                if keys.is_empty() {
                    return Ok(None);
                }
                let condition = select::among(terms, &keys);
                return Ok(Some((
                    select::all(table, &wanted, &condition),
                    condition.params,
                )));
            }
            Which::After {
                position: None,
                limit,
            } => (None, limit),
            Which::After {
                position: Some(position),
                limit,
            } => (
                Some(select::after(terms, position).ok_or_else(retyped)?),
                limit,
            ),
            Which::Changed { from, limit } => {
                let from = match (from, terms) {
                    (From::After(position), _) => select::after(terms, position),
                    (From::Watermark(since), [watermark, ..]) => select::since(watermark, *since),
                    (From::Watermark(_), []) => None,
                };
                let from = from.ok_or_else(retyped)?;
                (Some(committed(from, terms, bound)), limit)
            }
        };
        let sql = select::page(table, &wanted, condition.as_ref(), terms, *limit);
        Ok(Some((sql, condition.map_or_else(Vec::new, |c| c.params))))
    }

    /// Whether a rowversion leads the order of changes.
    fn follows_row_version(&self, terms: &[Term]) -> bool {
        let leading = terms
            .first()
            .is_some_and(|t| *t.shape() == Shape::RowVersion);
        leading && matches!(self.which, Which::Changed { .. })
    }
}

fn committed(condition: Condition, terms: &[Term], bound: Option<u64>) -> Condition {
    match (terms, bound) {
        ([watermark, ..], Some(bound)) => condition.and_below(watermark, bound),
        _ => condition,
    }
}

/// The keys as parameters, without those that can equal nothing.
fn bound_keys(terms: &[Term], keys: &[&Key]) -> Vec<Vec<Raw>> {
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

    async fn put(&self, lent: &mut Lent) -> Result<Vec<Row>, Problem> {
        let table = tables::table(lent, self.asked()).await?;
        let (terms, shapes) = (self.terms(&table)?, self.shapes(&table)?);
        let bound = match self.follows_row_version(&terms) {
            true => first_uncommitted(lent).await?,
            false => None,
        };
        let Some((sql, params)) = self.statement(&terms, &shapes, bound)? else {
            return Ok(Vec::new());
        };
        let query = tables::query(sql, params);
        let stream = query.query(&mut lent.session.client).await?;
        let mut stream = stream.into_row_stream();
        let mut reader = Reader::new(self, shapes);
        while let Some(row) = stream.try_next().await? {
            reader.take(row);
        }
        reader.finish()
    }
}

pub(crate) const FIRST_UNCOMMITTED: &str = "SELECT CAST(MIN_ACTIVE_ROWVERSION() AS BIGINT)";

/// The first rowversion that a transaction still holds, or the next to be given out: every smaller one is
/// committed. A rowversion is given out when a row is written and seen when it is committed, so that a
/// later one may be seen first; without this bound, the earlier would be passed over.
///
/// `None` where the server has no such function, which `health` points out.
async fn first_uncommitted(lent: &mut Lent) -> Result<Option<u64>, Problem> {
    let rows = match lent.session.batch(FIRST_UNCOMMITTED).await {
        Err(error) if crate::fault::is_sound(&error) => return Ok(None),
        rows => rows?,
    };
    let bound = rows
        .into_iter()
        .next()
        .and_then(|row| Cells::new(row).integer());
    Ok(bound.and_then(|n| u64::try_from(n).ok()))
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
    fn new(reading: &'a Reading<'a>, shapes: Vec<Shape>) -> Self {
        let exact = |name: &String| reading.exact.contains(&name.as_str());
        Self {
            reading,
            names: Columns::new(reading.columns.iter().map(String::as_str)),
            columns: shapes
                .into_iter()
                .zip(reading.columns)
                .map(|(shape, name)| (shape, exact(name)))
                .collect(),
            rows: Vec::new(),
            fault: None,
        }
    }

    fn take(&mut self, row: RawRow) {
        let mut values = Vec::with_capacity(self.columns.len());
        for (at, (raw, (shape, exact))) in row.into_iter().zip(&self.columns).enumerate() {
            match shape.read(raw, *exact) {
                Ok(value) => values.push(value),
                Err(why) => {
                    self.fault.get_or_insert((at, why));
                    return;
                }
            }
        }
        if values.len() == self.columns.len() {
            self.rows.push(Row::new(Arc::clone(&self.names), values));
        } else {
            self.fault
                .get_or_insert((0, "the answer has fewer columns than were asked for"));
        }
    }

    fn finish(self) -> Result<Vec<Row>, Problem> {
        match self.fault {
            None => Ok(self.rows),
            Some((at, why)) => Err(self.reading.unreadable(&self.reading.columns[at], why)),
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

    async fn put(&self, lent: &mut Lent) -> Result<u64, Problem> {
        let sql = format!(
            "SELECT COUNT_BIG(*) FROM {}",
            Name::parse(self.table).quoted()
        );
        let rows = lent.session.batch(&sql).await?;
        let count = rows
            .into_iter()
            .next()
            .and_then(|row| Cells::new(row).integer());
        count
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| Problem::Coded(unreadable(self.asked(), "no count came back".into())))
    }
}
