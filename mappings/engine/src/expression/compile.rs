// SPDX-License-Identifier: Apache-2.0
//! From minijinja's syntax tree to a compiled expression. Every name is resolved here, and everything
//! wrong is reported with its place.

use std::ops::Range;

use minijinja::machinery::{ast, parse_expr, tokenize};
use minijinja::value::ValueKind;
use silsila_diagnostics::{Diagnostic, Diagnostics};

use super::scope::{Header, JoinKind, LetState, Position, Scope, World};
use super::types::Type;
use super::{Comparison, Ex, Filter, Ref, Test};
use crate::filters;
use crate::filters::args::{Arg, Args, Making};
use crate::language::source::Site;
use crate::language::yaml::{Style, is_number};

/// More tokens than any honest expression has; minijinja's parser recurses on some of them.
const MAX_TOKENS: usize = 500;

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

    fn is_name(&self, name: &str) -> bool {
        self.scope.lets.iter().any(|l| l.name == name)
            || self.scope.joins.iter().any(|j| j.name == name)
    }

    fn fault(&mut self, code: &'static str, span: Range<usize>, message: &str, help: &[&str]) {
        let mut problem = Diagnostic::error(code, message).at(self.site.place(span));
        for line in help {
            problem = problem.help(*line);
        }
        self.found.push(problem);
    }

    fn unknown<'n>(
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

    fn eaten(&mut self, what: &str) {
        let help = "quote the whole expression: \"'text'\" for a text, \"[a, b]\" for a list";
        let problem = Diagnostic::error("MAP0019", what)
            .at(self.site.file.place(self.site.node.span.clone()))
            .help(help);
        self.found.push(problem);
    }

    fn syntax(&mut self, text: &str, error: &minijinja::Error) {
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

    fn expr(&mut self, tree: &ast::Expr<'_>, text: &str) -> Option<(Ex, Type)> {
        let span = span_of(tree);
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

    fn constant(
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

    fn name(&mut self, name: &str, span: Range<usize>) -> Option<(Ex, Type)> {
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

    fn join(&mut self, j: usize) -> (Ex, Type) {
        let join = &self.scope.joins[j];
        match join.kind {
            _ if self.position == Position::Each(j) => (Ex::Item, Type::Row(j)),
            JoinKind::Lookup => (Ex::Join(j), Type::Row(j)),
            _ if join.pivot => (Ex::Pivot(j), Type::Pivot(j)),
            JoinKind::Each | JoinKind::Group => (Ex::Rows(j), Type::Rows(j)),
        }
    }

    /// A `let` is compiled when it is first used, so that they may stand in any order.
    fn let_name(&mut self, i: usize, span: Range<usize>) -> Option<(Ex, Type)> {
        self.compile_let(i, Some(span));
        match &self.scope.lets[i].state {
            LetState::Done { ty, .. } => Some((Ex::Let(i), ty.clone())),
            _ => None,
        }
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
        let compiled = Compiler {
            site: Site {
                file: self.site.file,
                node: &node,
            },
            scope: self.scope,
            world: self.world,
            position: Position::Let,
            found: self.found,
        }
        .compile();
        self.scope.lets[i].state = match compiled {
            Some(Compiled { ex, ty, column }) => LetState::Done { ex, ty, column },
            None => LetState::Faulty,
        };
    }

    fn attribute(
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

    fn row_column(&mut self, name: &str, at: Range<usize>) -> Option<(Ex, Type)> {
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

    fn item(&mut self, g: &ast::GetItem<'_>, text: &str) -> Option<(Ex, Type)> {
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

    fn list(&mut self, items: &[ast::Expr<'_>], text: &str) -> Option<(Ex, Type)> {
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

    fn map(&mut self, m: &ast::Map<'_>, text: &str) -> Option<(Ex, Type)> {
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

    fn unary(
        &mut self,
        u: &ast::UnaryOp<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
        let (ex, _) = self.expr(&u.expr, text)?;
        match (&u.op, ex) {
            (ast::UnaryOpKind::Not, ex) => Some((Ex::Not(Box::new(ex)), Type::Bool)),
            (ast::UnaryOpKind::Neg, Ex::Int(i)) => Some((Ex::Int(-i), Type::Number)),
            (ast::UnaryOpKind::Neg, Ex::Num(n)) => {
                let negated = match n.strip_prefix('-') {
                    Some(rest) => rest.into(),
                    None => format!("-{n}").into(),
                };
                Some((Ex::Num(negated), Type::Number))
            }
            _ => {
                self.fault(
                    "MAP0018",
                    span,
                    "- is not available",
                    &["use | mul(-1), which keeps digits"],
                );
                None
            }
        }
    }

    fn binary(&mut self, b: &ast::BinOp<'_>, span: Range<usize>, text: &str) -> Option<(Ex, Type)> {
        use ast::BinOpKind as Op;
        let left = self.expr(&b.left, text);
        let right = self.expr(&b.right, text);
        let ((left, left_ty), (right, right_ty)) = (left?, right?);
        let compare =
            |left, op, right| Some((Ex::Compare(Box::new((left, op, right))), Type::Bool));
        let refused = match b.op {
            Op::Eq => return compare(left, Comparison::Eq, right),
            Op::Ne => return compare(left, Comparison::Ne, right),
            Op::Lt => return compare(left, Comparison::Lt, right),
            Op::Lte => return compare(left, Comparison::Le, right),
            Op::Gt => return compare(left, Comparison::Gt, right),
            Op::Gte => return compare(left, Comparison::Ge, right),
            Op::In => return Some((Ex::In(Box::new((left, right))), Type::Bool)),
            Op::ScAnd => {
                return Some((
                    Ex::And(Box::new(left), Box::new(right)),
                    left_ty.or(right_ty),
                ));
            }
            Op::ScOr => {
                return Some((
                    Ex::Or(Box::new(left), Box::new(right)),
                    left_ty.or(right_ty),
                ));
            }
            Op::Concat => return Some((Ex::Concat(Box::new((left, right))), Type::Text)),
            Op::Add => ("+", "use | add(n) for numbers, ~ for texts"),
            Op::Sub => ("-", "use | sub(n), which keeps digits"),
            Op::Mul => ("*", "use | mul(n), which keeps digits"),
            Op::Div | Op::FloorDiv => ("/", "use | div(n), which keeps digits"),
            Op::Rem => ("%", "there is no remainder"),
            Op::Pow => ("**", "there are no powers"),
        };
        self.fault(
            "MAP0018",
            span,
            &format!("{} is not available", refused.0),
            &[refused.1],
        );
        None
    }

    /// `a < b < c` is `a < b and b < c`.
    fn chain(&mut self, c: &ast::Compare<'_>, text: &str) -> Option<(Ex, Type)> {
        let mut left = &c.expr;
        let mut all: Option<Ex> = None;
        for op in &c.ops {
            let ((a, _), (b, _)) = (self.expr(left, text)?, self.expr(&op.expr, text)?);
            let one = |a, b, kind| Ex::Compare(Box::new((a, kind, b)));
            let part = match op.op {
                ast::CompareOpKind::Eq => one(a, b, Comparison::Eq),
                ast::CompareOpKind::Ne => one(a, b, Comparison::Ne),
                ast::CompareOpKind::Lt => one(a, b, Comparison::Lt),
                ast::CompareOpKind::Lte => one(a, b, Comparison::Le),
                ast::CompareOpKind::Gt => one(a, b, Comparison::Gt),
                ast::CompareOpKind::Gte => one(a, b, Comparison::Ge),
                ast::CompareOpKind::In => Ex::In(Box::new((a, b))),
                ast::CompareOpKind::NotIn => Ex::Not(Box::new(Ex::In(Box::new((a, b))))),
            };
            all = Some(match all {
                None => part,
                Some(before) => Ex::And(Box::new(before), Box::new(part)),
            });
            left = &op.expr;
        }
        all.map(|ex| (ex, Type::Bool))
    }

    fn condition(&mut self, i: &ast::IfExpr<'_>, text: &str) -> Option<(Ex, Type)> {
        let test = self.expr(&i.test_expr, text);
        let yes = self.expr(&i.true_expr, text);
        let no = match &i.false_expr {
            Some(no) => self.expr(no, text),
            None => Some((Ex::Null, Type::Null)),
        };
        let ((test, _), (yes, yes_ty), (no, no_ty)) = (test?, yes?, no?);
        Some((Ex::If(Box::new((test, yes, no))), yes_ty.or(no_ty)))
    }

    fn test(&mut self, t: &ast::Test<'_>, span: Range<usize>, text: &str) -> Option<(Ex, Type)> {
        const TESTS: &[(&str, Test)] = &[
            ("none", Test::Null),
            ("null", Test::Null),
            ("blank", Test::Blank),
            ("number", Test::Number),
            ("string", Test::String),
            ("true", Test::True),
            ("false", Test::False),
        ];
        let inner = self.expr(&t.expr, text);
        if matches!(t.name, "defined" | "undefined") {
            let help = "every name is known when the mapping is checked: test with `is none`";
            self.fault("MAP0016", span, "nothing is ever undefined here", &[help]);
            return None;
        }
        let Some((_, test)) = TESTS.iter().find(|(n, _)| *n == t.name) else {
            let message = format!("there is no test {:?}", t.name);
            self.unknown(
                "MAP0016",
                span,
                message,
                t.name,
                TESTS.iter().map(|(n, _)| *n),
            );
            return None;
        };
        if !t.args.is_empty() {
            self.fault("MAP0016", span, "this test takes no arguments", &[]);
            return None;
        }
        Some((Ex::Is(Box::new(inner?.0), *test), Type::Bool))
    }

    fn filter(
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
    fn map_column(&mut self, filter: &str, input: &Type, args: &[Arg]) {
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

    fn arguments(&mut self, args: &[ast::CallArg<'_>], text: &str) -> Option<Vec<Arg>> {
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

    fn call(&mut self, c: &ast::Call<'_>, span: Range<usize>, text: &str) -> Option<(Ex, Type)> {
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

    fn reference(&mut self, args: Vec<Arg>, at: Range<usize>) -> Option<(Ex, Type)> {
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

    /// The first column that an expression reads, as warnings name it.
    fn first_column(&self, ex: &Ex) -> Option<Box<str>> {
        let mut first = None;
        ex.walk(&mut |e| {
            if first.is_none() {
                first = self.column_of(e);
            }
        });
        first
    }

    fn column_of(&self, ex: &Ex) -> Option<Box<str>> {
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

fn constant_text(tree: &ast::Expr<'_>) -> Option<String> {
    match tree {
        ast::Expr::Const(c) if c.value.kind() == ValueKind::String => {
            c.value.as_str().map(str::to_owned)
        }
        _ => None,
    }
}

fn span_of(tree: &ast::Expr<'_>) -> Range<usize> {
    let span = tree.span();
    span.start_offset as usize..span.end_offset as usize
}
