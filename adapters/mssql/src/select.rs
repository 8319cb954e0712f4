// SPDX-License-Identifier: Apache-2.0
//! The statements: every one of them a `SELECT`, every name quoted, every value a parameter.
//!
//! A composite key resumes at `a >= x AND (a > x OR (a = x AND b > y))`: the first condition lets the
//! server begin in its index where `x` is, which it does not see in the second alone. Never `NOLOCK`: a
//! read that looks past locks shows rows that are taken back later, and can pass over committed ones while
//! pages split, which would look like deletions.

use silsila_source::Value;

use crate::bind::{self, Raw};
use crate::names::{Name, quote};
use crate::shape::Shape;

/// The most keys in one statement's list.
pub(crate) const MOST_KEYS: usize = 500;
/// The most parameters that a statement may have, below the server's 2,100.
const MOST_PARAMETERS: usize = 2_000;

/// How many keys of so many columns go into one statement.
pub(crate) fn keys_at_once(columns: usize) -> usize {
    (MOST_PARAMETERS / columns.max(1)).clamp(1, MOST_KEYS)
}

/// A column in an ordering or a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    name: String,
    shape: Shape,
    sql_type: String,
}

impl Term {
    pub(crate) fn new(column: &str, shape: Shape, sql_type: String) -> Self {
        Self {
            name: quote(column),
            shape,
            sql_type,
        }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// A parameter of the column's own type, where the driver has no such type.
    fn parameter(&self, number: usize) -> String {
        match &self.shape {
            Shape::Decimal { .. }
            | Shape::Money
            | Shape::SmallMoney
            | Shape::Time { .. }
            | Shape::SmallDateTime
            | Shape::DateTime
            | Shape::DateTime2 { .. }
            | Shape::DateTimeOffset { .. } => format!("CAST(@P{number} AS {})", self.sql_type),
            Shape::RowVersion => format!("CAST(@P{number} AS BINARY(8))"),
            Shape::CodePage { collation, .. } => {
                // Without it the text would go through the code page of the database, not the column's.
                let collate = collation
                    .as_ref()
                    .map_or_else(String::new, |c| format!(" COLLATE {c}"));
                format!("CAST(@P{number}{collate} AS {})", self.sql_type)
            }
            _ => format!("@P{number}"),
        }
    }

    /// An equality that a code page cannot make true by accident: it has `?` for all that it lacks.
    fn equals(&self, number: usize, value: &Raw) -> String {
        let (name, parameter) = (&self.name, self.parameter(number));
        if self.is_approximate(value) {
            format!("({name} = {parameter} AND {name} = @P{number})")
        } else {
            format!("{name} = {parameter}")
        }
    }

    fn is_approximate(&self, value: &Raw) -> bool {
        let ascii = !matches!(value, Raw::String(Some(text)) if !text.is_ascii());
        matches!(self.shape, Shape::CodePage { .. }) && !ascii
    }
}

/// A column as it stands in the list of what is wanted: what the driver would round or refuse is converted
/// by the server.
pub(crate) fn wanted(column: &str, shape: &Shape) -> String {
    let name = quote(column);
    match shape {
        Shape::CodePage { plain: true, .. } => name,
        Shape::Money => format!("CAST({name} AS DECIMAL(19,4))"),
        Shape::SmallMoney => format!("CAST({name} AS DECIMAL(10,4))"),
        Shape::CodePage {
            characters: Some(n),
            ..
        } if *n <= 4_000 => {
            format!("CAST({name} AS NVARCHAR({n}))")
        }
        Shape::CodePage { .. } | Shape::LongText => format!("CAST({name} AS NVARCHAR(MAX))"),
        Shape::LongBinary => format!("CAST({name} AS VARBINARY(MAX))"),
        _ => name,
    }
}

/// A condition and its parameters in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Condition {
    pub sql: String,
    pub params: Vec<Raw>,
}

impl Condition {
    /// Adds a parameter and gives its number.
    fn push(&mut self, value: Raw) -> usize {
        self.params.push(value);
        self.params.len()
    }

    /// Both this and below a rowversion that is not given out for good yet.
    pub(crate) fn and_below(mut self, term: &Term, bound: u64) -> Self {
        let number = self.push(bind::row_version(bound));
        let below = format!("{} < {}", term.name, term.parameter(number));
        self.sql = if self.sql.is_empty() {
            below
        } else {
            format!("({}) AND {below}", self.sql)
        };
        self
    }
}

