// SPDX-License-Identifier: Apache-2.0
//! Search by GET and POST.

use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use form_urlencoded::Serializer;
use silsila_schema::Json;
use silsila_store::rusqlite::Connection;

use super::answer::Answer;
use super::asked::{Asked, form_pairs};
use super::provenance;
use super::read::known_type;
use crate::author::outcome;
use crate::author::provenance::TYPE;
use crate::bundle::{Bundle, Mode};
use crate::index::{lookup, plan};
use crate::refusal::{Refusal, shown};
use crate::search::page::{self, Page};
use crate::search::query::{Context, Query};
use crate::search::run::{Run, search};
use crate::state::FhirState;

/// `GET [type]?...`
pub async fn by_get(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path(resource_type): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Answer, Refusal> {
    answer(&state, asked, resource_type, pairs(query.as_deref())).await
}

/// `POST [type]/_search`, with parameters in the address, the body, or both.
pub async fn by_post(
    State(state): State<FhirState>,
    Extension(asked): Extension<Asked>,
    Path(resource_type): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Result<Answer, Refusal> {
    let body = to_bytes(body, state.settings().limits.query_bytes)
        .await
        .map_err(|_| Refusal::TooLarge)?;
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    // Some clients (fhirpy) name the body JSON and leave it empty.
    let empty = body.is_empty() || *body == *b"{}";
    let form = media.as_deref() == Some("application/x-www-form-urlencoded");
    if !form && !empty {
        return Err(Refusal::UnsupportedMedia);
    }
    let mut all = pairs(query.as_deref());
    if form {
        let text = std::str::from_utf8(&body).map_err(|_| Refusal::UnsupportedMedia)?;
        all.extend(pairs(Some(text)));
    }
    answer(&state, asked, resource_type, all).await
}

fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    form_pairs(query.unwrap_or(""))
        .filter(|(name, _)| !name.is_empty())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

async fn answer(
    state: &FhirState,
    asked: Asked,
    resource_type: String,
    pairs: Vec<(String, String)>,
) -> Result<Answer, Refusal> {
    known_type(&resource_type)?;
    if resource_type == TYPE {
        return provenance::search(state, asked, pairs).await;
    }
    state.complete()?;
    let pairs = Arc::new(pairs);
    match search_within(state, &asked, &resource_type, &pairs, Some(QUICK_WORK)) {
        Err(Refusal::TooLong) => {}
        answered => return answered,
    }
    let permit = asked.permit.clone();
    state
        .work(&permit, move |state, _| {
            search_within(state, &asked, &resource_type, &pairs, None)
        })
        .await
}

/// What an entry of the answer costs in the same unit.
const ENTRY_WORK: usize = 10;

/// Rows that a search may look at where the request is handled. Nearly every search ends before that,
/// and to hand it to another thread would cost as much again.
const QUICK_WORK: usize = 512;

fn search_within(
    state: &FhirState,
    asked: &Asked,
    resource_type: &str,
    pairs: &[(String, String)],
    work: Option<usize>,
) -> Result<Answer, Refusal> {
    let permit = &asked.permit;
    let (mut bundle, provenances) = state.read_now(permit, |conn| {
        find(state, conn, asked, resource_type, pairs, work)
    })?;
    provenance::include(state, permit, asked, &provenances, &mut bundle)?;
    Ok(Answer {
        body: bundle.finish().into(),
        ..Answer::default()
    })
}

fn find(
    state: &FhirState,
    conn: &Connection,
    asked: &Asked,
    resource_type: &str,
    pairs: &[(String, String)],
    work: Option<usize>,
) -> Result<(Bundle, Vec<i64>), Refusal> {
    let own = plan::of_type(resource_type).ok_or_else(|| Refusal::UnknownType {
        name: shown(resource_type),
    })?;
    let keyed = state.keyed();
    let query = Query::parse(
        own,
        pairs,
        &Context {
            keyed: &keyed,
            base: &asked.base,
            now_ms: state.now_ms(),
            lenient: asked.lenient,
            kinds: &|| Ok(lookup::kinds(conn)?),
        },
    )?;
    let binding = page::binding(resource_type, &query.used);
    let begin = match &query.page {
        Some(token) => Some(Page::open(token, state.page_key(), &binding)?),
        None => None,
    };
    let run = Run {
        store: state.store(),
        conn,
        keyed: &keyed,
        deadline: Instant::now() + state.settings().limits.timeout,
        work,
    };
    let found = search(&run, &query, begin)?;
    if work.is_some_and(|work| found.hits.len() * ENTRY_WORK > work) {
        return Err(Refusal::TooLong);
    }
    let token = |after| {
        let page = Page {
            snapshot: found.snapshot,
            after,
            total: found.total,
        };
        page.seal(state.page_key(), &binding)
    };
    let mut links = vec![(
        "self",
        link(asked, resource_type, &query, query.page.clone()),
    )];
    if found.more || query.page.is_some() {
        links.push((
            "first",
            link(asked, resource_type, &query, Some(token(None))),
        ));
    }
    if let (true, Some(last)) = (found.more, found.hits.last()) {
        let next = Some(token(Some(*last)));
        links.push(("next", link(asked, resource_type, &query, next)));
    }
    let mut bundle = Bundle::new("searchset", found.total, &links);
    add_matches(state, conn, asked, &query, &found.hits, &mut bundle)?;
    if !query.ignored.is_empty() {
        let text = outcome::of_ignored(&query.ignored);
        bundle.found::<Refusal>(None, Mode::Outcome, |out| {
            out.extend(&text);
            Ok(())
        })?;
    }
    let provenances = if query.provenance {
        found.hits
    } else {
        Vec::new()
    };
    Ok((bundle, provenances))
}

fn link(asked: &Asked, resource_type: &str, query: &Query, page: Option<String>) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(&query.used);
    if let Some(page) = page {
        pairs.append_pair("_page", &page);
    }
    let text = pairs.finish();
    let mark = if text.is_empty() { "" } else { "?" };
    format!("{}/{resource_type}{mark}{text}", asked.base)
}

fn add_matches(
    state: &FhirState,
    conn: &Connection,
    asked: &Asked,
    query: &Query,
    hits: &[i64],
    bundle: &mut Bundle,
) -> Result<(), Refusal> {
    for vid in hits {
        let ready = state.ready(&asked.permit, conn, *vid)?;
        let full_url = format!("{}/{}/{}", asked.base, query.plan.name, ready.id);
        bundle.found::<Refusal>(Some(&full_url), Mode::Match, |out| {
            match &query.elements {
                Some(names) => {
                    out.extend(only_elements(&ready.text, names).ok_or(Refusal::Internal)?);
                }
                None => out.extend(&*ready.text),
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// The resource with the wanted members, those that every resource needs, and the tag that says that it
/// is not whole. Members that the type requires are kept too.
fn only_elements(text: &[u8], names: &[String]) -> Option<Vec<u8>> {
    const TAG: &[u8] = br#"{"code":"SUBSETTED","system":"http://terminology.hl7.org/CodeSystem/v3-ObservationValue"}"#;
    let tree = Json::parse(text).ok()?;
    let kind = tree.get("resourceType")?.as_str()?.to_owned();
    let required = |name: &str| {
        silsila_schema::element(&kind, name).is_ok_and(|element| element.last().min > 0)
    };
    let mut kept = silsila_schema::json::Object::new();
    for (name, value) in tree.as_object()?.iter() {
        let plain = name.trim_start_matches('_');
        let always = matches!(plain, "resourceType" | "id" | "meta");
        let wanted = names.iter().any(|wanted| {
            wanted == plain || plain.strip_prefix(wanted.as_str()).is_some_and(is_choice)
        });
        if always || wanted || required(plain) {
            kept.insert(name, value.clone());
        }
    }
    let tag = Json::parse(TAG).ok()?;
    let meta = kept.get_mut("meta").and_then(Json::as_object_mut)?;
    match meta.get_mut("tag").and_then(Json::as_array_mut) {
        Some(tags) => tags.push(tag),
        None => {
            meta.insert("tag", Json::Array(vec![tag]));
        }
    }
    Some(Json::Object(kept).canonical())
}

/// Whether the rest of a member's name is the type of a choice, as `Quantity` in `valueQuantity`.
fn is_choice(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_uppercase())
}
