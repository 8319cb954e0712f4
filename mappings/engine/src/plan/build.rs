// SPDX-License-Identifier: Apache-2.0
//! From the paths of `set` and `fixed` to a template.

use std::ops::Range;

use silsila_diagnostics::{Diagnostic, Place};
use silsila_schema::{ElementInfo, Index, PathProblem, Step, element};

use super::fit::Fit;
use super::required;
use super::template::{EachTemplate, Fixed, Node, Role, Slot, Template};
use crate::expression::compile::Compiled;
use crate::language::source::Report;
use silsila_schema::Json;

/// Longer paths than any honest mapping has; building a resource recurses on them.
const MAX_STEPS: usize = 20;

/// A path as written: its text and where it stands.
pub(crate) struct PathText<'p> {
    pub text: &'p str,
    pub span: Range<usize>,
}

/// A template under construction.
pub(crate) struct Builder<'b> {
    resource: &'b str,
    /// The path of the child entries that this template is for; empty for the resource itself.
    prefix: String,
    prefix_steps: usize,
    pub template: Template,
    /// Where each node was first mentioned.
    pub places: Vec<Place>,
    /// What stood in brackets, for entries.
    labels: Vec<Option<Index>>,
    /// Nodes that were meant to get a value whose expression or literal is faulty.
    pub attempted: Vec<usize>,
    /// Elements that a faulty path was probably meant for.
    pub meant: Vec<&'static str>,
}

/// Where a path leads in the template.
pub(crate) struct Target {
    pub node: usize,
    pub step: Step,
    pub fit: Fit,
}

impl<'b> Builder<'b> {
    pub fn new(resource: &'b str, prefix: &str, place: Place) -> Self {
        let root = Node {
            name: "",
            path: format!(
                "{resource}{}{prefix}",
                if prefix.is_empty() { "" } else { "." }
            )
            .into(),
            role: Role::Single,
            parent: 0,
            children: Vec::new(),
            slot: None,
            fixed: None,
            each: None,
            required: false,
        };
        Self {
            resource,
            prefix: prefix.to_owned(),
            prefix_steps: if prefix.is_empty() {
                0
            } else {
                prefix.split('.').count()
            },
            template: Template {
                nodes: vec![root],
                slots: Vec::new(),
                eaches: Vec::new(),
            },
            places: vec![place],
            labels: vec![None],
            attempted: Vec::new(),
            meant: Vec::new(),
        }
    }

    /// Resolves a path and makes the nodes on its way. Faults go to the report.
    pub fn target(&mut self, path: &PathText<'_>, report: &mut Report<'_>) -> Option<Target> {
        if path.text.matches('.').count() > MAX_STEPS {
            report.error(&path.span, "MAP0039", "this path is too long");
            return None;
        }
        let info = self.resolve(path, report)?;
        let steps = &info.steps[self.prefix_steps.min(info.steps.len())..];
        if self.prefix.is_empty() && engine_owns(steps) {
            let message = format!("{} is set by the engine", path.text);
            report.error(&path.span, "MAP0022", message);
            return None;
        }
        let mut at = 0;
        for (i, step) in steps.iter().enumerate() {
            let last = i + 1 == steps.len();
            at = self.member(at, step, path, report);
            if !step.is_array {
                continue;
            }
            match &step.index {
                Some(index) => at = self.entry(at, step, index, path, report)?,
                None if last => {}
                None => {
                    let name = step.name;
                    let problem =
                        Diagnostic::error("MAP0021", format!("{name} repeats and needs an index"))
                            .help(format!(
                                "write {name}[0], or give the entry a name: {name}[main]"
                            ));
                    report.add(&path.span, problem);
                    return None;
                }
            }
        }
        let step = steps.last()?.clone();
        let fit = Fit {
            primitive: step.primitive,
            binding: step.binding,
            array: step.is_array && step.index.is_none(),
        };
        Some(Target {
            node: at,
            step,
            fit,
        })
    }

