// SPDX-License-Identifier: Apache-2.0
//! The decoded table: every type with its elements, the value sets of required bindings, the
//! definitions of search parameters and of the patient compartment.
//!
//! The text in `table/r4.txt` is decoded once, at its first use, into structures that are looked up
//! by a small hash rather than searched. It is committed and tested, so that a line that cannot be
//! decoded is a fault of this crate and ends the process.

mod decode;
mod names;
mod types;

use std::sync::LazyLock;

pub(crate) use names::NameIndex;
pub use types::Binding;
pub(crate) use types::{Element, Member, Shape, TargetSet, TypeDef, TypeId};

/// The table of R4. It is decoded at its first use and stays in memory.
#[derive(Debug, Clone, Copy)]
pub struct R4;

impl R4 {
    /// The version of FHIR that the table describes.
    pub const VERSION: &'static str = "4.0.1";

    /// Decodes the table now rather than at its first use.
    pub fn load() {
        LazyLock::force(&TABLE);
    }
}

/// The names of all resource types, sorted.
pub fn resource_types() -> impl ExactSizeIterator<Item = &'static str> {
    table().resources.iter().map(|id| table().get(*id).name)
}

static TABLE: LazyLock<Table> =
    LazyLock::new(|| decode::decode(include_str!("../../table/r4.txt")));

pub(crate) fn table() -> &'static Table {
    &TABLE
}

/// The whole table.
pub(crate) struct Table {
    pub(crate) types: Vec<TypeDef>,
    pub(crate) bindings: Vec<Binding>,
    pub(crate) targets: Vec<TargetSet>,
    /// The concrete resource types, by name.
    pub(crate) resources: Vec<TypeId>,
    /// `Element`, of which every primitive is one.
    pub(crate) element: TypeId,
    pub(crate) params: Vec<ParamLine>,
    pub(crate) compartment: Vec<(&'static str, Vec<&'static str>)>,
    resource_index: NameIndex,
}

/// The definition of a search parameter, not yet compiled.
pub(crate) struct ParamLine {
    pub(crate) id: u16,
    pub(crate) code: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) bases: Vec<&'static str>,
    pub(crate) targets: Vec<&'static str>,
    pub(crate) url: &'static str,
    pub(crate) expression: &'static str,
}

impl Table {
    pub(crate) fn get(&self, id: TypeId) -> &TypeDef {
        &self.types[usize::from(id.0)]
    }

    /// The place of a concrete resource type among all of them, which is also its bit in a
    /// [`TargetSet`].
    pub(crate) fn resource_place(&self, name: &str) -> Option<usize> {
        self.resource_index
            .find(name, |place| self.get(self.resources[place]).name)
    }

    /// A concrete resource type by its name.
    pub(crate) fn resource(&self, name: &str) -> Option<TypeId> {
        self.resource_place(name).map(|place| self.resources[place])
    }
}

#[cfg(test)]
mod tests;
