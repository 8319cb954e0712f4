// SPDX-License-Identifier: Apache-2.0
//! History of an instance, a type, and everything: newest first, as FHIR asks.

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use form_urlencoded::Serializer;
use silsila_store::rusqlite::{Connection, params};

use super::answer::Answer;
use super::asked::{Asked, form_pairs};
use super::read::{head, known_type};
use crate::bundle::{Bundle, Past};
use crate::index::lookup::{self, Version};
use crate::index::tables::types;
use crate::refusal::{Refusal, shown};
use crate::search::entries::entries_of;
use crate::search::page::{self, Page};
use crate::search::parameters::malformed;
use crate::search::query::{GREATEST_COUNT, USUAL_COUNT};
use crate::search::range::DateTest;
use crate::splice::instant;
use crate::state::FhirState;

/// `GET [type]/[id]/_history`
pub async fn of_instance(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path((resource_type, id)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    known_type(&resource_type)?;
    let path = format!("{resource_type}/{id}/_history");
    answer(
        &state,
        asked,
        path,
        query,
        Scope::Instance(resource_type, id),
    )
    .await
}

/// `GET [type]/_history`
pub async fn of_type(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path(resource_type): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    known_type(&resource_type)?;
    let path = format!("{resource_type}/_history");
    answer(&state, asked, path, query, Scope::Type(resource_type)).await
}

/// `GET _history`
pub async fn system(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    answer(&state, asked, "_history".into(), query, Scope::All).await
}

enum Scope {
    Instance(String, String),
    Type(String),
    All,
}

/// What a history is asked for.
#[derive(Default)]
struct Wish {
    count: usize,
    since: Option<DateTest>,
    page: Option<String>,
    used: Vec<(String, String)>,
}

impl Wish {
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut wish = Self {
            count: USUAL_COUNT,
            ..Self::default()
        };
        for (name, value) in form_pairs(query) {
            match &*name {
                "_format" | "_pretty" => continue,
                "_page" => {
                    wish.page = Some(value.into_owned());
                    continue;
                }
                "_count" => {
                    let count: usize = value
                        .parse()
                        .map_err(|_| malformed("_count", "a whole number, 0 or more"))?;
                    wish.count = count.min(GREATEST_COUNT);
                }
                "_since" => {
                    let test = DateTest::parse(&format!("ge{value}"), 0);
                    wish.since = Some(test.ok_or(malformed("_since", "an instant"))?);
                }
                _ => {
                    return Err(Refusal::UnknownParameter {
                        parameter: shown(&name),
                        resource_type: "a history".into(),
                    });
                }
            }
            wish.used.push((name.into_owned(), value.into_owned()));
        }
        Ok(wish)
    }
}

async fn answer(
    state: &FhirState,
    asked: Asked,
    path: String,
    query: Option<String>,
    scope: Scope,
) -> Result<Answer, Refusal> {
    let wish = Wish::parse(query.as_deref().unwrap_or(""))?;
    let permit = asked.permit.clone();
    state
        .work(&permit, move |state, permit| {
            state.read_now(permit, |conn| {
                history(state, conn, &asked, &path, &wish, &scope)
            })
        })
        .await
}

