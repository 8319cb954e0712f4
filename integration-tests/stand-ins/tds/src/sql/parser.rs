// SPDX-License-Identifier: Apache-2.0
//! Going through the pieces of a batch.

use super::ast::{ObjectName, Statement};
use super::lexer::{Token, tokens};
use crate::data::Type;
use crate::error::{Result, SqlError};

/// All statements of a batch and their texts, or the first mistake, before anything is done.
pub(crate) fn parse(batch: &str) -> Result<Vec<(Statement, &str)>> {
    let mut parser = Parser::new(batch)?;
    let mut statements = Vec::new();
    loop {
        while parser.sign(";") {}
        if parser.at_end() {
            return Ok(statements);
        }
        let from = parser.offset();
        let statement = parser.statement()?;
        statements.push((statement, batch[from..parser.offset()].trim()));
    }
}

/// `@P1 nvarchar(4000),@P2 int`: the names and types of a statement's parameters.
pub(crate) fn parse_declarations(text: &str) -> Result<Vec<(String, Type)>> {
    let mut parser = Parser::new(text)?;
    let mut declared = Vec::new();
    while !parser.at_end() {
        match parser.next() {
            Some(Token::Variable(name)) => declared.push((name, parser.data_type()?)),
            _ => return Err(parser.here()),
        }
        if !parser.sign(",") && !parser.at_end() {
            return Err(parser.here());
        }
    }
    Ok(declared)
}

/// How deep expressions may be nested; a parser that calls itself must not be led to the end of its stack.
const DEEPEST: usize = 64;

pub(super) struct Parser {
    tokens: Vec<(Token, usize)>,
    length: usize,
    at: usize,
    pub(super) depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self> {
        Ok(Self {
            tokens: tokens(text)?,
            length: text.len(),
            at: 0,
            depth: 0,
        })
    }

    pub(super) fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(SqlError::new(
                191,
                15,
                "Some part of your SQL statement is nested too deeply.",
            ));
        }
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Where the next piece begins.
    fn offset(&self) -> usize {
        self.tokens
            .get(self.at)
            .map_or(self.length, |(_, offset)| *offset)
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).map(|(token, _)| token.clone());
        self.at += 1;
        token
    }

    /// The error for the piece that comes next.
    pub(super) fn here(&self) -> SqlError {
        let near = match self.peek() {
            None => "end of statement".into(),
            Some(Token::Word(w) | Token::Name(w) | Token::Variable(w) | Token::Number(w)) => {
                w.clone()
            }
            Some(Token::Sign(s)) => (*s).into(),
            Some(Token::Text(..)) => "a text".into(),
            Some(Token::Binary(_)) => "0x".into(),
        };
        SqlError::syntax(&near)
    }

    /// Takes this sign if it comes next.
    pub(super) fn sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Result<()> {
        if self.sign(sign) {
            Ok(())
        } else {
            Err(self.here())
        }
    }

    pub(super) fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.tokens.get(self.at + ahead), Some((Token::Word(w), _)) if w.eq_ignore_ascii_case(word))
    }

    /// Takes these keywords if all of them come next.
    pub(super) fn words(&mut self, words: &str) -> bool {
        let count = words.split(' ').count();
        let found = words
            .split(' ')
            .enumerate()
            .all(|(n, word)| self.is_word(n, word));
        self.at += if found { count } else { 0 };
        found
    }

    pub(super) fn expect_words(&mut self, words: &str) -> Result<()> {
        if self.words(words) {
            Ok(())
        } else {
            Err(self.here())
        }
    }

    /// A name, quoted or not.
    pub(super) fn name(&mut self) -> Result<String> {
        match self.next() {
            Some(Token::Word(name) | Token::Name(name)) => Ok(name),
            _ => {
                self.at -= 1;
                Err(self.here())
            }
        }
    }

    /// A table's name; one of another database is not known.
    pub(super) fn object(&mut self) -> Result<ObjectName> {
        let first = self.name()?;
        if !self.sign(".") {
            return Ok(ObjectName {
                schema: None,
                name: first,
            });
        }
        let name = self.name()?;
        if self.sign(".") {
            return Err(SqlError::unknown("names of three parts"));
        }
        Ok(ObjectName {
            schema: Some(first),
            name,
        })
    }

    /// `(a, b)`.
    pub(super) fn names_in_parentheses(&mut self) -> Result<Vec<String>> {
        self.expect_sign("(")?;
        let mut names = Vec::new();
        loop {
            names.push(self.name()?);
            let _ = self.words("ASC") || self.words("DESC");
            if !self.sign(",") {
                self.expect_sign(")")?;
                return Ok(names);
            }
        }
    }

    pub(super) fn integer(&mut self) -> Result<i64> {
        let negative = self.sign("-");
        match self.next() {
            Some(Token::Number(n)) => {
                let n: i64 = n.parse().map_err(|_| SqlError::syntax(&n))?;
                Ok(if negative { -n } else { n })
            }
            _ => {
                self.at -= 1;
                Err(self.here())
            }
        }
    }

    pub(super) fn text(&mut self) -> Result<String> {
        match self.next() {
            Some(Token::Text(text, _)) => Ok(text),
            _ => {
                self.at -= 1;
                Err(self.here())
            }
        }
    }

    pub(super) fn data_type(&mut self) -> Result<Type> {
        let name = self.name()?;
        let mut arguments = Vec::new();
        if self.sign("(") {
            loop {
                arguments.push(if self.words("MAX") {
                    -1
                } else {
                    self.integer()?
                });
                if !self.sign(",") {
                    break;
                }
            }
            self.expect_sign(")")?;
        }
        Type::parse(&name, &arguments)
            .ok_or_else(|| SqlError::unknown(format_args!("the type {name} so declared")))
    }

    /// Passes over a pair of parentheses and all between.
    pub(super) fn skip_parentheses(&mut self) -> Result<()> {
        self.expect_sign("(")?;
        let mut depth = 1;
        while depth > 0 {
            match self.next() {
                Some(Token::Sign("(")) => depth += 1,
                Some(Token::Sign(")")) => depth -= 1,
                Some(_) => {}
                None => return Err(self.here()),
            }
        }
        Ok(())
    }
}
