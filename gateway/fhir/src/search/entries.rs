// SPDX-License-Identifier: Apache-2.0
//! Filters that are about entries themselves: ids and times of commit.

use silsila_store::rusqlite::Connection;

use super::range::{DateTest, Prefix};
use super::run::Run;
use super::value::is_id;
use crate::index::lookup;
use crate::refusal::Refusal;

/// The versions of these resources that the snapshot sees, rising.
pub fn by_ids(
    run: &Run<'_>,
    resource_type: &str,
    ids: &[String],
    snapshot: i64,
) -> Result<Vec<i64>, Refusal> {
    let mut list = Vec::new();
    for id in ids.iter().filter(|id| is_id(id)) {
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