fn history(
    state: &FhirState,
    conn: &Connection,
    asked: &Asked,
    path: &str,
    wish: &Wish,
    scope: &Scope,
) -> Result<Answer, Refusal> {
    let binding = page::binding(path, &wish.used);
    let page = match &wish.page {
        Some(token) => Page::open(token, state.page_key(), &binding)?,
        None => Page {
            snapshot: lookup::tip(conn)?,
            after: None,
            total: None,
        },
    };
    let lowest = match &wish.since {
        Some(since) => entries_of(conn, &[*since])?
            .first()
            .map_or(0, |(from, _)| *from),
        None => 0,
    };
    let highest = page.after.map_or(page.snapshot, |after| after - 1);
    let limit = wish.count.saturating_add(1);
    let (versions, total) = match scope {
        Scope::Instance(resource_type, id) => {
            of_resource(state, conn, (resource_type, id), (lowest, highest), limit)?
        }
        Scope::Type(resource_type) => (
            of_kind(conn, types::number(resource_type), (lowest, highest), limit)?,
            None,
        ),
        Scope::All => (of_kind(conn, None, (lowest, highest), limit)?, None),
    };
    let mut links = vec![("self", link(asked, path, wish, wish.page.clone()))];
    let shown = &versions[..versions.len().min(wish.count)];
    if let (true, Some(last)) = (versions.len() > wish.count, shown.last()) {
        let next = Page {
            after: Some(last.vid),
            ..page
        };
        let token = next.seal(state.page_key(), &binding);
        links.push(("next", link(asked, path, wish, Some(token))));
    }
    let mut bundle = Bundle::new("history", total, &links);
    for version in shown {
        add(state, conn, asked, version, &mut bundle)?;
    }
    Ok(Answer {
        body: bundle.finish().into(),
        ..Answer::default()
    })
}

fn link(asked: &Asked, path: &str, wish: &Wish, page: Option<String>) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(&wish.used);
    if let Some(page) = page {
        pairs.append_pair("_page", &page);
    }
    let text = pairs.finish();
    let mark = if text.is_empty() { "" } else { "?" };
    format!("{}/{path}{mark}{text}", asked.base)
}

/// The versions of one resource between two entries, and how many there are in all.
fn of_resource(
    state: &FhirState,
    conn: &Connection,
    (resource_type, id): (&str, &str),
    (lowest, highest): (i64, i64),
    limit: usize,
) -> Result<(Vec<Version>, Option<u64>), Refusal> {
    let head = head(conn, &state.keyed(), resource_type, id)?;
    let mut versions = Vec::new();
    let mut total = 0;
    for version in lookup::back_from(conn, head) {
        let version = version?;
        if version.vid < lowest {
            break;
        }
        total += 1;
        if version.vid <= highest && versions.len() < limit {
            versions.push(version);
        }
    }
    Ok((versions, Some(total)))
}

/// The versions of a type, or all, between two entries.
fn of_kind(
    conn: &Connection,
    kind: Option<i64>,
    (lowest, highest): (i64, i64),
    limit: usize,
) -> Result<Vec<Version>, Refusal> {
    let mut find = conn.prepare_cached(
        "SELECT vid FROM fhir_version WHERE vid BETWEEN ?1 AND ?2 AND type >= 0
         AND (?3 IS NULL OR type = ?3) ORDER BY vid DESC LIMIT ?4",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let vids: Vec<i64> = find
        .query_map(params![lowest, highest, kind, limit], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let mut versions = Vec::with_capacity(vids.len());
    for vid in vids {
        versions.extend(lookup::version(conn, vid)?);
    }
    Ok(versions)
}

fn add(
    state: &FhirState,
    conn: &Connection,
    asked: &Asked,
    version: &Version,
    bundle: &mut Bundle,
) -> Result<(), Refusal> {
    let (kind, id) = lookup::name_of(conn, version.rid)?.ok_or(Refusal::Corrupt)?;
    let url = format!("{kind}/{id}");
    let (method, status) = match (version.deletes, version.version) {
        (true, _) => ("DELETE", "204"),
        (false, 1) => ("PUT", "201"),
        (false, _) => ("PUT", "200"),
    };
    let past = Past {
        method,
        url: &url,
        status,
        version: version.version,
        updated: &instant(version.updated_ms),
    };
    let full_url = format!("{}/{url}", asked.base);
    let text = match version.deletes {
        true => None,
        false => match state.ready(&asked.permit, conn, version.vid) {
            // Erased content leaves its place in the history.
            Err(Refusal::PayloadAbsent) => None,
            ready => Some(ready?),
        },
    };
    bundle.version(&full_url, &past, text.as_ref().map(|ready| &*ready.text));
    Ok(())
}
