// SPDX-License-Identifier: Apache-2.0
//! Names: lets, lookups, children, columns, and members of what they yield.

use std::ops::Range;

use minijinja::machinery::ast;

use super::{Compiled, Compiler};
use crate::expression::Ex;
use crate::expression::scope::{JoinKind, LetState, Position};
use crate::expression::types::Type;
use crate::language::source::Site;

impl Compiler<'_> {
    pub(super) fn name(&mut self, name: &str, span: Range<usize>) -> Option<(Ex, Type)> {
        if name == "row" {
            self.fault(
                "MAP0018",
                span,
                "row stands for the whole row",
                &["take a column of it: row['Full Name']"],
            );
            return None;
        }
        if let Position::Where(j) = self.position {
            let own = self.scope.joins[j].name.clone();
            if name == own {
                return Some((Ex::Item, Type::Row(j)));
            }
            let help = format!("write {own}.{name} for a column of its own table");
            self.fault(
                "MAP0011",
                span,
                "where sees only the columns of its own table",
                &[&help],
            );
            return None;
        }
        if let Some(i) = self.scope.lets.iter().position(|l| l.name == name) {
            return self.let_name(i, span);
        }
        if let Some(j) = self.scope.joins.iter().position(|j| j.name == name) {
            return Some(self.join(j));
        }
        if let Some(key) = &self.scope.group_key
            && !key.iter().any(|k| k == name)
        {
            self.fault(
                "MAP0011",
                span,
                "of a group only the key columns may be used by name",
                &["take a column of its rows, as in (v | first).taken_at"],
            );
            return None;
        }
        let place = self.site.place(span);
        Some((
            Ex::Column(self.scope.columns.number(name, place)),
            Type::Any,
        ))
    }

    pub(super) fn join(&mut self, j: usize) -> (Ex, Type) {
        let join = &self.scope.joins[j];
        match join.kind {
            _ if self.position == Position::Each(j) => (Ex::Item, Type::Row(j)),
            JoinKind::Lookup => (Ex::Join(j), Type::Row(j)),
            _ if join.pivot => (Ex::Pivot(j), Type::Pivot(j)),
            JoinKind::Each | JoinKind::Group => (Ex::Rows(j), Type::Rows(j)),
        }
    }

    /// A `let` is compiled when it is first used, so that they may stand in any order.
    pub(super) fn let_name(&mut self, i: usize, span: Range<usize>) -> Option<(Ex, Type)> {
        self.compile_let(i, Some(span.clone()));
        let LetState::Done { ty, reach, .. } = &self.scope.lets[i].state else {
            return None;
        };
        let (ty, reach) = (ty.clone(), *reach);
        self.goes_to(self.depth + reach, &span)
            .then_some((Ex::Let(i), ty))
    }

    /// Compiles the let unless that has been done.
    pub fn compile_let(&mut self, i: usize, used_at: Option<Range<usize>>) {
        match self.scope.lets[i].state {
            LetState::Waiting => {}
            LetState::Busy => {
                let name = self.scope.lets[i].name.clone();
                let span = used_at.unwrap_or(0..1);
                self.fault(
                    "MAP0033",
                    span,
                    &format!("let {name:?} depends on itself"),
                    &[],
                );
                return;
            }
            LetState::Done { .. } | LetState::Faulty => return,
        }
        self.scope.lets[i].state = LetState::Busy;
        let node = self.scope.lets[i].node.clone();
        let mut inner = Compiler {
            site: Site {
                file: self.site.file,
                node: &node,
            },
            scope: self.scope,
            world: self.world,
            position: Position::Let,
            found: self.found,
            depth: self.depth,
            reach: self.depth,
        };
        let compiled = inner.compile();
        let reach = inner.reach - inner.depth;
        self.scope.lets[i].state = match compiled {
            Some(Compiled { ex, ty, column }) => LetState::Done {
                ex,
                ty,
                column,
                reach,
            },
            None => LetState::Faulty,
        };
    }

    pub(super) fn attribute(
        &mut self,
        inner: &ast::Expr<'_>,
        name: &str,
        at: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        if let ast::Expr::Var(v) = inner
            && v.id == "row"
        {
            return self.row_column(name, at);
        }
        let (ex, ty) = self.expr(inner, text)?;
        if let (ast::Expr::Var(v), Ex::Column(_)) = (inner, &ex) {
            self.no_members(v.id, super::span_of(inner));
            return None;
        }
        match ty {
            Type::Row(j) => {
                let place = self.site.place(at);
                let column = self.scope.joins[j].columns.number(name, place);
                let ex = match ex {
                    Ex::Join(j) => Ex::JoinColumn(j, column),
                    Ex::Item => Ex::ItemColumn(column),
                    other => Ex::RowColumn(Box::new(other), column),
                };
                Some((ex, Type::Any))
            }
            Type::Record(members) => {
                if !members.iter().any(|m| **m == *name) {
                    let message = format!("this record has no member {name:?}");
                    self.unknown("MAP0011", at, message, name, members.iter().map(|m| &**m));
                    return None;
                }
                Some((Ex::Member(Box::new(ex), name.into()), Type::Any))
            }
            Type::Any | Type::Pivot(_) | Type::Null => {
                Some((Ex::Member(Box::new(ex), name.into()), Type::Any))
            }
            Type::Rows(j) => {
                let own = self.scope.joins[j].name.clone();
                let help = format!(
                    "take one of them, as in ({own} | first).{name}, or {own} | map('{name}')"
                );
                self.fault("MAP0018", at, "this is a list of rows", &[&help]);
                None
            }
            other => {
                let message = format!("{} has no members", other.words());
                self.fault("MAP0018", at, &message, &[]);
                None
            }
        }
    }

    /// A column has no members, so the name before the point is a misspelt lookup, child or let.
    fn no_members(&mut self, name: &str, at: Range<usize>) {
        let scope = &*self.scope;
        let joins = scope.joins.iter().map(|j| j.name.as_str());
        let lets = scope.lets.iter().map(|l| l.name.as_str());
        let known: Vec<String> = joins.chain(lets).map(ToOwned::to_owned).collect();
        let message = format!("there is no lookup {name:?}, and a column has no members");
        let known = known.iter().map(String::as_str);
        self.unknown("MAP0011", at, message, name, known);
    }

    pub(super) fn row_column(&mut self, name: &str, at: Range<usize>) -> Option<(Ex, Type)> {
        let grouped = self.scope.group_key.as_ref();
        if matches!(self.position, Position::Where(_))
            || grouped.is_some_and(|key| !key.iter().any(|k| k == name))
        {
            return self.name(name, at);
        }
        let place = self.site.place(at);
        Some((
            Ex::Column(self.scope.columns.number(name, place)),
            Type::Any,
        ))
    }

    /// The first column that an expression reads, as warnings name it.
    pub(super) fn first_column(&self, ex: &Ex) -> Option<Box<str>> {
        let mut first = None;
        ex.walk(&mut |e| {
            if first.is_none() {
                first = self.column_of(e);
            }
        });
        first
    }

    pub(super) fn column_of(&self, ex: &Ex) -> Option<Box<str>> {
        let joined = |j: usize, column: usize| {
            let join = &self.scope.joins[j];
            let (name, _) = &join.columns.uses()[column];
            format!("{}.{name}", join.name).into()
        };
        match ex {
            Ex::Column(i) => Some(self.scope.columns.uses()[*i].0.as_str().into()),
            Ex::JoinColumn(j, column) => Some(joined(*j, *column)),
            Ex::ItemColumn(column) => match self.position {
                Position::Each(j) | Position::Where(j) => Some(joined(j, *column)),
                _ => None,
            },
            Ex::Rows(j) | Ex::Pivot(j) | Ex::Join(j) => {
                Some(self.scope.joins[*j].name.as_str().into())
            }
            Ex::Let(i) => match &self.scope.lets[*i].state {
                LetState::Done { column, .. } => column.clone(),
                _ => None,
            },
            _ => None,
        }
    }
}
