// SPDX-License-Identifier: Apache-2.0
//! Lookups, children and groups: from names of columns to numbers, in an order in which each comes after
//! those it starts from.

use std::ops::Range;

use minijinja::machinery::{ast, parse_expr};
use silsila_diagnostics::{Diagnostic, Diagnostics, TextFile};

use super::{Join, Origin};
use crate::expression::compile::Compiler;
use crate::expression::scope::{ColumnUses, JoinKind, JoinScope, Position, Scope, World};
use crate::language::mapping_file::{JoinFile, JoinSort};
use crate::language::source::Site;

/// Puts the names of all joins into the scope, with the columns that their keys, order and pivot need.
pub(crate) fn declare(files: &[JoinFile], file: &TextFile, scope: &mut Scope) {
    for join in files {
        let mut columns = ColumnUses::default();
        let mut use_of = |column: &str, span: &Range<usize>| {
            columns.number(column, file.place(span.clone()));
        };
        for ((column, span), _) in &join.on {
            use_of(column, span);
        }
        for ((column, span), _) in &join.order {
            use_of(column, span);
        }
        if let Some(((by, by_span), (value, value_span))) = &join.pivot {
            use_of(by, by_span);
            use_of(value, value_span);
        }
        scope.joins.push(JoinScope {
            name: join.name.0.clone(),
            kind: match join.sort {
                JoinSort::Lookup => JoinKind::Lookup,
                JoinSort::Each => JoinKind::Each,
                JoinSort::Group => JoinKind::Group,
            },
            pivot: join.pivot.is_some(),
            columns,
        });
    }
}

/// Resolves where each join starts from and compiles its `where`. Column lists are filled in by
/// [`columns`] once every expression has been compiled.
pub(crate) fn compile(
    files: &[JoinFile],
    file: &TextFile,
    scope: &mut Scope,
    world: &World<'_>,
    found: &mut Diagnostics,
) -> Option<Vec<Join>> {
    let mut joins = Vec::with_capacity(files.len());
    let mut sound = true;
    for (j, join) in files.iter().enumerate() {
        let mut from = Vec::with_capacity(join.on.len());
        for (_, ours) in &join.on {
            let site = Site { file, node: ours };
            match origin(site, scope, found) {
                Some(origin) => from.push(origin),
                None => sound = false,
            }
        }
        let filter = join.filter.as_ref().map(|node| {
            Compiler {
                site: Site { file, node },
                scope,
                world,
                position: Position::Where(j),
                found,
                depth: 0,
                reach: 0,
            }
            .compile()
        });
        let filter = match filter {
            Some(None) => {
                sound = false;
                None
            }
            Some(Some(compiled)) => Some(compiled.ex),
            None => None,
        };
        let number = |scope: &mut Scope, (name, span): &(String, Range<usize>)| {
            scope.joins[j]
                .columns
                .number(name, file.place(span.clone()))
        };
        joins.push(Join {
            name: join.name.0.clone(),
            sort: join.sort,
            table: join.table.0.clone(),
            by: join
                .on
                .iter()
                .map(|(theirs, _)| number(scope, theirs))
                .collect(),
            from,
            columns: Vec::new(),
            filter,
            order: join
                .order
                .iter()
                .map(|(c, turned)| (number(scope, c), *turned))
                .collect(),
            pivot: join
                .pivot
                .as_ref()
                .map(|(by, value)| (number(scope, by), number(scope, value))),
            level: 0,
        });
    }
    sound &= levels(&mut joins, files, file, found);
    sound.then_some(joins)
}

/// Fills in the columns of each join.
pub(crate) fn columns(joins: &mut [Join], scope: &Scope) {
    for (join, scope) in joins.iter_mut().zip(&scope.joins) {
        join.columns = scope.columns.names();
    }
}

