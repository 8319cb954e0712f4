// SPDX-License-Identifier: Apache-2.0
//! Codes that must come from a value set.

use super::FaultRule;
use super::place::Place;
use super::walk::Walk;
use crate::json::{Json, Object};
use crate::table::{Binding, Member};

impl Walk {
    fn binding(&self, member: &Member) -> Option<&'static Binding> {
        member
            .binding
            .map(|number| &self.table.bindings[usize::from(number)])
    }

    /// A primitive with a required value set.
    pub(super) fn bound_code(&mut self, member: &Member, value: &Json, place: &Place<'_>) {
        let Some((binding, code)) = self.binding(member).zip(value.as_str()) else {
            return;
        };
        if !binding.allows(code) {
            self.outside(binding, place);
        }
    }

    /// A Coding, or a CodeableConcept of which one coding must be in the value set. Other datatypes
    /// with a required value set (a Quantity and its unit) are left to profiles.
    pub(super) fn bound_concept(&mut self, member: &Member, object: &Object, place: &Place<'_>) {
        let Some(binding) = self.binding(member) else {
            return;
        };
        let is_allowed = match object.get("coding") {
            Some(Json::Array(codings)) => codings.iter().any(|coding| allows(binding, coding)),
            _ if self.is_named(member, "Coding") => {
                let (system, code) = (text(object, "system"), text(object, "code"));
                binding.allows_coding(system, code)
            }
            _ => !self.is_named(member, "CodeableConcept"),
        };
        if !is_allowed {
            self.outside(binding, place);
        }
    }

    fn outside(&mut self, binding: &Binding, place: &Place<'_>) {
        let value_set = binding.url;
        self.fault(place, FaultRule::Binding { value_set });
    }
}

fn allows(binding: &Binding, coding: &Json) -> bool {
    coding
        .as_object()
        .is_some_and(|coding| binding.allows_coding(text(coding, "system"), text(coding, "code")))
}

fn text<'o>(object: &'o Object, member: &str) -> Option<&'o str> {
    object.get(member)?.as_str()
}
