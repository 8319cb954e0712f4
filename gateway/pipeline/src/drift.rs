// SPDX-License-Identifier: Apache-2.0
//! A schema that changed under us: what the mappings read, as it was when they last fitted, against the
//! tables now. Pure.

use std::collections::BTreeMap;
use std::fmt;

use silsila_mapping::TableReads;
use silsila_source::{Column, ColumnKind, Schema, Table};

/// Tables by name as they were last accepted, their columns in order.
pub(crate) type Seen = BTreeMap<String, Vec<SeenColumn>>;

/// A column as it was last accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SeenColumn {
    pub name: String,
    pub sql_type: String,
    pub kind: String,
    pub charset: Option<String>,
}

/// One thing that is no longer as it was. Its text names tables, columns and types, never a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Difference {
    TableGone {
        table: String,
        like: Option<String>,
    },
    ColumnGone {
        table: String,
        column: String,
        was: String,
        like: Option<String>,
    },
    /// Of a type that cannot be read.
    Unreadable {
        table: String,
        column: String,
        was: String,
        is: String,
    },
    /// Of a type in which the same value may mean another thing.
    Retyped {
        table: String,
        column: String,
        was: String,
        is: String,
    },
    /// The mapping's patients cannot be shown to share.
    SharingLost {
        mapping: String,
    },
}

impl Difference {
    pub fn code(&self) -> &'static str {
        match self {
            Self::TableGone { .. } | Self::ColumnGone { .. } | Self::Unreadable { .. } => "PIP0018",
            Self::Retyped { .. } => "PIP0019",
            Self::SharingLost { .. } => "PIP0020",
        }
    }

    /// Whether it concerns what those reads speak of.
    pub fn concerns(&self, reads: &[TableReads]) -> bool {
        let (in_table, in_column) = match self {
            Self::TableGone { table, .. } => (table, None),
            Self::ColumnGone { table, column, .. }
            | Self::Unreadable { table, column, .. }
            | Self::Retyped { table, column, .. } => (table, Some(column)),
            Self::SharingLost { .. } => return true,
        };
        reads.iter().any(|read| {
            read.table == *in_table && in_column.is_none_or(|column| read.columns.contains(column))
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let like = |f: &mut fmt::Formatter<'_>, like: &Option<String>| match like {
            Some(name) => write!(f, "; did it become {name:?}?"),
            None => Ok(()),
        };
        match self {
            Self::TableGone { table, like: name } => {
                write!(f, "table {table:?} is gone")?;
                like(f, name)
            }
            Self::ColumnGone {
                table,
                column,
                was,
                like: name,
            } => {
                write!(f, "column {column:?} ({was}) of table {table:?} is gone")?;
                like(f, name)
            }
            Self::Unreadable {
                table,
                column,
                was,
                is,
            } => write!(
                f,
                "column {column:?} of table {table:?} was {was} and is {is}, which cannot be read"
            ),
            Self::Retyped {
                table,
                column,
                was,
                is,
            } => write!(
                f,
                "column {column:?} of table {table:?} was {was} and is {is}"
            ),
            Self::SharingLost { mapping } => write!(
                f,
                "whether its patients share can no longer be told: mapping {mapping:?} stands still"
            ),
        }
    }
}

/// What is not as it was, as far as a mapping reads it. Tables and columns that were never seen are no
/// difference: they are a mistake in the mapping, or new in it.
pub(crate) fn differences(reads: &[TableReads], seen: &Seen, now: &Schema) -> Vec<Difference> {
    let mut found = Vec::new();
    for read in reads {
        let Some(before) = seen.get(&read.table) else {
            continue;
        };
        match now.table(&read.table) {
            None => found.push(Difference::TableGone {
                table: read.table.clone(),
                like: successor(before, seen, now),
            }),
            Some(table) => {
                let columns = read.columns.iter();
                found.extend(columns.filter_map(|column| difference(column, before, table)));
            }
        }
    }
    found
}

