// SPDX-License-Identifier: Apache-2.0
//! The capability statement.

use axum::Extension;
use axum::extract::State;

use super::answer::Answer;
use super::asked::Asked;
use crate::author::{capability, provenance};
use crate::index::lookup;
use crate::refusal::Refusal;
use crate::state::FhirState;

/// `GET metadata`
pub async fn metadata(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
) -> Result<Answer, Refusal> {
    let mut types = state.read_now(&asked.permit, |conn| Ok(lookup::kinds(conn)?))?;
    let settings = state.settings();
    types.extend(
        settings
            .types
            .iter()
            .filter_map(|name| Some(crate::index::plan::of_type(name)?.name)),
    );
    types.retain(|name| *name != provenance::TYPE);
    types.sort_unstable();
    types.dedup();
    let body = capability::statement(settings, &asked.base, &types).ok_or(Refusal::Internal)?;
    Ok(Answer {
        body: body.into(),
        ..Answer::default()
    })
}
