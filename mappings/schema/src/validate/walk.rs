// SPDX-License-Identifier: Apache-2.0
//! The walk over a resource.

use super::place::Place;
use super::{Fault, FaultRule, MAX_FAULTS};
use crate::json::{Json, Object};
use crate::primitive::Primitive;
use crate::table::{Element, Member, Shape, Table, TypeDef, TypeId};

pub(super) struct Walk {
    pub(super) table: &'static Table,
    pub(super) faults: Vec<Fault>,
}

/// The resource in whose `contained` a local reference is looked for.
pub(super) type Container<'r> = &'r Object;

impl Walk {
    pub(super) fn new(table: &'static Table) -> Self {
        Self {
            table,
            faults: Vec::new(),
        }
    }

    pub(super) fn fault(&mut self, place: &Place<'_>, rule: FaultRule) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault {
                path: place.spell(),
                rule,
                code: rule.code(),
            });
        }
    }

    /// A resource; `container` is the one that contains it, if one does.
    pub(super) fn resource(
        &mut self,
        value: &Json,
        place: &Place<'_>,
        container: Option<Container<'_>>,
    ) {
        let known = value.as_object().and_then(|object| {
            let name = object.get("resourceType")?.as_str()?;
            Some((object, self.table.resource(name)?))
        });
        let Some((object, id)) = known else {
            return self.fault(place, FaultRule::ResourceType);
        };
        if container.is_some() && object.contains("contained") {
            self.fault(&place.member("contained"), FaultRule::Contained);
        }
        self.object(id, object, place, container.unwrap_or(object), true);
    }

    /// The members of an object of some type.
    fn object(
        &mut self,
        id: TypeId,
        object: &Object,
        place: &Place<'_>,
        container: Container<'_>,
        is_resource: bool,
    ) {
        let table = self.table;
        let own = table.get(id);
        if object.is_empty() {
            return self.fault(place, FaultRule::Empty);
        }
        let mut seen = 0_u128;
        for (name, value) in object.iter() {
            if self.faults.len() >= MAX_FAULTS {
                return;
            }
            let (bare, is_sibling) = match name.strip_prefix('_') {
                Some(bare) => (bare, true),
                None => (name, false),
            };
            let Some(member) = own.member(bare) else {
                if !(is_resource && name == "resourceType") {
                    self.fault(&place.member(name), FaultRule::UnknownElement);
                }
                continue;
            };
            let bit = 1 << member.element;
            if member.is_choice && seen & bit != 0 && is_other_choice(own, member, object, name) {
                self.fault(&place.member(name), FaultRule::Choice);
            }
            seen |= bit;
            let here = place.member(name);
            match (is_sibling, member.shape) {
                (false, _) => self.member(member, value, &here, object, container),
                (true, Shape::Primitive(_)) => {
                    self.sibling(member, value, &here, object, container);
                }
                (true, _) => self.fault(&here, FaultRule::UnknownElement),
            }
        }
        if own.required & !seen != 0 {
            self.missing(own, seen, place);
        }
    }

    fn missing(&mut self, own: &TypeDef, seen: u128, place: &Place<'_>) {
        for (number, element) in own.elements.iter().enumerate() {
            if element.min > 0 && seen >> number & 1 == 0 {
                let name = element_name(element);
                self.fault(&place.member(&name), FaultRule::Missing);
            }
        }
    }

    fn member(
        &mut self,
        member: &Member,
        value: &Json,
        place: &Place<'_>,
        owner: &Object,
        container: Container<'_>,
    ) {
        match (member.is_array, value) {
            (false, Json::Array(_)) => self.fault(place, FaultRule::Repeated),
            (false, _) => self.value(member, value, place, container),
            (true, Json::Array(items)) if items.is_empty() => self.fault(place, FaultRule::Empty),
            (true, Json::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    let here = place.item(index);
                    if item.is_null() && matches!(member.shape, Shape::Primitive(_)) {
                        self.placeholder(member, index, &here, owner);
                    } else {
                        self.value(member, item, &here, container);
                    }
                }
            }
            (true, _) => self.fault(place, FaultRule::NotArray),
        }
    }

    /// A `null` in an array of primitives needs extensions at its place.
    fn placeholder(&mut self, member: &Member, index: usize, place: &Place<'_>, owner: &Object) {
        let name = format!("_{}", member.name);
        let sibling = owner.get(&name).and_then(|siblings| siblings.at(index));
        if !matches!(sibling, Some(Json::Object(_))) {
            self.fault(place, FaultRule::Sibling);
        }
    }

    /// The extensions of a primitive, in the member with an underscore.
    fn sibling(
        &mut self,
        member: &Member,
        value: &Json,
        place: &Place<'_>,
        owner: &Object,
        container: Container<'_>,
    ) {
        let items = match (member.is_array, value) {
            (false, Json::Object(object)) => {
                return self.object(self.table.element, object, place, container, false);
            }
            (true, Json::Array(items)) if !items.is_empty() => items,
            (true, Json::Array(_)) => return self.fault(place, FaultRule::Empty),
            (true, _) => return self.fault(place, FaultRule::NotArray),
            (false, Json::Array(_)) => return self.fault(place, FaultRule::Repeated),
            (false, _) => return self.shape(place, "an object"),
        };
        let values = owner.get(member.name).and_then(Json::as_array);
        if values.is_some_and(|values| values.len() != items.len()) {
            self.fault(place, FaultRule::Sibling);
        }
        for (index, item) in items.iter().enumerate() {
            let here = place.item(index);
            let has_value = values.and_then(|values| values.get(index)).is_some();
            match item {
                Json::Object(object) => {
                    self.object(self.table.element, object, &here, container, false);
                }
                Json::Null if has_value => {}
                Json::Null => self.fault(&here, FaultRule::Sibling),
                _ => self.shape(&here, "an object"),
            }
        }
    }

    /// One value of a member, which is not an array.
    fn value(
        &mut self,
        member: &Member,
        value: &Json,
        place: &Place<'_>,
        container: Container<'_>,
    ) {
        match member.shape {
            Shape::Primitive(primitive) => {
                if self.primitive(primitive, value, place) && member.binding.is_some() {
                    self.bound_code(member, value, place);
                }
            }
            Shape::Complex(id) => match value {
                Json::Object(object) => {
                    self.object(id, object, place, container, false);
                    self.special(member, id, object, place, container);
                }
                _ => self.shape(place, "an object"),
            },
            Shape::Resource => {
                let container = (member.name == "contained").then_some(container);
                self.resource(value, place, container);
            }
        }
    }

    /// What some datatypes ask beyond their elements.
    fn special(
        &mut self,
        member: &Member,
        id: TypeId,
        object: &Object,
        place: &Place<'_>,
        container: Container<'_>,
    ) {
        if member.binding.is_some() {
            self.bound_concept(member, object, place);
        }
        match self.table.get(id).name {
            "Reference" => self.reference(member, object, place, container),
            "Extension" => {
                let has_value = object
                    .iter()
                    .any(|(name, _)| name.trim_start_matches('_').starts_with("value"));
                if has_value == object.contains("extension") {
                    self.fault(place, FaultRule::Extension);
                }
            }
            _ => {}
        }
    }

    /// Whether the value is a primitive of this type.
    fn primitive(&mut self, primitive: Primitive, value: &Json, place: &Place<'_>) -> bool {
        let (text, expected) = match (primitive, value) {
            (Primitive::Boolean, Json::Bool(_)) => return true,
            (Primitive::Boolean, _) => (None, "true or false"),
            (_, Json::Number(token)) if primitive.is_number() => (Some(token), "a number"),
            (_, Json::String(text)) if !primitive.is_number() => (Some(text), "a string"),
            (_, _) if primitive.is_number() => (None, "a number"),
            (_, _) => (None, "a string"),
        };
        let Some(text) = text else {
            self.shape(place, expected);
            return false;
        };
        let is_valid = primitive.accepts(text);
        if !is_valid {
            self.fault(
                place,
                match primitive {
                    _ if text.is_empty() => FaultRule::Empty,
                    Primitive::Xhtml => FaultRule::Narrative,
                    _ => FaultRule::Primitive { primitive },
                },
            );
        }
        is_valid
    }

    pub(super) fn shape(&mut self, place: &Place<'_>, expected: &'static str) {
        self.fault(place, FaultRule::Shape { expected });
    }
}

/// Whether another type of the same choice is in the object; `x` and `_x` are one.
fn is_other_choice(own: &TypeDef, member: &Member, object: &Object, name: &str) -> bool {
    object
        .iter()
        .take_while(|(other, _)| *other != name)
        .filter_map(|(other, _)| own.member(other.strip_prefix('_').unwrap_or(other)))
        .any(|other| other.element == member.element && other.name != member.name)
}

fn element_name(element: &Element) -> String {
    match element.choice {
        true => format!("{}[x]", element.name),
        false => element.name.to_owned(),
    }
}
