// SPDX-License-Identifier: Apache-2.0
//! A compiled pack against the tables that a source really has.

use silsila_diagnostics::{Diagnostic, Diagnostics, Place, suggest};
use silsila_source::{ColumnKind, Schema, Table};

use crate::Mapping;
use crate::plan::{Join, Origin};

pub(crate) fn check(mappings: &[Mapping], schema: &Schema) -> Diagnostics {
    let mut found = Diagnostics::new();
    for mapping in mappings {
        for used in &mapping.plan.uses {
            let Some(table) = schema.table(&used.table) else {
                let names = schema.tables.iter().map(|t| t.name.as_str());
                let problem = Diagnostic::error(
                    "MAP0013",
                    format!("the source has no table {:?}", used.table),
                )
                .at(used.place.clone())
                .did_you_mean(&used.table, names);
                found.push(problem);
                continue;
            };
            for (column, place) in &used.columns {
                self::column(mapping, table, column, place, &mut found);
            }
        }
        main_table(mapping, schema, &mut found);
        for join in &mapping.plan.joins {
            kinds(mapping, join, schema, &mut found);
        }
        ref_kinds(mapping, schema, &mut found);
    }
    found
}

fn column(mapping: &Mapping, table: &Table, column: &str, place: &Place, found: &mut Diagnostics) {
    let names = table.columns.iter().map(|c| c.name.as_str());
    match table.columns.iter().find(|c| c.name == column) {
        Some(c) if c.kind == ColumnKind::Unsupported => {
            let message = format!(
                "column {column:?} of {:?} has a type that cannot be read",
                table.name
            );
            found.push(
                Diagnostic::error("MAP0012", message)
                    .at(place.clone())
                    .help(c.sql_type.clone()),
            );
        }
        Some(_) => {}
        None => {
            let lets = mapping.plan.joins.iter().map(|j| j.name.as_str());
            let message = format!("table {:?} has no column {column:?}", table.name);
            let problem = Diagnostic::error("MAP0012", message).at(place.clone());
            let near = suggest(column, names.chain(lets));
            found.push(problem.help(match near {
                Some(near) => format!("did you mean {near:?}?"),
                None => {
                    format!("where the text is meant, it has quotes of its own: \"'{column}'\"")
                }
            }));
        }
    }
}

/// The key should be unique: the primary key, unless rows are grouped.
fn main_table(mapping: &Mapping, schema: &Schema, found: &mut Diagnostics) {
    let Some(table) = schema.table(mapping.table()) else {
        return;
    };
    let place = mapping.plan.uses.first().map(|u| u.place.clone());
    let unique = table.primary_key.iter().all(|c| mapping.key().contains(c));
    if mapping.grouped() || table.primary_key.is_empty() || unique {
        return;
    }
    let message = format!(
        "key [{}] does not hold the primary key of {:?} ({}), so rows may share one resource",
        mapping.key().join(", "),
        table.name,
        table.primary_key.join(", ")
    );
    let mut problem = Diagnostic::warning("MAP0012", message);
    if let Some(place) = place {
        problem = problem.at(place);
    }
    found.push(problem.help("name the primary key, or use group"));
}

fn kind(schema: &Schema, table: &str, column: &str) -> Option<ColumnKind> {
    let table = schema.table(table)?;
    table
        .columns
        .iter()
        .find(|c| c.name == column)
        .map(|c| c.kind)
}

fn origin_kind(mapping: &Mapping, schema: &Schema, origin: &Origin) -> Option<ColumnKind> {
    let plan = &mapping.plan;
    match origin {
        Origin::Row(c) => kind(schema, mapping.table(), &plan.program.columns[*c]),
        Origin::Join(j, c) => kind(schema, &plan.joins[*j].table, &plan.joins[*j].columns[*c]),
    }
}

/// Whether values of the two kinds can be equal.
fn fit(a: ColumnKind, b: ColumnKind) -> bool {
    let numeric = |k| {
        matches!(
            k,
            ColumnKind::Integer | ColumnKind::Decimal | ColumnKind::Bool
        )
    };
    a == b || (numeric(a) && numeric(b)) || a == ColumnKind::Text || b == ColumnKind::Text
}

fn kinds(mapping: &Mapping, join: &Join, schema: &Schema, found: &mut Diagnostics) {
    for (theirs, ours) in join.by.iter().zip(&join.from) {
        let column = &join.columns[*theirs];
        let (Some(a), Some(b)) = (
            kind(schema, &join.table, column),
            origin_kind(mapping, schema, ours),
        ) else {
            continue;
        };
        if !fit(a, b) {
            let message = format!(
                "{:?}: column {column:?} can never equal what it is matched with",
                join.name
            );
            let mut problem = Diagnostic::warning("MAP0012", message);
            let used = mapping.plan.uses.iter().find(|u| u.table == join.table);
            if let Some(used) = used {
                problem = problem.at(used.place.clone());
            }
            found.push(problem);
        }
    }
}

/// A key in a reference must be of the very type of the column that it points at: ids are made of it.
fn ref_kinds(mapping: &Mapping, schema: &Schema, found: &mut Diagnostics) {
    for (r, target) in mapping.plan.refs.iter().zip(&mapping.targets) {
        let Some(from) = &r.from else { continue };
        for (origin, column) in from.iter().zip(&target.key) {
            let theirs = kind(schema, &target.table, column);
            let ours = origin_kind(mapping, schema, origin);
            if let (Some(theirs), Some(ours)) = (theirs, ours)
                && theirs != ours
            {
                let message = format!(
                    "ref({:?}, ...): the key column {column:?} has another type than the value given for it",
                    target.mapping
                );
                let mut problem = Diagnostic::warning("MAP0030", message)
                    .help("give it the same type with | int, or ~ '' for a text");
                if let Some(place) = &r.place {
                    problem = problem.at(place.clone());
                }
                found.push(problem);
            }
        }
    }
}
