// SPDX-License-Identifier: Apache-2.0
//! The shape of a mapping's resource: a tree of the elements that `set` and `fixed` mention.
//!
//! Mapping a row fills the tree's slots with values, then assembles it: an element appears when a slot
//! at or below it has a value, and fixed values join as they were told when the mapping was compiled.

use silsila_schema::{Json, json::Object};

use super::fit::Fit;
use crate::expression::Ex;

/// The tree; node 0 is the resource (or the entry of a child) itself.
pub(crate) struct Template {
    pub nodes: Vec<Node>,
    pub slots: Vec<Slot>,
    pub eaches: Vec<EachTemplate>,
}

/// One element.
pub(crate) struct Node {
    /// The member's name; of an array's entry, the array's.
    pub name: &'static str,
    /// As people write it: `Observation.component[systolic]`.
    pub path: Box<str>,
    pub role: Role,
    pub parent: usize,
    pub children: Vec<usize>,
    pub slot: Option<usize>,
    pub fixed: Option<Fixed>,
    /// Children's entries that come after the named ones.
    pub each: Option<usize>,
    /// Whether FHIR demands it of its parent.
    pub required: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A single element, with or without members.
    Single,
    Array,
    Entry,
}

/// A literal, and the node whose having a value makes it appear.
pub(crate) struct Fixed {
    pub json: Json,
    pub joins: usize,
}

/// One line of `set`.
pub(crate) struct Slot {
    pub node: usize,
    pub ex: Ex,
    pub fit: Fit,
    pub column: Option<Box<str>>,
}

/// `each` with `into`.
pub(crate) struct EachTemplate {
    pub join: usize,
    pub node: usize,
    pub template: Template,
}

/// The values of one row.
pub(crate) struct Values {
    pub slots: Vec<Option<Json>>,
    /// Of each child template, the entries with the number of the child row that made them.
    pub eaches: Vec<Vec<(usize, Json)>>,
    touched: Vec<bool>,
    /// Which slots had a value.
    pub had: Vec<bool>,
    /// Which nodes came out; what a fault's path is located with.
    pub emitted: Vec<bool>,
}

impl Template {
    pub fn values(&self) -> Values {
        Values {
            slots: self.slots.iter().map(|_| None).collect(),
            eaches: self.eaches.iter().map(|_| Vec::new()).collect(),
            touched: vec![false; self.nodes.len()],
            had: vec![false; self.slots.len()],
            emitted: vec![false; self.nodes.len()],
        }
    }

    /// Builds the object from the values, which are used up. `None` when no slot had a value and the
    /// object would be fixed parts alone; the resource itself (`always`) is built all the same.
    pub fn assemble(&self, values: &mut Values, always: bool) -> Option<Json> {
        for (i, slot) in self.slots.iter().enumerate() {
            if values.slots[i].is_some() {
                values.had[i] = true;
                touch(&self.nodes, slot.node, &mut values.touched);
            }
        }
        for (each, entries) in self.eaches.iter().zip(&values.eaches) {
            if !entries.is_empty() {
                touch(&self.nodes, each.node, &mut values.touched);
            }
        }
        if !values.touched[0] && !always {
            return None;
        }
        values.touched[0] = true;
        self.node(0, values)
    }

    fn node(&self, at: usize, values: &mut Values) -> Option<Json> {
        let node = &self.nodes[at];
        let mut result = match node.role {
            Role::Array => self.array(at, values),
            Role::Single | Role::Entry => self.object(at, values),
        };
        if result.is_none()
            && let Some(fixed) = &node.fixed
            && values.touched[fixed.joins]
        {
            result = Some(fixed.json.clone());
        }
        values.emitted[at] = result.is_some();
        result
    }

    fn object(&self, at: usize, values: &mut Values) -> Option<Json> {
        let node = &self.nodes[at];
        let mut result = node.slot.and_then(|s| values.slots[s].take());
        let whole = result.is_some();
        for &child in &node.children {
            let Some(value) = self.node(child, values) else {
                continue;
            };
            let object = result.get_or_insert_with(|| Json::Object(Object::new()));
            let Some(object) = object.as_object_mut() else {
                continue;
            };
            let name = self.nodes[child].name;
            match object.get_mut(name) {
                Some(own) if whole && !values.touched[child] => merge(own, value),
                _ => {
                    object.insert(name, value);
                }
            }
        }
        result
    }

    fn array(&self, at: usize, values: &mut Values) -> Option<Json> {
        let node = &self.nodes[at];
        if let Some(whole) = node.slot.and_then(|s| values.slots[s].take()) {
            return Some(whole);
        }
        let mut items = Vec::with_capacity(node.children.len());
        for &entry in &node.children {
            items.extend(self.node(entry, values));
        }
        if let Some(each) = node.each {
            let entries = &mut values.eaches[each];
            items.extend(
                entries
                    .iter_mut()
                    .map(|(_, json)| std::mem::replace(json, Json::Null)),
            );
        }
        (!items.is_empty()).then_some(Json::Array(items))
    }

    /// Whether a node lies at or below another.
    pub fn is_within(&self, mut node: usize, ancestor: usize) -> bool {
        loop {
            if node == ancestor {
                return true;
            }
            if node == 0 {
                return false;
            }
            node = self.nodes[node].parent;
        }
    }
}

fn touch(nodes: &[Node], mut at: usize, touched: &mut [bool]) {
    while !touched[at] {
        touched[at] = true;
        at = nodes[at].parent;
    }
}

/// Adds what is fixed to what `set` wrote as a whole; what is there already wins.
fn merge(target: &mut Json, fixed: Json) {
    let (Some(target), Json::Object(fixed)) = (target.as_object_mut(), fixed) else {
        return;
    };
    for (name, value) in fixed {
        match target.get_mut(&name) {
            Some(own) => merge(own, value),
            None => {
                target.insert(name, value);
            }
        }
    }
}
