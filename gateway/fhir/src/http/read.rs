// SPDX-License-Identifier: Apache-2.0
//! Read and vread.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use silsila_store::chain::Op;
use silsila_store::rusqlite::Connection;
use silsila_store::{CommittedEntry, Store};

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
    state.read_now(&asked.permit, |conn| {
        let head = head(conn, &state.keyed(), &resource_type, &id)?;
        if is_conditional(&headers) {
            let version = lookup::version(conn, head)?.ok_or(Refusal::Corrupt)?;
            if !version.deletes && is_unchanged(&headers, &version) {
                return Ok(Answer::unchanged(&version));
            }
        }
        let entry = committed(state.store(), conn, head)?;
        let version = i64::try_from(entry.record().version).map_err(|_| Refusal::Corrupt)?;
        if entry.record().op == Op::Delete {
            return Err(Refusal::Deleted {
                resource_type: resource_type.clone(),
                version: entry.record().version,
            });
        }
        let updated_ms = time_of(&entry);
        let mut body = Vec::with_capacity(2_048);
        append_entry(&mut body, entry)?;
        Ok(Answer {
            body,
            version: Some(version),
            updated_ms: Some(updated_ms),
            unchanged: false,
        })
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
        if is_unchanged(&headers, &version) {
            return Ok(Answer::unchanged(&version));
        }
        Ok(Answer {
            body: body(state.store(), conn, version.vid)?,
            version: Some(version.version),
            updated_ms: Some(version.updated_ms),
            unchanged: false,
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

/// An entry, checked against the ledger.
pub fn committed(store: &Store, conn: &Connection, vid: i64) -> Result<CommittedEntry, Refusal> {
    let seq = u64::try_from(vid).map_err(|_| Refusal::Corrupt)?;
    Ok(store.committed(conn, seq)?)
}

/// The text of a version with its number and time.
pub fn body(store: &Store, conn: &Connection, vid: i64) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::with_capacity(2_048);
    append_entry(&mut out, committed(store, conn, vid)?)?;
    Ok(out)
}

/// The same, at the end of a buffer.
pub fn append_entry(out: &mut Vec<u8>, entry: CommittedEntry) -> Result<(), Refusal> {
    let (number, updated_ms) = (entry.record().version, time_of(&entry));
    let payload = entry.into_payload().ok_or(Refusal::PayloadAbsent)?;
    with_meta(out, &payload.body, number, updated_ms);
    Ok(())
}

fn time_of(entry: &CommittedEntry) -> i64 {
    i64::try_from(entry.time_ms()).unwrap_or(i64::MAX)
}

fn is_conditional(headers: &HeaderMap) -> bool {
    headers.contains_key(header::IF_NONE_MATCH) || headers.contains_key(header::IF_MODIFIED_SINCE)
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
