// SPDX-License-Identifier: Apache-2.0
//! From minijinja's syntax tree to a compiled expression. Every name is resolved here, and everything
//! wrong is reported with its place.

mod calls;
mod names;
mod operators;

use std::ops::Range;

use minijinja::machinery::{ast, parse_expr, tokenize};
use minijinja::value::ValueKind;
use silsila_diagnostics::{Diagnostic, Diagnostics};

use super::Ex;
use super::scope::{Position, Scope, World};
use super::types::Type;
use crate::language::source::Site;
use crate::language::yaml::{Style, is_number};

/// More tokens than any honest expression has; minijinja's parser recurses on some of them.
const MAX_TOKENS: usize = 500;

/// Deeper nesting, through lets too, than any honest expression has; evaluation recurses on it.
const MAX_DEPTH: usize = 100;

/// A compiled expression and what is known about it.
pub(crate) struct Compiled {
    pub ex: Ex,
    pub ty: Type,
    /// The first column it reads.
    pub column: Option<Box<str>>,
}

/// Compiles one expression in its place.
pub(crate) struct Compiler<'c> {
    pub site: Site<'c>,
    pub scope: &'c mut Scope,
    pub world: &'c World<'c>,
    pub position: Position,
    pub found: &'c mut Diagnostics,
    /// How deep the expression at hand is nested, lets that use it included.
    pub depth: usize,
    /// How deep it goes, lets that it uses included.
    pub reach: usize,
}

