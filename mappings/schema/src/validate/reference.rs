// SPDX-License-Identifier: Apache-2.0
//! Where a Reference may point.

use super::FaultRule;
use super::place::Place;
use super::walk::{Container, Walk};
use crate::json::{Json, Object};
use crate::reference::relative;
use crate::table::Member;

impl Walk {
    pub(super) fn reference(
        &mut self,
        member: &Member,
        object: &Object,
        place: &Place<'_>,
        container: Container<'_>,
    ) {
        let literal = object.get("reference").and_then(Json::as_str);
        let stated = object.get("type").and_then(Json::as_str);
        if let Some(literal) = literal {
            self.literal(member, literal, &place.member("reference"), container);
        }
        if let Some(stated) = stated {
            let contradicts = literal
                .and_then(relative)
                .is_some_and(|(kind, _)| kind != stated);
            let is_other = self.table.resource(stated).is_some() && !self.is_target(member, stated);
            if contradicts || is_other {
                self.fault(&place.member("type"), FaultRule::ReferenceTarget);
            }
        }
    }

    fn literal(
        &mut self,
        member: &Member,
        literal: &str,
        place: &Place<'_>,
        container: Container<'_>,
    ) {
        if let Some(id) = literal.strip_prefix('#') {
            if id.is_empty() {
                return; // the container itself
            }
            match contained_type(container, id) {
                None => self.fault(place, FaultRule::ReferenceContained),
                Some(kind) if !self.is_target(member, kind) => {
                    self.fault(place, FaultRule::ReferenceTarget);
                }
                Some(_) => {}
            }
        } else if let Some((kind, _)) = relative(literal)
            && !self.is_target(member, kind)
        {
            self.fault(place, FaultRule::ReferenceTarget);
        }
    }

    /// Whether a member may point at this type of resource, which must exist.
    fn is_target(&self, member: &Member, kind: &str) -> bool {
        let Some(place) = self.table.resource_place(kind) else {
            return false;
        };
        member
            .targets
            .is_none_or(|targets| self.table.targets[usize::from(targets)].allows(place))
    }
}

fn contained_type<'c>(container: Container<'c>, id: &str) -> Option<&'c str> {
    let contained = container.get("contained")?.as_array()?;
    let is_it = |resource: &&Json| resource.get("id").and_then(Json::as_str) == Some(id);
    contained.iter().find(is_it)?.get("resourceType")?.as_str()
}
