// SPDX-License-Identifier: Apache-2.0
//! Answering a query: from the shortest list of candidates, through the checks that are left, to one
//! page and, where it is not dear or was asked for, the total.

use std::time::Instant;

use silsila_store::Store;
use silsila_store::rusqlite::{Connection, OptionalExtension as _};

use super::body;
use super::candidates::{self, Candidates, Probe, Start, Systems};
use super::chain;
use super::filter::{BodyFilter, FactFilter, FactTest, Filter, Verdict};
use super::page::Page;
use super::query::{Query, TotalMode, possible_ids};
use super::sort::{self, Keys};
use super::value::{DateTest, Prefix};
use crate::index::facts::{Reader, cut_to};
use crate::index::key::{Keyed, is_rare};
use crate::index::plan::TypePlan;
use crate::index::rows::PAIR_BYTES;
use crate::index::{lookup, tables};
use crate::refusal::Refusal;

/// What a search may look at before its total is left out, where the client did not ask for it: one
/// unit is one version's row.
const USUAL_WORK: usize = 20_000;
/// What opening a body costs in the same unit.
const BODY_WORK: usize = 20;
/// Rows of a list for one unit.
const LIST_WORK: usize = 4;
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
    let wants_total = query.count_only || query.total != TotalMode::None;
    if total.is_none() && page.after.is_none() && wants_total {
        let exact = query.count_only || query.total == TotalMode::Accurate;
        total = plan.total_without_looking(query.plan.number, exact)?;
    }
    let unwanted = page.after.is_some() || query.total == TotalMode::None;
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
    let must_count = query.count_only || query.total == TotalMode::Accurate;
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

/// What is left to check of a candidate.
enum Check<'q> {
    Terms { any: Vec<Probe>, negated: bool },
    Facts(&'q FactFilter),
    Missing { bit: u32, missing: bool },
    Body(&'q BodyFilter),
    Entries(Vec<(i64, i64)>),
}

/// A query made ready for one snapshot.
pub struct Plan<'q> {
    run: &'q Run<'q>,
    snapshot: i64,
    candidates: Candidates,
    checks: Vec<Check<'q>>,
    keys: Keys<'q>,
    /// How much was looked at.
    work: usize,
}

impl<'q> Plan<'q> {
    /// Chooses where to begin and what to check.
    pub fn new(
        run: &'q Run<'q>,
        type_plan: &TypePlan,
        filters: &'q [Filter],
        snapshot: i64,
    ) -> Result<Self, Refusal> {
        let conn = run.conn;
        let resource_type = type_plan.name;
        let all = Probe {
            key: run.keyed.of_type(resource_type),
            system: None,
        };
        let mut systems = Systems::default();
        let mut starts = Vec::new();
        let mut ids = None;
        let mut checks = Vec::new();
        for filter in filters {
            starts.push(candidates::start_of(conn, &mut systems, filter)?);
            checks.push(match filter {
                Filter::Ids(wanted) => {
                    let list = by_ids(run, resource_type, wanted, snapshot)?;
                    let entries = list.iter().map(|vid| (*vid, *vid)).collect();
                    ids = Some(list);
                    Check::Entries(entries)
                }
                Filter::Updated(tests) => Check::Entries(entries_of(conn, tests)?),
                Filter::Terms { any, negated } => Check::Terms {
                    any: systems.probes(conn, any)?,
                    negated: *negated,
                },
                Filter::Facts(facts) => Check::Facts(facts),
                Filter::Missing { bit, missing } => Check::Missing {
                    bit: *bit,
                    missing: *missing,
                },
                Filter::Body(body) => Check::Body(body),
                Filter::Chained(chained) => {
                    let any = chain::resolve(run, chained, snapshot)?;
                    if let Some(start) = starts.last_mut() {
                        *start = Some(Start::Terms(any.clone()));
                    }
                    Check::Terms {
                        any,
                        negated: false,
                    }
                }
            });
        }
        starts.push(pair_of(type_plan, filters));
        let (lowest, highest) = span(&checks, snapshot);
        let candidates = match ids {
            Some(list) => Candidates::List(list),
            None => {
                let patience = run.work.map_or(usize::MAX, |work| work * LIST_WORK);
                let within = (lowest, highest);
                let chosen = candidates::choose(conn, &starts, all, within, patience)?;
                let (chosen, decided) = chosen.ok_or(Refusal::TooLong)?;
                for place in decided.iter().rev() {
                    checks.remove(*place);
                }
                chosen
            }
        };
        Ok(Self {
            run,
            snapshot,
            candidates,
            checks,
            keys: Keys::default(),
            work: 0,
        })
    }

