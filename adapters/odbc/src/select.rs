// SPDX-License-Identifier: Apache-2.0
//! The statements: every one of them a `SELECT`, every name quoted, every value a parameter.
//!
//! A composite key is written out as `a >= ? AND (a > ? OR (a = ? AND b > ?))`, which every database answers
//! from an index that begins with `a`; few of them know row comparisons.

use silsila_source::Value;

use crate::bind::{self, Param};
use crate::dialect::{Dialect, Nulls, Page};
use crate::types::Column;

/// The most keys in one statement's list, where the database takes so many.
pub(crate) const MOST_KEYS: usize = 500;

/// How a database's names are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    /// The quote, where the database has one.
    pub quote: Option<char>,
    /// Whether columns are named with their table, which goes by `t` then.
    pub qualified: bool,
    pub catalog: Option<String>,
    pub schema: Option<String>,
}

impl Names {
    /// A name in quotes. Without a quote the name goes as it is, and only if it is a plain one.
    pub(crate) fn quoted(&self, name: &str) -> Result<String, String> {
        match self.quote {
            Some(quote) => {
                let doubled = format!("{quote}{quote}");
                Ok(format!("{quote}{}{quote}", name.replace(quote, &doubled)))
            }
            None if is_plain(name) => Ok(name.to_owned()),
            None => Err(format!(
                "the database has no quotes for names, and {name:?} needs them"
            )),
        }
    }

    fn column(&self, name: &str) -> Result<String, String> {
        let prefix = if self.qualified { "t." } else { "" };
        Ok(format!("{prefix}{}", self.quoted(name)?))
    }

    /// A table to read columns of.
    fn columns_of(&self, table: &str) -> Result<String, String> {
        let alias = if self.qualified { " AS t" } else { "" };
        Ok(format!("{}{alias}", self.table(table)?))
    }

    fn table(&self, name: &str) -> Result<String, String> {
        let parts = [self.catalog.as_deref(), self.schema.as_deref(), Some(name)];
        let parts: Result<Vec<_>, _> = parts
            .into_iter()
            .flatten()
            .map(|p| self.quoted(p))
            .collect();
        Ok(parts?.join("."))
    }
}

fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A column in an ordering or a comparison.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    name: String,
    column: Column,
}

impl Term {
    pub(crate) fn new(names: &Names, name: &str, column: Column) -> Result<Self, String> {
        Ok(Self {
            name: names.column(name)?,
            column,
        })
    }

    pub(crate) fn column(&self) -> &Column {
        &self.column
    }

    /// Says that no row with NULL in it is asked for.
    pub(crate) fn never_null(&mut self) {
        self.column.nullable = false;
    }
}

/// A condition and its parameters in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Condition {
    pub sql: String,
    pub params: Vec<Param>,
}

/// What is read from where, without a condition.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    columns: String,
    table: String,
}

impl Select {
    pub(crate) fn new(names: &Names, table: &str, columns: &[String]) -> Result<Self, String> {
        let columns: Result<Vec<_>, _> = columns.iter().map(|c| names.column(c)).collect();
        Ok(Self {
            columns: columns?.join(", "),
            table: names.columns_of(table)?,
        })
    }

    /// A statement that gives no row, but the columns' types.
    pub(crate) fn describing(&self) -> String {
        format!("SELECT {} FROM {} WHERE 1=0", self.columns, self.table)
    }

    /// All rows that meet a condition.
    pub(crate) fn all(&self, condition: &str) -> String {
        format!(
            "SELECT {} FROM {} WHERE {condition}",
            self.columns, self.table
        )
    }

    /// The whole statement of a scan or of changes.
    pub(crate) fn page(
        &self,
        dialect: &Dialect,
        condition: Option<&Condition>,
        order: &[Term],
        limit: usize,
    ) -> String {
        let head = match dialect.page {
            Page::Top => format!("SELECT TOP {limit} {}", self.columns),
            Page::First => format!("SELECT FIRST {limit} {}", self.columns),
            _ => format!("SELECT {}", self.columns),
        };
        let filter = condition.map_or_else(String::new, |c| format!(" WHERE {}", c.sql));
        let order: Vec<_> = order.iter().map(|term| ordered(dialect, term)).collect();
        let body = format!(
            "{head} FROM {}{filter} ORDER BY {}",
            self.table,
            order.join(", ")
        );
        match dialect.page {
            Page::Limit => format!("{body} LIMIT {limit}"),
            Page::FetchFirst => format!("{body} FETCH FIRST {limit} ROWS ONLY"),
            Page::Rownum => format!("SELECT * FROM ({body}) WHERE ROWNUM <= {limit}"),
            Page::Top | Page::First | Page::Plain => body,
        }
    }
}

