// SPDX-License-Identifier: Apache-2.0
//! The filters, by topic. `docs/integrators/language.md` says what each does; a test holds the two
//! together.
//!
//! A filter's arguments are read when a mapping is compiled, so that formats, patterns and code tables
//! are ready before the first row. A filter that cannot read a value drops it and counts a warning; it
//! never sees null unless it says so.

pub(crate) mod args;
pub(crate) mod checked;
pub(crate) mod codes;
pub(crate) mod dates;
mod encode;
pub(crate) mod formats;
pub(crate) mod identifiers;
pub(crate) mod lists;
pub(crate) mod names;
pub(crate) mod numbers;
pub(crate) mod phones;
pub(crate) mod quantities;
pub(crate) mod texts;

use crate::expression::eval::Env;
use crate::expression::types::Type;
use crate::expression::value::Val;
use crate::expression::{Eval, Ex};
use args::{Args, Making};

/// A filter with its arguments.
pub(crate) enum Op {
    Text(texts::TextOp),
    Name(names::NameOp),
    Number(numbers::NumberOp),
    Quantity(quantities::QuantityOp),
    Date(Box<dates::DateOp>),
    Code(codes::CodeOp),
    Identifier(identifiers::IdentifierOp),
    Checked(checked::CheckedOp),
    Phone(phones::PhoneOp),
    List(lists::ListOp),
}

/// A filter and the type of what it gives.
pub(crate) type Made = Option<(Op, Type)>;

/// Makes a filter of one topic from its name and arguments.
type Maker = fn(&str, &mut Args, &mut Making<'_>) -> Made;

/// Every filter and who makes it.
const FILTERS: &[(&[&str], Maker)] = &[
    (texts::NAMES, texts::make),
    (names::NAMES, names::make),
    (numbers::NAMES, numbers::make),
    (quantities::NAMES, quantities::make),
    (dates::NAMES, dates::make),
    (codes::NAMES, codes::make),
    (identifiers::NAMES, identifiers::make),
    (checked::NAMES, checked::make),
    (phones::NAMES, phones::make),
    (lists::NAMES, lists::make),
];

/// The names of all filters.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    FILTERS.iter().flat_map(|(names, _)| names.iter().copied())
}

/// Makes the filter of that name; `Err` when there is none. Faults in the arguments are left in `args`.
pub(crate) fn make(name: &str, args: &mut Args, making: &mut Making<'_>) -> Result<Made, ()> {
    let (_, make) = FILTERS
        .iter()
        .find(|(names, _)| names.contains(&name))
        .ok_or(())?;
    Ok(make(name, args, making))
}

impl Op {
    /// Whether it reads a meaning out of a text: then blank text counts as null.
    pub fn reads(&self) -> bool {
        match self {
            Self::Text(_) | Self::List(_) => false,
            Self::Name(op) => op.reads(),
            Self::Number(_) | Self::Quantity(_) | Self::Date(_) => true,
            Self::Code(_) | Self::Identifier(_) | Self::Checked(_) | Self::Phone(_) => true,
        }
    }

    /// Whether it has an answer to null.
    pub fn takes_null(&self) -> bool {
        match self {
            Self::Text(op) => op.takes_null(),
            Self::Code(op) => op.takes_null(),
            _ => false,
        }
    }

    /// Whether it answers a question.
    pub fn is_predicate(&self) -> bool {
        match self {
            Self::Text(op) => op.is_predicate(),
            Self::Number(op) => op.is_predicate(),
            Self::Quantity(op) => op.is_predicate(),
            Self::Date(op) => op.is_predicate(),
            Self::Code(op) => op.is_predicate(),
            Self::Identifier(op) => op.is_predicate(),
            Self::Checked(op) => op.is_predicate(),
            Self::Name(_) | Self::Phone(_) | Self::List(_) => false,
        }
    }

    /// The expressions among its arguments.
    pub fn arguments<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        match self {
            Self::Text(op) => op.arguments(visit),
            Self::Number(op) => op.arguments(visit),
            Self::Date(op) => op.arguments(visit),
            Self::Code(op) => op.arguments(visit),
            Self::List(op) => op.arguments(visit),
            Self::Name(_) | Self::Quantity(_) | Self::Phone(_) => {}
            Self::Identifier(_) | Self::Checked(_) => {}
        }
    }

    pub fn apply<'a>(&'a self, env: &Env<'a>, column: Option<&str>, value: Val<'a>) -> Eval<'a> {
        match self {
            Self::Text(op) => op.apply(env, value),
            Self::Name(op) => op.apply(&value),
            Self::Number(op) => op.apply(env, column, value),
            Self::Quantity(op) => op.apply(env, column, &value),
            Self::Date(op) => op.apply(env, column, &value),
            Self::Code(op) => op.apply(env, column, &value),
            Self::Identifier(op) => op.apply(env, column, &value),
            Self::Checked(op) => op.apply(env, column, &value),
            Self::Phone(op) => op.apply(env, column, &value),
            Self::List(op) => op.apply(env, column, value),
        }
    }
}
