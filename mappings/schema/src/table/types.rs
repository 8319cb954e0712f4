// SPDX-License-Identifier: Apache-2.0
//! Types, elements and value sets.

use super::NameIndex;
use crate::primitive::Primitive;

/// The place of a type in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TypeId(pub(crate) u16);

/// A type with all its elements, inherited ones first.
pub(crate) struct TypeDef {
    pub(crate) name: &'static str,
    pub(crate) elements: Vec<Element>,
    /// The names that JSON uses: one per element, and one per type of a choice.
    pub(crate) members: Vec<Member>,
    /// The elements that must be there, as bits.
    pub(crate) required: u128,
    index: NameIndex,
}

impl TypeDef {
    pub(crate) fn new(name: &'static str, elements: Vec<Element>, members: Vec<Member>) -> Self {
        assert!(elements.len() <= 128, "{name} has more elements than bits");
        let required = elements
            .iter()
            .enumerate()
            .filter(|(_, element)| element.min > 0)
            .fold(0, |bits, (place, _)| bits | 1 << place);
        let index = NameIndex::new(members.iter().map(|member| member.name));
        Self {
            name,
            elements,
            members,
            required,
            index,
        }
    }

    /// The member of this name in JSON.
    pub(crate) fn member(&self, name: &str) -> Option<&Member> {
        self.index
            .find(name, |place| self.members[place].name)
            .map(|place| &self.members[place])
    }

    pub(crate) fn element(&self, member: &Member) -> &Element {
        &self.elements[usize::from(member.element)]
    }
}

/// An element as R4 defines it.
#[derive(Clone)]
pub(crate) struct Element {
    /// The name, of a choice without `[x]`.
    pub(crate) name: &'static str,
    pub(crate) min: u16,
    pub(crate) max: Option<u16>,
    pub(crate) choice: bool,
}

/// A name under which an element may stand in JSON.
pub(crate) struct Member {
    pub(crate) name: &'static str,
    /// The place of its element in the type.
    pub(crate) element: u8,
    pub(crate) shape: Shape,
    pub(crate) is_array: bool,
    pub(crate) is_choice: bool,
    /// The place of its required value set in the table.
    pub(crate) binding: Option<u16>,
    /// For a Reference that may not point at everything: the place of its targets in the table.
    pub(crate) targets: Option<u16>,
}

/// What a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Primitive(Primitive),
    Complex(TypeId),
    /// A resource of any type.
    Resource,
}

/// The resource types at which a reference may point.
pub(crate) struct TargetSet {
    pub(crate) names: Vec<&'static str>,
    /// One bit for every concrete resource type, in the order of their names.
    pub(crate) bits: [u64; 3],
}

impl TargetSet {
    pub(crate) fn allows(&self, resource_place: usize) -> bool {
        self.bits[resource_place / 64] >> (resource_place % 64) & 1 == 1
    }
}

/// A value set to which a code must belong.
#[derive(Debug, PartialEq, Eq)]
pub struct Binding {
    /// The canonical URL of the value set.
    pub url: &'static str,
    /// The codes in byte order; empty when the set cannot be listed and only its syntax is checked.
    pub codes: Vec<&'static str>,
    /// The code systems, each with its codes in byte order.
    pub systems: Vec<(&'static str, Vec<&'static str>)>,
    pub(crate) syntax: Syntax,
}

/// How a code is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// By the list of codes.
    Listed,
    /// A media type such as `text/plain; charset=utf-8`.
    Mime,
    /// Three capital letters.
    Currency,
    /// A language tag.
    Language,
    /// Not beyond the type's own syntax.
    Open,
}

impl Binding {
    /// The one system that a bare code implies.
    pub fn system(&self) -> Option<&'static str> {
        match self.systems.as_slice() {
            [(system, _)] => Some(system),
            _ => None,
        }
    }

    /// Whether a bare code is allowed.
    pub fn allows(&self, code: &str) -> bool {
        match self.syntax {
            Syntax::Listed => self.codes.binary_search(&code).is_ok(),
            Syntax::Mime => is_mime(code),
            Syntax::Currency => {
                code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())
            }
            Syntax::Language => is_language(code),
            Syntax::Open => true,
        }
    }

    /// Whether the codes are known one by one, rather than by their syntax.
    pub fn is_listed(&self) -> bool {
        self.syntax == Syntax::Listed
    }

    /// Whether a code of a system is in the list.
    pub fn allows_coding(&self, system: &str, code: &str) -> bool {
        self.systems
            .iter()
            .any(|(own, codes)| *own == system && codes.binary_search(&code).is_ok())
    }
}

/// FHIR itself also uses the short names of its own formats in elements of this kind.
fn is_mime(code: &str) -> bool {
    if matches!(code, "json" | "xml" | "ttl") {
        return true;
    }
    let essence = code.split(';').next().unwrap_or_default();
    essence.split_once('/').is_some_and(|(kind, subtype)| {
        let is_name = |name: &str| {
            !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'/')
        };
        is_name(kind.trim()) && is_name(subtype.trim())
    })
}

fn is_language(code: &str) -> bool {
    code.split('-').all(|part| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}
