// SPDX-License-Identifier: Apache-2.0
//! Whether a mapping can make a valid resource at all. Every slot is filled with a value that suits its
//! element, and the whole is held against FHIR: what is then missing can never be there.

use silsila_diagnostics::{Diagnostic, Diagnostics, Place};
use silsila_schema::{FaultRule, Json, Primitive, json::Object, validate};

use super::fit::Fit;
use super::template::{Role, Slot, Template, Values};
use crate::language::mapping_file::MappingFile;

/// `attempted` are nodes whose value is faulty, `meant` the elements that faulty paths were meant for: what is
/// missing because of them has been reported.
pub(crate) fn check(
    mapping: &MappingFile,
    template: &Template,
    places: &[Place],
    (attempted, meant): (&[usize], &[&str]),
    found: &mut Diagnostics,
) {
    let mut opaque = attempted.to_vec();
    let mut values = specimen(template, &mut opaque);
    let Some(mut resource) = template.assemble(&mut values, true) else {
        return;
    };
    let resource_type = mapping.resource.0.as_str();
    let Some(object) = resource.as_object_mut() else {
        return;
    };
    object.insert("resourceType", Json::from(resource_type));
    object.insert("id", Json::from("x"));
    for fault in validate(&resource) {
        if fault.rule != FaultRule::Missing {
            continue;
        }
        let path = fault.path.split_once('.').map_or("", |(_, path)| path);
        let (parent, missing) = path.rsplit_once('.').unwrap_or(("", path));
        let located = template.locate(&values, parent);
        if opaque.contains(&located.node) || meant.contains(&missing) {
            continue;
        }
        let node = &template.nodes[located.node];
        let within = if located.node == 0 {
            resource_type
        } else {
            &*node.path
        };
        let message = format!("FHIR demands {missing} of {within}, and nothing here gives it");
        let place = places[located.node].clone();
        found.push(Diagnostic::error("MAP0026", message).at(place));
    }
}

/// Values as if every expression had one.
fn specimen(template: &Template, opaque: &mut Vec<usize>) -> Values {
    let mut values = template.values();
    for (slot, value) in template.slots.iter().zip(&mut values.slots) {
        *value = Some(specimen_of(template, slot, opaque));
    }
    for (each, entries) in template.eaches.iter().zip(&mut values.eaches) {
        let mut inner = specimen(&each.template, &mut Vec::new());
        if let Some(entry) = each.template.assemble(&mut inner, true) {
            entries.push((0, entry));
        }
    }
    values
}

fn specimen_of(template: &Template, slot: &Slot, opaque: &mut Vec<usize>) -> Json {
    if slot.fit.primitive.is_none() {
        // What a record or reference holds is known only when there is a row.
        opaque.push(slot.node);
        if template.nodes[slot.node].role == Role::Array {
            return Json::Array(vec![Json::Object(Object::new())]);
        }
    }
    example(slot.fit)
}

/// A value that suits an element, as far as that can be said without a row.
pub(crate) fn example(fit: Fit) -> Json {
    let Some(primitive) = fit.primitive else {
        return Json::Object(Object::new());
    };
    let code = fit.binding.and_then(|b| b.codes.first());
    let json = match code {
        Some(code) => Json::from(*code),
        None => primitive_example(primitive),
    };
    if fit.array {
        Json::Array(vec![json])
    } else {
        json
    }
}

fn primitive_example(primitive: Primitive) -> Json {
    use Primitive as P;
    match primitive {
        P::Boolean => Json::Bool(true),
        P::Integer | P::UnsignedInt | P::PositiveInt | P::Decimal => Json::Number("1".into()),
        P::Date | P::DateTime => Json::from("2024-01-01"),
        P::Instant => Json::from("2024-01-01T00:00:00Z"),
        P::Time => Json::from("00:00:00"),
        P::Oid => Json::from("urn:oid:1.2.3"),
        P::Uuid => Json::from("urn:uuid:00000000-0000-4000-8000-000000000000"),
        P::Base64Binary => Json::from("AAAA"),
        P::Xhtml => Json::from("<div xmlns=\"http://www.w3.org/1999/xhtml\">x</div>"),
        _ => Json::from("x"),
    }
}
