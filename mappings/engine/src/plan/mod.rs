// SPDX-License-Identifier: Apache-2.0
//! A compiled mapping: what to fetch, what to evaluate, what to build.

mod build;
mod check;
mod compile;
mod entries;
pub(crate) mod fit;
mod joins;
mod locate;
mod required;
pub(crate) mod template;

use encoding_rs::Encoding;
use silsila_diagnostics::Place;

use crate::expression::Ex;
use crate::expression::eval::Program;
use crate::language::mapping_file::JoinSort;
use template::Template;

pub(crate) use compile::{compile, each_expression};

/// A compiled mapping.
pub(crate) struct Plan {
    pub program: Program,
    /// Code pages declared for columns of the main table, by column number.
    pub charsets: Vec<Option<&'static Encoding>>,
    /// How many of the first columns are the key.
    pub key_len: usize,
    pub joins: Vec<Join>,
    /// The joins' numbers, each after those it starts from.
    pub join_order: Vec<usize>,
    pub group: Option<usize>,
    pub share: Option<Ex>,
    pub when: Option<Ex>,
    pub template: Template,
    /// The slot that says whose record it is, which is a [`crate::expression::Ref`] to a Patient.
    pub subject: Option<usize>,
    /// Mappings that are referred to, with the columns that make the key where those are plain.
    pub refs: Vec<RefUse>,
    /// Tables and columns with the place of their first use, for the check against a real schema.
    pub uses: Vec<TableUse>,
    /// Code tables used, by name.
    pub tables: Vec<String>,
}

/// A lookup, child or group.
pub(crate) struct Join {
    pub name: String,
    pub sort: JoinSort,
    pub table: String,
    /// Their columns to match, as numbers among `columns`.
    pub by: Vec<usize>,
    /// Our values to match, in the same order.
    pub from: Vec<Origin>,
    /// Their columns that are read.
    pub columns: Vec<String>,
    pub filter: Option<Ex>,
    /// Column number, and whether the order is turned round.
    pub order: Vec<(usize, bool)>,
    /// Columns of attribute and value.
    pub pivot: Option<(usize, usize)>,
    /// The round of fetches it belongs to.
    pub level: usize,
}

/// Where a value to match comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Column of the main row.
    Row(usize),
    /// Column of another lookup.
    Join(usize, usize),
}

/// A use of `ref`.
pub(crate) struct RefUse {
    pub mapping: String,
    /// Where the key's parts come from, if all of them are plain columns.
    pub from: Option<Vec<Origin>>,
    pub place: Option<Place>,
}

/// Columns of a table that a mapping reads.
pub(crate) struct TableUse {
    pub table: String,
    pub place: Place,
    pub columns: Vec<(String, Place)>,
}
