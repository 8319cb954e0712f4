// SPDX-License-Identifier: Apache-2.0
//! What is known about a value before any row is read.

use std::sync::Arc;

/// The static type of an expression; `Any` where rows decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    Any,
    Null,
    Bool,
    Number,
    Text,
    Date,
    DateTime,
    Time,
    /// A record whose members are known.
    Record(Arc<[Box<str>]>),
    List(Box<Type>),
    /// One row of a join.
    Row(usize),
    /// All rows of a join.
    Rows(usize),
    Pivot(usize),
    Reference,
}

impl Type {
    pub fn record<'n>(members: impl IntoIterator<Item = &'n str>) -> Self {
        Self::Record(members.into_iter().map(Into::into).collect())
    }

    pub fn list(item: Self) -> Self {
        Self::List(Box::new(item))
    }

    /// The type of a value that is one or the other.
    pub fn or(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, x) | (x, Self::Null) => x,
            _ => Self::Any,
        }
    }

    /// For messages.
    pub fn words(&self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Null => "null",
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Date => "a date",
            Self::DateTime => "a date with time",
            Self::Time => "a time",
            Self::Record(_) | Self::Row(_) | Self::Pivot(_) => "a record",
            Self::List(_) | Self::Rows(_) => "a list",
            Self::Reference => "a reference",
        }
    }
}
