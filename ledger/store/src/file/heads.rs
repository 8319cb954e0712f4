// SPDX-License-Identifier: Apache-2.0
//! Which entries are versions of a resource: the first eight bytes of its tag, and the entry's number.
//! Nothing is ever taken out, so that the heads of any earlier block can be found as well.

use rusqlite::Connection;
use silsila_chain::Tag;

use crate::StoreError;
use crate::file::rows::{int, number, prefix};

pub(crate) fn insert_version(conn: &Connection, tag: &Tag, entry: u64) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached("INSERT INTO ledger_version VALUES (?1, ?2)")?;
    statement.execute([prefix(&tag.0), int(entry)])?;
    Ok(())
}

/// Entries below `before` that may be versions of a resource, newest first; `each` says whether to go
/// on. Another tag with the same first bytes is possible, so that each must be looked at.
pub(crate) fn versions<T>(
    conn: &Connection,
    tag: &Tag,
    before: u64,
    mut each: impl FnMut(u64) -> Result<Option<T>, StoreError>,
) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT entry FROM ledger_version WHERE tag = ?1 AND entry < ?2 ORDER BY entry DESC",
    )?;
    let mut rows = statement.query([prefix(&tag.0), int(before)])?;
    while let Some(row) = rows.next()? {
        if let Some(found) = each(number(row.get(0)?))? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}
