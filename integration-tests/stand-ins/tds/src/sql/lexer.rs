// SPDX-License-Identifier: Apache-2.0
//! Words, names, literals and signs.

use crate::error::{Result, SqlError};

/// A piece of a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    /// A word without quotes: a keyword or a name.
    Word(String),
    /// A name in brackets or double quotes: never a keyword.
    Name(String),
    /// A text; `true` where an N stands before it.
    Text(String, bool),
    /// A number as it is written.
    Number(String),
    Binary(Vec<u8>),
    /// `@P1`, `@@VERSION`.
    Variable(String),
    Sign(&'static str),
}

/// Longer ones first.
const SIGNS: &[&str] = &[
    "<>", "<=", ">=", "!=", "::", "(", ")", ",", ";", ".", "=", "<", ">", "*", "+", "-", "/", "%",
];

/// Statements longer than this are refused; the protocol's own limit is higher.
const LONGEST: usize = 64 << 20;

/// All pieces of a text and where each begins, comments left out.
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, usize)>> {
    if text.len() > LONGEST {
        return Err(SqlError::unknown("a batch of more than 64 MB"));
    }
    let mut lexer = Lexer { rest: text };
    let mut tokens = Vec::new();
    loop {
        lexer.skip()?;
        let offset = text.len() - lexer.rest.len();
        match lexer.next()? {
            Some(token) => tokens.push((token, offset)),
            None => return Ok(tokens),
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
}

impl Lexer<'_> {
    fn next(&mut self) -> Result<Option<Token>> {
        let Some(first) = self.rest.chars().next() else {
            return Ok(None);
        };
        let token = match first {
            '[' => Token::Name(self.quoted(1, ']')?),
            '"' => Token::Name(self.quoted(1, '"')?),
            '\'' => Token::Text(self.quoted(1, '\'')?, false),
            'N' | 'n' if self.rest[1..].starts_with('\'') => {
                Token::Text(self.quoted(2, '\'')?, true)
            }
            '0' if self.rest[1..].starts_with(['x', 'X']) => self.binary()?,
            '0'..='9' => self.number(),
            '@' => Token::Variable(self.word()),
            c if c.is_alphabetic() || matches!(c, '_' | '#') => Token::Word(self.word()),
            _ => self.sign()?,
        };
        Ok(Some(token))
    }

    fn skip(&mut self) -> Result<()> {
        loop {
            self.rest = self
                .rest
                .trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
            if self.rest.starts_with("--") {
                self.rest = self.rest.find('\n').map_or("", |end| &self.rest[end..]);
            } else if self.rest.starts_with("/*") {
                let end = self
                    .rest
                    .find("*/")
                    .ok_or_else(|| SqlError::new(113, 15, "Missing end comment mark '*/'."))?;
                self.rest = &self.rest[end + 2..];
            } else {
                return Ok(());
            }
        }
    }

    /// What stands up to the closing quote, which is doubled inside.
    fn quoted(&mut self, open: usize, close: char) -> Result<String> {
        let mut text = String::new();
        let mut letters = self.rest[open..].char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            if letter != close {
                text.push(letter);
            } else if letters.peek().is_some_and(|(_, next)| *next == close) {
                letters.next();
                text.push(close);
            } else {
                self.rest = &self.rest[open + at + close.len_utf8()..];
                return Ok(text);
            }
        }
        Err(SqlError::new(
            105,
            15,
            "Unclosed quotation mark after the character string ''.",
        ))
    }

    fn word(&mut self) -> String {
        let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word.into()
    }

    fn number(&mut self) -> Token {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(self.rest.len());
        let (mut number, mut rest) = (self.rest[..end].to_owned(), &self.rest[end..]);
        if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
            let digits = exponent.trim_start_matches(['+', '-']);
            let end = digits
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(digits.len());
            if end > 0 {
                let length = 1 + exponent.len() - digits.len() + end;
                number.push_str(&rest[..length]);
                rest = &rest[length..];
            }
        }
        self.rest = rest;
        Token::Number(number)
    }

    fn binary(&mut self) -> Result<Token> {
        let digits = &self.rest[2..];
        let end = digits
            .find(|c: char| !c.is_ascii_hexdigit())
            .unwrap_or(digits.len());
        let (hex, rest) = digits.split_at(end);
        let hex = if hex.len() % 2 == 1 {
            format!("0{hex}")
        } else {
            hex.to_owned()
        };
        let bytes: Option<Vec<u8>> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).ok())
            .collect();
        self.rest = rest;
        bytes
            .map(Token::Binary)
            .ok_or_else(|| SqlError::syntax("0x"))
    }

    fn sign(&mut self) -> Result<Token> {
        for sign in SIGNS {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Ok(Token::Sign(sign));
            }
        }
        let near: String = self.rest.chars().take(1).collect();
        Err(SqlError::syntax(&near))
    }
}
