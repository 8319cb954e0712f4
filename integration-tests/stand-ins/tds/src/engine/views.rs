// SPDX-License-Identifier: Apache-2.0
//! `INFORMATION_SCHEMA` and the few `sys` views that somebody asks for, made of the catalogue.

use super::bind::Visible;
use super::catalogue::{Column, Key, Table};
use super::context::Context;
use crate::data::{Collation, Type, Value};
use crate::error::{Result, SqlError};
use crate::sql::ObjectName;

/// Rows that lie in no table.
#[derive(Debug)]
pub(crate) struct View {
    pub columns: Vec<Visible>,
    pub rows: Vec<Vec<Value>>,
}

const SYSNAME: Type = Type::NVarChar(Some(128));

/// The view of that name; `None` where it names a table.
pub(crate) fn view(name: &ObjectName, context: &Context<'_>) -> Result<Option<View>> {
    let schema = name.schema.as_deref().unwrap_or_default();
    if schema.eq_ignore_ascii_case("sys") && name.name.eq_ignore_ascii_case("masked_columns") {
        // Nothing is ever masked here.
        return Ok(Some(View {
            columns: columns(&[
                ("object_id", Type::Int),
                ("name", SYSNAME),
                ("is_masked", Type::Bit),
            ]),
            rows: Vec::new(),
        }));
    }
    if schema.eq_ignore_ascii_case("sys") {
        return Err(SqlError::unknown(format_args!(
            "the view sys.{}",
            name.name
        )));
    }
    if !schema.eq_ignore_ascii_case("INFORMATION_SCHEMA") {
        return Ok(None);
    }
    let tables = || context.catalogue.tables().filter(|t| context.sees(t));
    Ok(Some(match name.name.to_ascii_uppercase().as_str() {
        "TABLES" => View {
            columns: columns(&[
                ("TABLE_CATALOG", SYSNAME),
                ("TABLE_SCHEMA", SYSNAME),
                ("TABLE_NAME", SYSNAME),
                ("TABLE_TYPE", Type::VarChar(Some(10))),
            ]),
            rows: tables()
                .map(|t| named(context, t, [Value::text("BASE TABLE")]))
                .collect(),
        },
        "COLUMNS" => View {
            columns: columns(COLUMNS),
            rows: tables()
                .flat_map(|t| {
                    t.columns
                        .iter()
                        .enumerate()
                        .map(|(at, c)| described(context, t, at, c))
                })
                .collect(),
        },
        "TABLE_CONSTRAINTS" => View {
            columns: columns(&[
                ("CONSTRAINT_CATALOG", SYSNAME),
                ("CONSTRAINT_SCHEMA", SYSNAME),
                ("CONSTRAINT_NAME", SYSNAME),
                ("TABLE_CATALOG", SYSNAME),
                ("TABLE_SCHEMA", SYSNAME),
                ("TABLE_NAME", SYSNAME),
                ("CONSTRAINT_TYPE", Type::VarChar(Some(11))),
            ]),
            rows: tables()
                .flat_map(|t| {
                    t.keys.iter().map(|k| {
                        let kind = if k.primary { "PRIMARY KEY" } else { "UNIQUE" };
                        [
                            constraint(context, t, k),
                            named(context, t, [Value::text(kind)]),
                        ]
                        .concat()
                    })
                })
                .collect(),
        },
        "KEY_COLUMN_USAGE" => View {
            columns: columns(&[
                ("CONSTRAINT_CATALOG", SYSNAME),
                ("CONSTRAINT_SCHEMA", SYSNAME),
                ("CONSTRAINT_NAME", SYSNAME),
                ("TABLE_CATALOG", SYSNAME),
                ("TABLE_SCHEMA", SYSNAME),
                ("TABLE_NAME", SYSNAME),
                ("COLUMN_NAME", SYSNAME),
                ("ORDINAL_POSITION", Type::Int),
            ]),
            rows: tables()
                .flat_map(|t| {
                    t.keys.iter().flat_map(|k| {
                        k.columns.iter().enumerate().map(|(n, at)| {
                            let column = [Value::text(t.columns[*at].name.as_str()), count(n + 1)];
                            [constraint(context, t, k), named(context, t, column)].concat()
                        })
                    })
                })
                .collect(),
        },
        other => {
            return Err(SqlError::unknown(format_args!(
                "the view INFORMATION_SCHEMA.{other}"
            )));
        }
    }))
}

