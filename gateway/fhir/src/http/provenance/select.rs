// SPDX-License-Identifier: Apache-2.0
//! The entries whose provenance a search asks for.

use silsila_store::rusqlite::{Connection, params};

use super::wish::{Target, Wish};
use crate::author::provenance::{entry_of, id_of};
use crate::index::key::Keyed;
use crate::index::lookup;
use crate::refusal::Refusal;
use crate::search::entries::entries_of;
use crate::search::page::Page;
use crate::state::FhirState;

/// The entries of one page and one more, newest first, and how many there are in all.
pub fn select(
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