impl Compiler<'_> {
    /// Compiles the scalar at the site; `None` when a fault was reported.
    pub fn compile(&mut self) -> Option<Compiled> {
        let before = self.found.len();
        let Some(scalar) = self.site.node.scalar() else {
            self.eaten("YAML read this as a map or a list");
            return None;
        };
        let text = scalar.text.clone();
        let style = scalar.style;
        if text.trim().is_empty() {
            self.fault("MAP0010", 0..0, "an expression is missing here", &[]);
            return None;
        }
        if tokenize(&text, true, Default::default())
            .take(MAX_TOKENS + 1)
            .count()
            > MAX_TOKENS
        {
            self.fault(
                "MAP0039",
                0..1,
                "this expression is too long",
                &["use let for its parts"],
            );
            return None;
        }
        let tree = match parse_expr(&text) {
            Ok(tree) => tree,
            Err(error) => {
                self.syntax(&text, &error);
                return None;
            }
        };
        if let ast::Expr::Var(var) = &tree
            && matches!(style, Style::SingleQuoted | Style::DoubleQuoted)
            && !self.is_name(var.id)
        {
            let column = var.id;
            self.eaten(&format!(
                "YAML took the quotes away: this reads a column named {column:?}"
            ));
            return None;
        }
        let (ex, ty) = self.expr(&tree, &text)?;
        // A fault in an argument still gives an expression; the pack is refused all the same.
        if self.found.len() > before && self.found.has_errors() {
            return None;
        }
        let column = self.first_column(&ex);
        Some(Compiled { ex, ty, column })
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        self.scope.lets.iter().any(|l| l.name == name)
            || self.scope.joins.iter().any(|j| j.name == name)
    }

    pub(super) fn fault(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: &str,
        help: &[&str],
    ) {
        let mut problem = Diagnostic::error(code, message).at(self.site.place(span));
        for line in help {
            problem = problem.help(*line);
        }
        self.found.push(problem);
    }

    pub(super) fn unknown<'n>(
        &mut self,
        code: &'static str,
        span: Range<usize>,
        message: String,
        name: &str,
        candidates: impl IntoIterator<Item = &'n str>,
    ) {
        let problem = Diagnostic::error(code, message)
            .at(self.site.place(span))
            .did_you_mean(name, candidates);
        self.found.push(problem);
    }

    pub(super) fn eaten(&mut self, what: &str) {
        let help = "quote the whole expression: \"'text'\" for a text, \"[a, b]\" for a list";
        let problem = Diagnostic::error("MAP0019", what)
            .at(self.site.file.place(self.site.node.span.clone()))
            .help(help);
        self.found.push(problem);
    }

    pub(super) fn syntax(&mut self, text: &str, error: &minijinja::Error) {
        let range = error.range().unwrap_or(0..text.len());
        let detail = error
            .detail()
            .unwrap_or("not an expression")
            .replace('`', "'");
        let mut problem =
            Diagnostic::error("MAP0010", format!("this is not an expression: {detail}"))
                .at(self.site.place(range.clone()));
        let at = text.get(range.start..).and_then(|rest| rest.chars().next());
        if self.site.comment_follows() {
            problem = problem
                .help("YAML took the rest of the line as a comment: quote the whole expression");
        } else if text.contains("{{") || text.contains("{%") {
            problem = problem.help("write the expression without braces");
        } else if at.is_some_and(|c| !c.is_ascii()) {
            problem = problem.help("reach a column of that name with row['...']");
        } else if self
            .site
            .node
            .scalar()
            .is_some_and(|s| s.style != Style::Plain)
        {
            problem = problem
                .help("for a literal text write \"'text'\": YAML takes the outer quotes away");
        }
        self.found.push(problem);
    }

    pub(super) fn expr(&mut self, tree: &ast::Expr<'_>, text: &str) -> Option<(Ex, Type)> {
        let span = span_of(tree);
        if !self.goes_to(self.depth + 1, &span) {
            return None;
        }
        self.depth += 1;
        let compiled = self.any_expr(tree, span, text);
        self.depth -= 1;
        compiled
    }

    /// Notes how deep it goes; false, and reported, when that is too deep.
    pub(super) fn goes_to(&mut self, depth: usize, span: &Range<usize>) -> bool {
        self.reach = self.reach.max(depth);
        if depth > MAX_DEPTH {
            let message = "this is nested too deeply, lets included";
            self.fault("MAP0039", span.clone(), message, &[]);
        }
        depth <= MAX_DEPTH
    }

    fn any_expr(
        &mut self,
        tree: &ast::Expr<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        match tree {
            ast::Expr::Const(c) => self.constant(&c.value, span, text),
            ast::Expr::Var(v) => self.name(v.id, span),
            ast::Expr::GetAttr(g) => {
                // The attribute's name ends the span of the whole.
                let at = span.end.saturating_sub(g.name.len())..span.end;
                self.attribute(&g.expr, g.name, at, text)
            }
            ast::Expr::GetItem(g) => match constant_text(&g.subscript_expr) {
                Some(name) => {
                    let at = span_of(&g.subscript_expr);
                    self.attribute(&g.expr, &name, at, text)
                }
                None => self.item(g, text),
            },
            ast::Expr::List(l) => self.list(&l.items, text),
            ast::Expr::Tuple(t) => self.list(&t.items, text),
            ast::Expr::Map(m) => self.map(m, text),
            ast::Expr::UnaryOp(u) => self.unary(u, span, text),
            ast::Expr::BinOp(b) => self.binary(b, span, text),
            ast::Expr::Compare(c) => self.chain(c, text),
            ast::Expr::IfExpr(i) => self.condition(i, text),
            ast::Expr::Filter(f) => self.filter(f, span, text),
            ast::Expr::Test(t) => self.test(t, span, text),
            ast::Expr::Call(c) => self.call(c, span, text),
            ast::Expr::Slice(_) => {
                self.fault(
                    "MAP0018",
                    span,
                    "slices are not available",
                    &["use first, last, or one index"],
                );
                None
            }
        }
    }

    pub(super) fn constant(
        &mut self,
        value: &minijinja::Value,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        match value.kind() {
            ValueKind::None | ValueKind::Undefined => Some((Ex::Null, Type::Null)),
            ValueKind::Bool => Some((Ex::Bool(value.is_true()), Type::Bool)),
            ValueKind::String => Some((Ex::Text(value.as_str()?.into()), Type::Text)),
            _ => {
                let written = text.get(span.clone()).unwrap_or("").trim();
                if !is_number(written) {
                    self.fault(
                        "MAP0010",
                        span,
                        "write numbers plainly, such as 42 or 7.10",
                        &[],
                    );
                    return None;
                }
                let ex = match written.parse() {
                    Ok(i) => Ex::Int(i),
                    Err(_) => Ex::Num(written.into()),
                };
                Some((ex, Type::Number))
            }
        }
    }

    pub(super) fn item(&mut self, g: &ast::GetItem<'_>, text: &str) -> Option<(Ex, Type)> {
        let inner = self.expr(&g.expr, text);
        let index = self.expr(&g.subscript_expr, text);
        let ((inner, ty), (index, _)) = (inner?, index?);
        let item = match ty {
            Type::List(item) => *item,
            Type::Rows(j) => Type::Row(j),
            Type::Any | Type::Pivot(_) | Type::Record(_) | Type::Null => Type::Any,
            other => {
                let message = format!("{} has no entries", other.words());
                self.fault("MAP0018", span_of(&g.expr), &message, &[]);
                return None;
            }
        };
        Some((Ex::Index(Box::new(inner), Box::new(index)), item))
    }

    pub(super) fn list(&mut self, items: &[ast::Expr<'_>], text: &str) -> Option<(Ex, Type)> {
        let compiled: Vec<_> = items.iter().map(|i| self.expr(i, text)).collect();
        let mut item = None;
        let mut exs = Vec::with_capacity(compiled.len());
        for one in compiled {
            let (ex, ty) = one?;
            item = Some(item.map_or(ty.clone(), |t: Type| t.or(ty)));
            exs.push(ex);
        }
        Some((Ex::List(exs), Type::list(item.unwrap_or(Type::Any))))
    }

    pub(super) fn map(&mut self, m: &ast::Map<'_>, text: &str) -> Option<(Ex, Type)> {
        let mut members: Vec<(Box<str>, Ex)> = Vec::new();
        let mut sound = true;
        for (key, value) in m.keys.iter().zip(&m.values) {
            let Some(name) = constant_text(key) else {
                self.fault(
                    "MAP0010",
                    span_of(key),
                    "the names in a map must be literal texts",
                    &[],
                );
                sound = false;
                continue;
            };
            match self.expr(value, text) {
                Some((ex, _)) => members.push((name.into(), ex)),
                None => sound = false,
            }
        }
        let ty = Type::record(members.iter().map(|(n, _)| &**n));
        sound.then_some((Ex::Map(members), ty))
    }
}

pub(super) fn constant_text(tree: &ast::Expr<'_>) -> Option<String> {
    match tree {
        ast::Expr::Const(c) if c.value.kind() == ValueKind::String => {
            c.value.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

pub(super) fn span_of(tree: &ast::Expr<'_>) -> Range<usize> {
    let span = tree.span();
    span.start_offset as usize..span.end_offset as usize
}
