// SPDX-License-Identifier: Apache-2.0
//! What can be wrong with a resource.

use std::fmt;

use thiserror::Error;

use crate::primitive::Primitive;

/// One fault of a resource. It names the place and the rule, never the value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The element, from the resource type on: `Patient.contact[0].gender`.
    pub path: String,
    /// The rule that was broken.
    pub rule: FaultRule,
    /// The rule's stable code.
    pub code: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

/// The rules of R4 that are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FaultRule {
    /// Not an object with a `resourceType` that R4 knows.
    #[error("this is not a resource that FHIR R4 knows")]
    ResourceType,
    /// An element that the type does not have.
    #[error("FHIR R4 has no such element here")]
    UnknownElement,
    /// An object where text belongs, a string where a number belongs, and so on.
    #[error("{expected} was expected")]
    Shape {
        /// What belongs there.
        expected: &'static str,
    },
    /// An element that must be there is not.
    #[error("a required element is missing")]
    Missing,
    /// A single value for an element that repeats.
    #[error("this element repeats and must be an array")]
    NotArray,
    /// An array for an element that does not repeat.
    #[error("this element does not repeat and must not be an array")]
    Repeated,
    /// Two types of one choice element.
    #[error("only one type of a choice element may be given")]
    Choice,
    /// A primitive whose text does not fit its type.
    #[error("this is not a valid {}", primitive.name())]
    Primitive {
        /// The type.
        primitive: Primitive,
    },
    /// A code outside a required value set.
    #[error("the code is not in the required value set {value_set}")]
    Binding {
        /// The value set.
        value_set: &'static str,
    },
    /// A reference to a type of resource that is not allowed there.
    #[error("a reference to this type of resource is not allowed here")]
    ReferenceTarget,
    /// A local reference without a contained resource.
    #[error("no contained resource has this id")]
    ReferenceContained,
    /// An empty object, array or string.
    #[error("an empty object, array or string is not allowed")]
    Empty,
    /// A primitive and its `_sibling` do not go together.
    #[error("a primitive and its extensions do not match")]
    Sibling,
    /// An extension with both value and extensions, or with neither.
    #[error("an extension has either a value or extensions of its own")]
    Extension,
    /// A contained resource that contains others.
    #[error("a contained resource must not contain others")]
    Contained,
    /// A narrative that is not one XHTML `div`.
    #[error("a narrative is one XHTML div")]
    Narrative,
}

impl FaultRule {
    /// The rule's stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::ResourceType => "SCH0001",
            Self::UnknownElement => "SCH0002",
            Self::Shape { .. } => "SCH0003",
            Self::Missing => "SCH0004",
            Self::NotArray | Self::Repeated => "SCH0005",
            Self::Choice => "SCH0006",
            Self::Primitive { .. } => "SCH0007",
            Self::Binding { .. } => "SCH0008",
            Self::ReferenceTarget | Self::ReferenceContained => "SCH0009",
            Self::Empty => "SCH0010",
            Self::Sibling => "SCH0011",
            Self::Extension => "SCH0012",
            Self::Contained => "SCH0013",
            Self::Narrative => "SCH0015",
        }
    }
}
