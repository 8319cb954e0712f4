// SPDX-License-Identifier: Apache-2.0
//! One read of one table, from the wish to the rows.
//!
//! A statement that gives no row is put first (once per connection and table) for the types of the columns,
//! because keys must be compared in the column's own type.

use std::collections::HashSet;

use odbc_api::{Error, Nullability, ResultSetMetadata};
use silsila_source::{Columns, Key, Row, Value};

use crate::bind::{self, Param};
use crate::bulk::{self, Fetched, MOST_WIDTH, Plan};
use crate::fault::{self, Asked, Problem, missing, unreadable};
use crate::schema;
use crate::select::{self, Select, Term};
use crate::session::Session;
use crate::sessions::Question;
use crate::types::Column;
use crate::whole;

/// Which rows of a table are wanted, in terms of the columns that order or select.
pub(crate) enum Which {
    /// The next ones in order.
    After {
        position: Option<Vec<Value>>,
        limit: usize,
    },
    /// The first ones with a watermark at or after one; the watermark leads the order.
    Since { since: Option<Value>, limit: usize },
    /// Those with one of the keys.
    Among { keys: Vec<Key> },
}

/// One read of one table. It owns all it needs, because it goes to another thread and may be left there.
pub(crate) struct Reading {
    pub source: String,
    pub table: String,
    pub columns: Vec<String>,
    /// The columns that order or select, whose values will be compared with again.
    pub exact: Vec<String>,
    pub which: Which,
}

impl Reading {
    fn coded(&self, reason: String) -> Problem {
        Problem::Coded(unreadable(self.asked(), reason))
    }

    /// The columns that order or select, with the types that the answer will have.
    fn terms(&self, session: &Session<'_>, described: &[Column]) -> Result<Vec<Term>, Problem> {
        self.exact
            .iter()
            .map(|name| {
                let at = self.columns.iter().position(|c| c == name);
                let column = at.and_then(|at| described.get(at)).ok_or_else(|| {
                    self.coded(format!("column {name:?} must be among those read"))
                })?;
                Term::new(&session.known.names, name, *column).map_err(|why| self.coded(why))
            })
            .collect()
    }

    /// The types of the columns, asked for once.
    fn describe(&self, session: &mut Session<'_>, select: &Select) -> Result<Vec<Column>, Problem> {
        let sql = select.describing();
        if let Some(columns) = session.known.described.get(&sql) {
            return Ok(columns.clone());
        }
        let columns = match session.known.dialect.dynamic {
            true => self.declared(session)?,
            false => self.typed(session, &sql)?,
        };
        session.known.described.insert(sql, columns.clone());
        Ok(columns)
    }

    /// The columns as an answer describes them.
    fn typed(&self, session: &mut Session<'_>, sql: &str) -> Result<Vec<Column>, Problem> {
        let found = session.execute(sql, Vec::new())?;
        let mut cursor = found.ok_or_else(|| self.coded("the table gives no columns".into()))?;
        let columns = (1..=self.columns.len())
            .map(|at| describe_one(&mut cursor, u16::try_from(at).unwrap_or(u16::MAX)));
        Ok(columns.collect::<Result<_, _>>()?)
    }

    /// The columns as the table declares them.
    fn declared(&self, session: &mut Session<'_>) -> Result<Vec<Column>, Problem> {
        let there = schema::columns_of(session, &self.table)?;
        if there.is_empty() {
            return Err(Problem::Coded(missing(self.asked(), "table", &self.table)));
        }
        let declared = |name: &String| {
            let found = there.iter().find(|c| c.name == *name);
            let missing = || Problem::Coded(missing(self.asked(), "column", name));
            let column = found.ok_or_else(missing)?;
            Ok(Column::declared(&column.sql_type, column.nullable))
        };
        self.columns.iter().map(declared).collect()
    }