/// A column as it sorts, NULL before all else.
fn ordered(dialect: &Dialect, term: &Term) -> String {
    let name = &term.name;
    match dialect.nulls {
        _ if !term.column.nullable => name.clone(),
        Nulls::Low => name.clone(),
        Nulls::High => format!("{name} NULLS FIRST"),
        Nulls::Unknown => format!("CASE WHEN {name} IS NULL THEN 0 ELSE 1 END, {name}"),
    }
}

/// The statement that counts a table.
pub(crate) fn count(names: &Names, table: &str) -> Result<String, String> {
    Ok(format!("SELECT COUNT(*) FROM {}", names.table(table)?))
}

/// Strictly after a position in the order, NULL being before all else.
pub(crate) fn after(order: &[Term], position: &[Value]) -> Condition {
    let mut params = Vec::new();
    let mut sql = String::new();
    let several = order.len().min(position.len()) > 1;
    if several && !position[0].is_null() {
        sql = format!(
            "{} AND (",
            compared(&order[0], ">=", &position[0], &mut params)
        );
    }
    let closed = !sql.is_empty();
    let mut alternatives = Vec::new();
    for at in 0..order.len().min(position.len()) {
        let mut parts = Vec::new();
        for (term, value) in order[..at].iter().zip(position) {
            parts.push(compared(term, "=", value, &mut params));
        }
        parts.push(compared(&order[at], ">", &position[at], &mut params));
        alternatives.push(format!("({})", parts.join(" AND ")));
    }
    sql.push_str(&alternatives.join(" OR "));
    if closed {
        sql.push(')');
    }
    Condition { sql, params }
}

/// At or after a watermark, or merely not NULL.
pub(crate) fn since(watermark: &Term, since: Option<&Value>) -> Condition {
    let mut params = Vec::new();
    let sql = match since {
        Some(value) => compared(watermark, ">=", value, &mut params),
        None => format!("{} IS NOT NULL", watermark.name),
    };
    Condition { sql, params }
}

fn compared(term: &Term, operator: &str, value: &Value, params: &mut Vec<Param>) -> String {
    let name = &term.name;
    match (value, operator) {
        (Value::Null, "=") => format!("{name} IS NULL"),
        (Value::Null, _) => format!("{name} IS NOT NULL"),
        _ => {
            params.push(bind::order(&term.column, value));
            format!("{name} {operator} ?")
        }
    }
}

/// How many keys of so many columns go into one statement.
pub(crate) fn keys_at_once(dialect: &Dialect, columns: usize) -> usize {
    (dialect.most_parameters / columns.max(1)).clamp(1, MOST_KEYS)
}

/// Equal to one of the keys, each a parameter for each term; the list is filled up by repeating its last
/// key, so that few different statements are prepared.
pub(crate) fn among(by: &[Term], keys: &[Vec<Param>], most: usize) -> Condition {
    let count = bucket(keys.len(), most);
    let padding = keys.last().into_iter().cycle();
    let params = keys
        .iter()
        .chain(padding)
        .take(count)
        .flatten()
        .cloned()
        .collect();
    let sql = match by {
        [one] => format!("{} IN ({})", one.name, vec!["?"; count].join(", ")),
        _ => {
            let pair: Vec<_> = by.iter().map(|t| format!("{} = ?", t.name)).collect();
            vec![format!("({})", pair.join(" AND ")); count].join(" OR ")
        }
    };
    Condition { sql, params }
}

