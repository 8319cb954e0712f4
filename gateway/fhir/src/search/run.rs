// SPDX-License-Identifier: Apache-2.0
//! Answering a query: from the shortest list of candidates, through the checks that are left, to one
//! page and, where it is not dear or was asked for, the total.

use std::time::Instant;

use silsila_store::Store;
use silsila_store::rusqlite::Connection;

use super::examine::{Plan, Total};
use super::page::Page;
use super::query::{Query, TotalMode};
use super::sort::{self, Keys};
use crate::index::key::Keyed;
use crate::index::{lookup, tables};
use crate::refusal::Refusal;

/// Versions or rows that a search may look at before its total is left out, where the client did not ask
/// for it: few, so that a common name in a large hospital takes no longer than in a small one.
pub const USUAL_WORK: usize = 256;
/// The most matches that are put in order.
pub const GREATEST_SORT: usize = 500_000;

/// What a search needs beside the query.
pub struct Run<'a> {
    /// For bodies.
    pub store: &'a Store,
    /// One consistent read.
    pub conn: &'a Connection,
    /// Makes terms.
    pub keyed: &'a Keyed,
    /// When to give up.
    pub deadline: Instant,
    /// How much may be looked at before the search is handed to another thread; anything there.
    pub work: Option<usize>,
}

/// One page of matches.
#[derive(Debug)]
pub struct Found {
    /// The matches, by entry.
    pub hits: Vec<i64>,
    /// Whether there are more.
    pub more: bool,
    /// How many there are in all, where it was counted.
    pub total: Option<u64>,
    /// The snapshot that was searched.
    pub snapshot: i64,
}

/// Answers a query, from its beginning or where a page token says.
pub fn search(run: &Run<'_>, query: &Query, page: Option<Page>) -> Result<Found, Refusal> {
    let tip = lookup::tip(run.conn)?;
    let page = page.unwrap_or(Page {
        snapshot: tip,
        after: None,
        total: None,
    });
    if page.snapshot > tip {
        return Err(Refusal::PageInvalid);
    }
    if page.snapshot < tip {
        let purged: i64 = tables::meta(run.conn, "purged")?.unwrap_or(-1);
        if page.snapshot < purged {
            return Err(Refusal::PageExpired);
        }
    }
    let mut found = match query.commit_order() {
        Some(newest_first) => in_commit_order(run, query, page, newest_first)?,
        None => in_sorted_order(run, query, page)?,
    };
    if query.total == TotalMode::None && !query.count_only {
        found.total = None;
    }
    Ok(found)
}

fn in_commit_order(
    run: &Run<'_>,
    query: &Query,
    page: Page,
    newest_first: bool,
) -> Result<Found, Refusal> {
    let mut plan = Plan::new(run, query.plan, &query.filters, page.snapshot)?;
    let mut total = page.total;
    let mut many = false;
    let must_count = query.count_only || query.total == TotalMode::Accurate;
    let wants_total = query.count_only || query.total != TotalMode::None;
    if total.is_none() && page.after.is_none() && wants_total {
        match plan.total_without_looking(query.plan.number, must_count)? {
            Total::Known(count) => total = Some(count),
            Total::Many => many = true,
            Total::Unknown => {}
        }
    }
    let unwanted = many || page.after.is_some() || query.total == TotalMode::None;
    let known = total.is_some() || (unwanted && !query.count_only);
    let mut hits = Vec::new();
    if query.count_only && total.is_some() {
        return Ok(Found {
            hits,
            more: false,
            total,
            snapshot: page.snapshot,
        });
    }
    let (low, high) = match (page.after, newest_first) {
        (None, _) => (0, page.snapshot),
        (Some(after), true) => (0, after - 1),
        (Some(after), false) => (after + 1, page.snapshot),
    };
    let wanted = if query.count_only { 0 } else { query.count };
    let mut matches = 0_u64;
    let whole = plan.each(low, high, newest_first, &mut |plan, vid| {
        if plan.matches(vid)?.is_some() {
            matches += 1;
            if hits.len() <= wanted {
                hits.push(vid);
            }
        }
        let page_done = hits.len() > wanted;
        Ok(!page_done || (!known && (must_count || plan.work < USUAL_WORK)))
    })?;
    let more = hits.len() > wanted;
    hits.truncate(wanted);
    if total.is_none() && whole && page.after.is_none() {
        total = Some(matches);
    }
    Ok(Found {
        hits,
        more: more && wanted > 0,
        total,
        snapshot: page.snapshot,
    })
}

fn in_sorted_order(run: &Run<'_>, query: &Query, page: Page) -> Result<Found, Refusal> {
    let mut plan = Plan::new(run, query.plan, &query.filters, page.snapshot)?;
    plan.keys = Keys::new(&query.sort);
    let mut all = Vec::new();
    plan.each(0, page.snapshot, true, &mut |plan, vid| {
        if let Some(values) = plan.matches(vid)? {
            all.push((values, vid));
        }
        if all.len() > GREATEST_SORT {
            return Err(Refusal::TooBroad { what: "sort" });
        }
        Ok(true)
    })?;
    let total = u64::try_from(all.len()).unwrap_or(u64::MAX);
    let order = |a: &(sort::Values, i64), b: &(sort::Values, i64)| plan.keys.compare(a, b);
    all.sort_unstable_by(order);
    let begin = match page.after {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|(_, vid)| *vid == after);
            place.ok_or(Refusal::PageInvalid)? + 1
        }
    };
    let wanted = if query.count_only { 0 } else { query.count };
    let rest = &all[begin..];
    Ok(Found {
        hits: rest.iter().take(wanted).map(|(_, vid)| *vid).collect(),
        more: wanted > 0 && rest.len() > wanted,
        total: Some(total),
        snapshot: page.snapshot,
    })
}
