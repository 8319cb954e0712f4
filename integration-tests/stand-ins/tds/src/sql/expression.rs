// SPDX-License-Identifier: Apache-2.0
//! Expressions, by precedence: OR, AND, NOT, comparison, sum, sign, COLLATE, term.

use super::ast::{Expr, Operator};
use super::lexer::Token;
use super::parser::Parser;
use crate::error::{Result, SqlError};

/// A sum is a tree of one branch, and whoever computes it climbs it.
const LONGEST_SUM: usize = 100;

impl Parser {
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.deeper(Self::or)
    }

    fn or(&mut self) -> Result<Expr> {
        let mut parts = vec![self.and()?];
        while self.words("OR") {
            parts.push(self.and()?);
        }
        Ok(one_or(parts, Expr::Any))
    }

    fn and(&mut self) -> Result<Expr> {
        let mut parts = vec![self.not()?];
        while self.words("AND") {
            parts.push(self.not()?);
        }
        Ok(one_or(parts, Expr::All))
    }

    fn not(&mut self) -> Result<Expr> {
        if self.words("NOT") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::not)?)));
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr> {
        const SIGNS: &[(&str, Operator)] = &[
            ("=", Operator::Equal),
            ("<>", Operator::NotEqual),
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        let left = self.sum()?;
        if self.words("IS NOT NULL") {
            return Ok(Expr::IsNull(Box::new(left), true));
        }
        if self.words("IS NULL") {
            return Ok(Expr::IsNull(Box::new(left), false));
        }
        let negated = self.words("NOT IN");
        if negated || self.words("IN") {
            return Ok(Expr::In(Box::new(left), self.list()?, negated));
        }
        for word in ["LIKE", "BETWEEN", "NOT LIKE", "NOT BETWEEN"] {
            if self.words(word) {
                return Err(SqlError::unknown(word));
            }
        }
        for (sign, operator) in SIGNS {
            if self.sign(sign) {
                return Ok(both(left, *operator, self.sum()?));
            }
        }
        Ok(left)
    }

    /// Expressions between parentheses.
    pub(super) fn list(&mut self) -> Result<Vec<Expr>> {
        self.expect_sign("(")?;
        let mut list = vec![self.expression()?];
        while self.sign(",") {
            list.push(self.expression()?);
        }
        self.expect_sign(")")?;
        Ok(list)
    }

    fn sum(&mut self) -> Result<Expr> {
        let mut left = self.signed()?;
        let mut terms = 1;
        loop {
            let operator = if self.sign("+") {
                Operator::Add
            } else if self.sign("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            terms += 1;
            if terms > LONGEST_SUM {
                return Err(SqlError::new(
                    191,
                    15,
                    "Some part of your SQL statement is nested too deeply.",
                ));
            }
            left = both(left, operator, self.signed()?);
        }
    }

    fn signed(&mut self) -> Result<Expr> {
        if self.sign("-") {
            return Ok(Expr::Negated(Box::new(self.deeper(Self::signed)?)));
        }
        let mut term = self.term()?;
        while self.words("COLLATE") {
            term = Expr::Collate(Box::new(term), self.name()?);
        }
        Ok(term)
    }

    fn term(&mut self) -> Result<Expr> {
        if self.sign("(") {
            let inner = self.expression()?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        if self.words("CAST") {
            return self.cast();
        }
        if self.is_word(0, "CONVERT") {
            return self.convert();
        }
        let here = self.here();
        match self.next() {
            Some(Token::Number(n)) => number(&n),
            Some(Token::Text(text, unicode)) => Ok(Expr::Text(text, unicode)),
            Some(Token::Binary(bytes)) => Ok(Expr::Binary(bytes)),
            Some(Token::Variable(name)) => Ok(Expr::Variable(name)),
            Some(Token::Sign("*")) => Ok(Expr::Star),
            Some(Token::Name(name)) => self.column(name),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("NULL") => Ok(Expr::Null),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("DEFAULT") => Ok(Expr::Default),
            Some(Token::Word(word)) if self.sign("(") => self.call(&word),
            Some(Token::Word(word)) if !is_reserved(&word) => self.column(word),
            _ => Err(here),
        }
    }

    /// A column may be named with its table's alias, of which there is but one.
    fn column(&mut self, first: String) -> Result<Expr> {
        Ok(Expr::Column(if self.sign(".") {
            self.name()?
        } else {
            first
        }))
    }

    fn call(&mut self, name: &str) -> Result<Expr> {
        let name = name.to_ascii_uppercase();
        if self.sign(")") {
            return Ok(Expr::Call(name, Vec::new()));
        }
        let mut arguments = vec![self.expression()?];
        while self.sign(",") {
            arguments.push(self.expression()?);
        }
        self.expect_sign(")")?;
        Ok(Expr::Call(name, arguments))
    }

    fn cast(&mut self) -> Result<Expr> {
        self.expect_sign("(")?;
        let inner = self.expression()?;
        self.expect_words("AS")?;
        let ty = self.data_type()?;
        self.expect_sign(")")?;
        Ok(Expr::Cast(Box::new(inner), ty))
    }

    fn convert(&mut self) -> Result<Expr> {
        self.expect_words("CONVERT")?;
        self.expect_sign("(")?;
        let ty = self.data_type()?;
        self.expect_sign(",")?;
        let inner = self.expression()?;
        if self.sign(",") {
            return Err(SqlError::unknown("the styles of CONVERT"));
        }
        self.expect_sign(")")?;
        Ok(Expr::Cast(Box::new(inner), ty))
    }
}

fn one_or(mut parts: Vec<Expr>, many: fn(Vec<Expr>) -> Expr) -> Expr {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}

fn both(left: Expr, operator: Operator, right: Expr) -> Expr {
    Expr::Both(Box::new(left), operator, Box::new(right))
}

fn number(text: &str) -> Result<Expr> {
    if text.contains(['e', 'E']) {
        return text
            .parse()
            .map(Expr::Float)
            .map_err(|_| SqlError::syntax(text));
    }
    match text.parse() {
        Ok(n) => Ok(Expr::Integer(n)),
        Err(_) => Ok(Expr::Decimal(text.into())),
    }
}

/// Words that cannot be a column's name without brackets: enough to find a mistake where it is.
fn is_reserved(word: &str) -> bool {
    const RESERVED: &[&str] = &[
        "SELECT",
        "FROM",
        "WHERE",
        "ORDER",
        "BY",
        "GROUP",
        "HAVING",
        "INSERT",
        "UPDATE",
        "DELETE",
        "INTO",
        "VALUES",
        "SET",
        "TABLE",
        "CREATE",
        "DROP",
        "ALTER",
        "AND",
        "OR",
        "NOT",
        "IN",
        "IS",
        "AS",
        "TOP",
        "ON",
        "JOIN",
        "UNION",
        "PROCEDURE",
        "KEY",
        "PRIMARY",
        "USER",
        "CASE",
        "WHEN",
        "END",
        "LIKE",
        "EXISTS",
    ];
    RESERVED.iter().any(|r| r.eq_ignore_ascii_case(word))
}