fn columns(columns: &[(&str, Type)]) -> Vec<Visible> {
    let column = |(name, ty): &(&str, Type)| Visible {
        name: (*name).into(),
        ty: *ty,
        nullable: true,
        collation: Collation::default(),
    };
    columns.iter().map(column).collect()
}

fn count(n: usize) -> Value {
    Value::Int(i64::try_from(n).unwrap_or(i64::MAX))
}

/// Catalog, schema, table, and what follows.
fn named<const N: usize>(context: &Context<'_>, table: &Table, rest: [Value; N]) -> Vec<Value> {
    let mut row = vec![
        Value::text(context.database.name.as_str()),
        Value::text(table.schema.as_str()),
        Value::text(table.name.as_str()),
    ];
    row.extend(rest);
    row
}

fn constraint(context: &Context<'_>, table: &Table, key: &Key) -> Vec<Value> {
    vec![
        Value::text(context.database.name.as_str()),
        Value::text(table.schema.as_str()),
        Value::text(key.name.as_str()),
    ]
}

const COLUMNS: &[(&str, Type)] = &[
    ("TABLE_CATALOG", SYSNAME),
    ("TABLE_SCHEMA", SYSNAME),
    ("TABLE_NAME", SYSNAME),
    ("COLUMN_NAME", SYSNAME),
    ("ORDINAL_POSITION", Type::Int),
    ("IS_NULLABLE", Type::VarChar(Some(3))),
    ("DATA_TYPE", SYSNAME),
    ("CHARACTER_MAXIMUM_LENGTH", Type::Int),
    ("NUMERIC_PRECISION", Type::TinyInt),
    ("NUMERIC_SCALE", Type::Int),
    ("DATETIME_PRECISION", Type::SmallInt),
    ("CHARACTER_SET_NAME", SYSNAME),
    ("COLLATION_NAME", SYSNAME),
];

fn described(context: &Context<'_>, table: &Table, at: usize, column: &Column) -> Vec<Value> {
    let ty = column.ty;
    let int = |n: Option<i64>| n.map_or(Value::Null, Value::Int);
    let text = |t: Option<String>| t.map_or(Value::Null, Value::Text);
    let length = match ty {
        Type::Char(n) | Type::NChar(n) | Type::Binary(n) => Some(n.into()),
        Type::VarChar(n) | Type::NVarChar(n) | Type::VarBinary(n) => Some(n.map_or(-1, i64::from)),
        Type::Xml | Type::Geography => Some(-1),
        Type::Text | Type::Image => Some(2_147_483_647),
        Type::NText => Some(1_073_741_823),
        Type::HierarchyId => Some(892),
        _ => None,
    };
    let (precision, scale) = match ty {
        Type::TinyInt => (Some(3), Some(0)),
        Type::SmallInt => (Some(5), Some(0)),
        Type::Int => (Some(10), Some(0)),
        Type::BigInt => (Some(19), Some(0)),
        Type::Decimal { precision, scale } => (Some(precision.into()), Some(scale.into())),
        Type::Money => (Some(19), Some(4)),
        Type::SmallMoney => (Some(10), Some(4)),
        Type::Real => (Some(24), None),
        Type::Float => (Some(53), None),
        _ => (None, None),
    };
    let fraction = match ty {
        Type::Date | Type::SmallDateTime => Some(0),
        Type::DateTime => Some(3),
        Type::Time(s) | Type::DateTime2(s) | Type::DateTimeOffset(s) => Some(s.into()),
        _ => None,
    };
    let charset = match ty {
        ty if ty.is_code_page() => Some(column.collation.code_page.name()),
        Type::NChar(_) | Type::NVarChar(_) | Type::NText => Some("UNICODE".into()),
        _ => None,
    };
    let collation = (ty.is_text() && ty != Type::Xml).then(|| column.collation_name.clone());
    named(
        context,
        table,
        [
            Value::text(column.name.as_str()),
            count(at + 1),
            Value::text(if column.nullable { "YES" } else { "NO" }),
            Value::text(ty.name()),
            int(length),
            int(precision),
            int(scale),
            int(fraction),
            text(charset),
            text(collation),
        ],
    )
}
