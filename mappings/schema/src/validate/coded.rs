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

    /// A CodeableConcept, of which one coding must be in the value set. R4 requires value sets of no
    /// other datatype.
    pub(super) fn bound_concept(&mut self, member: &Member, object: &Object, place: &Place<'_>) {
        let Some(binding) = self.binding(member) else {
            return;
        };
        let codings = object.get("coding").and_then(Json::as_array);
        let mut codings = codings.unwrap_or_default().iter();
        if binding.is_listed() && !codings.any(|coding| allows(binding, coding)) {
            self.outside(binding, place);
        }
    }

    fn outside(&mut self, binding: &Binding, place: &Place<'_>) {
        let value_set = binding.url;
        self.fault(place, FaultRule::Binding { value_set });
    }
}

fn allows(binding: &Binding, coding: &Json) -> bool {
    let text = |member| coding.get(member)?.as_str();
    text("system")
        .zip(text("code"))
        .is_some_and(|(system, code)| binding.allows_coding(system, code))
}
