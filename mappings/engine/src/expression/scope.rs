// SPDX-License-Identifier: Apache-2.0
//! The names that a mapping's expressions may use.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use silsila_diagnostics::Place;

use super::Ex;
use super::types::Type;
use crate::filters::codes::CodeTables;
use crate::language::yaml::Node;

/// Columns of one table in the order of their first use.
#[derive(Default)]
pub(crate) struct ColumnUses(Vec<(String, Place)>);

impl ColumnUses {
    /// The number of a column, which is new if it was not used before.
    pub fn number(&mut self, name: &str, place: Place) -> usize {
        match self.0.iter().position(|(n, _)| n == name) {
            Some(at) => at,
            None => {
                self.0.push((name.to_owned(), place));
                self.0.len() - 1
            }
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(n, _)| n.clone()).collect()
    }

    pub fn uses(&self) -> &[(String, Place)] {
        &self.0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JoinKind {
    Lookup,
    Each,
    Group,
}

/// A lookup, child or group as expressions see it.
pub(crate) struct JoinScope {
    pub name: String,
    pub kind: JoinKind,
    pub pivot: bool,
    pub columns: ColumnUses,
}

/// A `let` name.
pub(crate) struct LetScope {
    pub name: String,
    pub node: Node,
    pub state: LetState,
}

pub(crate) enum LetState {
    Waiting,
    /// Being compiled: meeting it again is a circle.
    Busy,
    Done {
        ex: Ex,
        ty: Type,
        column: Option<Box<str>>,
        /// How deep it goes, lets that it uses included.
        reach: usize,
    },
    /// It has a fault that was reported.
    Faulty,
}

/// All names of one mapping.
#[derive(Default)]
pub(crate) struct Scope {
    pub columns: ColumnUses,
    pub joins: Vec<JoinScope>,
    pub lets: Vec<LetScope>,
    /// The key columns, the only ones that a group's expressions may name.
    pub group_key: Option<Vec<String>>,
    /// Code tables used.
    pub tables: BTreeSet<String>,
}

/// What is the same for all expressions of a mapping.
pub(crate) struct World<'w> {
    pub tables: &'w CodeTables,
    pub mappings: &'w [Header],
    pub zone: Option<TimeZone>,
    pub pivot: Option<u8>,
}

/// What other mappings may know of one: enough for `ref`.
#[derive(Debug, Clone)]
pub(crate) struct Header {
    pub name: String,
    pub resource_type: String,
    pub key_len: usize,
}

/// Where an expression stands, which decides what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    Share,
    When,
    Let,
    Set,
    /// The `set` of a child, by number.
    Each(usize),
    /// The `where` of a join, by number.
    Where(usize),
}
