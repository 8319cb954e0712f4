// SPDX-License-Identifier: Apache-2.0
//! Paths such as `name[0].family`, resolved against the table.

use crate::nearest::nearest_first;
use crate::primitive::Primitive;
use crate::table::{Binding, Member, Shape, TypeDef, TypeId, table};

/// What a path of a mapping leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementInfo {
    /// The way from the resource to the element; never empty.
    pub steps: Vec<Step>,
}

impl ElementInfo {
    /// The last step, which is the element itself.
    pub fn last(&self) -> &Step {
        self.steps.last().expect("a resolved path has a step")
    }
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The member's name in JSON: `family`, `valueQuantity`, `_birthDate`.
    pub name: &'static str,
    /// What stood in brackets.
    pub index: Option<Index>,
    /// Whether JSON holds an array here.
    pub is_array: bool,
    /// How often the element must be there at least.
    pub min: u16,
    /// How often it may be there at most; no limit when absent.
    pub max: Option<u16>,
    /// The name of the choice this is one of: `value` for `valueQuantity`.
    pub choice: Option<&'static str>,
    /// The datatype: `HumanName`, `dateTime`, or `Patient.contact` for an element with children of
    /// its own.
    pub type_name: &'static str,
    /// The primitive datatype, if it is one; such a step ends its path.
    pub primitive: Option<Primitive>,
    /// The value set to which a code here must belong.
    pub binding: Option<&'static Binding>,
    /// The resource types that a Reference here may point at; empty when it is no Reference or may
    /// point at any.
    pub targets: Vec<&'static str>,
}

/// What stands in brackets after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Index {
    /// A place, from 0.
    Number(usize),
    /// A name that the mapping gives to one item: a letter, then letters, digits, `-` and `_`.
    Name(Box<str>),
}

/// Why a path does not lead to an element.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PathError {
    /// Where in the path the faulty step begins, in bytes.
    pub offset: usize,
    /// How long the faulty step is, in bytes.
    pub length: usize,
    /// What is wrong with it.
    pub problem: PathProblem,
    /// The names that would be right there, the most similar first.
    pub candidates: Vec<&'static str>,
}

/// What is wrong with a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathProblem {
    /// R4 has no such resource type.
    #[error("FHIR R4 has no resource type '{name}'")]
    UnknownResourceType {
        /// The name as it was given.
        name: String,
    },
    /// The type has no such element.
    #[error("{within} has no element '{name}' in FHIR R4")]
    UnknownElement {
        /// The type that was searched.
        within: &'static str,
        /// The name as it was given.
        name: String,
    },
    /// A choice element was named without its type.
    #[error("'{name}' is a choice and needs its type in the name")]
    ChoiceWithoutType {
        /// The choice.
        name: &'static str,
    },
    /// An index after an element that does not repeat.
    #[error("'{name}' does not repeat, so it takes no index")]
    NotRepeating {
        /// The element.
        name: &'static str,
    },
    /// A step after a primitive.
    #[error("'{name}' is a {type_name} and has no elements of its own")]
    Primitive {
        /// The element.
        name: &'static str,
        /// Its type.
        type_name: &'static str,
    },
    /// A step to a resource inside the resource.
    #[error("'{name}' holds whole resources, into which a path cannot lead")]
    Resource {
        /// The element.
        name: &'static str,
    },
    /// Not a name with perhaps one index in brackets.
    #[error("a step is a name, perhaps with one index in brackets: name[0], component[systolic]")]
    Syntax,
}

/// Resolves a path inside a resource type. An index may be left out; the caller decides what an
/// array without one means.
pub fn element(resource_type: &str, path: &str) -> Result<ElementInfo, PathError> {
    let mut within = table().resource(resource_type).ok_or_else(|| PathError {
        offset: 0,
        length: 0,
        problem: PathProblem::UnknownResourceType {
            name: resource_type.to_owned(),
        },
        candidates: nearest_first(resource_type, crate::resource_types()),
    })?;
    let (mut steps, mut offset, mut rest) = (Vec::new(), 0, Some(path));
    while let Some(text) = rest {
        let (step_text, next) = split_step(text);
        let wrong = |(problem, candidates)| PathError {
            offset,
            length: step_text.len(),
            problem,
            candidates,
        };
        let (step, inside) = resolve(within, step_text).map_err(wrong)?;
        if next.is_some() {
            within = inside.ok_or_else(|| wrong((no_inside(&step), Vec::new())))?;
        }
        steps.push(step);
        offset += step_text.len() + 1;
        rest = next;
    }
    Ok(ElementInfo { steps })
}

