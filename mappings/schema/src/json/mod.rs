// SPDX-License-Identifier: Apache-2.0
//! JSON as FHIR needs it: number tokens are kept as they were written (`7.10` stays `7.10`),
//! members keep their order until they are written canonically, and a member given twice is
//! refused instead of being merged.
//!
//! The tree holds patient data, so its `Debug` shows shapes only and [`JsonError`] carries a place
//! and a reason, never the text found there.

mod error;
mod object;
pub(crate) mod parse;
mod write;

pub use error::{JsonError, JsonReason};
pub use object::Object;

use std::fmt;

/// How deep objects and arrays may nest.
pub const MAX_DEPTH: usize = 64;

/// One JSON value. Equality is structural and sees the order of members; compare
/// [`Json::canonical`] where that order does not matter.
#[derive(Clone, PartialEq, Eq)]
pub enum Json {
    /// `null`, which FHIR allows only as a placeholder in an array of primitives.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its token was written. Use [`Json::number`] to make one from text.
    Number(Box<str>),
    /// A string, unescaped.
    String(Box<str>),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// Parses one JSON text. The input must be UTF-8 without a byte order mark, must not give a
    /// member twice, and must not nest deeper than [`MAX_DEPTH`].
    pub fn parse(text: &[u8]) -> Result<Json, JsonError> {
        parse::parse(text)
    }

    /// A number from its token, or nothing when the text is not a JSON number.
    pub fn number(token: &str) -> Option<Json> {
        parse::is_number(token).then(|| Json::Number(token.into()))
    }

    /// The canonical bytes: members sorted by the bytes of their names, no whitespace, number
    /// tokens verbatim, strings escaped as RFC 8785 section 3.2.2.2 says.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        self.write_canonical(&mut out);
        out
    }

    /// Appends the canonical bytes to `out`, which a caller may reuse.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        write::canonical(self, out);
    }

    /// The member of an object; nothing for any other value.
    pub fn get(&self, member: &str) -> Option<&Json> {
        self.as_object()?.get(member)
    }

    /// The item of an array; nothing for any other value.
    pub fn at(&self, index: usize) -> Option<&Json> {
        self.as_array()?.get(index)
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The token of a number.
    pub fn as_number(&self) -> Option<&str> {
        match self {
            Json::Number(token) => Some(token),
            _ => None,
        }
    }

    /// The value of a boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The items of an array.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The items of an array, to change them.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Json>> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The members of an object, to change them.
    pub fn as_object_mut(&mut self) -> Option<&mut Object> {
        match self {
            Json::Object(object) => Some(object),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Json::Null)
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.into())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::String(text.into())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Self {
        Json::Array(items)
    }
}

impl From<Object> for Json {
    fn from(object: Object) -> Self {
        Json::Object(object)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Json::Null => f.write_str("null"),
            Json::Bool(_) => f.write_str("boolean"),
            Json::Number(_) => f.write_str("number"),
            Json::String(_) => f.write_str("string"),
            Json::Array(items) => write!(f, "array of {}", items.len()),
            Json::Object(object) => write!(f, "{object:?}"),
        }
    }
}

#[cfg(test)]
mod tests;
