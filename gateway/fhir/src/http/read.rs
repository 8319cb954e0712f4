// SPDX-License-Identifier: Apache-2.0
//! Read and vread.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use silsila_store::Store;
use silsila_store::rusqlite::Connection;

use super::answer::Answer;
use super::asked::Asked;
use super::provenance;
use crate::author::provenance::TYPE;
use crate::index::key::Keyed;
use crate::index::lookup::{self, Version};
use crate::refusal::{Refusal, shown};
use crate::splice::{parse_http_date, with_meta};
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
    let store = state.store().clone();
    state.read_now(&asked.permit, |conn| {
        let version = current(conn, &state.keyed(), &resource_type, &id)?;
        let mut answer = Answer {
            version: Some(version.version),
            updated_ms: Some(version.updated_ms),
            ..Answer::default()
        };
        if version.deletes {
            return Err(Refusal::Deleted {
                resource_type: resource_type.clone(),
                version: u64::try_from(version.version).unwrap_or(0),
            });
        }
        if is_unchanged(&headers, &version) {
            answer.unchanged = true;
        } else {
            answer.body = body(&store, conn, &version)?;
        }
        Ok(answer)
    })
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
    let store = state.store().clone();
    state.read_now(&asked.permit, |conn| {
        let missing = || Refusal::UnknownVersion {
            resource_type: resource_type.clone(),
        };
        let wanted: i64 = number.parse().map_err(|_| missing())?;
        let head = current(conn, &state.keyed(), &resource_type, &id)?;
        let mut found = None;
        for version in lookup::back_from(conn, head.vid) {
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
        let unchanged = is_unchanged(&headers, &version);
        Ok(Answer {
            body: if unchanged {
                Vec::new()
            } else {
                body(&store, conn, &version)?
            },
            version: Some(version.version),
            updated_ms: Some(version.updated_ms),
            unchanged,
        })
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

/// The current version of a resource.
pub fn current(
    conn: &Connection,
    keyed: &Keyed,
    resource_type: &str,
    id: &str,
) -> Result<Version, Refusal> {
    let (_, head) = lookup::resource(conn, keyed, resource_type, id)?.ok_or_else(|| {
        Refusal::UnknownResource {
            resource_type: resource_type.to_owned(),
        }
    })?;
    lookup::version(conn, head)?.ok_or(Refusal::Corrupt)
}

/// The text of a version, checked against the ledger, with its version and time.
pub fn body(store: &Store, conn: &Connection, version: &Version) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(2_048);
    append_body(&mut out, store, conn, version)?;
    Ok(out)
}

/// The same, at the end of a buffer.
pub fn append_body(
    out: &mut Vec<u8>,
    store: &Store,
    conn: &Connection,
    version: &Version,
) -> Result<(), Refusal> {
    let seq = u64::try_from(version.vid).map_err(|_| Refusal::Corrupt)?;
    let entry = store.committed(conn, seq)?;
    let (number, time_ms) = (entry.record().version, entry.time_ms());
    let payload = entry.into_payload().ok_or(Refusal::PayloadAbsent)?;
    let updated_ms = i64::try_from(time_ms).unwrap_or(i64::MAX);
    with_meta(out, &payload.body, number, updated_ms);
    Ok(())
}

/// Whether the client's own copy is this version (RFC 9110, section 13): a tag goes before a time.
fn is_unchanged(headers: &HeaderMap, version: &Version) -> bool {
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
