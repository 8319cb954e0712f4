// SPDX-License-Identifier: Apache-2.0
//! Operators, conditions and `is` tests.

use std::ops::Range;

use minijinja::machinery::ast;

use super::Compiler;
use crate::expression::types::Type;
use crate::expression::{Comparison, Ex, Test};

impl Compiler<'_> {
    pub(super) fn unary(
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

    pub(super) fn binary(
        &mut self,
        b: &ast::BinOp<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
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
    pub(super) fn chain(&mut self, c: &ast::Compare<'_>, text: &str) -> Option<(Ex, Type)> {
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

    pub(super) fn condition(&mut self, i: &ast::IfExpr<'_>, text: &str) -> Option<(Ex, Type)> {
        let test = self.expr(&i.test_expr, text);
        let yes = self.expr(&i.true_expr, text);
        let no = match &i.false_expr {
            Some(no) => self.expr(no, text),
            None => Some((Ex::Null, Type::Null)),
        };
        let ((test, _), (yes, yes_ty), (no, no_ty)) = (test?, yes?, no?);
        Some((Ex::If(Box::new((test, yes, no))), yes_ty.or(no_ty)))
    }

    pub(super) fn test(
        &mut self,
        t: &ast::Test<'_>,
        span: Range<usize>,
        text: &str,
    ) -> Option<(Ex, Type)> {
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
}