/// The whole statement of a scan or of changes.
pub(crate) fn page(
    table: Name<'_>,
    wanted: &[String],
    condition: Option<&Condition>,
    order: &[Term],
    limit: usize,
) -> String {
    let filter = condition.map_or_else(String::new, |c| format!(" WHERE {}", c.sql));
    let order: Vec<_> = order.iter().map(|t| t.name.as_str()).collect();
    format!(
        "SELECT TOP ({limit}) {} FROM {}{filter} ORDER BY {}",
        wanted.join(", "),
        table.quoted(),
        order.join(", ")
    )
}

/// The whole statement of a fetch.
pub(crate) fn all(table: Name<'_>, wanted: &[String], condition: &Condition) -> String {
    let wanted = wanted.join(", ");
    format!(
        "SELECT {wanted} FROM {} WHERE {}",
        table.quoted(),
        condition.sql
    )
}

/// Strictly after a position in the order, NULL being before all else. `None` where a value cannot be
/// compared with its column, which must have changed its type.
pub(crate) fn after(order: &[Term], position: &[Value]) -> Option<Condition> {
    let mut condition = Condition::default();
    let mut numbers = Vec::new();
    for (term, value) in order.iter().zip(position) {
        numbers.push(match value {
            Value::Null => None,
            _ => {
                let value = bind::order(&term.shape, value)?;
                Some(condition.push(value))
            }
        });
    }
    let compared = |at: usize, operator: &str| {
        let term: &Term = &order[at];
        match (numbers[at], operator) {
            (Some(number), _) => format!("{} {operator} {}", term.name, term.parameter(number)),
            (None, "=") => format!("{} IS NULL", term.name),
            (None, _) => format!("{} IS NOT NULL", term.name),
        }
    };
    let alternatives: Vec<_> = (0..numbers.len())
        .map(|at| {
            let mut parts: Vec<_> = (0..at).map(|before| compared(before, "=")).collect();
            parts.push(compared(at, ">"));
            if parts.len() > 1 {
                format!("({})", parts.join(" AND "))
            } else {
                parts.concat()
            }
        })
        .collect();
    condition.sql = match (&alternatives[..], numbers.first()) {
        ([one], _) => one.clone(),
        (_, Some(Some(_))) => {
            format!("{} AND ({})", compared(0, ">="), alternatives.join(" OR "))
        }
        _ => alternatives.join(" OR "),
    };
    Some(condition)
}

/// At or after a watermark, or merely not NULL.
pub(crate) fn since(watermark: &Term, since: Option<&Value>) -> Option<Condition> {
    let mut condition = Condition::default();
    condition.sql = match since {
        Some(value) => {
            let number = condition.push(bind::order(&watermark.shape, value)?);
            format!("{} >= {}", watermark.name, watermark.parameter(number))
        }
        None => format!("{} IS NOT NULL", watermark.name),
    };
    Some(condition)
}

/// Equal to one of the keys, each a parameter for each term; the list is filled up by repeating its last
/// key, so that the server keeps few different plans.
pub(crate) fn among(by: &[Term], keys: &[Vec<Raw>]) -> Condition {
    let count = bucket(keys.len(), by.len());
    let padded = keys
        .iter()
        .chain(keys.last().into_iter().cycle())
        .take(count);
    let mut condition = Condition::default();
    let (mut listed, mut written) = (Vec::new(), Vec::new());
    for key in padded {
        let mut parts = Vec::new();
        for (term, value) in by.iter().zip(key) {
            let number = condition.push(value.clone());
            if by.len() == 1 && !term.is_approximate(value) {
                listed.push(term.parameter(number));
            } else {
                parts.push(term.equals(number, value));
            }
        }
        if !parts.is_empty() {
            written.push(format!("({})", parts.join(" AND ")));
        }
    }
    if let ([one], false) = (by, listed.is_empty()) {
        written.insert(0, format!("{} IN ({})", one.name, listed.join(", ")));
    }
    condition.sql = written.join(" OR ");
    condition
}

