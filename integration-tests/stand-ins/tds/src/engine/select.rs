// SPDX-License-Identifier: Apache-2.0
//! SELECT.

use rusqlite::Connection;

use super::bind::{Binder, Condition, Scalar, Visible};
use super::catalogue::{Table, quoted};
use super::context::Context;
use super::judge::{holds, value};
use super::push::{self, Pushed};
use super::views::{self, View};
use crate::data::{Collation, Type, Value, compare, from_stored};
use crate::error::{Result, SqlError};
use crate::sql::{Expr, From, Select};

/// A column of an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub name: String,
    pub ty: Type,
    pub nullable: bool,
    pub collation: Collation,
}

/// Where an answer goes.
pub(crate) trait Rows {
    /// Once, before all rows.
    fn columns(&mut self, columns: &[Output]) -> Result<()>;
    /// An error ends the statement: whoever asked wants no more.
    fn row(&mut self, values: &[Value]) -> Result<()>;
}

/// What rows come from.
enum Relation {
    Nothing,
    Stored(std::sync::Arc<Table>),
    Made(View),
}

impl Relation {
    fn visible(&self) -> Vec<Visible> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Stored(table) => visible(table),
            Self::Made(view) => view.columns.clone(),
        }
    }
}

/// The columns of a table as expressions see them.
pub(crate) fn visible(table: &Table) -> Vec<Visible> {
    let column = |c: &super::catalogue::Column| Visible {
        name: c.name.clone(),
        ty: c.ty,
        nullable: c.nullable,
        collation: c.collation,
    };
    table.columns.iter().map(column).collect()
}

/// Answers a SELECT; gives the number of rows.
pub(crate) fn select(
    select: &Select,
    connection: &Connection,
    context: &Context<'_>,
    rows: &mut dyn Rows,
) -> Result<u64> {
    let relation = relation(select, connection, context)?;
    let columns = relation.visible();
    let binder = Binder {
        context,
        columns: &columns,
    };
    let filter = select
        .filter
        .as_ref()
        .map(|f| binder.condition(f))
        .transpose()?;
    let top = top(select, &binder)?;
    if is_count(&select.items) {
        let mut count = Count(0);
        run(
            &relation,
            connection,
            context,
            filter.as_ref(),
            &[],
            u64::MAX,
            &mut count,
        )?;
        let output = Output {
            name: String::new(),
            ty: Type::BigInt,
            nullable: true,
            collation: Collation::default(),
        };
        rows.columns(&[output])?;
        rows.row(&[Value::Int(i64::try_from(count.0).unwrap_or(i64::MAX))])?;
        return Ok(1);
    }
    let items = items(select, &binder, &columns)?;
    let outputs: Vec<_> = items.iter().map(|(output, _)| output.clone()).collect();
    if let Some(unsent) = outputs.iter().find(|o| {
        matches!(
            o.ty,
            Type::SqlVariant
                | Type::Geography
                | Type::HierarchyId
                | Type::Text
                | Type::NText
                | Type::Image
        )
    }) {
        return Err(SqlError::unknown(format_args!(
            "how to send {} (column {:?}); CAST it",
            unsent.ty, unsent.name
        )));
    }
    let order = order(select, &columns)?;
    rows.columns(&outputs)?;
    let scalars: Vec<_> = items.into_iter().map(|(_, scalar)| scalar).collect();
    let mut projected = Projected {
        scalars,
        context,
        rows,
        count: 0,
    };
    run(
        &relation,
        connection,
        context,
        filter.as_ref(),
        &order,
        top,
        &mut projected,
    )?;
    Ok(projected.count)
}

/// What takes the rows of a relation that passed the filter.
trait Taker {
    fn take(&mut self, row: &[Value]) -> Result<()>;
}

struct Count(u64);

impl Taker for Count {
    fn take(&mut self, _: &[Value]) -> Result<()> {
        self.0 += 1;
        Ok(())
    }
}

struct Projected<'a, 'c> {
    scalars: Vec<Scalar>,
    context: &'a Context<'c>,
    rows: &'a mut dyn Rows,
    count: u64,
}

impl Taker for Projected<'_, '_> {
    fn take(&mut self, row: &[Value]) -> Result<()> {
        let values = self
            .scalars
            .iter()
            .map(|s| value(s, row, self.context))
            .collect::<Result<Vec<_>>>()?;
        self.rows.row(&values)?;
        self.count += 1;
        Ok(())
    }
}

fn relation(select: &Select, connection: &Connection, context: &Context<'_>) -> Result<Relation> {
    Ok(match &select.from {
        None => Relation::Nothing,
        Some(From::Table { name, .. }) => match views::view(name, context)? {
            Some(view) => Relation::Made(view),
            None => {
                let table = context.catalogue.table(name)?;
                context.demand("SELECT", &table)?;
                Relation::Stored(table)
            }
        },
        Some(From::Changes { name, since }) => {
            let table = context.catalogue.table(name)?;
            context.demand("SELECT", &table)?;
            context.demand("VIEW CHANGE TRACKING", &table)?;
            let since = Binder {
                context,
                columns: &[],
            }
            .scalar(since)?;
            Relation::Made(super::changes::view(
                &table,
                &value(&since, &[], context)?,
                connection,
            )?)
        }
    })
}

fn top(select: &Select, binder: &Binder<'_>) -> Result<u64> {
    let Some(top) = &select.top else {
        return Ok(u64::MAX);
    };
    match binder.scalar(top)? {
        Scalar::Constant(Value::Int(n @ 0..), _) => Ok(n.unsigned_abs()),
        _ => Err(SqlError::new(
            1060,
            15,
            "The number of rows provided for a TOP or FETCH clauses row count parameter must be an integer.",
        )),
    }
}

