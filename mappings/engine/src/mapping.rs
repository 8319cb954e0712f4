// SPDX-License-Identifier: Apache-2.0
//! One compiled mapping.

use crate::ReversePath;
use crate::plan::Plan;
use crate::reverse::{self, RefTarget};

/// One compiled mapping, ready to map rows.
pub struct Mapping {
    pub(crate) name: String,
    pub(crate) resource_type: String,
    pub(crate) table: String,
    pub(crate) key: Vec<String>,
    pub(crate) changed: Option<String>,
    pub(crate) columns: Vec<String>,
    pub(crate) digest: [u8; 32],
    pub(crate) on_delete: OnDelete,
    pub(crate) targets: Vec<RefTarget>,
    pub(crate) plan: Plan,
}

/// What a mapping asks for when a row disappears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// A last version marked as entered in error, where the type has such a status.
    EnteredInError,
    /// A deletion.
    Gone,
    /// Nothing.
    Keep,
}

impl Mapping {
    /// Its name, unique in the pack.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Such as `Patient`.
    #[must_use]
    pub fn resource_type(&self) -> &str {
        &self.resource_type
    }

    /// The main table.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }

    /// The key columns of the main table, in key order.
    #[must_use]
    pub fn key(&self) -> &[String] {
        &self.key
    }

    /// The watermark column.
    #[must_use]
    pub fn changed(&self) -> Option<&str> {
        self.changed.as_deref()
    }

    /// Every column of the main table that the mapping reads, in name order; key and watermark are among
    /// them.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Whether several rows of the main table make one resource (`group`). A [`crate::Batch`] is content with
    /// one row of each group: it wants the others by key.
    #[must_use]
    pub fn grouped(&self) -> bool {
        self.plan.group.is_some()
    }

    /// SHA-256 over the mapping file, the code tables it uses and the settings that enter its output:
    /// another digest means that every row must be mapped again.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// What to do when a row disappears.
    #[must_use]
    pub fn on_delete(&self) -> OnDelete {
        self.on_delete
    }

    /// How to find the main rows that depend on a changed row of `table`: as a lookup, a child, or the
    /// target of a reference. Empty when nothing depends on that table.
    #[must_use]
    pub fn dependants_via(&self, table: &str) -> Vec<ReversePath> {
        reverse::paths(self, &self.targets, table)
    }

    /// Every other table whose rows can change what this mapping produces, in name order.
    #[must_use]
    pub fn depends_on(&self) -> Vec<&str> {
        let joins = self.plan.joins.iter().map(|j| &*j.table);
        let mut tables: Vec<&str> = joins
            .chain(self.targets.iter().map(|t| &*t.table))
            .collect();
        tables.sort_unstable();
        tables.dedup();
        tables
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }
}