    fn resolve(&mut self, path: &PathText<'_>, report: &mut Report<'_>) -> Option<ElementInfo> {
        let dot = if self.prefix.is_empty() { "" } else { "." };
        let full = format!("{}{dot}{}", self.prefix, path.text);
        match element(self.resource, &full) {
            Ok(info) => Some(info),
            Err(error) => {
                let code = match error.problem {
                    PathProblem::NotRepeating { .. } => "MAP0021",
                    _ => "MAP0020",
                };
                let start = error.offset.saturating_sub(self.prefix.len() + dot.len());
                let quote =
                    usize::from(report.file.text()[path.span.clone()].starts_with(['"', '\'']));
                let from = (path.span.start + quote + start).min(path.span.end);
                let to = (from + error.length).min(path.span.end).max(from);
                self.meant.extend(error.candidates.first());
                if let PathProblem::NotRepeating { name }
                | PathProblem::ChoiceWithoutType { name }
                | PathProblem::Primitive { name, .. }
                | PathProblem::Resource { name } = &error.problem
                {
                    self.meant.push(name);
                }
                let mut problem = Diagnostic::error(code, error.problem.to_string());
                if let PathProblem::UnknownElement { name, .. } = &error.problem {
                    problem = problem.did_you_mean(name, error.candidates.iter().copied());
                } else if !error.candidates.is_empty() {
                    let names: Vec<_> = error.candidates.iter().take(8).copied().collect();
                    problem = problem.help(format!("such as {}", names.join(", ")));
                }
                report.add(&(from..to), problem);
                None
            }
        }
    }

    fn member(
        &mut self,
        parent: usize,
        step: &Step,
        path: &PathText<'_>,
        report: &Report<'_>,
    ) -> usize {
        let found = self.template.nodes[parent]
            .children
            .iter()
            .find(|c| self.template.nodes[**c].name == step.name);
        if let Some(found) = found {
            return *found;
        }
        let node = Node {
            name: step.name,
            path: format!("{}.{}", self.template.nodes[parent].path, step.name).into(),
            role: if step.is_array {
                Role::Array
            } else {
                Role::Single
            },
            parent,
            children: Vec::new(),
            slot: None,
            fixed: None,
            each: None,
            // A choice is demanded as a whole; which of its types comes is for the mapping.
            required: step.min > 0,
        };
        self.push(node, None, path, report)
    }

    fn push(
        &mut self,
        node: Node,
        label: Option<Index>,
        path: &PathText<'_>,
        report: &Report<'_>,
    ) -> usize {
        let at = self.template.nodes.len();
        self.template.nodes[node.parent].children.push(at);
        self.template.nodes.push(node);
        self.places.push(report.file.place(path.span.clone()));
        self.labels.push(label);
        at
    }

    fn entry(
        &mut self,
        array: usize,
        step: &Step,
        index: &Index,
        path: &PathText<'_>,
        report: &mut Report<'_>,
    ) -> Option<usize> {
        let siblings = self.template.nodes[array].children.clone();
        if let Some(found) = siblings
            .iter()
            .find(|c| self.labels[**c].as_ref() == Some(index))
        {
            return Some(*found);
        }
        let is_number = |i: &Index| matches!(i, Index::Number(_));
        let mixed = siblings
            .iter()
            .filter_map(|c| self.labels[*c].as_ref())
            .any(|other| is_number(other) != is_number(index));
        if mixed {
            let message = format!(
                "{} has entries by number and by name; use one of them",
                step.name
            );
            report.error(&path.span, "MAP0021", message);
            return None;
        }
        if siblings.len() >= usize::from(step.max.unwrap_or(u16::MAX)) {
            let message = format!(
                "{} repeats at most {} times",
                step.name,
                step.max.unwrap_or(0)
            );
            report.error(&path.span, "MAP0021", message);
            return None;
        }
        let shown = match index {
            Index::Number(n) => n.to_string(),
            Index::Name(name) => name.to_string(),
        };
        let node = Node {
            name: step.name,
            path: format!("{}[{shown}]", self.template.nodes[array].path).into(),
            role: Role::Entry,
            parent: array,
            children: Vec::new(),
            slot: None,
            fixed: None,
            each: None,
            required: step.min > 0,
        };
        Some(self.push(node, Some(index.clone()), path, report))
    }

    /// Puts a compiled expression where the target is.
    pub fn slot(
        &mut self,
        target: &Target,
        compiled: Compiled,
        path: &PathText<'_>,
        report: &mut Report<'_>,
    ) {
        if self.is_taken(target.node, path, report) {
            return;
        }
        self.template.nodes[target.node].slot = Some(self.template.slots.len());
        self.template.slots.push(Slot {
            node: target.node,
            ex: compiled.ex,
            fit: target.fit,
            column: compiled.column,
        });
    }