/// Tables and columns that are not there and never were: mistakes of the mapping.
pub(crate) fn never_there(reads: &[TableReads], seen: &Seen, now: &Schema) -> bool {
    reads.iter().any(|read| {
        let before = seen.get(&read.table);
        let table = now.table(&read.table);
        let known =
            |name: &String| before.is_some_and(|columns| columns.iter().any(|c| c.name == *name));
        let there = |name: &String| {
            let columns = table.map(|t| t.columns.as_slice()).unwrap_or_default();
            let mut columns = columns.iter();
            columns.any(|c| c.name == *name && c.kind != ColumnKind::Unsupported)
        };
        (table.is_none() && before.is_none())
            || read.columns.iter().any(|name| !there(name) && !known(name))
    })
}

fn difference(name: &str, before: &[SeenColumn], table: &Table) -> Option<Difference> {
    let was = before.iter().find(|c| c.name == *name)?;
    let (table_name, column) = (table.name.clone(), name.to_owned());
    let Some(is) = table.columns.iter().find(|c| c.name == *name) else {
        return Some(Difference::ColumnGone {
            table: table_name,
            column,
            was: was.sql_type.clone(),
            like: renamed(was, before, table),
        });
    };
    if is.kind == ColumnKind::Unsupported {
        return Some(Difference::Unreadable {
            table: table_name,
            column,
            was: was.sql_type.clone(),
            is: is.sql_type.clone(),
        });
    }
    let now = SeenColumn::of(is);
    (!same_meaning(was, &now)).then(|| Difference::Retyped {
        table: table_name,
        column,
        was: described(was),
        is: described(&now),
    })
}

/// The type, and the character set where it has one of its own.
fn described(column: &SeenColumn) -> String {
    match &column.charset {
        Some(charset) => format!("{} in {charset}", column.sql_type),
        None => column.sql_type.clone(),
    }
}

/// Whether a value of the one type means the same in the other. A longer text, a wider number, a further
/// word of an ENUM do; another kind of value does not, and neither do a time that says its zone and one that
/// does not, nor text in another character set, for which a mapping may make up.
fn same_meaning(was: &SeenColumn, is: &SeenColumn) -> bool {
    let zone = |column: &SeenColumn| {
        let base = column.sql_type.to_ascii_lowercase();
        let base = base.split(['(', ' ']).next().unwrap_or_default().to_owned();
        match base.as_str() {
            "timestamp" | "datetimeoffset" => base,
            _ => String::new(),
        }
    };
    let charset = |column: &SeenColumn| {
        let name = column.charset.as_ref().map(|c| c.to_ascii_lowercase());
        match name.as_deref() {
            Some("utf8" | "utf8mb3" | "utf8mb4") => Some("utf8mb4".to_owned()),
            _ => name,
        }
    };
    was.kind == is.kind
        && (was.kind != "datetime" || zone(was) == zone(is))
        && charset(was) == charset(is)
}

/// The column that a vanished one seems to have become: a new one in its place, or the only new one of its type.
fn renamed(was: &SeenColumn, before: &[SeenColumn], table: &Table) -> Option<String> {
    let new = |column: &&Column| before.iter().all(|c| c.name != column.name);
    let place = before.iter().position(|c| c.name == was.name)?;
    let in_place = table.columns.get(place).filter(new);
    let same_type = |column: &&Column| column.sql_type == was.sql_type;
    let mut alike = table.columns.iter().filter(new).filter(same_type);
    let only = alike.next().filter(|_| alike.next().is_none());
    in_place
        .filter(same_type)
        .or(only)
        .or(in_place)
        .map(|column| column.name.clone())
}

