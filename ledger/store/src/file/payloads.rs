// SPDX-License-Identifier: Apache-2.0
//! Payloads: the only rows that can be forgotten.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::{PayloadCommitment, sha256};

use crate::StoreError;

pub(crate) fn insert_payload(conn: &Connection, id: i64, bytes: &[u8]) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached("INSERT INTO ledger_payload (id, bytes) VALUES (?1, ?2)")?;
    statement.execute(params![id, bytes])?;
    Ok(())
}

/// Forgets `count` payloads from `first` on.
pub(crate) fn delete_payloads(conn: &Connection, first: i64, count: i64) -> Result<(), StoreError> {
    let mut statement =
        conn.prepare_cached("DELETE FROM ledger_payload WHERE id >= ?1 AND id < ?2")?;
    statement.execute([first, first + count])?;
    Ok(())
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
