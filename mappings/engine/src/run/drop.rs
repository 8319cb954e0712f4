// SPDX-License-Identifier: Apache-2.0
//! Which part of a resource to give up for a fault: the smallest optional element around it that `set`
//! wrote.

use silsila_schema::{Fault, FaultRule};

use crate::plan::template::{EachTemplate, Role, Template, Values};

/// A part that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Drop {
    Slot(usize),
    /// Child template, child row, slot.
    ChildSlot(usize, usize, usize),
    /// Child template, child row.
    Entry(usize, usize),
}

/// What is given up, and how to name it.
pub(crate) struct Chosen {
    pub what: Drop,
    pub element: String,
    pub column: Option<String>,
}

/// Chooses; `None` when only the whole resource could lose the fault. `again` evaluates one child row anew.
pub(crate) fn choose(
    template: &Template,
    values: &Values,
    fault: &Fault,
    again: &dyn Fn(&EachTemplate, usize) -> Option<Values>,
) -> Option<Chosen> {
    let path = fault.path.split_once('.').map_or("", |(_, path)| path);
    let located = template.locate(values, around(path, fault.rule));
    if let Some((e, ordinal, rest)) = &located.each {
        let child = &template.eaches[*e];
        let row = values.eaches[*e].get(*ordinal)?.0;
        let inner = again(child, row);
        let slot = inner.and_then(|inner| {
            let at = child.template.locate(&inner, rest).node;
            slot_around(&child.template, &inner, at, false)
        });
        let (what, column) = match slot {
            Some(slot) => (
                Drop::ChildSlot(*e, row, slot),
                child.template.slots[slot].column.as_deref(),
            ),
            None => (Drop::Entry(*e, row), None),
        };
        return Some(Chosen {
            what,
            element: fault.path.clone(),
            column: column.map(str::to_owned),
        });
    }
    let slot = slot_around(template, values, located.node, true)?;
    Some(Chosen {
        what: Drop::Slot(slot),
        element: fault.path.clone(),
        column: template.slots[slot].column.as_deref().map(str::to_owned),
    })
}

/// Where to start: at what is wrong, or at what lacks something.
fn around(path: &str, rule: FaultRule) -> &str {
    match rule {
        FaultRule::Missing => path.rsplit_once('.').map_or("", |(parent, _)| parent),
        _ => path,
    }
}

/// The first slot with a value at or below the smallest optional element around a node. Dropping slot after
/// slot takes the element away in the end, and the fixed parts that joined it.
fn slot_around(
    template: &Template,
    values: &Values,
    mut at: usize,
    demanded: bool,
) -> Option<usize> {
    loop {
        if at == 0 {
            return None;
        }
        let node = &template.nodes[at];
        let alone = node.role == Role::Entry && template.nodes[node.parent].children.len() == 1;
        let optional = !node.required || (node.role == Role::Entry && !alone);
        if optional || !demanded {
            let below =
                |s: &usize| values.had[*s] && template.is_within(template.slots[*s].node, at);
            if let Some(slot) = (0..template.slots.len()).find(below) {
                return Some(slot);
            }
        }
        at = node.parent;
    }
}
