// SPDX-License-Identifier: Apache-2.0
//! Read and search of `Provenance`, and its inclusion with what it tells of.

mod custodian;
mod select;
mod wish;

use form_urlencoded::Serializer;
use silsila_store::chain::TxId;
use silsila_store::chain::merkle::leaf_hash;

use super::answer::Answer;
use super::asked::Asked;
use crate::access::Permit;
use crate::author::outcome;
use crate::author::provenance::{Story, TYPE, entry_of, id_of, write};
use crate::bundle::{Bundle, Mode};
use crate::index::lookup;
use crate::refusal::Refusal;
use crate::search::page::{self, Page};
use crate::state::FhirState;
use custodian::custodian;
use select::select;
use wish::Wish;

/// `GET Provenance/[id]`
pub async fn read(state: &FhirState, asked: &Asked, id: &str) -> Result<Answer, Refusal> {
    let id = id.to_owned();
    state
        .work(&asked.permit, move |state, permit| {
            let missing = || Refusal::UnknownResource {
                resource_type: TYPE.to_owned(),
            };
            let seq = entry_of(&id).ok_or_else(missing)?;
            let vid = i64::try_from(seq).map_err(|_| missing())?;
            let known = state.read_now(permit, |conn| Ok(lookup::named_version(conn, vid)?))?;
            let version = known.ok_or_else(missing)?;
            let (own, body) = text(state, permit, vid)?;
            if own != id {
                return Err(missing());
            }
            Ok(Answer {
                body: body.into(),
                version: Some(1),
                updated_ms: Some(version.updated_ms),
                unchanged: false,
            })
        })
        .await
}

/// Adds the provenance of these entries to the answer of a search.
pub fn include(
    state: &FhirState,
    permit: &Permit,
    asked: &Asked,
    entries: &[i64],
    bundle: &mut Bundle,
) -> Result<(), Refusal> {
    add(state, permit, asked, entries, Mode::Include, bundle)
}

fn add(
    state: &FhirState,
    permit: &Permit,
    asked: &Asked,
    entries: &[i64],
    mode: Mode,
    bundle: &mut Bundle,
) -> Result<(), Refusal> {
    for vid in entries {
        let (id, body) = text(state, permit, *vid)?;
        let full_url = format!("{}/{TYPE}/{id}", asked.base);
        bundle.found::<Refusal>(Some(&full_url), mode, |out| {
            out.extend(&body);
            Ok(())
        })?;
    }
    Ok(())
}

/// Id and text of the provenance of an entry.
fn text(state: &FhirState, permit: &Permit, vid: i64) -> Result<(String, Vec<u8>), Refusal> {
    let seq = u64::try_from(vid).map_err(|_| Refusal::Corrupt)?;
    let (entry, name) = state.read_now(permit, |conn| {
        let entry = state.store().committed(conn, seq)?;
        let version = lookup::version(conn, vid)?.ok_or(Refusal::Corrupt)?;
        let name = lookup::name_of(conn, version.rid)?.ok_or(Refusal::Corrupt)?;
        Ok((entry, name))
    })?;
    // Without the newest block the same version has the same proof for ever.
    let proof = state.store().proof(seq)?.without_later();
    let hospital = custodian(state, &entry, &proof)?;
    let story = Story {
        entry: &entry,
        resource: (name.0, &name.1),
        hospital: &hospital,
        transaction: TxId(leaf_hash(&proof.transaction)),
        proof: proof.encode(),
    };
    let body = write(&story).ok_or(Refusal::Internal)?;
    Ok((id_of(seq, &entry.entry_hash()), body))
}

/// `GET Provenance?...`
pub async fn search(
    state: &FhirState,
    asked: Asked,
    pairs: Vec<(String, String)>,
) -> Result<Answer, Refusal> {
    state.complete()?;
    let wish = Wish::parse(&pairs, &asked)?;
    let permit = asked.permit.clone();
    state
        .work(&permit, move |state, permit| {
            find(state, permit, &asked, &wish)
        })
        .await
}

fn find(state: &FhirState, permit: &Permit, asked: &Asked, wish: &Wish) -> Result<Answer, Refusal> {
    let binding = page::binding(TYPE, &wish.used);
    let (page, hits, total) = state.read_now(permit, |conn| {
        let page = match &wish.page {
            Some(token) => Page::open(token, state.page_key(), &binding)?,
            None => Page {
                snapshot: lookup::tip(conn)?,
                after: None,
                total: None,
            },
        };
        let (hits, total) = select(state, conn, wish, &page)?;
        Ok((page, hits, total))
    })?;
    let wanted = if wish.count_only { 0 } else { wish.count };
    let shown = &hits[..hits.len().min(wanted)];
    let mut links = vec![("self", link(asked, wish, wish.page.clone()))];
    if let (true, Some(last)) = (hits.len() > wanted, shown.last()) {
        let next = Page {
            after: Some(*last),
            total: Some(total),
            ..page
        };
        let token = next.seal(state.page_key(), &binding);
        links.push(("next", link(asked, wish, Some(token))));
    }
    let total = (!wish.no_total || wish.count_only).then_some(total);
    let mut bundle = Bundle::new("searchset", total, &links);
    add(state, permit, asked, shown, Mode::Match, &mut bundle)?;
    if !wish.ignored.is_empty() {
        let text = outcome::of_ignored(&wish.ignored);
        bundle.found::<Refusal>(None, Mode::Outcome, |out| {
            out.extend(&text);
            Ok(())
        })?;
    }
    Ok(Answer {
        body: bundle.finish().into(),
        ..Answer::default()
    })
}

fn link(asked: &Asked, wish: &Wish, page: Option<String>) -> String {
    let mut pairs = Serializer::new(String::new());
    pairs.extend_pairs(&wish.used);
    if let Some(page) = page {
        pairs.append_pair("_page", &page);
    }
    let text = pairs.finish();
    let mark = if text.is_empty() { "" } else { "?" };
    format!("{}/{TYPE}{mark}{text}", asked.base)
}
