// SPDX-License-Identifier: Apache-2.0
//! Payloads: the only rows that can be forgotten.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::{Height, PayloadCommitment, PayloadDigest, sha256};

use crate::StoreError;
use crate::file::rows::{int, number, prefix};

pub(crate) fn insert_payload(conn: &Connection, id: i64, bytes: &[u8]) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached("INSERT INTO ledger_payload (id, bytes) VALUES (?1, ?2)")?;
    statement.execute(params![id, bytes])?;
    Ok(())
}

/// Lets a payload be found by its digest, as other members ask for it.
pub(crate) fn insert_digest(
    conn: &Connection,
    id: i64,
    digest: &PayloadDigest,
) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO ledger_payload_digest VALUES (?1, ?2)")?
        .execute([prefix(&digest.0), id])?;
    Ok(())
}

/// A payload by its digest, where it has a place; bytes that were changed are not found.
pub(crate) fn by_digest(
    conn: &Connection,
    digest: &PayloadDigest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT p.bytes FROM ledger_payload_digest d JOIN ledger_payload p ON p.id = d.payload
         WHERE d.prefix = ?1",
    )?;
    let mut rows = statement.query([prefix(&digest.0)])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().unwrap_or_default();
        if sha256(bytes) == digest.0 {
            return Ok(Some(bytes.to_vec()));
        }
    }
    Ok(None)
}

/// Forgets `count` payloads from `first` on.
pub(crate) fn delete_payloads(conn: &Connection, first: i64, count: i64) -> Result<(), StoreError> {
    conn.execute(
        "DELETE FROM ledger_payload_digest WHERE payload >= ?1 AND payload < ?2",
        [first, first + count],
    )?;
    let mut statement =
        conn.prepare_cached("DELETE FROM ledger_payload WHERE id >= ?1 AND id < ?2")?;
    statement.execute([first, first + count])?;
    Ok(())
}

/// A payload that an entry commits to and that is not here; `false` where it is not known to be missing.
pub(crate) fn is_wanted(
    conn: &Connection,
    digest: &PayloadDigest,
    id: i64,
) -> Result<bool, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT 1 FROM ledger_wanted WHERE digest = ?1 AND payload = ?2")?;
    Ok(statement.exists(params![digest.0, id])?)
}

/// Notes that a payload is missing, for the entry of this number.
pub(crate) fn insert_wanted(
    conn: &Connection,
    digest: &PayloadDigest,
    id: i64,
    entry: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO ledger_wanted VALUES (?1, ?2, ?3)")?
        .execute(params![digest.0, id, int(entry)])?;
    Ok(())
}

/// Places where a payload is missing, each with its entry; they are taken off the list.
pub(crate) fn take_wanted(
    conn: &Connection,
    digest: &PayloadDigest,
) -> Result<Vec<(i64, u64)>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT payload, entry FROM ledger_wanted WHERE digest = ?1")?;
    let places = statement.query_map([digest.0], |row| Ok((row.get(0)?, number(row.get(1)?))))?;
    let places = places.collect::<Result<Vec<_>, _>>()?;
    if !places.is_empty() {
        conn.prepare_cached("DELETE FROM ledger_wanted WHERE digest = ?1")?
            .execute([digest.0])?;
    }
    Ok(places)
}

/// Payloads that are missing: the number of the entry, the digest and the id, from entry `from` on.
pub(crate) fn wanted(
    conn: &Connection,
    from: u64,
    limit: u32,
) -> Result<Vec<(u64, PayloadDigest)>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT entry, digest FROM ledger_wanted WHERE entry >= ?1 ORDER BY entry LIMIT ?2",
    )?;
    let rows = statement.query_map(params![int(from), limit], |row| {
        Ok((number(row.get(0)?), PayloadDigest(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// How many payloads are missing.
pub(crate) fn count_wanted(conn: &Connection) -> Result<u64, StoreError> {
    let mut statement = conn.prepare_cached("SELECT count(*) FROM ledger_wanted")?;
    Ok(number(statement.query_row([], |row| row.get(0))?))
}

/// Keeps a payload that no block names yet, up to a height.
pub(crate) fn hold(
    conn: &Connection,
    digest: &PayloadDigest,
    until: Height,
    bytes: &[u8],
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO ledger_held VALUES (?1, ?2, ?3)
         ON CONFLICT(digest) DO UPDATE SET until = max(until, ?2)",
    )?;
    statement.execute(params![digest.0, int(until.0), bytes])?;
    Ok(())
}

/// A payload that is held, which is let go.
pub(crate) fn take_held(
    conn: &Connection,
    digest: &PayloadDigest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement =
        conn.prepare_cached("DELETE FROM ledger_held WHERE digest = ?1 RETURNING bytes")?;
    Ok(statement
        .query_row([digest.0], |row| row.get(0))
        .optional()?)
}

/// A payload that is held.
pub(crate) fn held(
    conn: &Connection,
    digest: &PayloadDigest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT bytes FROM ledger_held WHERE digest = ?1")?;
    Ok(statement
        .query_row([digest.0], |row| row.get(0))
        .optional()?)
}

/// Lets go of payloads that can no longer be named at this height.
pub(crate) fn drop_held(conn: &Connection, height: Height) -> Result<usize, StoreError> {
    let mut statement = conn.prepare_cached("DELETE FROM ledger_held WHERE until < ?1")?;
    Ok(statement.execute([int(height.0)])?)
}

/// Payloads of a half-open range of ids, in order, as far as they are here.
pub(crate) fn payloads_between(
    conn: &Connection,
    from: i64,
    to: i64,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT bytes FROM ledger_payload WHERE id >= ?1 AND id < ?2 ORDER BY id",
    )?;
    let payloads = statement.query_map([from, to], |row| row.get(0))?;
    Ok(payloads.collect::<Result<_, _>>()?)
}

/// Hands a payload's stored bytes to `take`.
pub(crate) fn with_payload<T>(
    conn: &Connection,
    id: i64,
    take: impl FnOnce(&[u8]) -> T,
) -> Result<Option<T>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT bytes FROM ledger_payload WHERE id = ?1")?;
    Ok(statement
        .query_row([id], |row| Ok(take(row.get_ref(0)?.as_blob()?)))
        .optional()?)
}

/// Says what is wrong with stored bytes, if they are not those that an entry commits to.
pub(crate) fn differs(commitment: &PayloadCommitment, stored: &[u8]) -> Option<&'static str> {
    if stored.len() as u64 != u64::from(commitment.size) {
        Some("the payload has another size than was committed")
    } else if sha256(stored) != commitment.digest.0 {
        Some("the payload has another digest than was committed")
    } else {
        None
    }
}
