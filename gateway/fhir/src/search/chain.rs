// SPDX-License-Identifier: Apache-2.0
//! One step of chaining: the resources that satisfy the inner filter become terms of the outer search.

use super::examine::Plan;
use super::filter::Chained;
use super::run::Run;
use super::terms::Probe;
use crate::index::lookup;
use crate::refusal::Refusal;

/// The most resources that a chain may lead through.
const GREATEST_CHAIN: usize = 2_000;

/// The terms of references to whatever satisfies the inner filter.
pub fn resolve(run: &Run<'_>, chained: &Chained, snapshot: i64) -> Result<Vec<Probe>, Refusal> {
    let filters = std::slice::from_ref(&chained.filter);
    let mut found = Vec::new();
    let mut plan = Plan::new(run, chained.target, filters, snapshot)?;
    plan.each(0, snapshot, true, &mut |plan, vid| {
        if plan.matches(vid)?.is_some() {
            found.push(vid);
        }
        if found.len() > GREATEST_CHAIN {
            return Err(Refusal::TooBroad { what: "chain" });
        }
        Ok(true)
    })?;
    let mut probes = Vec::new();
    for vid in found {
        let Some(version) = lookup::version(run.conn, vid)? else {
            continue;
        };
        let Some((kind, id)) = lookup::name_of(run.conn, version.rid)? else {
            continue;
        };
        for code in &chained.through {
            probes.push(Probe {
                key: run.keyed.of_reference(chained.from, code, kind, &id),
                system: None,
            });
        }
    }
    Ok(probes)
}
