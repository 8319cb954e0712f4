// SPDX-License-Identifier: Apache-2.0
//! Read and vread.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use silsila_store::rusqlite::Connection;

use super::answer::Answer;
use super::asked::Asked;
use super::provenance;
use crate::author::provenance::TYPE;
use crate::index::key::Keyed;
use crate::index::lookup;
use crate::refusal::{Refusal, shown};
use crate::served::Ready;
use crate::splice::parse_http_date;
use crate::state::FhirState;

/// `GET [type]/[id]`
pub async fn read(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path((resource_type, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Answer, Refusal> {
    known_type(&resource_type)?;
    if id.starts_with('$') {
        return Err(Refusal::NotSupported {
            interaction: "this operation",
        });
    }
    if resource_type == TYPE {
        return provenance::read(&state, &asked, &id).await;
    }
    let name = format!("{resource_type}/{id}");
    let ready = state.newest(&asked.permit, &name, |conn| {
        head(conn, &state.keyed(), &resource_type, &id)
    })?;
    if ready.deletes {
        return Err(Refusal::Deleted {
            resource_type,
            version: ready.version,
        });
    }
    let unchanged = is_unchanged(&headers, &ready);
    Ok(Answer::of_version(&ready, unchanged))
}

/// `GET [type]/[id]/_history/[version]`
pub async fn vread(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path((resource_type, id, number)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Answer, Refusal> {
    known_type(&resource_type)?;
    if resource_type == TYPE && number == "1" {
        return provenance::read(&state, &asked, &id).await;
    }
    state.read_now(&asked.permit, |conn| {
        let missing = || Refusal::UnknownVersion {
            resource_type: resource_type.clone(),
        };
        let wanted: i64 = number.parse().map_err(|_| missing())?;
        let head = head(conn, &state.keyed(), &resource_type, &id)?;
        let mut found = None;
        for version in lookup::back_from(conn, head) {
            let version = version?;
            if version.version == wanted {
                found = Some(version);
                break;
            }
        }
        let version = found.ok_or_else(missing)?;
        if version.deletes {
            return Err(Refusal::Deleted {
                resource_type: resource_type.clone(),
                version: u64::try_from(wanted).unwrap_or(0),
            });
        }
        let ready = state.ready(&asked.permit, conn, version.vid)?;
        Ok(Answer::of_version(&ready, is_unchanged(&headers, &ready)))
    })
}

/// Refuses a name that is no resource type.
pub fn known_type(resource_type: &str) -> Result<(), Refusal> {
    if crate::index::plan::of_type(resource_type).is_some() {
        return Ok(());
    }
    if !resource_type.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(Refusal::NoSuchPath);
    }
    Err(Refusal::UnknownType {
        name: shown(resource_type),
    })
}

/// The entry of a resource's current version.
pub fn head(
    conn: &Connection,
    keyed: &Keyed,
    resource_type: &str,
    id: &str,
) -> Result<i64, Refusal> {
    let found = lookup::resource(conn, keyed, resource_type, id)?;
    let (_, head) = found.ok_or_else(|| Refusal::UnknownResource {
        resource_type: resource_type.to_owned(),
    })?;
    Ok(head)
}

/// Whether the client's own copy is this version (RFC 9110, section 13): a tag goes before a time.
fn is_unchanged(headers: &HeaderMap, version: &Ready) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(tags) = text(header::IF_NONE_MATCH) {
        let own = format!("\"{}\"", version.version);
        return tags
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || tag == own);
    }
    // Whole seconds, as the header that the client was given.
    text(header::IF_MODIFIED_SINCE)
        .and_then(parse_http_date)
        .is_some_and(|since| since >= version.updated_ms.div_euclid(1_000))
}
