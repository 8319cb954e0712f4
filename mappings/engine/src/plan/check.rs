// SPDX-License-Identifier: Apache-2.0
//! What can be said about an expression and its element before any row is read.

use silsila_diagnostics::{Diagnostic, Diagnostics, Place};
use silsila_schema::{Binding, Step};

use super::build::Target;
use crate::expression::Ex;
use crate::expression::compile::Compiled;
use crate::expression::scope::{LetState, Scope};
use crate::filters::Op;
use crate::filters::codes::CodeTable;
use crate::language::source::Site;

/// Holds a compiled expression against the element that it is for.
pub(crate) fn expression(
    compiled: &Compiled,
    target: &Target,
    site: Site<'_>,
    scope: &Scope,
    found: &mut Diagnostics,
) {
    let step = &target.step;
    let whole = || site.place(0..site.node.scalar().map_or(0, |s| s.text.len()));
    if !target.fit.accepts(&compiled.ty) {
        let message = format!(
            "{} takes {}, this gives {}",
            step.name,
            article(step),
            compiled.ty.words()
        );
        found.push(Diagnostic::error("MAP0024", message).at(whole()));
        return;
    }
    reference(compiled, step, &whole, found);
    for outcome in outcomes(&compiled.ex, scope) {
        let Some(primitive) = step.primitive else {
            continue;
        };
        let place = outcome.place.unwrap_or_else(whole);
        if !primitive.accepts(outcome.text) && !outcome.text.is_empty() {
            let message = format!(
                "{} takes {}; {:?} is none",
                step.name,
                article(step),
                outcome.text
            );
            found.push(Diagnostic::error("MAP0024", message).at(place));
        } else if let Some(binding) = step.binding
            && !binding.allows(outcome.text)
        {
            found.push(not_in(binding, outcome.text, step).at(place));
        }
    }
}

fn reference(compiled: &Compiled, step: &Step, whole: &dyn Fn() -> Place, found: &mut Diagnostics) {
    let resource_type: &str = match &compiled.ex {
        Ex::Ref(r) => &r.resource_type,
        Ex::Organization => "Organization",
        _ => return,
    };
    if step.type_name != "Reference" {
        let message = format!("{} takes {}, not a reference", step.name, article(step));
        found.push(Diagnostic::error("MAP0024", message).at(whole()));
    } else if !step.targets.is_empty() && !step.targets.contains(&resource_type) {
        let message = format!("{} must not refer to {resource_type}", step.name);
        let help = format!("it may refer to {}", step.targets.join(", "));
        found.push(Diagnostic::error("MAP0030", message).at(whole()).help(help));
    }
}

/// `a code`, `an instant`, `an object (Quantity)`.
pub(crate) fn article(step: &Step) -> String {
    match step.primitive {
        Some(primitive) => {
            let name = primitive.name();
            let an = if name.starts_with(['a', 'e', 'i', 'o']) || name == "unsignedInt" {
                "an"
            } else {
                "a"
            };
            format!("{an} {name}")
        }
        None => format!("an object ({})", step.type_name),
    }
}

/// A code outside the list that FHIR demands.
pub(crate) fn not_in(binding: &Binding, code: &str, step: &Step) -> Diagnostic {
    let message = format!(
        "{} must be one of FHIR's codes, and {code:?} is none of them",
        step.name
    );
    let mut problem =
        Diagnostic::error("MAP0025", message).did_you_mean(code, binding.codes.iter().copied());
    if (1..=12).contains(&binding.codes.len()) {
        problem = problem.help(format!("they are {}", binding.codes.join(", ")));
    }
    problem
}

/// A text that an expression may yield whatever the row.
pub(crate) struct Outcome<'e> {
    pub text: &'e str,
    /// Where it is written, if not in the expression itself.
    pub place: Option<Place>,
}

/// The literal texts among an expression's possible results: those in it, and the cells of code tables.
pub(crate) fn outcomes<'e>(ex: &'e Ex, scope: &'e Scope) -> Vec<Outcome<'e>> {
    let mut all = Vec::new();
    collect(ex, scope, 0, &mut all);
    all
}

fn collect<'e>(ex: &'e Ex, scope: &'e Scope, depth: usize, all: &mut Vec<Outcome<'e>>) {
    if depth > 16 {
        return;
    }
    let mut go = |ex: &'e Ex| collect(ex, scope, depth + 1, all);
    match ex {
        Ex::Text(text) => all.push(Outcome { text, place: None }),
        Ex::If(parts) => {
            go(&parts.1);
            go(&parts.2);
        }
        Ex::Or(a, b) => {
            go(a);
            go(b);
        }
        Ex::Let(i) => {
            if let LetState::Done { ex, .. } = &scope.lets[*i].state {
                go(ex);
            }
        }
        Ex::Member(inner, name) => member(inner, name, scope, depth, all),
        Ex::Filter(filter) => match &filter.op {
            Op::Code(code) => {
                if let Some(column) = code.column {
                    cells(&code.table, column, all);
                }
                if let Some(otherwise) = code.otherwise() {
                    collect(otherwise, scope, depth + 1, all);
                }
            }
            Op::List(op) if op.passes_on() => collect(&filter.input, scope, depth + 1, all),
            Op::Text(op) => {
                if let Some(other) = op.default_value() {
                    collect(&filter.input, scope, depth + 1, all);
                    collect(other, scope, depth + 1, all);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

/// `(x | code('table')).column`, also through a `let`.
fn member<'e>(
    inner: &'e Ex,
    name: &str,
    scope: &'e Scope,
    depth: usize,
    all: &mut Vec<Outcome<'e>>,
) {
    match inner {
        Ex::Let(i) if depth < 16 => {
            if let LetState::Done { ex, .. } = &scope.lets[*i].state {
                member(ex, name, scope, depth + 1, all);
            }
        }
        Ex::Filter(filter) => {
            if let Op::Code(code) = &filter.op
                && code.column.is_none()
                && let Some(column) = code.table.columns.iter().position(|c| **c == *name)
            {
                cells(&code.table, column, all);
            }
        }
        Ex::If(parts) if depth < 16 => {
            member(&parts.1, name, scope, depth + 1, all);
            member(&parts.2, name, scope, depth + 1, all);
        }
        _ => {}
    }
}

fn cells<'e>(table: &'e CodeTable, column: usize, all: &mut Vec<Outcome<'e>>) {
    for (text, span) in table.outputs(column) {
        let place = Some(table.file.place(span));
        all.push(Outcome { text, place });
    }
}