    /// Remembers that a value was meant for the target, so that its absence is not reported too.
    pub fn attempt(&mut self, target: &Target) {
        self.attempted.push(target.node);
        let node = &mut self.template.nodes[target.node];
        if node.slot.is_none() && node.fixed.is_none() {
            let json = required::example(target.fit);
            node.fixed = Some(Fixed { json, joins: 0 });
        }
    }

    /// Puts a literal where the target is; what it joins is found by [`Self::finish`].
    pub fn fixed(
        &mut self,
        target: &Target,
        json: Json,
        path: &PathText<'_>,
        report: &mut Report<'_>,
    ) {
        if !self.is_taken(target.node, path, report) {
            self.template.nodes[target.node].fixed = Some(Fixed { json, joins: 0 });
        }
    }

    pub fn each(
        &mut self,
        target: &Target,
        join: usize,
        template: Template,
        path: &PathText<'_>,
        report: &mut Report<'_>,
    ) {
        let node = &mut self.template.nodes[target.node];
        if node.each.is_some() || node.slot.is_some() || node.fixed.is_some() {
            report.error(
                &path.span,
                "MAP0023",
                format!("{} is written twice", node.path),
            );
            return;
        }
        node.each = Some(self.template.eaches.len());
        self.template.eaches.push(EachTemplate {
            join,
            node: target.node,
            template,
        });
    }

    fn is_taken(&self, at: usize, path: &PathText<'_>, report: &mut Report<'_>) -> bool {
        let node = &self.template.nodes[at];
        let whole_and_parts =
            node.role == Role::Array && (!node.children.is_empty() || node.each.is_some());
        let part_of_whole = self.within_whole(at);
        let taken = node.slot.is_some() || node.fixed.is_some() || whole_and_parts || part_of_whole;
        if taken {
            let message = if whole_and_parts || part_of_whole {
                format!("{} is written both as a whole and in parts", node.path)
            } else {
                format!("{} is written twice", node.path)
            };
            report.error(&path.span, "MAP0023", message);
        }
        taken
    }

    /// Whether an array around the node is set as a whole.
    fn within_whole(&self, mut at: usize) -> bool {
        while at != 0 {
            at = self.template.nodes[at].parent;
            let node = &self.template.nodes[at];
            if node.role == Role::Array && (node.slot.is_some() || node.fixed.is_some()) {
                return true;
            }
        }
        false
    }

    /// Orders numbered entries and decides what each fixed value joins: the innermost element around it
    /// that `set` also writes into and that FHIR does not demand.
    pub fn finish(&mut self) {
        for at in 0..self.template.nodes.len() {
            let mut children = std::mem::take(&mut self.template.nodes[at].children);
            children.sort_by_key(|c| match &self.labels[*c] {
                Some(Index::Number(n)) => *n,
                _ => 0,
            });
            self.template.nodes[at].children = children;
        }
        let mut written = vec![false; self.template.nodes.len()];
        for node in self.written_nodes() {
            let mut at = node;
            while !written[at] {
                written[at] = true;
                at = self.template.nodes[at].parent;
            }
        }
        for at in 0..self.template.nodes.len() {
            if self.template.nodes[at].fixed.is_some() {
                let joins = self.joins(at, &written);
                if let Some(fixed) = &mut self.template.nodes[at].fixed {
                    fixed.joins = joins;
                }
            }
        }
    }

    fn written_nodes(&self) -> Vec<usize> {
        let slots = self.template.slots.iter().map(|s| s.node);
        slots
            .chain(self.template.eaches.iter().map(|e| e.node))
            .collect()
    }

    fn joins(&self, mut at: usize, written: &[bool]) -> usize {
        while at != 0 {
            let node = &self.template.nodes[at];
            let alone = self.template.nodes[node.parent].children.len() == 1;
            let demanded = node.required && (node.role == Role::Single || alone);
            if written[at] && !demanded && node.role != Role::Array {
                return at;
            }
            at = node.parent;
        }
        0
    }
}

/// `id`, `meta.source` and the like.
fn engine_owns(steps: &[Step]) -> bool {
    let names: Vec<_> = steps.iter().map(|s| s.name).collect();
    matches!(
        names.as_slice(),
        ["id" | "implicitRules" | "contained", ..]
            | ["meta"]
            | ["meta", "source" | "versionId" | "lastUpdated", ..]
    )
}
