// SPDX-License-Identifier: Apache-2.0
//! Filters and functions.

use std::ops::Range;

use minijinja::machinery::ast;
use silsila_diagnostics::Diagnostic;

use super::{Compiler, span_of};
use crate::expression::scope::{Header, Position};
use crate::expression::types::Type;
use crate::expression::{Ex, Filter, Ref};
use crate::filters;
use crate::filters::args::{Arg, Args, Making};

impl Compiler<'_> {
    pub(super) fn filter(
        &mut self,
        f: &ast::Filter<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        let input = f.expr.as_ref().and_then(|e| self.expr(e, text));
        let name_span = span.start..(span.start + f.name.len()).min(span.end);
        let list = self.arguments(&f.args, text);
        if !filters::names().any(|n| n == f.name) {
            let message = format!("there is no filter {:?}", f.name);
            let names: Vec<_> = filters::names().collect();
            self.unknown("MAP0014", name_span, message, f.name, names);
            return None;
        }
        let ((input, input_ty), list) = (input?, list?);
        self.map_column(f.name, &input_ty, &list);
        let mut args = Args::new(list, name_span.clone());
        let mut making = Making {
            tables: self.world.tables,
            used: &mut self.scope.tables,
            pivot: self.world.pivot,
            zone: self.world.zone.clone(),
            input: input_ty,
        };
        let made = filters::make(f.name, &mut args, &mut making).ok().flatten();
        if made.is_some() {
            args.finish();
        }
        let sound = args.faults.is_empty();
        for fault in args.faults {
            let mut problem =
                Diagnostic::error(fault.code, fault.message).at(self.site.place(fault.span));
            if let Some((wrong, right)) = &fault.suggest {
                problem = problem.did_you_mean(wrong, right.iter().map(String::as_str));
            }
            self.found.push(problem);
        }
        let (op, ty) = made.filter(|_| sound)?;
        let column = self.first_column(&input);
        Some((Ex::Filter(Box::new(Filter { input, op, column })), ty))
    }

    /// `rows | map('column')` reads a column of the join.
    pub(super) fn map_column(&mut self, filter: &str, input: &Type, args: &[Arg]) {
        let j = match input {
            Type::Rows(j) => *j,
            Type::List(item) => match **item {
                Type::Row(j) => j,
                _ => return,
            },
            _ => return,
        };
        if let (
            "map",
            Some(Arg {
                ex: Ex::Text(name),
                span,
                ..
            }),
        ) = (filter, args.first())
        {
            let place = self.site.place(span.clone());
            self.scope.joins[j].columns.number(name, place);
        }
    }

    pub(super) fn arguments(&mut self, args: &[ast::CallArg<'_>], text: &str) -> Option<Vec<Arg>> {
        let mut list = Vec::with_capacity(args.len());
        let mut sound = true;
        for arg in args {
            let (name, tree) = match arg {
                ast::CallArg::Pos(tree) => (None, tree),
                ast::CallArg::Kwarg(name, tree) => (Some((*name).to_owned()), tree),
                ast::CallArg::PosSplat(tree) | ast::CallArg::KwargSplat(tree) => {
                    self.fault("MAP0017", span_of(tree), "* and ** are not available", &[]);
                    sound = false;
                    continue;
                }
            };
            match self.expr(tree, text) {
                Some((ex, ty)) => list.push(Arg {
                    name,
                    ex,
                    ty,
                    span: span_of(tree),
                }),
                None => sound = false,
            }
        }
        sound.then_some(list)
    }

    pub(super) fn call(
        &mut self,
        c: &ast::Call<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        const FUNCTIONS: &[&str] = &["ref", "today", "base_uri", "hospital"];
        let ast::Expr::Var(function) = &c.expr else {
            self.fault(
                "MAP0018",
                span,
                "methods cannot be called",
                &["use a filter: x | trim"],
            );
            return None;
        };
        let at = span_of(&c.expr);
        let args = self.arguments(&c.args, text);
        if !FUNCTIONS.contains(&function.id) {
            let message = format!("there is no function {:?}", function.id);
            if filters::names().any(|n| n == function.id) {
                let help = format!("it is a filter: write x | {}", function.id);
                self.fault("MAP0015", at, &message, &[&help]);
            } else {
                self.unknown(
                    "MAP0015",
                    at,
                    message,
                    function.id,
                    FUNCTIONS.iter().copied(),
                );
            }
            return None;
        }
        let args = args?;
        if function.id == "ref" {
            return self.reference(args, at);
        }
        if !args.is_empty() {
            self.fault(
                "MAP0017",
                at,
                &format!("{} takes no arguments", function.id),
                &[],
            );
            return None;
        }
        Some(match function.id {
            "today" => (Ex::Today, Type::Date),
            "base_uri" => (Ex::BaseUri, Type::Text),
            _ => (Ex::Hospital, Type::Text),
        })
    }

    pub(super) fn reference(&mut self, args: Vec<Arg>, at: Range<usize>) -> Option<(Ex, Type)> {
        if matches!(self.position, Position::Share | Position::Where(_)) {
            self.fault("MAP0018", at, "ref is for set and let", &[]);
            return None;
        }
        let mut args = args.into_iter();
        let (target, span) = match args.next() {
            Some(Arg {
                ex: Ex::Text(name),
                span,
                name: None,
                ..
            }) => (name, span),
            _ => {
                self.fault(
                    "MAP0017",
                    at,
                    "ref needs the name of a mapping as a literal text",
                    &[],
                );
                return None;
            }
        };
        let keys: Vec<Arg> = args.collect();
        if &*target == "organization" && keys.is_empty() {
            return Some((Ex::Organization, Type::Reference));
        }
        let Some(header) = self.world.mappings.iter().find(|m| *m.name == *target) else {
            let message = format!("there is no mapping {target:?} in the pack");
            let names: Vec<&str> = self
                .world
                .mappings
                .iter()
                .map(|m: &Header| &*m.name)
                .chain(["organization"])
                .collect();
            self.unknown("MAP0030", span, message, &target, names);
            return None;
        };
        if keys.len() != header.key_len || keys.iter().any(|k| k.name.is_some()) {
            let message = format!(
                "mapping {target:?} has {} key column{}, {} given",
                header.key_len,
                if header.key_len == 1 { "" } else { "s" },
                if keys.len() == 1 {
                    "1 is".to_owned()
                } else {
                    format!("{} are", keys.len())
                },
            );
            self.fault("MAP0030", at, &message, &[]);
            return None;
        }
        let resource_type = header.resource_type.as_str().into();
        let keys: Vec<Ex> = keys.into_iter().map(|k| k.ex).collect();
        let column = keys.iter().find_map(|k| self.first_column(k));
        let reference = Ref {
            mapping: target,
            resource_type,
            keys,
            column,
        };
        Some((Ex::Ref(Box::new(reference)), Type::Reference))
    }
}