fn is_count(items: &[(Expr, Option<String>)]) -> bool {
    matches!(items, [(Expr::Call(name, arguments), _)] if matches!(name.as_str(), "COUNT_BIG" | "COUNT") && arguments[..] == [Expr::Star])
}

fn items(
    select: &Select,
    binder: &Binder<'_>,
    columns: &[Visible],
) -> Result<Vec<(Output, Scalar)>> {
    let mut items = Vec::new();
    for (expression, alias) in &select.items {
        if *expression == Expr::Star {
            for (at, column) in columns.iter().enumerate() {
                let scalar = Scalar::Column(at, column.ty, column.collation);
                items.push((output(&scalar, column.name.clone(), columns), scalar));
            }
            continue;
        }
        let scalar = binder.scalar(expression)?;
        let name = match (alias, &scalar) {
            (Some(alias), _) => alias.clone(),
            (None, Scalar::Column(at, ..)) => columns[*at].name.clone(),
            _ => String::new(),
        };
        items.push((output(&scalar, name, columns), scalar));
    }
    Ok(items)
}

fn output(scalar: &Scalar, name: String, columns: &[Visible]) -> Output {
    Output {
        name,
        ty: scalar.ty(),
        nullable: match scalar {
            Scalar::Column(at, ..) => columns[*at].nullable,
            Scalar::Constant(value, _) => value.is_null(),
            _ => true,
        },
        collation: scalar.collation().unwrap_or_default(),
    }
}

fn order(select: &Select, columns: &[Visible]) -> Result<Vec<(usize, bool)>> {
    let find = |(name, descending): &(String, bool)| {
        let at = columns
            .iter()
            .position(|c| c.name.eq_ignore_ascii_case(name));
        let at = at.ok_or_else(|| SqlError::invalid_column(name))?;
        if !columns[at].ty.is_comparable() {
            return Err(SqlError::new(
                306,
                16,
                format!(
                    "The {} data type cannot be compared or sorted.",
                    columns[at].ty.name()
                ),
            ));
        }
        Ok((at, *descending))
    };
    select.order.iter().map(find).collect()
}

/// Hands the rows that pass to the taker, in order, no more than `top`.
fn run(
    relation: &Relation,
    connection: &Connection,
    context: &Context<'_>,
    filter: Option<&Condition>,
    order: &[(usize, bool)],
    top: u64,
    taker: &mut dyn Taker,
) -> Result<()> {
    match relation {
        Relation::Nothing => {
            let passes = filter.map_or(Ok(Some(true)), |f| holds(f, &[], context))?;
            if passes == Some(true) && top > 0 {
                taker.take(&[])
            } else {
                Ok(())
            }
        }
        Relation::Made(view) => made(view, context, filter, order, top, taker),
        Relation::Stored(table) => stored(table, connection, context, filter, order, top, taker),
    }
}

fn made(
    view: &View,
    context: &Context<'_>,
    filter: Option<&Condition>,
    order: &[(usize, bool)],
    top: u64,
    taker: &mut dyn Taker,
) -> Result<()> {
    let mut passed = Vec::new();
    for row in &view.rows {
        if filter.map_or(Ok(Some(true)), |f| holds(f, row, context))? == Some(true) {
            passed.push(row);
        }
    }
    passed.sort_by(|a, b| {
        let by = |(at, descending): &(usize, bool)| {
            let (a, b) = (&a[*at], &b[*at]);
            let ordering = compare(a, b, view.columns[*at].collation)
                .unwrap_or_else(|| b.is_null().cmp(&a.is_null()));
            if *descending {
                ordering.reverse()
            } else {
                ordering
            }
        };
        order
            .iter()
            .map(by)
            .find(|o| o.is_ne())
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let most = usize::try_from(top).unwrap_or(usize::MAX);
    passed
        .into_iter()
        .take(most)
        .try_for_each(|row| taker.take(row))
}

fn stored(
    table: &Table,
    connection: &Connection,
    context: &Context<'_>,
    filter: Option<&Condition>,
    order: &[(usize, bool)],
    top: u64,
    taker: &mut dyn Taker,
) -> Result<()> {
    let pushed = filter.and_then(|f| push::push(f, table));
    let judged = filter.filter(|_| !pushed.as_ref().is_some_and(|p| p.exact));
    let Pushed {
        sql: condition,
        parameters,
        ..
    } = pushed.unwrap_or(Pushed {
        sql: "1".into(),
        parameters: Vec::new(),
        exact: true,
    });
    let names: Vec<_> = table.columns.iter().map(|c| quoted(&c.name)).collect();
    let limit = if judged.is_none() {
        format!(" LIMIT {}", top.min(i64::MAX as u64))
    } else {
        String::new()
    };
    let sql = format!(
        "SELECT {} FROM {} WHERE {condition}{}{limit}",
        names.join(", "),
        table.stored_name(),
        push::order(table, order)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(rusqlite::params_from_iter(parameters))?;
    let mut taken = 0;
    while let Some(row) = found.next()? {
        if taken >= top {
            break;
        }
        let read = |(at, column): (usize, &super::catalogue::Column)| {
            from_stored(row.get_ref(at)?, column.ty)
        };
        let values = table
            .columns
            .iter()
            .enumerate()
            .map(read)
            .collect::<Result<Vec<_>>>()?;
        if judged.map_or(Ok(Some(true)), |f| holds(f, &values, context))? == Some(true) {
            taker.take(&values)?;
            taken += 1;
        }
    }
    Ok(())
}