/// The table that a vanished one seems to have become: a new one with the most of its columns, more than half.
fn successor(before: &[SeenColumn], seen: &Seen, now: &Schema) -> Option<String> {
    let common = |table: &Table| {
        let has = |c: &&SeenColumn| table.columns.iter().any(|n| n.name == c.name);
        before.iter().filter(has).count()
    };
    let new = now.tables.iter().filter(|t| !seen.contains_key(&t.name));
    let (count, best) = new
        .map(|t| (common(t), t))
        .max_by_key(|(count, _)| *count)?;
    (count * 2 > before.len()).then(|| best.name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, sql_type: &str, kind: ColumnKind) -> Column {
        Column {
            name: name.into(),
            sql_type: sql_type.into(),
            kind,
            nullable: true,
            charset: (kind == ColumnKind::Text).then(|| "utf8mb4".into()),
        }
    }

    fn schema(columns: Vec<Column>) -> Schema {
        let table = |name: &str, columns| Table {
            name: name.into(),
            columns,
            primary_key: Vec::new(),
        };
        Schema {
            tables: vec![table("patients", columns)],
        }
    }

    fn base() -> Vec<Column> {
        vec![
            column("id", "int(11)", ColumnKind::Integer),
            column("name", "varchar(60)", ColumnKind::Text),
            column("seen", "datetime", ColumnKind::DateTime),
        ]
    }

    fn seen(schema: &Schema) -> Seen {
        let columns = |t: &Table| t.columns.iter().map(SeenColumn::of).collect();
        let tables = schema.tables.iter();
        tables.map(|t| (t.name.clone(), columns(t))).collect()
    }

    fn reads(columns: &[&str]) -> Vec<TableReads> {
        vec![TableReads {
            table: "patients".into(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        }]
    }

    fn check(now: Vec<Column>, columns: &[&str], expect: &[&str]) {
        let found = differences(&reads(columns), &seen(&schema(base())), &schema(now));
        let found: Vec<String> = found.iter().map(|d| format!("{} {d}", d.code())).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn what_a_mapping_does_not_read_may_change() {
        let mut now = base();
        now.remove(2);
        now.push(column("more", "int(11)", ColumnKind::Integer));
        check(now, &["id", "name"], &[]);
    }

    #[test]
    fn a_renamed_column_is_gone_and_its_successor_is_guessed() {
        let mut now = base();
        now[1].name = "full_name".into();
        check(
            now,
            &["id", "name"],
            &[
                r#"PIP0018 column "name" (varchar(60)) of table "patients" is gone; did it become "full_name"?"#,
            ],
        );
        let mut now = base();
        now.remove(1);
        check(
            now,
            &["name"],
            &[r#"PIP0018 column "name" (varchar(60)) of table "patients" is gone"#],
        );
    }

    #[test]
    fn wider_types_mean_the_same_and_other_kinds_do_not() {
        let mut now = base();
        now[0].sql_type = "bigint(20) unsigned".into();
        now[1].sql_type = "text".into();
        now[1].charset = Some("utf8".into());
        now[2].sql_type = "datetime(3)".into();
        check(now, &["id", "name", "seen"], &[]);
        let mut now = base();
        now[0] = column("id", "varchar(20)", ColumnKind::Text);
        now[2].sql_type = "timestamp".into();
        check(
            now,
            &["id", "seen"],
            &[
                r#"PIP0019 column "id" of table "patients" was int(11) and is varchar(20) in utf8mb4"#,
                r#"PIP0019 column "seen" of table "patients" was datetime and is timestamp"#,
            ],
        );
    }

    #[test]
    fn text_in_another_character_set_may_mean_other_words() {
        let mut now = base();
        now[1].charset = Some("latin1".into());
        check(
            now,
            &["name"],
            &[
                r#"PIP0019 column "name" of table "patients" was varchar(60) in utf8mb4 and is varchar(60) in latin1"#,
            ],
        );
    }

    #[test]
    fn a_renamed_table_is_recognised_by_its_columns() {
        let mut now = schema(base());
        now.tables[0].name = "patients_v2".into();
        let found = differences(&reads(&["id"]), &seen(&schema(base())), &now);
        assert_eq!(
            found[0].to_string(),
            r#"table "patients" is gone; did it become "patients_v2"?"#
        );
    }

    #[test]
    fn what_never_was_there_is_the_mappings_mistake() {
        let now = schema(base());
        let mistake = |columns: &[&str], seen: &Seen| never_there(&reads(columns), seen, &now);
        assert!(mistake(&["nmae"], &seen(&now)));
        assert!(mistake(&["nmae"], &Seen::new()));
        assert!(!mistake(&["name"], &Seen::new()));
        let mut more = base();
        more.push(column("gone", "int(11)", ColumnKind::Integer));
        assert!(!mistake(&["gone"], &seen(&schema(more))));
    }
}