    /// The statements with their parameters, each with the most rows it may give; none when nothing could come.
    fn statements(
        &self,
        session: &Session<'_>,
        select: &Select,
        described: &[Column],
    ) -> Result<Vec<Statement>, Problem> {
        let terms = self.terms(session, described)?;
        let dialect = &session.known.dialect;
        let (condition, limit) = match &self.which {
            Which::Among { keys } => {
                let most = select::keys_at_once(dialect, terms.len());
                let keys = bound(&terms, keys);
                let statement = |keys: &[Vec<Param>]| {
                    let condition = select::among(&terms, keys, most);
                    Statement {
                        sql: select.all(&condition.sql),
                        params: condition.params,
                        limit: usize::MAX,
                    }
                };
                return Ok(keys.chunks(most).map(statement).collect());
            }
            Which::After { position, limit } => {
                let condition = position.as_ref().map(|p| select::after(&terms, p));
                (condition, *limit)
            }
            Which::Since { since, limit } => {
                let condition = terms.first().map(|w| select::since(w, since.as_ref()));
                (condition, *limit)
            }
        };
        // The watermark is never NULL in what is read by it, so its order needs no care for NULL.
        let mut order = terms;
        if matches!(self.which, Which::Since { .. }) {
            order.iter_mut().take(1).for_each(Term::never_null);
        }
        Ok(vec![Statement {
            sql: select.page(dialect, condition.as_ref(), &order, limit),
            params: condition.map_or_else(Vec::new, |c| c.params),
            limit,
        }])
    }

    fn read(&self, session: &mut Session<'_>) -> Result<Vec<Row>, Problem> {
        let names = &session.known.names;
        let select =
            Select::new(names, &self.table, &self.columns).map_err(|why| self.coded(why))?;
        let described = self.describe(session, &select)?;
        let names = Columns::new(self.columns.iter().map(String::as_str));
        let answer = Answer {
            described_by: select.describing(),
            exact: self
                .columns
                .iter()
                .map(|c| self.exact.contains(c))
                .collect(),
            columns: described,
        };
        let mut rows = Vec::new();
        let mut once = Once::default();
        for statement in self.statements(session, &select, &answer.columns)? {
            let values = self.fetch(session, &answer, statement)?;
            let mut more: Vec<Row> = values
                .into_iter()
                .map(|values| Row::new(names.clone(), values))
                .collect();
            if matches!(self.which, Which::Among { .. }) {
                once.keep_new(&mut more, &self.exact);
            }
            rows.extend(more);
        }
        Ok(rows)
    }

    /// The rows by the hundred, or cell by cell where one of them is longer than expected.
    fn fetch(
        &self,
        session: &mut Session<'_>,
        answer: &Answer,
        Statement { sql, params, limit }: Statement,
    ) -> Result<Vec<Vec<Value>>, Problem> {
        let widths = answer.widths(session);
        let plan = Plan {
            columns: &answer.columns,
            exact: &answer.exact,
            encoding: session.known.text,
            widths: &widths,
        };
        if widths.iter().all(|width| *width <= MOST_WIDTH) {
            let mut kept = session.known.kept.take();
            let Some(cursor) = session.execute(&sql, params.clone())? else {
                return Ok(Vec::new());
            };
            let fetched = bulk::fetch(cursor, &plan, limit, &mut kept)?;
            session.known.kept = kept;
            match fetched {
                Fetched::NotWhole => {}
                other => return self.sound(other),
            }
        }
        let Some(cursor) = session.execute(&sql, params)? else {
            return Ok(Vec::new());
        };
        let (fetched, longest) = whole::fetch(cursor, &plan, limit)?;
        for (at, longest) in longest.into_iter().enumerate() {
            if longest >= widths[at] {
                let room = (longest + 1).next_power_of_two();
                let learnt = &mut session.known.widths;
                learnt.insert((answer.described_by.clone(), at), room);
            }
        }
        self.sound(fetched)
    }

    fn sound(&self, fetched: Fetched) -> Result<Vec<Vec<Value>>, Problem> {
        match fetched {
            Fetched::Rows(rows) => Ok(rows),
            Fetched::Bad(bad) => {
                let column = &self.columns[bad.column];
                Err(self.coded(format!("column {column:?}: {}", bad.why)))
            }
            Fetched::NotWhole => Err(self.coded("a cell cannot be read whole".into())),
        }
    }