/// Our side of `on`: a column of the row or of another lookup, nothing else.
fn origin(site: Site<'_>, scope: &mut Scope, found: &mut Diagnostics) -> Option<Origin> {
    const HELP: &str = "our side is a column (patient_id, row['Patient No']) or a column of a lookup (visit.patient_id)";
    let text = site.node.scalar().map_or("", |s| &s.text);
    let tree = parse_expr(text).ok();
    let (inner, column, span) = match &tree {
        Some(ast::Expr::Var(v)) => (None, v.id.to_owned(), v.span()),
        Some(ast::Expr::GetAttr(g)) => (Some(&g.expr), g.name.to_owned(), g.span()),
        Some(ast::Expr::GetItem(g)) => match &g.subscript_expr {
            ast::Expr::Const(c) => (
                Some(&g.expr),
                c.value.as_str().unwrap_or("").to_owned(),
                g.span(),
            ),
            _ => (None, String::new(), g.span()),
        },
        _ => {
            let problem =
                Diagnostic::error("MAP0011", "this is not a column").at(site.place(0..text.len()));
            found.push(problem.help(HELP));
            return None;
        }
    };
    let span = span.start_offset as usize..span.end_offset as usize;
    let place = site.place(span);
    let refuse = |found: &mut Diagnostics, message: String| {
        found.push(
            Diagnostic::error("MAP0011", message)
                .at(place.clone())
                .help(HELP),
        );
        None
    };
    match inner {
        None if column.is_empty() => refuse(found, "this is not a column".to_owned()),
        None if scope.joins.iter().any(|j| j.name == column) => {
            refuse(found, format!("{column:?} is a whole row"))
        }
        None if scope.lets.iter().any(|l| l.name == column) => refuse(
            found,
            format!("{column:?} is a let, which cannot be walked backwards"),
        ),
        None => Some(Origin::Row(scope.columns.number(&column, place))),
        Some(ast::Expr::Var(v)) if v.id == "row" => {
            Some(Origin::Row(scope.columns.number(&column, place)))
        }
        Some(ast::Expr::Var(v)) => {
            let lookup = scope
                .joins
                .iter()
                .position(|j| j.name == v.id && j.kind == JoinKind::Lookup);
            let Some(j) = lookup else {
                let names: Vec<_> = scope.joins.iter().map(|j| j.name.clone()).collect();
                let problem =
                    Diagnostic::error("MAP0011", format!("there is no lookup {:?}", v.id))
                        .at(place)
                        .did_you_mean(v.id, names.iter().map(String::as_str));
                found.push(problem);
                return None;
            };
            let number = scope.joins[j].columns.number(&column, place);
            Some(Origin::Join(j, number))
        }
        Some(_) => refuse(found, "this is not a column".to_owned()),
    }
}

/// Numbers the rounds of fetches; a circle is reported once.
fn levels(
    joins: &mut [Join],
    files: &[JoinFile],
    file: &TextFile,
    found: &mut Diagnostics,
) -> bool {
    let needs: Vec<Vec<usize>> = joins
        .iter()
        .map(|join| {
            let upstream = |o: &Origin| match o {
                Origin::Join(j, _) => Some(*j),
                Origin::Row(_) => None,
            };
            join.from.iter().filter_map(upstream).collect()
        })
        .collect();
    let mut level: Vec<Option<usize>> = vec![None; joins.len()];
    for _ in 0..joins.len() {
        for j in 0..joins.len() {
            let above: Option<Vec<usize>> = needs[j].iter().map(|n| level[*n]).collect();
            if let (None, Some(above)) = (level[j], above) {
                level[j] = Some(above.iter().map(|l| l + 1).max().unwrap_or(0));
            }
        }
    }
    let circle: Vec<usize> = (0..joins.len()).filter(|j| level[*j].is_none()).collect();
    if let Some(&first) = circle.first() {
        let names: Vec<_> = circle.iter().map(|j| joins[*j].name.as_str()).collect();
        let problem =
            Diagnostic::error("MAP0033", "lookups that start from each other in a circle")
                .at(file.place(files[first].name.1.clone()))
                .help(format!("look at {}", names.join(", ")));
        found.push(problem);
    }
    for (join, level) in joins.iter_mut().zip(level) {
        join.level = level.unwrap_or(0);
    }
    circle.is_empty()
}