fn bucket(keys: usize, most: usize) -> usize {
    [1, 4, 16, 64, 200]
        .into_iter()
        .find(|b| *b >= keys && *b <= most)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use odbc_api::{DataType, Nullability};

    const QUOTED: Names = Names {
        quote: Some('"'),
        qualified: false,
        catalog: None,
        schema: None,
    };

    fn terms(names: &[&str], nullable: Nullability) -> Vec<Term> {
        let column = Column::new(DataType::Integer, false, nullable);
        names
            .iter()
            .map(|n| Term::new(&QUOTED, n, column).unwrap())
            .collect()
    }

    fn page(dbms: &str, nullable: Nullability) -> String {
        let select = Select::new(&QUOTED, "t", &["a".into()]).unwrap();
        let order = terms(&["a"], nullable);
        select.page(&Dialect::of(dbms), None, &order, 5)
    }

    #[test]
    fn names_cannot_break_out_of_their_quotes() {
        let quoted = QUOTED.quoted("a\"; DROP TABLE x; --");
        assert_eq!(quoted.as_deref(), Ok("\"a\"\"; DROP TABLE x; --\""));
        let bare = Names {
            quote: None,
            ..QUOTED
        };
        assert_eq!(bare.quoted("MRNO").as_deref(), Ok("MRNO"));
        assert!(bare.quoted("Full Name").is_err() && bare.quoted("a;b").is_err());
    }

    #[test]
    fn a_table_is_named_with_its_catalog_and_schema() {
        let names = Names {
            catalog: Some("his".into()),
            schema: Some("dbo".into()),
            ..QUOTED
        };
        assert_eq!(
            count(&names, "order").as_deref(),
            Ok("SELECT COUNT(*) FROM \"his\".\"dbo\".\"order\"")
        );
    }

    #[test]
    fn a_column_is_named_with_its_table_where_it_would_else_be_taken_for_a_text() {
        let names = Names {
            qualified: true,
            ..QUOTED
        };
        let select = Select::new(&names, "order", &["what?".into()]).unwrap();
        assert_eq!(
            select.describing(),
            r#"SELECT t."what?" FROM "order" AS t WHERE 1=0"#
        );
    }

    #[test]
    fn every_dialect_has_its_own_limit() {
        let check = |dbms, expect: &str| assert_eq!(page(dbms, Nullability::NoNulls), expect);
        check("SQLite", r#"SELECT "a" FROM "t" ORDER BY "a" LIMIT 5"#);
        check("ACCESS", r#"SELECT TOP 5 "a" FROM "t" ORDER BY "a""#);
        check("Firebird", r#"SELECT FIRST 5 "a" FROM "t" ORDER BY "a""#);
        check(
            "DB2/LINUXX8664",
            r#"SELECT "a" FROM "t" ORDER BY "a" FETCH FIRST 5 ROWS ONLY"#,
        );
        check(
            "Oracle",
            r#"SELECT * FROM (SELECT "a" FROM "t" ORDER BY "a") WHERE ROWNUM <= 5"#,
        );
        check("Paradox", r#"SELECT "a" FROM "t" ORDER BY "a""#);
    }

    #[test]
    fn null_sorts_first_wherever_the_database_would_put_it() {
        let check = |dbms, expect: &str| {
            let sql = page(dbms, Nullability::Nullable);
            assert!(sql.contains(expect), "{sql}");
        };
        check("MariaDB", r#"ORDER BY "a" LIMIT"#);
        check("PostgreSQL", r#"ORDER BY "a" NULLS FIRST LIMIT"#);
        check(
            "Paradox",
            r#"ORDER BY CASE WHEN "a" IS NULL THEN 0 ELSE 1 END, "a""#,
        );
    }

    #[test]
    fn a_composite_key_is_written_out_so_that_an_index_serves() {
        let order = terms(&["a", "b", "c"], Nullability::NoNulls);
        let condition = after(&order, &[Value::Int(1), Value::Int(2), Value::Int(3)]);
        assert_eq!(
            condition.sql,
            r#""a" >= ? AND (("a" > ?) OR ("a" = ? AND "b" > ?) OR ("a" = ? AND "b" = ? AND "c" > ?))"#
        );
        let expect = [1, 1, 1, 2, 1, 2, 3].map(Param::Int);
        assert_eq!(condition.params, expect);
        let one = after(&order[..1], &[Value::Int(1)]);
        assert_eq!(one.sql, r#"("a" > ?)"#);
    }

    #[test]
    fn null_comes_before_all_else() {
        let order = terms(&["a", "b"], Nullability::Nullable);
        let condition = after(&order, &[Value::Null, Value::Int(3)]);
        assert_eq!(
            condition.sql,
            r#"("a" IS NOT NULL) OR ("a" IS NULL AND "b" > ?)"#
        );
    }

    #[test]
    fn lists_come_in_few_sizes_and_never_exceed_what_the_database_takes() {
        let by = terms(&["id"], Nullability::NoNulls);
        let keys: Vec<_> = (0..3).map(|i| vec![Param::Int(i)]).collect();
        let condition = among(&by, &keys, 500);
        assert_eq!(condition.sql, r#""id" IN (?, ?, ?, ?)"#);
        assert_eq!(condition.params[2..], [Param::Int(2), Param::Int(2)]);
        assert_eq!(bucket(61, 60), 60);
        assert_eq!(bucket(17, 30), 30);
        assert_eq!(keys_at_once(&Dialect::of("ACCESS"), 7), 8);
    }
}