    /// Says which name is missing, where that is what the error means: drivers do not agree on a state for it.
    fn blame(&self, session: &mut Session<'_>, error: Error) -> Problem {
        if !fault::may_be_missing(&error) {
            return Problem::Driver(error);
        }
        let there = match schema::columns_of(session, &self.table) {
            Ok(there) => there,
            Err(_) => return Problem::Driver(error),
        };
        if there.is_empty() {
            return Problem::Coded(missing(self.asked(), "table", &self.table));
        }
        let is_there = |name: &&String| there.iter().any(|c| c.name == **name);
        let absent = self.columns.iter().find(|name| !is_there(name));
        match absent {
            Some(column) => Problem::Coded(missing(self.asked(), "column", column)),
            None => Problem::Driver(error),
        }
    }
}

/// A statement, its parameters, and the most rows it may give.
struct Statement {
    sql: String,
    params: Vec<Param>,
    limit: usize,
}

/// What is known of an answer before it comes.
struct Answer {
    /// The statement that described it, by which its columns are remembered.
    described_by: String,
    columns: Vec<Column>,
    /// Which columns will be compared with again.
    exact: Vec<bool>,
}

impl Answer {
    /// Units to set aside for each column: as declared, or as learnt from longer cells.
    fn widths(&self, session: &Session<'_>) -> Vec<usize> {
        let width = |(at, column): (usize, &Column)| {
            let learnt = session.known.widths.get(&(self.described_by.clone(), at));
            learnt.copied().unwrap_or_else(|| column.width())
        };
        self.columns.iter().enumerate().map(width).collect()
    }
}

/// Keeps the rows of a key that no earlier statement has given: a collation may hold keys of two statements
/// for equal, and the first of them has given all their rows.
#[derive(Default)]
pub(crate) struct Once(HashSet<Vec<u8>>);

impl Once {
    pub(crate) fn keep_new(&mut self, rows: &mut Vec<Row>, by: &[String]) {
        rows.retain(|r| r.key(by).is_some_and(|k| !self.0.contains(&k.encode())));
        let given = rows.iter().filter_map(|r| r.key(by));
        self.0.extend(given.map(|k| k.encode()));
    }
}

/// The keys as parameters, without those that can equal nothing.
fn bound(terms: &[Term], keys: &[Key]) -> Vec<Vec<Param>> {
    keys.iter()
        .filter(|key| key.0.len() == terms.len())
        .filter_map(|key| {
            let params = terms.iter().zip(&key.0);
            params.map(|(t, v)| bind::equal(t.column(), v)).collect()
        })
        .collect()
}

fn describe_one(answer: &mut impl ResultSetMetadata, at: u16) -> Result<Column, Error> {
    let data_type = answer.col_data_type(at)?;
    let unsigned = answer.column_is_unsigned(at).unwrap_or(false);
    let nullable = answer.col_nullability(at).unwrap_or(Nullability::Unknown);
    Ok(Column::new(data_type, unsigned, nullable))
}

impl Question for Reading {
    type Answer = Vec<Row>;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: &self.source,
            table: &self.table,
        }
    }

    fn put(&self, session: &mut Session<'_>) -> Result<Vec<Row>, Problem> {
        match self.read(session) {
            Err(Problem::Driver(error)) => {
                // What was known of the table may have changed under us.
                session.known.described.clear();
                Err(self.blame(session, error))
            }
            other => other,
        }
    }
}

/// The number of rows in a table.
pub(crate) struct HowMany {
    pub source: String,
    pub table: String,
}

impl Question for HowMany {
    type Answer = u64;

    fn asked(&self) -> Asked<'_> {
        Asked {
            source: &self.source,
            table: &self.table,
        }
    }

    fn put(&self, session: &mut Session<'_>) -> Result<u64, Problem> {
        let unreadable = |why: String| Problem::Coded(unreadable(self.asked(), why));
        let sql = select::count(&session.known.names, &self.table).map_err(unreadable)?;
        let count = match session.scalar(&sql) {
            Ok(count) => count,
            Err(Problem::Driver(error)) if fault::may_be_missing(&error) => {
                return match schema::columns_of(session, &self.table) {
                    Ok(there) if there.is_empty() => {
                        Err(Problem::Coded(missing(self.asked(), "table", &self.table)))
                    }
                    _ => Err(Problem::Driver(error)),
                };
            }
            Err(other) => return Err(other),
        };
        // A driver may spell a count as a decimal: `12.` or `12.0`.
        let whole = count.as_deref().and_then(|c| c.split('.').next());
        whole
            .and_then(|c| c.trim().parse().ok())
            .ok_or_else(|| unreadable("no count came back".into()))
    }
}
