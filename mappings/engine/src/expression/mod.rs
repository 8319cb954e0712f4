// SPDX-License-Identifier: Apache-2.0
//! Expressions: read by minijinja's parser, checked and compiled here, evaluated here.
//!
//! The grammar is Jinja's. The evaluation is our own, for three reasons: every name is known before the
//! first row is read, numbers keep their digits, and `share` needs three-valued logic.

pub(crate) mod compare;
pub(crate) mod compile;
pub(crate) mod eval;
pub(crate) mod scope;
pub(crate) mod types;
pub(crate) mod value;

#[cfg(test)]
pub(crate) mod harness;
#[cfg(test)]
mod tests;

use crate::filters::Op;
use value::Val;

/// A compiled expression.
pub(crate) enum Ex {
    Null,
    Bool(bool),
    Int(i64),
    /// A number literal with its digits.
    Num(Box<str>),
    Text(Box<str>),
    /// Column of the main row.
    Column(usize),
    Let(usize),
    /// A lookup's row as a whole.
    Join(usize),
    /// A column of a lookup's row.
    JoinColumn(usize, usize),
    /// The rows of a child or group join.
    Rows(usize),
    /// The row of the join that is being gone through (`each`, `where`).
    Item,
    ItemColumn(usize),
    /// Attributes of an entity-attribute-value join.
    Pivot(usize),
    /// A column, by number in its join, of whatever row the inner expression yields.
    RowColumn(Box<Ex>, usize),
    Member(Box<Ex>, Box<str>),
    Index(Box<Ex>, Box<Ex>),
    List(Vec<Ex>),
    Map(Vec<(Box<str>, Ex)>),
    Not(Box<Ex>),
    And(Box<Ex>, Box<Ex>),
    Or(Box<Ex>, Box<Ex>),
    /// Condition, then, else.
    If(Box<(Ex, Ex, Ex)>),
    Compare(Box<(Ex, Comparison, Ex)>),
    /// Item, list.
    In(Box<(Ex, Ex)>),
    Concat(Box<(Ex, Ex)>),
    Is(Box<Ex>, Test),
    Filter(Box<Filter>),
    Ref(Box<Ref>),
    /// A reference to the hospital's Organization.
    Organization,
    Today,
    BaseUri,
    Hospital,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

/// `is` tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Null,
    Blank,
    Number,
    String,
    True,
    False,
}

/// A filter at work on a value.
pub(crate) struct Filter {
    pub input: Ex,
    pub op: Op,
    /// The first column that the value comes from: what warnings name.
    pub column: Option<Box<str>>,
}

/// `ref('mapping', key...)`.
pub(crate) struct Ref {
    pub mapping: Box<str>,
    pub resource_type: Box<str>,
    pub keys: Vec<Ex>,
    pub column: Option<Box<str>>,
}

/// Why an evaluation stopped. Nothing in it comes from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The value is of the wrong kind for what is done with it.
    Wrong(&'static str),
    /// In `share`: a column was asked of a lookup that has no row.
    NoRow(usize),
    /// The row lacks a column that the mapping reads.
    NoColumn(Box<str>),
}

pub(crate) type Eval<'a> = Result<Val<'a>, Stop>;

impl Ex {
    /// Walks this expression and all below it, parents first.
    pub fn walk<'e>(&'e self, visit: &mut dyn FnMut(&'e Ex)) {
        visit(self);
        match self {
            Self::Member(a, _) | Self::RowColumn(a, _) | Self::Not(a) | Self::Is(a, _) => {
                a.walk(visit);
            }
            Self::Index(a, b) | Self::And(a, b) | Self::Or(a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            Self::List(items) => items.iter().for_each(|i| i.walk(visit)),
            Self::Map(members) => members.iter().for_each(|(_, v)| v.walk(visit)),
            Self::If(parts) => {
                parts.0.walk(visit);
                parts.1.walk(visit);
                parts.2.walk(visit);
            }
            Self::Compare(parts) => {
                parts.0.walk(visit);
                parts.2.walk(visit);
            }
            Self::In(parts) | Self::Concat(parts) => {
                parts.0.walk(visit);
                parts.1.walk(visit);
            }
            Self::Filter(filter) => {
                filter.input.walk(visit);
                filter.op.arguments(&mut |ex| ex.walk(visit));
            }
            Self::Ref(r) => r.keys.iter().for_each(|k| k.walk(visit)),
            _ => {}
        }
    }
}
