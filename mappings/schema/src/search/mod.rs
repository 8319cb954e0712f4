// SPDX-License-Identifier: Apache-2.0
//! Search parameters: which there are, and the values that a resource gives to each of them, as
//! <https://hl7.org/fhir/R4/search.html> says.
//!
//! Composite and `special` parameters are not offered, and neither is one whose expression cannot
//! be compiled; a snapshot in the tests lists them. R4 sets no limit on repeating a parameter or on
//! the values joined by commas, and declares the same comparators for all parameters of a kind.

mod convert;
mod fhirpath;
mod normalize;
mod number;
mod plan;
mod tree;
mod value;

use std::sync::{LazyLock, OnceLock};

pub use normalize::normalize;
pub use number::{NumberRange, parse_number_range};
pub use value::{IndexValue, Kind, ReferenceValue, SearchParam};

use crate::json::Json;
use crate::table::table;
use plan::Plan;

/// The plans by the place of their resource type, each compiled at its first use.
static PLANS: LazyLock<Vec<OnceLock<Plan>>> =
    LazyLock::new(|| table().resources.iter().map(|_| OnceLock::new()).collect());

fn plan(resource_type: &str) -> Option<&'static Plan> {
    let place = table().resource_place(resource_type)?;
    Some(PLANS[place].get_or_init(|| Plan::compile(table().resources[place]).0))
}

/// See [`plan::reference_paths`]; nothing for an unknown resource type.
pub(crate) fn reference_paths(resource_type: &str, code: &str, target: &str) -> Vec<String> {
    let resource = table().resource(resource_type);
    resource.map_or_else(Vec::new, |id| plan::reference_paths(id, code, target))
}

/// The search parameters of a resource type, sorted by code; none for an unknown type.
pub fn params(resource_type: &str) -> &'static [SearchParam] {
    plan(resource_type).map_or(&[], |plan| &plan.params)
}

/// The parameter of this code.
pub fn param(resource_type: &str, code: &str) -> Option<&'static SearchParam> {
    let params = params(resource_type);
    let place = params.binary_search_by(|param| param.code.cmp(code)).ok()?;
    params.get(place)
}

/// Gives every index value of a resource to `sink`, except those of `_id` and `_lastUpdated`, which
/// the server knows better. The order is that of the plans and the same value may come twice. What
/// is not a resource of a known type gives nothing.
pub fn extract<'a>(resource: &'a Json, sink: &mut dyn FnMut(&'static SearchParam, IndexValue<'a>)) {
    let plan = resource
        .get("resourceType")
        .and_then(Json::as_str)
        .and_then(plan);
    if let Some((plan, object)) = plan.zip(resource.as_object()) {
        plan.extract(object, sink);
    }
}

/// The milliseconds since 1970 (UTC), both ends included, that a date in a query covers: a FHIR
/// date or dateTime, of which a search may leave out the seconds and the zone. Without a zone the
/// text is taken as UTC, as dates in resources are, so that the same text always meets itself.
pub fn parse_date_range(text: &str) -> Option<(i64, i64)> {
    crate::calendar::date_range(text)
}

#[cfg(test)]
mod tests;
