// SPDX-License-Identifier: Apache-2.0
//! Finding resources and versions by what the index knows of them.

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _, Row};

use super::apply::PUT;
use super::key::Keyed;
use super::tables::types;

/// The row of one version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// Its entry's number in the chain.
    pub vid: i64,
    /// Its resource.
    pub rid: i64,
    /// Its number, from 1.
    pub version: i64,
    /// The time of its block.
    pub updated_ms: i64,
    /// Whether it deletes.
    pub deletes: bool,
    /// The version before.
    pub previous: Option<i64>,
    /// The version after.
    pub next: Option<i64>,
}

const COLUMNS: &str = "vid, rid, version, updated, op, prev, next";

fn version_row(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok(Version {
        vid: row.get(0)?,
        rid: row.get(1)?,
        version: row.get(2)?,
        updated_ms: row.get(3)?,
        deletes: row.get::<_, i64>(4)? != PUT,
        previous: row.get(5)?,
        next: row.get(6)?,
    })
}

/// The rows of a rare term.
pub const BY_TERM: &str = "SELECT vid FROM fhir_fresh WHERE term = ?1
     UNION ALL SELECT vid FROM fhir_term WHERE term = ?1";

/// The number of a resource and its current version.
pub fn resource(
    conn: &Connection,
    keyed: &Keyed,
    resource_type: &str,
    id: &str,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let kind = types::number(resource_type);
    let mut find =
        conn.prepare_cached("SELECT type, id, head FROM fhir_resource WHERE rid = ?1")?;
    let mut by_term = conn.prepare_cached(BY_TERM)?;
    let mut rids = by_term.query([keyed.of_resource(resource_type, id)])?;
    while let Some(row) = rids.next()? {
        let rid: i64 = row.get(0)?;
        let found = find
            .query_row([rid], |row| {
                let same = Some(row.get(0)?) == kind && row.get_ref(1)?.as_str()? == id;
                Ok(same.then_some((rid, row.get(2)?)))
            })
            .optional()?
            .flatten();
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Type and id of a resource.
pub fn name_of(conn: &Connection, rid: i64) -> rusqlite::Result<Option<(&'static str, String)>> {
    let found: Option<(i64, String)> = conn
        .prepare_cached("SELECT type, id FROM fhir_resource WHERE rid = ?1")?
        .query_row([rid], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found.and_then(|(kind, id)| Some((types::name(kind)?, id))))
}

/// The version of this entry.
pub fn version(conn: &Connection, vid: i64) -> rusqlite::Result<Option<Version>> {
    conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM fhir_version WHERE vid = ?1"
    ))?
    .query_row([vid], version_row)
    .optional()
}

/// The version of this entry, where it is one of a resource whose name is known.
pub fn named_version(conn: &Connection, vid: i64) -> rusqlite::Result<Option<Version>> {
    let Some(found) = version(conn, vid)? else {
        return Ok(None);
    };
    Ok(name_of(conn, found.rid)?.map(|_| found))
}

/// The versions of a resource from `head` back to its first.
pub fn back_from(
    conn: &Connection,
    head: i64,
) -> impl Iterator<Item = rusqlite::Result<Version>> + '_ {
    let mut next = Some(head);
    std::iter::from_fn(move || {
        let found = version(conn, next?).transpose()?;
        next = found.as_ref().ok().and_then(|version| version.previous);
        Some(found)
    })
}

/// The newest entry in the index: the snapshot of now. -1 before the first.
pub fn tip(conn: &Connection) -> rusqlite::Result<i64> {
    Ok(super::tables::next_entry(conn)? - 1)
}

/// The first entry whose block is not older than `ms`; one past the tip where there is none. Block
/// times rise along the chain.
pub fn first_since(conn: &Connection, ms: i64) -> rusqlite::Result<i64> {
    let mut find = conn.prepare_cached("SELECT updated FROM fhir_version WHERE vid = ?1")?;
    let (mut low, mut high) = (0, tip(conn)? + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let updated: i64 = find.query_row([middle], |row| row.get(0))?;
        if updated < ms {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// Whether a term is that of a whole type.
pub fn kind_of_term(keyed: &Keyed, term: i64, kind: i64) -> bool {
    types::name(kind).is_some_and(|name| keyed.of_type(name) == term)
}

/// How many resources of a type there are now.
pub fn live(conn: &Connection, kind: i64) -> rusqlite::Result<u64> {
    let live: Option<i64> = conn
        .prepare_cached("SELECT live FROM fhir_count WHERE type = ?1")?
        .query_row([kind], |row| row.get(0))
        .optional()?;
    Ok(live.and_then(|live| u64::try_from(live).ok()).unwrap_or(0))
}

/// The types of which there ever was a resource here.
pub fn kinds(conn: &Connection) -> rusqlite::Result<Vec<&'static str>> {
    let mut find = conn.prepare_cached("SELECT type FROM fhir_count WHERE type >= 0")?;
    let numbers = find.query_map([], |row| row.get(0))?;
    let kinds: Result<Vec<_>, _> = numbers.map(|number| number.map(types::name)).collect();
    Ok(kinds?.into_iter().flatten().collect())
}
