// SPDX-License-Identifier: Apache-2.0
//! From the path of a fault in a finished resource back to the node of the template that made it.

use super::template::{Role, Template, Values};

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Located {
    /// The deepest node of this template on the path.
    pub node: usize,
    /// The child template and the ordinal of its entry, with the path from there on.
    pub each: Option<(usize, usize, String)>,
}

impl Template {
    /// Follows a path without its resource type, such as `component[1].valueQuantity`.
    pub fn locate(&self, values: &Values, path: &str) -> Located {
        let mut at = 0;
        let mut rest = path;
        while !rest.is_empty() {
            let (segment, after) = rest.split_once('.').unwrap_or((rest, ""));
            let (name, index) = match segment.split_once('[') {
                Some((name, index)) => (name, index.trim_end_matches(']').parse::<usize>().ok()),
                None => (segment, None),
            };
            let children = &self.nodes[at].children;
            let Some(&child) = children.iter().find(|c| self.nodes[**c].name == name) else {
                break;
            };
            at = child;
            if let (Role::Array, Some(index)) = (self.nodes[at].role, index) {
                let emitted: Vec<usize> = self.nodes[at]
                    .children
                    .iter()
                    .copied()
                    .filter(|c| values.emitted[*c])
                    .collect();
                match (emitted.get(index), self.nodes[at].each) {
                    (Some(entry), _) => at = *entry,
                    (None, Some(each)) => {
                        let ordinal = index - emitted.len();
                        let each = Some((each, ordinal, after.to_owned()));
                        return Located { node: at, each };
                    }
                    (None, None) => break,
                }
            }
            rest = after;
        }
        Located {
            node: at,
            each: None,
        }
    }
}
