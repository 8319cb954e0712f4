// SPDX-License-Identifier: Apache-2.0
//! Where the walk is; spelled out only when a fault is found.

use crate::json::Json;
use crate::table::table;

/// A step of the walk, linked to the one before it on the stack.
pub(super) struct Place<'p> {
    before: Option<&'p Place<'p>>,
    name: &'p str,
    index: Option<usize>,
}

impl<'p> Place<'p> {
    /// The resource itself.
    pub(super) fn root(resource: &'p Json) -> Self {
        Self {
            before: None,
            name: known_type(resource).unwrap_or("Resource"),
            index: None,
        }
    }

    pub(super) fn member(&'p self, name: &'p str) -> Self {
        Self {
            before: Some(self),
            name,
            index: None,
        }
    }

    pub(super) fn item(&self, index: usize) -> Self {
        Self {
            index: Some(index),
            ..*self
        }
    }

    /// `Patient.contact[0].gender`. A name that could not be an element's is not repeated, for a
    /// careless sender may have put a value there.
    pub(super) fn spell(&self) -> String {
        let mut path = match self.before {
            Some(before) => before.spell() + ".",
            None => String::new(),
        };
        let bare = self.name.strip_suffix("[x]").unwrap_or(self.name);
        let is_plain = (1..=64).contains(&bare.len())
            && bare
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        path.push_str(if is_plain { self.name } else { "(unnamed)" });
        if let Some(index) = self.index {
            path.push_str(&format!("[{index}]"));
        }
        path
    }
}

fn known_type(resource: &Json) -> Option<&'static str> {
    let name = resource.get("resourceType")?.as_str()?;
    table().resource(name).map(|id| table().get(id).name)
}
