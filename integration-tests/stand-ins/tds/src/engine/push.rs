// SPDX-License-Identifier: Apache-2.0
//! Conditions for SQLite: the part of a condition that SQLite judges exactly as SQL Server would, so that
//! its indexes serve. The rest is judged row by row afterwards.

use rusqlite::types::Value as Sqlite;

use super::bind::{Comparison, Condition, Scalar};
use super::catalogue::{Table, quoted};
use crate::data::{Collation, Type, Value, ordered_sql, to_stored};

/// A condition that lets through all that holds, and nothing else if `exact`.
#[derive(Debug)]
pub(crate) struct Pushed {
    pub sql: String,
    pub parameters: Vec<Sqlite>,
    pub exact: bool,
}

/// What of a condition SQLite can judge.
pub(crate) fn push(condition: &Condition, table: &Table) -> Option<Pushed> {
    match condition {
        Condition::All(parts) => {
            let pushed: Vec<_> = parts.iter().filter_map(|part| push(part, table)).collect();
            let whole = pushed.len() == parts.len();
            let joined = joined(pushed, " AND ")?;
            Some(Pushed {
                exact: joined.exact && whole,
                ..joined
            })
        }
        Condition::Any(parts) => {
            let pushed: Option<Vec<_>> = parts.iter().map(|part| push(part, table)).collect();
            joined(pushed?, " OR ")
        }
        Condition::Compare(Scalar::Column(at, ty, own), comparison, other, by) if own == by => {
            let value = storable(other, *ty)?;
            Some(compared(table, *at, *ty, *comparison, value))
        }
        Condition::Compare(other, comparison, Scalar::Column(at, ty, own), by) if own == by => {
            let value = storable(other, *ty)?;
            Some(compared(table, *at, *ty, turned(*comparison), value))
        }
        Condition::IsNull(Scalar::Column(at, ..), negated) => {
            let not = if *negated { "NOT " } else { "" };
            let name = quoted(&table.columns[*at].name);
            Some(Pushed {
                sql: format!("{name} IS {not}NULL"),
                parameters: Vec::new(),
                exact: true,
            })
        }
        Condition::In(Scalar::Column(at, ty, own), list, false, by) if own == by => {
            let values: Option<Vec<_>> = list.iter().map(|item| storable(item, *ty)).collect();
            let parameters = values?;
            let place = ordered_sql("?", *ty);
            let places = vec![place; parameters.len()].join(", ");
            let name = ordered_sql(&quoted(&table.columns[*at].name), *ty);
            Some(Pushed {
                sql: format!("{name} IN ({places})"),
                parameters,
                exact: true,
            })
        }
        _ => None,
    }
}

/// SQLite limits the depth of a condition to a thousand; so many parts are left to us.
const MOST_PARTS: usize = 600;

fn joined(parts: Vec<Pushed>, word: &str) -> Option<Pushed> {
    if parts.is_empty() || parts.len() > MOST_PARTS {
        return None;
    }
    let exact = parts.iter().all(|part| part.exact);
    let sql: Vec<_> = parts.iter().map(|part| part.sql.as_str()).collect();
    Some(Pushed {
        sql: format!("({})", sql.join(word)),
        exact,
        parameters: parts.into_iter().flat_map(|part| part.parameters).collect(),
    })
}

fn compared(table: &Table, at: usize, ty: Type, comparison: Comparison, value: Sqlite) -> Pushed {
    let sign = match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    let name = ordered_sql(&quoted(&table.columns[at].name), ty);
    Pushed {
        sql: format!("{name} {sign} {}", ordered_sql("?", ty)),
        parameters: vec![value],
        exact: true,
    }
}

fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        same => same,
    }
}

/// A constant in the form in which the column's values lie.
fn storable(scalar: &Scalar, column: Type) -> Option<Sqlite> {
    let value = match scalar {
        Scalar::Constant(value, _) => value,
        Scalar::Collated(inner, _) => match &**inner {
            Scalar::Constant(value, _) => value,
            _ => return None,
        },
        _ => return None,
    };
    let fits = match (value, column) {
        (Value::Null, _) => true,
        (Value::Decimal(n, scale), column) => {
            // Only where the column's own scale holds it without rounding.
            let own = column.decimal_scale()?;
            let (value, exact) = rescaled(*n, *scale, own)?;
            return exact.then(|| to_stored(&Value::Decimal(value, own), column));
        }
        (Value::Int(_), column) => column.is_integer(),
        (Value::Text(_), column) => column.is_text(),
        (Value::Bytes(bytes), Type::RowVersion) => bytes.len() == 8,
        (Value::Bytes(_), column) => column.is_binary(),
        (Value::Bit(_), Type::Bit)
        | (Value::Float(_), Type::Real | Type::Float)
        | (Value::Date(_), Type::Date)
        | (Value::Time(_), Type::Time(_))
        | (Value::SmallDateTime(_), Type::SmallDateTime)
        | (Value::DateTime(_), Type::DateTime)
        | (Value::DateTime2(_), Type::DateTime2(_))
        | (Value::DateTimeOffset(..), Type::DateTimeOffset(_))
        | (Value::Uuid(_), Type::UniqueIdentifier) => true,
        _ => false,
    };
    fits.then(|| to_stored(value, column))
}

fn rescaled(n: i128, from: u8, to: u8) -> Option<(i128, bool)> {
    if to >= from {
        return Some((
            n.checked_mul(10i128.checked_pow((to - from).into())?)?,
            true,
        ));
    }
    let unit = 10i128.checked_pow((from - to).into())?;
    Some((n / unit, n % unit == 0))
}

/// The columns of an ORDER BY.
pub(crate) fn order(table: &Table, order: &[(usize, bool)]) -> String {
    let terms: Vec<_> = order
        .iter()
        .map(|(at, descending)| {
            let column = &table.columns[*at];
            let name = ordered_sql(&quoted(&column.name), column.ty);
            format!("{name}{}", if *descending { " DESC" } else { "" })
        })
        .collect();
    if terms.is_empty() {
        String::new()
    } else {
        format!(" ORDER BY {}", terms.join(", "))
    }
}

/// The SQLite column that holds values of a type.
pub(crate) fn declared(name: &str, ty: Type, collation: Collation) -> String {
    let affinity = match ty {
        Type::Real | Type::Float => "REAL".into(),
        ty if ty.is_text() => format!("TEXT COLLATE {}", collation.in_sqlite()),
        ty if ty.is_integer() => "INTEGER".into(),
        Type::Bit
        | Type::RowVersion
        | Type::Date
        | Type::Time(_)
        | Type::SmallDateTime
        | Type::DateTime
        | Type::DateTime2(_) => "INTEGER".into(),
        _ => "BLOB".into(),
    };
    format!("{} {affinity}", quoted(name))
}
