// SPDX-License-Identifier: Apache-2.0
//! Read and search of `Provenance`, and its inclusion with what it tells of.

use form_urlencoded::Serializer;
use silsila_store::chain::TxId;
use silsila_store::chain::merkle::leaf_hash;
use silsila_store::rusqlite::{Connection, params};

use super::answer::Answer;
use super::asked::Asked;
use crate::access::Permit;
use crate::author::outcome;
use crate::author::provenance::{Story, TYPE, entry_of, id_of, write};
use crate::bundle::{Bundle, Mode};
use crate::index::key::Keyed;
use crate::index::lookup;
use crate::refusal::{Refusal, shown};
use crate::search::page::{self, Page};
use crate::search::query::{GREATEST_COUNT, USUAL_COUNT, malformed};
use crate::search::run::entries_of;
use crate::search::value::{DateTest, ReferenceTest, split, unescape};
use crate::state::FhirState;

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
                body,
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
    let mut proof = state.store().proof(seq)?;
    // Without the newest block the same version has the same proof for ever.
    proof.later = None;
    let story = Story {
        entry: &entry,
        resource: (name.0, &name.1),
        hospital: &state.settings().hospital,
        transaction: TxId(leaf_hash(&proof.transaction)),
        proof: proof.encode(),
    };
    let body = write(&story).ok_or(Refusal::Internal)?;
    Ok((id_of(seq, &entry.entry_hash()), body))
}

/// A search for provenances.
#[derive(Default)]
struct Wish {
    ids: Option<Vec<String>>,
    targets: Vec<Vec<Target>>,
    times: Vec<Vec<DateTest>>,
    count: usize,
    count_only: bool,
    no_total: bool,
    page: Option<String>,
    ignored: Vec<Refusal>,
    used: Vec<(String, String)>,
}