fn bucket(keys: usize, columns: usize) -> usize {
    let most = keys_at_once(columns);
    [1, 4, 16, 64, 200]
        .into_iter()
        .find(|b| *b >= keys && *b <= most)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::Blanks;

    fn terms(names: &[&str]) -> Vec<Term> {
        let int = |n: &&str| Term::new(n, Shape::Int, "int".into());
        names.iter().map(int).collect()
    }

    fn varchar() -> Term {
        let shape = Shape::CodePage {
            blanks: Blanks::Text,
            characters: Some(10),
            collation: Some("Arabic_CI_AS".into()),
            plain: false,
        };
        Term::new("code", shape, "varchar(10)".into())
    }

    fn string(s: &str) -> Raw {
        Raw::String(Some(s.to_owned().into()))
    }

    #[test]
    fn a_scan_is_plain_transact_sql() {
        let order = terms(&["id"]);
        let condition = after(&order, &[Value::Int(7)]).unwrap();
        let wanted = [wanted("id", &Shape::Int), wanted("Fee", &Shape::Money)];
        let table = Name::parse("lab.Order");
        assert_eq!(
            page(table, &wanted, Some(&condition), &order, 500),
            "SELECT TOP (500) [id], CAST([Fee] AS DECIMAL(19,4)) FROM [lab].[Order] \
             WHERE [id] > @P1 ORDER BY [id]"
        );
        assert_eq!(condition.params, [Raw::I32(Some(7))]);
    }

    #[test]
    fn a_composite_key_begins_where_the_index_can() {
        let position = [Value::Int(1), Value::Int(2), Value::Int(3)];
        let condition = after(&terms(&["a", "b", "c"]), &position).unwrap();
        assert_eq!(
            condition.sql,
            "[a] >= @P1 AND ([a] > @P1 OR ([a] = @P1 AND [b] > @P2) OR ([a] = @P1 AND [b] = @P2 AND [c] > @P3))"
        );
        assert_eq!(condition.params.len(), 3);
    }

    #[test]
    fn null_comes_before_all_else() {
        let condition = after(&terms(&["a", "b"]), &[Value::Null, Value::Int(3)]).unwrap();
        assert_eq!(
            condition.sql,
            "[a] IS NOT NULL OR ([a] IS NULL AND [b] > @P1)"
        );
        let condition = after(&terms(&["a"]), &[Value::Null]).unwrap();
        assert_eq!(condition.sql, "[a] IS NOT NULL");
    }

    #[test]
    fn a_rowversion_is_bounded_from_above() {
        let term = Term::new("RowVer", Shape::RowVersion, "rowversion".into());
        let order = [term.clone(), terms(&["id"]).remove(0)];
        let condition = after(&order, &[Value::Int(9), Value::Int(1)])
            .unwrap()
            .and_below(&term, 77);
        let cast = |n| format!("CAST(@P{n} AS BINARY(8))");
        assert_eq!(
            condition.sql,
            format!(
                "([RowVer] >= {0} AND ([RowVer] > {0} OR ([RowVer] = {0} AND [id] > @P2))) AND [RowVer] < {1}",
                cast(1),
                cast(3)
            )
        );
        let condition = since(&term, None).unwrap().and_below(&term, 77);
        assert_eq!(
            condition.sql,
            "([RowVer] IS NOT NULL) AND [RowVer] < CAST(@P1 AS BINARY(8))"
        );
    }

    #[test]
    fn a_varchar_is_compared_in_its_own_code_page() {
        let condition = after(&[varchar()], &[Value::Text("ب".into())]).unwrap();
        assert_eq!(
            condition.sql,
            "[code] > CAST(@P1 COLLATE Arabic_CI_AS AS varchar(10))"
        );
    }

    #[test]
    fn what_a_code_page_may_lack_is_compared_twice() {
        let cast = |n| format!("CAST(@P{n} COLLATE Arabic_CI_AS AS varchar(10))");
        let condition = among(
            &[varchar()],
            &[
                vec![string("a")],
                vec![string("ب")],
                vec![string("b")],
                vec![string("c")],
            ],
        );
        assert_eq!(
            condition.sql,
            format!(
                "[code] IN ({}, {}, {}) OR (([code] = {} AND [code] = @P2))",
                cast(1),
                cast(3),
                cast(4),
                cast(2)
            )
        );
    }

    #[test]
    fn lists_come_in_few_sizes_and_within_the_servers_limit() {
        let by = terms(&["id"]);
        let keys: Vec<_> = (0..3).map(|i| vec![Raw::I32(Some(i))]).collect();
        let condition = among(&by, &keys);
        assert_eq!(condition.sql, "[id] IN (@P1, @P2, @P3, @P4)");
        assert_eq!(condition.params[3], Raw::I32(Some(2)));
        let condition = among(
            &terms(&["a", "b"]),
            &[vec![Raw::I32(Some(1)), Raw::I32(Some(2))]],
        );
        assert_eq!(condition.sql, "([a] = @P1 AND [b] = @P2)");
        for columns in 1..=30 {
            let most = keys_at_once(columns);
            assert!(bucket(most, columns) * columns <= MOST_PARAMETERS);
            assert!(bucket(most, columns) >= most);
        }
    }
}