    /// Hands the candidates between two entries to `visit`, until it says stop. Says whether it came to
    /// the end.
    pub fn each(
        &mut self,
        low: i64,
        high: i64,
        newest_first: bool,
        visit: &mut dyn FnMut(&mut Self, i64) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let (from, to) = span(&self.checks, high);
        let (low, high) = (low.max(from), high.min(to));
        match std::mem::replace(&mut self.candidates, Candidates::List(Vec::new())) {
            Candidates::List(list) => {
                let begin = list.partition_point(|vid| *vid < low);
                let end = list.partition_point(|vid| *vid <= high).max(begin);
                let count = end - begin;
                for step in 0..count {
                    let place = if newest_first {
                        end - 1 - step
                    } else {
                        begin + step
                    };
                    if !self.visit(list[place], visit)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Candidates::Walk(probe) => self.walk(probe, (low, high), newest_first, visit),
        }
    }

    fn walk(
        &mut self,
        probe: Probe,
        (low, high): (i64, i64),
        newest_first: bool,
        visit: &mut dyn FnMut(&mut Self, i64) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        let run = self.run;
        let mut find = run
            .conn
            .prepare_cached(candidates::walk(probe, newest_first))?;
        let mut rows = find.query((probe.key, low, high, probe.system))?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let vid: i64 = row.get(0)?;
            // One code in two systems is one candidate.
            if last.replace(vid) != Some(vid) && !self.visit(vid, visit)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn visit(
        &mut self,
        vid: i64,
        visit: &mut dyn FnMut(&mut Self, i64) -> Result<bool, Refusal>,
    ) -> Result<bool, Refusal> {
        self.work += 1;
        if self.run.work.is_some_and(|limit| self.work > limit) {
            return Err(Refusal::TooLong);
        }
        if self.work.is_multiple_of(1_024) && Instant::now() > self.run.deadline {
            return Err(Refusal::TimedOut);
        }
        visit(self, vid)
    }

    /// Checks a candidate; its sort values where it matches.
    pub fn matches(&mut self, vid: i64) -> Result<Option<sort::Values>, Refusal> {
        let conn = self.run.conn;
        for check in &self.checks {
            let passes = match check {
                Check::Terms { any, negated } => candidates::has_any(conn, any, vid)? != *negated,
                Check::Entries(ranges) => {
                    ranges.iter().any(|(from, to)| (*from..=*to).contains(&vid))
                }
                _ => true,
            };
            if !passes {
                return Ok(None);
            }
        }
        let seen = self.look_at_row(vid)?;
        let Some((rid, mut values, unsure)) = seen else {
            return Ok(None);
        };
        let by_body = self
            .checks
            .iter()
            .any(|check| matches!(check, Check::Body(_)));
        if by_body || unsure || self.keys.need_body() {
            self.work += BODY_WORK;
            let Some(tree) = body::load(self.run.store, conn, vid)? else {
                return Ok(None);
            };
            let passes = self.checks.iter().all(|check| match check {
                Check::Body(filter) => body::accepts(filter, &tree),
                Check::Facts(filter) if unsure => {
                    self.facts_of(vid, filter) != Some(Verdict::Unsure)
                        || body::accepts_text(filter, &tree)
                }
                _ => true,
            });
            if !passes {
                return Ok(None);
            }
            self.keys.add_from_body(&mut values, &tree);
        }
        if self.keys.need_id() {
            let name = lookup::name_of(conn, rid)?;
            self.keys
                .add_id(&mut values, name.as_ref().map(|(_, id)| id.as_str()));
        }
        Ok(Some(values))
    }

    /// Checks the row of a version: whether the snapshot sees it, and what its facts say.
    fn look_at_row(&self, vid: i64) -> Result<Option<(i64, sort::Values, bool)>, Refusal> {
        let mut find = self
            .run
            .conn
            .prepare_cached("SELECT rid, next, present, facts FROM fhir_version WHERE vid = ?1")?;
        let seen = find
            .query_row([vid], |row| {
                let next: Option<i64> = row.get(1)?;
                let replaced = next.is_some_and(|next| next <= self.snapshot);
                let present: i64 = row.get(2)?;
                let facts = row.get_ref(3)?.as_blob_or_null()?;
                let (Some(facts), false) = (facts, replaced) else {
                    return Ok(None);
                };
                let mut unsure = false;
                for check in &self.checks {
                    let verdict = match check {
                        Check::Missing { bit, missing }
                            if (present >> bit & 1 == 0) == *missing =>
                        {
                            Verdict::Yes
                        }
                        Check::Missing { .. } => Verdict::No,
                        Check::Facts(filter) => filter.test(Reader::new(facts)),
                        _ => Verdict::Yes,
                    };
                    match verdict {
                        Verdict::No => return Ok(None),
                        Verdict::Unsure => unsure = true,
                        Verdict::Yes => {}
                    }
                }
                Ok(Some((row.get(0)?, self.keys.of_facts(facts, vid), unsure)))
            })
            .optional()?;
        Ok(seen.flatten())
    }

    fn facts_of(&self, vid: i64, filter: &FactFilter) -> Option<Verdict> {
        self.run
            .conn
            .prepare_cached("SELECT facts FROM fhir_version WHERE vid = ?1")
            .ok()?
            .query_row([vid], |row| {
                let facts = row.get_ref(0)?.as_blob_or_null()?;
                Ok(filter.test(Reader::new(facts.unwrap_or_default())))
            })
            .ok()
    }

    /// The total where it takes no look at the candidates: all of a type now, or the rows of one term.
    fn total_without_looking(&self, kind: i64, exact: bool) -> Result<Option<u64>, Refusal> {
        let conn = self.run.conn;
        if !self.checks.is_empty() {
            return Ok(None);
        }
        let probe = match &self.candidates {
            Candidates::Walk(probe) if !is_rare(probe.key) => probe,
            Candidates::Walk(_) => return Ok(None),
            Candidates::List(list) => {
                let visible = candidates::count_visible(conn, list, self.snapshot)?;
                return Ok(visible.and_then(|count| u64::try_from(count).ok()));
            }
        };
        let whole_type = lookup::kind_of_term(self.run.keyed, probe.key, kind);
        if whole_type && self.snapshot == lookup::tip(conn)? {
            return Ok(Some(lookup::live(conn, kind)?));
        }
        let most = match (exact, self.run.work) {
            (_, Some(work)) => work * LIST_WORK,
            (true, None) => usize::MAX,
            (false, None) => USUAL_WORK,
        };
        let rows = candidates::count(conn, *probe, self.snapshot, most)?;
        if rows > most && self.run.work.is_some() {
            return Err(Refusal::TooLong);
        }
        if rows > most {
            return Ok(None);
        }
        let replaced = candidates::count_replaced(conn, *probe, self.snapshot)?;
        Ok(u64::try_from(rows.saturating_sub(replaced)).ok())
    }
}

/// The beginning that one family and one given name offer together. It decides neither.
fn pair_of(plan: &TypePlan, filters: &[Filter]) -> Option<Start> {
    let pair = plan.pair?;
    let beginning = |param: u16| {
        filters.iter().find_map(|filter| match filter {
            Filter::Facts(FactFilter {
                params,
                test: FactTest::Begins(texts),
                ..
            }) if *params == [param] && texts.len() == 1 => {
                Some(cut_to(&texts[0], PAIR_BYTES).to_owned())
            }
            _ => None,
        })
    };
    Some(Start::Pair {
        number: pair.number,
        family: beginning(pair.family)?,
        given: beginning(pair.given)?,
    })
}

/// The lowest and highest entry that can pass, by the checks on entries.
fn span(checks: &[Check<'_>], highest: i64) -> (i64, i64) {
    checks
        .iter()
        .fold((0, highest), |(low, high), check| match check {
            Check::Entries(ranges) => (
                low.max(
                    ranges
                        .iter()
                        .map(|(from, _)| *from)
                        .min()
                        .unwrap_or(i64::MAX),
                ),
                high.min(ranges.iter().map(|(_, to)| *to).max().unwrap_or(-1)),
            ),
            _ => (low, high),
        })
}

/// The versions of these resources that the snapshot sees, rising.
fn by_ids(
    run: &Run<'_>,
    resource_type: &str,
    ids: &[String],
    snapshot: i64,
) -> Result<Vec<i64>, Refusal> {
    let mut list = Vec::new();
    for id in possible_ids(ids) {
        let Some((_, head)) = lookup::resource(run.conn, run.keyed, resource_type, id)? else {
            continue;
        };
        for version in lookup::back_from(run.conn, head) {
            let version = version?;
            if version.vid <= snapshot {
                if !version.deletes {
                    list.push(version.vid);
                }
                break;
            }
        }
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// The entries whose block time satisfies any of the tests. Block times rise along the chain, so each
/// test is one or two ranges.
pub fn entries_of(conn: &Connection, tests: &[DateTest]) -> Result<Vec<(i64, i64)>, Refusal> {
    const LAST: i64 = i64::MAX;
    let mut ranges = Vec::new();
    for test in tests {
        let begin = lookup::first_since(conn, test.lo)?;
        let end = lookup::first_since(conn, test.hi.saturating_add(1))?;
        match test.prefix {
            Prefix::Eq | Prefix::Ap => ranges.push((begin, end - 1)),
            Prefix::Ne => ranges.extend([(0, begin - 1), (end, LAST)]),
            Prefix::Gt | Prefix::Sa => ranges.push((end, LAST)),
            Prefix::Lt | Prefix::Eb => ranges.push((0, begin - 1)),
            Prefix::Ge => ranges.push((begin, LAST)),
            Prefix::Le => ranges.push((0, end - 1)),
        }
    }
    Ok(ranges)
}
