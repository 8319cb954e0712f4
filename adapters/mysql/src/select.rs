// SPDX-License-Identifier: Apache-2.0
//! The statements: every one of them a `SELECT`, every name quoted, every value a parameter.
//!
//! MySQL does not use an index for a row comparison such as `(a, b) > (?, ?)`, but it does for the same
//! written out, `a > ? OR (a = ? AND b > ?)`, on every version since 5.5. ENUM and SET sort by position but
//! compare by name, so a key of that type is ordered and compared by name, at the price of its index.

use mysql_async::Value as Raw;
use silsila_source::Value;

use crate::bind;
use crate::types::Shape;

/// The most keys in one statement's list.
pub(crate) const MOST_KEYS: usize = 500;

/// A column in an ordering or a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    name: String,
    shape: Shape,
}

impl Term {
    pub(crate) fn new(column: &str, shape: Shape) -> Self {
        Self {
            name: quote(column),
            shape,
        }
    }

    pub(crate) fn shape(&self) -> Shape {
        self.shape
    }

    /// The column as it is sorted and compared in a scan.
    fn ordered(&self) -> String {
        match self.shape {
            Shape::Named => format!("CAST({} AS CHAR)", self.name),
            _ => self.name.clone(),
        }
    }

    /// A parameter of the column's own type; digits sent as text would else compare as floating point.
    fn parameter(&self) -> String {
        match self.shape {
            Shape::Decimal { precision, scale } => {
                format!("CAST(? AS DECIMAL({precision},{scale}))")
            }
            _ => "?".into(),
        }
    }
}

/// A condition and its parameters in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub sql: String,
    pub params: Vec<Raw>,
}

