// SPDX-License-Identifier: Apache-2.0
//! The tree of members that finds the values of all search parameters in one walk.

use super::convert::{Convert, target_type};
use super::value::IndexValue;
use crate::json::{Json, Object};

/// An element on the way to a value.
#[derive(Default)]
pub(super) struct Node {
    /// What the element itself gives, by the place of the parameter.
    outputs: Vec<(usize, Convert)>,
    edges: Vec<Edge>,
}

struct Edge {
    name: &'static str,
    filter: Filter,
    node: Node,
}

/// Which items of an element count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filter {
    All,
    Equals(&'static str, &'static str),
    Target(&'static str),
}

impl Filter {
    fn passes(self, value: &Json) -> bool {
        match self {
            Self::All => true,
            Self::Equals(member, text) => value.get(member).and_then(Json::as_str) == Some(text),
            Self::Target(kind) => target_type(value) == Some(kind),
        }
    }
}

impl Node {
    /// Adds the end of a way.
    pub(super) fn insert(&mut self, way: &[(&'static str, Filter)], output: (usize, Convert)) {
        let Some(((name, filter), rest)) = way.split_first() else {
            if !self.outputs.contains(&output) {
                self.outputs.push(output);
            }
            return;
        };
        let is_it = |edge: &Edge| edge.name == *name && edge.filter == *filter;
        let place = self.edges.iter().position(is_it).unwrap_or_else(|| {
            let node = Node::default();
            self.edges.push(Edge {
                name,
                filter: *filter,
                node,
            });
            self.edges.len() - 1
        });
        self.edges[place].node.insert(rest, output);
    }

    /// Gives every value in an object, with the place of its parameter.
    pub(super) fn walk<'a>(
        &self,
        object: &'a Object,
        sink: &mut impl FnMut(usize, IndexValue<'a>),
    ) {
        for edge in &self.edges {
            let Some(value) = object.get(edge.name) else {
                continue;
            };
            for item in value.as_array().unwrap_or(std::slice::from_ref(value)) {
                if edge.filter.passes(item) {
                    edge.node.visit(item, sink);
                }
            }
        }
    }

    fn visit<'a>(&self, value: &'a Json, sink: &mut impl FnMut(usize, IndexValue<'a>)) {
        for (param, convert) in &self.outputs {
            convert.apply(value, &mut |index_value| sink(*param, index_value));
        }
        if !self.edges.is_empty()
            && let Json::Object(object) = value
        {
            self.walk(object, sink);
        }
    }
}
