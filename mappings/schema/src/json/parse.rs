// SPDX-License-Identifier: Apache-2.0
//! The parser: RFC 8259, strictly, in one pass over the bytes.

use std::collections::HashSet;

use super::{Json, JsonError, JsonReason, MAX_DEPTH, Object};

/// Above this many members, names are compared by hash rather than one with another.
const COMPARE_MEMBERS: usize = 32;

pub(super) fn parse(bytes: &[u8]) -> Result<Json, JsonError> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            return Err(place(bytes, error.valid_up_to(), JsonReason::NotUtf8));
        }
    };
    let mut parser = Parser {
        text,
        bytes,
        at: 0,
        depth: 0,
    };
    parser
        .document()
        .map_err(|reason| place(bytes, parser.at, reason))
}

/// Whether the whole text is one JSON number.
pub(crate) fn is_number(text: &str) -> bool {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        depth: 0,
    };
    parser.number().is_ok() && parser.at == text.len()
}

/// Turns an offset into line and column; done once, on the way out.
fn place(bytes: &[u8], offset: usize, reason: JsonReason) -> JsonError {
    let before = bytes.get(..offset).unwrap_or(bytes);
    let line_start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |newline| newline + 1);
    let lines = before.iter().filter(|byte| **byte == b'\n').count();
    let characters = before[line_start..]
        .iter()
        .filter(|byte| **byte & 0xC0 != 0x80)
        .count();
    JsonError {
        line: lines + 1,
        column: characters + 1,
        reason,
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

type Step<T> = Result<T, JsonReason>;

impl Parser<'_> {
    fn document(&mut self) -> Step<Json> {
        if self.bytes.starts_with(&[0xEF, 0xBB, 0xBF]) {
            return Err(JsonReason::ByteOrderMark);
        }
        self.space();
        let value = self.value()?;
        self.space();
        if self.at < self.bytes.len() {
            return Err(JsonReason::Trailing);
        }
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn value(&mut self) -> Step<Json> {
        match self.peek() {
            Some(b'"') => self.string().map(Json::String),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(_) => Err(JsonReason::ValueExpected),
            None => Err(JsonReason::Ended),
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Step<Json> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return Err(JsonReason::ValueExpected);
        }
        self.at += word.len();
        Ok(value)
    }

    fn nested(&mut self, inside: impl FnOnce(&mut Self) -> Step<Json>) -> Step<Json> {
        if self.depth == MAX_DEPTH {
            return Err(JsonReason::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let value = inside(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn array(&mut self) -> Step<Json> {
        let mut items = Vec::new();
        if self.ends_with(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value()?);
            if self.next_or_end(b']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    fn object(&mut self) -> Step<Json> {
        let mut members: Vec<(Box<str>, Json)> = Vec::new();
        let mut seen = HashSet::new();
        if self.ends_with(b'}') {
            return Ok(Json::Object(Object::new()));
        }
        loop {
            let name_at = self.at;
            let name = self.name()?;
            if is_duplicate(&members, &mut seen, &name) {
                self.at = name_at;
                return Err(JsonReason::DuplicateMember);
            }
            let value = self.value()?;
            if members.is_empty() {
                members.reserve(4);
            }
            members.push((name, value));
            if self.next_or_end(b'}')? {
                return Ok(Json::Object(Object::from_distinct(members)));
            }
        }
    }

    fn name(&mut self) -> Step<Box<str>> {
        match self.peek() {
            Some(b'"') => {}
            Some(_) => return Err(JsonReason::NameExpected),
            None => return Err(JsonReason::Ended),
        }
        let name = self.string()?;
        self.space();
        match self.peek() {
            Some(b':') => self.at += 1,
            Some(_) => return Err(JsonReason::ColonExpected),
            None => return Err(JsonReason::Ended),
        }
        self.space();
        Ok(name)
    }

    fn ends_with(&mut self, close: u8) -> bool {
        let ends = self.peek() == Some(close);
        if ends {
            self.at += 1;
        }
        ends
    }

    /// After an item: true at the closing bracket, false after a comma.
    fn next_or_end(&mut self, close: u8) -> Step<bool> {
        self.space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.space();
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(_) => Err(JsonReason::CommaExpected),
            None => Err(JsonReason::Ended),
        }
    }

    fn number(&mut self) -> Step<Json> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits()?,
            _ => return Err(JsonReason::Number),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        match self.peek() {
            Some(b'0'..=b'9' | b'.' | b'+' | b'-' | b'a'..=b'z' | b'A'..=b'Z') => {
                Err(JsonReason::Number)
            }
            _ => Ok(Json::Number(self.text[start..self.at].into())),
        }
    }

    fn digits(&mut self) -> Step<()> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(JsonReason::Number);
        }
        Ok(())
    }

    /// A string whose opening quote lies at the cursor. Most strings hold no escape and are copied
    /// as one slice.
    fn string(&mut self) -> Step<Box<str>> {
        self.at += 1;
        let start = self.at;
        self.plain()?;
        if self.bytes[self.at] == b'"' {
            let text = self.text[start..self.at].into();
            self.at += 1;
            return Ok(text);
        }
        let mut out = String::from(&self.text[start..self.at]);
        loop {
            if self.bytes[self.at] == b'"' {
                self.at += 1;
                return Ok(out.into());
            }
            out.push(self.escape()?);
            let run = self.at;
            self.plain()?;
            out.push_str(&self.text[run..self.at]);
        }
    }

    /// Moves to the next quote or backslash.
    fn plain(&mut self) -> Step<()> {
        let rest = &self.bytes[self.at..];
        match rest
            .iter()
            .position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')
        {
            Some(length) => {
                self.at += length;
                match rest[length] {
                    b'"' | b'\\' => Ok(()),
                    _ => Err(JsonReason::ControlCharacter),
                }
            }
            None => {
                self.at = self.bytes.len();
                Err(JsonReason::Ended)
            }
        }
    }

    fn escape(&mut self) -> Step<char> {
        let short = match self.bytes.get(self.at + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            Some(_) => return Err(JsonReason::Escape),
            None => return Err(JsonReason::Ended),
        };
        self.at += 2;
        Ok(short)
    }

    fn unicode_escape(&mut self) -> Step<char> {
        let first = self.hex(self.at + 2)?;
        let (code, length) = match first {
            0xD800..=0xDBFF => {
                let pair = self.bytes.get(self.at + 6..self.at + 8);
                if pair != Some(b"\\u") {
                    return Err(JsonReason::Surrogate);
                }
                let second = self.hex(self.at + 8)?;
                if !(0xDC00..=0xDFFF).contains(&second) {
                    return Err(JsonReason::Surrogate);
                }
                (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 12)
            }
            _ => (first, 6),
        };
        let character = char::from_u32(code).ok_or(JsonReason::Surrogate)?;
        self.at += length;
        Ok(character)
    }

    fn hex(&self, from: usize) -> Step<u32> {
        let digits = self.bytes.get(from..from + 4).ok_or(JsonReason::Ended)?;
        digits.iter().try_fold(0, |code, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(JsonReason::Escape)?;
            Ok(code << 4 | digit)
        })
    }
}

/// Whether `name` is already a member. Large objects are remembered by hash, so that a hostile text
/// costs no more than its length.
fn is_duplicate(members: &[(Box<str>, Json)], seen: &mut HashSet<Box<str>>, name: &str) -> bool {
    if members.len() < COMPARE_MEMBERS {
        return members.iter().any(|(other, _)| **other == *name);
    }
    if seen.is_empty() {
        seen.extend(members.iter().map(|(other, _)| other.clone()));
    }
    !seen.insert(name.into())
}