/// The first step and what follows its dot, if one does. A dot inside brackets is no end.
fn split_step(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'.' if depth == 0 => return (&text[..at], Some(&text[at + 1..])),
            _ => {}
        }
    }
    (text, None)
}

type Wrong = (PathProblem, Vec<&'static str>);

/// A step and, unless it ends the path, the type inside it.
fn resolve(within: TypeId, text: &str) -> Result<(Step, Option<TypeId>), Wrong> {
    let own = table().get(within);
    let (name, index) = parse_step(text).ok_or((PathProblem::Syntax, Vec::new()))?;
    let (bare, is_sibling) = match name.strip_prefix('_') {
        Some(bare) => (bare, true),
        None => (name, false),
    };
    let member = own
        .member(bare)
        .filter(|member| !is_sibling || matches!(member.shape, Shape::Primitive(_)))
        .ok_or_else(|| unknown(own, name))?;
    if index.is_some() && !member.is_array {
        return Err((PathProblem::NotRepeating { name: member.name }, Vec::new()));
    }
    let mut step = describe(own, member, index);
    if is_sibling {
        step.name = sibling_name(member.name);
        (step.type_name, step.primitive, step.binding) = ("Element", None, None);
        return Ok((step, Some(table().element)));
    }
    let inside = match member.shape {
        Shape::Complex(id) => Some(id),
        Shape::Primitive(_) | Shape::Resource => None,
    };
    Ok((step, inside))
}

fn describe(own: &'static TypeDef, member: &'static Member, index: Option<Index>) -> Step {
    let element = own.element(member);
    let (type_name, primitive) = match member.shape {
        Shape::Primitive(primitive) => (primitive.name(), Some(primitive)),
        Shape::Complex(id) => (table().get(id).name, None),
        Shape::Resource => ("Resource", None),
    };
    Step {
        name: member.name,
        index,
        is_array: member.is_array,
        min: element.min,
        max: element.max,
        choice: element.choice.then_some(element.name),
        type_name,
        primitive,
        binding: member.binding.map(|n| &table().bindings[usize::from(n)]),
        targets: member
            .targets
            .map_or_else(Vec::new, |n| table().targets[usize::from(n)].names.clone()),
    }
}

fn unknown(own: &'static TypeDef, name: &str) -> Wrong {
    if let Some(choice) = own.elements.iter().find(|e| e.choice && e.name == name) {
        let names = own
            .members
            .iter()
            .filter(|member| own.element(member).name == choice.name)
            .map(|member| member.name);
        let problem = PathProblem::ChoiceWithoutType { name: choice.name };
        return (problem, names.collect());
    }
    let problem = PathProblem::UnknownElement {
        within: own.name,
        name: name.to_owned(),
    };
    let names = own.members.iter().map(|member| member.name);
    (problem, nearest_first(name, names))
}

fn no_inside(step: &Step) -> PathProblem {
    let name = step.name;
    match step.primitive {
        Some(primitive) => PathProblem::Primitive {
            name,
            type_name: primitive.name(),
        },
        None => PathProblem::Resource { name },
    }
}

/// `name`, `name[0]` or `name[systolic]`.
fn parse_step(text: &str) -> Option<(&str, Option<Index>)> {
    let Some((name, rest)) = text.split_once('[') else {
        return (!text.is_empty() && !text.contains(']')).then_some((text, None));
    };
    let inside = rest.strip_suffix(']')?;
    let index = match inside.bytes().next()? {
        b'0'..=b'9' => Index::Number(inside.parse().ok()?),
        b'a'..=b'z' | b'A'..=b'Z' => Index::Name(inside.into()),
        _ => return None,
    };
    let is_word = inside
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    (!name.is_empty() && is_word).then_some((name, Some(index)))
}

/// `_birthDate` for `birthDate`. Paths are resolved when mappings are read, so few names arise, and
/// each lives once.
fn sibling_name(name: &'static str) -> &'static str {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};
    static NAMES: LazyLock<Mutex<HashMap<&'static str, &'static str>>> =
        LazyLock::new(Mutex::default);
    let mut names = NAMES.lock().unwrap_or_else(PoisonError::into_inner);
    names
        .entry(name)
        .or_insert_with(|| format!("_{name}").leak())
}

#[cfg(test)]
mod tests;