/// One thing that a provenance may tell of.
struct Target {
    kind: Option<String>,
    id: String,
    version: Option<i64>,
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

impl Wish {
    fn parse(pairs: &[(String, String)], asked: &Asked) -> Result<Self, Refusal> {
        let mut wish = Self {
            count: USUAL_COUNT,
            ..Self::default()
        };
        for (name, value) in pairs {
            match wish.pair(name, value, asked) {
                Ok(true) => wish.used.push((name.clone(), value.clone())),
                Ok(false) => {}
                Err(refusal @ Refusal::UnknownParameter { .. }) if asked.lenient => {
                    wish.ignored.push(refusal);
                }
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(wish)
    }

    fn pair(&mut self, name: &str, value: &str, asked: &Asked) -> Result<bool, Refusal> {
        match name {
            "_format" | "_pretty" | "_totalMethod" => return Ok(false),
            "_page" => {
                self.page = Some(value.to_owned());
                return Ok(false);
            }
            "_count" => {
                let count: usize = value
                    .parse()
                    .map_err(|_| malformed("_count", "a whole number, 0 or more"))?;
                self.count = count.min(GREATEST_COUNT);
                self.count_only = count == 0;
            }
            "_summary" if value == "count" => self.count_only = true,
            "_summary" if value == "false" => {}
            "_total" => match value {
                "none" => self.no_total = true,
                "estimate" | "accurate" => {}
                _ => return Err(malformed(name, "none, estimate or accurate")),
            },
            "_id" => {
                let ids = split(value, ',').iter().map(|id| unescape(id)).collect();
                self.ids = Some(ids);
            }
            "recorded" | "_lastUpdated" => {
                let tests: Option<Vec<_>> = split(value, ',')
                    .iter()
                    .map(|text| DateTest::parse(text, 0))
                    .collect();
                self.times.push(tests.ok_or(malformed(name, "a date"))?);
            }
            "target" | "patient" => self.targets.push(targets(name, value, None, asked)?),
            _ => match name.split_once(':') {
                Some((code @ ("target" | "patient"), kind)) => {
                    self.targets.push(targets(code, value, Some(kind), asked)?);
                }
                _ => {
                    return Err(Refusal::UnknownParameter {
                        parameter: shown(name),
                        resource_type: TYPE.to_owned(),
                    });
                }
            },
        }
        Ok(true)
    }
}

fn targets(
    name: &str,
    value: &str,
    kind: Option<&str>,
    asked: &Asked,
) -> Result<Vec<Target>, Refusal> {
    let kind = kind.or((name == "patient").then_some("Patient"));
    let bad = || malformed(name, "Type/id, id, or Type/id/_history/version");
    let mut targets = Vec::new();
    for text in split(value, ',') {
        let text = unescape(&text);
        let version = match text.split_once("/_history/") {
            None => None,
            Some((_, version)) => Some(version.parse().map_err(|_| bad())?),
        };
        let (own, id) = match ReferenceTest::parse(&text, &asked.base).ok_or_else(bad)? {
            ReferenceTest::Typed(own, id) => (Some(own), id),
            ReferenceTest::Id(id) => (kind.map(str::to_owned), id),
            ReferenceTest::Url(_) => continue,
        };
        if kind.is_none_or(|kind| own.as_deref() == Some(kind)) {
            targets.push(Target {
                kind: own,
                id,
                version,
            });
        }
    }
    Ok(targets)
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
        body: bundle.finish(),
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

/// The entries of one page and one more, newest first, and how many there are in all.
fn select(
    state: &FhirState,
    conn: &Connection,
    wish: &Wish,
    page: &Page,
) -> Result<(Vec<i64>, u64), Refusal> {
    let mut ranges = Vec::new();
    for tests in &wish.times {
        ranges.push(entries_of(conn, tests)?);
    }
    let in_time = |vid: i64| {
        let within = |range: &Vec<(i64, i64)>| range.iter().any(|(a, b)| (*a..=*b).contains(&vid));
        vid <= page.snapshot && ranges.iter().all(within)
    };
    let before = page.after.unwrap_or(i64::MAX);
    let limit = wish.count.saturating_add(1);
    let named = match (&wish.ids, wish.targets.is_empty()) {
        (None, true) => None,
        (ids, _) => Some(named(state, conn, ids.as_deref(), &wish.targets)?),
    };
    if let Some(mut list) = named {
        list.retain(|vid| in_time(*vid));
        list.sort_unstable_by(|a, b| b.cmp(a));
        list.dedup();
        let total = u64::try_from(list.len()).unwrap_or(u64::MAX);
        let page = list.into_iter().filter(|vid| *vid < before).take(limit);
        return Ok((page.collect(), total));
    }
    let low = ranges
        .iter()
        .filter_map(|range| range.iter().map(|(from, _)| *from).min())
        .max()
        .unwrap_or(0);
    let mut find = conn.prepare_cached(
        "SELECT vid FROM fhir_version WHERE vid BETWEEN ?1 AND ?2 AND type >= 0 ORDER BY vid DESC",
    )?;
    let mut rows = find.query(params![low, page.snapshot])?;
    let (mut list, mut total) = (Vec::new(), 0);
    let known = page.total;
    while let Some(row) = rows.next()? {
        let vid: i64 = row.get(0)?;
        if in_time(vid) {
            total += 1;
            if vid < before && list.len() < limit {
                list.push(vid);
            }
        }
        if known.is_some() && list.len() >= limit {
            break;
        }
    }
    Ok((list, known.unwrap_or(total)))
}

/// The entries of these ids, if any were asked for, that tell of all these targets.
fn named(
    state: &FhirState,
    conn: &Connection,
    ids: Option<&[String]>,
    targets: &[Vec<Target>],
) -> Result<Vec<i64>, Refusal> {
    let keyed = state.keyed();
    let mut all: Option<Vec<i64>> = None;
    if let Some(ids) = ids {
        all = Some(of_ids(state, conn, ids)?);
    }
    for any in targets {
        let mut list = Vec::new();
        for target in any {
            of_target(conn, &keyed, target, &mut list)?;
        }
        all = Some(match all {
            None => list,
            Some(mut all) => {
                all.retain(|vid| list.contains(vid));
                all
            }
        });
    }
    Ok(all.unwrap_or_default())
}

/// Entries by the ids of their provenances.
fn of_ids(state: &FhirState, conn: &Connection, ids: &[String]) -> Result<Vec<i64>, Refusal> {
    let mut list = Vec::new();
    for id in ids {
        let Some(seq) = entry_of(id) else { continue };
        let vid = i64::try_from(seq).unwrap_or(i64::MAX);
        if lookup::named_version(conn, vid)?.is_none() {
            continue;
        }
        let entry = state.store().committed(conn, seq)?;
        if id_of(seq, &entry.entry_hash()) == *id {
            list.push(vid);
        }
    }
    Ok(list)
}

fn of_target(
    conn: &Connection,
    keyed: &Keyed,
    target: &Target,
    list: &mut Vec<i64>,
) -> Result<(), Refusal> {
    let kinds = match &target.kind {
        Some(kind) => vec![kind.as_str()],
        None => lookup::kinds(conn)?,
    };
    for kind in kinds {
        let Some((_, head)) = lookup::resource(conn, keyed, kind, &target.id)? else {
            continue;
        };
        for version in lookup::back_from(conn, head) {
            let version = version?;
            if target
                .version
                .is_none_or(|wanted| wanted == version.version)
            {
                list.push(version.vid);
            }
        }
    }
    Ok(())
}
