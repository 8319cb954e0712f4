// SPDX-License-Identifier: Apache-2.0
//! `Provenance`.

use crate::http::{Answer, Asked};
use crate::refusal::Refusal;
use crate::state::FhirState;

/// The name of the type.
pub const TYPE: &str = "Provenance";

/// One provenance by its id.
pub async fn read(_state: &FhirState, _asked: &Asked, _id: &str) -> Result<Answer, Refusal> {
    Err(Refusal::UnknownResource {
        resource_type: TYPE.into(),
    })
}
