// SPDX-License-Identifier: Apache-2.0
//! A query made ready for one snapshot: where to begin, and what is left to check of each candidate.

use std::time::Instant;

use silsila_store::rusqlite::OptionalExtension as _;

use super::candidates::{self, Candidates, Start};
use super::entries::{by_ids, entries_of};
use super::filter::{BodyFilter, FactFilter, FactTest, Filter, Verdict};
use super::run::{Run, USUAL_WORK};
use super::sort::{self, Keys};
use super::terms::{self, Probe, Systems};
use super::{body, chain, merge};
use crate::index::facts::{Reader, cut_to};
use crate::index::key::is_rare;
use crate::index::lookup;
use crate::index::plan::TypePlan;
use crate::index::rows::PAIR_BYTES;
use crate::refusal::Refusal;

/// What opening a body costs, in version rows.
const BODY_WORK: usize = 20;
/// Rows of a list for one version row.
const LIST_WORK: usize = 4;

/// What is left to check of a candidate.
enum Check<'q> {
    Terms { any: Vec<Probe>, negated: bool },
    Facts(&'q FactFilter),
    Missing { bit: u32, missing: bool },
    Body(&'q BodyFilter),
    Entries(Vec<(i64, i64)>),
}

/// What is known of a total before candidates are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// So many.
    Known(u64),
    /// More than are counted unasked.
    Many,
    /// To be counted.
    Unknown,
}

/// A query made ready for one snapshot.
pub struct Plan<'q> {
    run: &'q Run<'q>,
    snapshot: i64,
    candidates: Candidates,
    checks: Vec<Check<'q>>,
    /// The order, where matches are to be sorted.
    pub keys: Keys<'q>,
    /// How much was looked at.
    pub work: usize,
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
            Candidates::Merge(texts) => {
                let conn = self.run.conn;
                merge::walk(conn, &texts, (low, high), newest_first, &mut |vid| {
                    self.visit(vid, visit)
                })
            }
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
        let mut find = run.conn.prepare_cached(terms::walk(probe, newest_first))?;
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
                Check::Terms { any, negated } => terms::has_any(conn, any, vid)? != *negated,
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
    pub fn total_without_looking(&self, kind: i64, exact: bool) -> Result<Total, Refusal> {
        let conn = self.run.conn;
        if !self.checks.is_empty() {
            return Ok(Total::Unknown);
        }
        let known = |count: usize| Total::Known(u64::try_from(count).unwrap_or(u64::MAX));
        let probe = match &self.candidates {
            Candidates::Walk(probe) if !is_rare(probe.key) => probe,
            Candidates::Walk(_) => return Ok(Total::Unknown),
            Candidates::Merge(_) if exact => return Ok(Total::Unknown),
            Candidates::Merge(_) => return Ok(Total::Many),
            Candidates::List(list) => {
                let visible = terms::count_visible(conn, list, self.snapshot)?;
                return Ok(visible.map_or(Total::Unknown, known));
            }
        };
        let whole_type = lookup::kind_of_term(self.run.keyed, probe.key, kind);
        if whole_type && self.snapshot == lookup::tip(conn)? {
            return Ok(Total::Known(lookup::live(conn, kind)?));
        }
        let most = match (exact, self.run.work) {
            (false, _) => USUAL_WORK,
            (true, Some(work)) => work * LIST_WORK,
            (true, None) => usize::MAX,
        };
        let rows = terms::count(conn, *probe, self.snapshot, most)?;
        if rows > most {
            return if exact {
                Err(Refusal::TooLong)
            } else {
                Ok(Total::Many)
            };
        }
        let replaced = terms::count_replaced(conn, *probe, self.snapshot)?;
        Ok(known(rows.saturating_sub(replaced)))
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