/// An identifier in backticks.
pub(crate) fn quote(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// The columns of a table, without a condition.
pub(crate) fn columns(table: &str, columns: &[String]) -> String {
    let names: Vec<_> = columns.iter().map(|c| quote(c)).collect();
    format!("SELECT {} FROM {}", names.join(", "), quote(table))
}

/// The whole statement of a scan or of changes.
pub(crate) fn page(
    select: &str,
    condition: Option<&Condition>,
    order: &[Term],
    limit: usize,
) -> String {
    let filter = condition.map_or_else(String::new, |c| format!(" WHERE {}", c.sql));
    let order: Vec<_> = order.iter().map(Term::ordered).collect();
    format!(
        "{select}{filter} ORDER BY {} LIMIT {limit}",
        order.join(", ")
    )
}

/// Strictly after a position in the order, NULL being before all else.
pub(crate) fn after(order: &[Term], position: &[Value]) -> Condition {
    let mut params = Vec::new();
    let mut alternatives = Vec::new();
    for at in 0..order.len().min(position.len()) {
        let mut parts = Vec::new();
        for (term, value) in order[..at].iter().zip(position) {
            parts.push(compared(term, "=", value, &mut params));
        }
        parts.push(compared(&order[at], ">", &position[at], &mut params));
        alternatives.push(format!("({})", parts.join(" AND ")));
    }
    Condition {
        sql: alternatives.join(" OR "),
        params,
    }
}

/// At or after a watermark, or merely not NULL.
pub(crate) fn since(watermark: &Term, since: Option<&Value>) -> Condition {
    let mut params = Vec::new();
    let sql = match since {
        Some(value) => compared(watermark, ">=", value, &mut params),
        None => format!("{} IS NOT NULL", watermark.ordered()),
    };
    Condition { sql, params }
}

fn compared(term: &Term, operator: &str, value: &Value, params: &mut Vec<Raw>) -> String {
    let name = term.ordered();
    match (value, operator) {
        (Value::Null, "=") => format!("{name} IS NULL"),
        (Value::Null, _) => format!("{name} IS NOT NULL"),
        _ => {
            params.push(bind::order(term.shape, value));
            format!("{name} {operator} {}", term.parameter())
        }
    }
}

/// Equal to one of the keys, each a parameter for each term; the list is filled up by repeating its last
/// key, so that few different statements are prepared.
pub(crate) fn among(by: &[Term], keys: &[Vec<Raw>]) -> Condition {
    let count = bucket(keys.len());
    let padding = keys.last().into_iter().cycle();
    let params = keys
        .iter()
        .chain(padding)
        .take(count)
        .flatten()
        .cloned()
        .collect();
    let sql = match by {
        [one] => {
            let list = vec![one.parameter(); count];
            format!("{} IN ({})", one.name, list.join(", "))
        }
        _ => {
            let pair: Vec<_> = by
                .iter()
                .map(|t| format!("{} = {}", t.name, t.parameter()))
                .collect();
            vec![format!("({})", pair.join(" AND ")); count].join(" OR ")
        }
    };
    Condition { sql, params }
}

fn bucket(keys: usize) -> usize {
    [1, 4, 16, 64, 200]
        .into_iter()
        .find(|b| *b >= keys)
        .unwrap_or(MOST_KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(names: &[(&str, Shape)]) -> Vec<Term> {
        names.iter().map(|(n, s)| Term::new(n, *s)).collect()
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        assert_eq!(quote("a`; DROP TABLE x; --"), "`a``; DROP TABLE x; --`");
        let sql = columns("order", &["select".into(), "نام".into(), "what?".into()]);
        assert_eq!(sql, "SELECT `select`, `نام`, `what?` FROM `order`");
    }

    #[test]
    fn a_composite_key_is_written_out() {
        let order = terms(&[
            ("a", Shape::Integer),
            ("b", Shape::Text),
            ("c", Shape::Integer),
        ]);
        let position = [Value::Int(1), Value::Text("x".into()), Value::Int(3)];
        let condition = after(&order, &position);
        assert_eq!(
            condition.sql,
            "(`a` > ?) OR (`a` = ? AND `b` > ?) OR (`a` = ? AND `b` = ? AND `c` > ?)"
        );
        assert_eq!(condition.params.len(), 6);
        assert_eq!(
            page("SELECT `a` FROM `t`", Some(&condition), &order, 5),
            format!(
                "SELECT `a` FROM `t` WHERE {} ORDER BY `a`, `b`, `c` LIMIT 5",
                condition.sql
            )
        );
    }

    #[test]
    fn null_comes_before_all_else() {
        let order = terms(&[("a", Shape::Integer), ("b", Shape::Integer)]);
        let condition = after(&order, &[Value::Null, Value::Int(3)]);
        assert_eq!(
            condition.sql,
            "(`a` IS NOT NULL) OR (`a` IS NULL AND `b` > ?)"
        );
    }

    #[test]
    fn decimals_and_enums_are_compared_in_their_own_order() {
        let shape = Shape::Decimal {
            precision: 10,
            scale: 2,
        };
        let condition = after(&terms(&[("d", shape)]), &[Value::Decimal("7.10".into())]);
        assert_eq!(condition.sql, "(`d` > CAST(? AS DECIMAL(10,2)))");
        let order = terms(&[("e", Shape::Named)]);
        let condition = after(&order, &[Value::Text("b".into())]);
        assert_eq!(condition.sql, "(CAST(`e` AS CHAR) > ?)");
    }

    #[test]
    fn lists_come_in_few_sizes() {
        let by = terms(&[("id", Shape::Integer)]);
        let keys: Vec<_> = (0..3).map(|i| vec![Raw::Int(i)]).collect();
        let condition = among(&by, &keys);
        assert_eq!(condition.sql, "`id` IN (?, ?, ?, ?)");
        assert_eq!(condition.params[2..], [Raw::Int(2), Raw::Int(2)]);
        let pairs = terms(&[("a", Shape::Integer), ("b", Shape::Integer)]);
        let condition = among(&pairs, &[vec![Raw::Int(1), Raw::Int(2)]]);
        assert_eq!(condition.sql, "(`a` = ? AND `b` = ?)");
        assert_eq!(bucket(201), MOST_KEYS);
    }
}
