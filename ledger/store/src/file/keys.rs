// SPDX-License-Identifier: Apache-2.0
//! Content keys, and what cannot be opened for want of one. A key is one row of one table, so that
//! overwriting the row forgets it.

use rusqlite::{Connection, OptionalExtension as _, params};
use silsila_chain::Tag;
use silsila_seal::{Compartment, ContentKey};
use zeroize::Zeroizing;

use crate::StoreError;
use crate::file::rows::{int, number, prefix};

/// A content key as it is kept.
pub(crate) struct KeptKey {
    pub(crate) key: ContentKey,
    /// Whether a grant of it was staged or committed; always for others' keys.
    pub(crate) granted: bool,
}

/// The key of a compartment, where there is one.
pub(crate) fn content_key(
    conn: &Connection,
    of: &Compartment,
) -> Result<Option<KeptKey>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT secret, granted FROM ledger_content_key
         WHERE custodian = ?1 AND subject = ?2 AND class = ?3 AND period = ?4",
    )?;
    let found = statement.query_row(
        params![of.custodian.0, of.subject.0, of.class, of.period],
        |row| {
            let secret = Zeroizing::new(row.get::<_, [u8; 32]>(0)?);
            Ok(KeptKey {
                key: ContentKey::new(&secret),
                granted: row.get(1)?,
            })
        },
    );
    Ok(found.optional()?)
}

/// Keeps a key; `false` where the compartment has one already, which stays.
pub(crate) fn insert_content_key(
    conn: &Connection,
    of: &Compartment,
    key: &ContentKey,
) -> Result<bool, StoreError> {
    let mut statement = conn.prepare_cached(
        "INSERT INTO ledger_content_key (custodian, subject, class, period, granted, secret)
         VALUES (?1, ?2, ?3, ?4, 1, ?5) ON CONFLICT DO NOTHING",
    )?;
    let of = params![
        of.custodian.0,
        of.subject.0,
        of.class,
        of.period,
        key.secret()
    ];
    Ok(statement.execute(of)? == 1)
}

/// Notes whether a grant of a key is under way.
pub(crate) fn set_granted(
    conn: &Connection,
    of: &Compartment,
    granted: bool,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached(
        "UPDATE ledger_content_key SET granted = ?5
         WHERE custodian = ?1 AND subject = ?2 AND class = ?3 AND period = ?4",
    )?;
    statement.execute(params![
        of.custodian.0,
        of.subject.0,
        of.class,
        of.period,
        granted
    ])?;
    Ok(())
}

/// The period whose key seals a custodian's new records of a subject and class: the newest one.
pub(crate) fn newest_period(conn: &Connection, of: &Compartment) -> Result<u32, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT max(period) FROM ledger_content_key
         WHERE custodian = ?1 AND subject = ?2 AND class = ?3",
    )?;
    let newest = statement.query_row(params![of.custodian.0, of.subject.0, of.class], |row| {
        row.get::<_, Option<u32>>(0)
    })?;
    Ok(newest.unwrap_or(1))
}

/// The custodian's own compartments behind another, in order: subject, class and period.
pub(crate) fn own_compartments(
    conn: &Connection,
    behind: &Compartment,
    limit: u32,
) -> Result<Vec<Compartment>, StoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT subject, class, period FROM ledger_content_key
         WHERE custodian = ?1 AND (subject, class, period) > (?2, ?3, ?4)
         ORDER BY subject, class, period LIMIT ?5",
    )?;
    let rows = statement.query_map(
        params![
            behind.custodian.0,
            behind.subject.0,
            behind.class,
            behind.period,
            limit
        ],
        |row| {
            Ok(Compartment {
                subject: Tag(row.get(0)?),
                class: row.get(1)?,
                period: row.get(2)?,
                ..*behind
            })
        },
    )?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Notes that an entry could not be opened.
pub(crate) fn insert_closed(
    conn: &Connection,
    subject: &Tag,
    entry: u64,
) -> Result<(), StoreError> {
    conn.prepare_cached("INSERT INTO ledger_closed VALUES (?1, ?2)")?
        .execute([prefix(&subject.0), int(entry)])?;
    Ok(())
}

/// Takes an entry off that list; `false` where it is not on it.
pub(crate) fn remove_closed(
    conn: &Connection,
    subject: &Tag,
    entry: u64,
) -> Result<bool, StoreError> {
    let mut statement =
        conn.prepare_cached("DELETE FROM ledger_closed WHERE subject = ?1 AND entry = ?2")?;
    Ok(statement.execute([prefix(&subject.0), int(entry)])? == 1)
}

/// Entries that may be a subject's and could not be opened, in order.
pub(crate) fn closed(conn: &Connection, subject: &Tag) -> Result<Vec<u64>, StoreError> {
    let mut statement =
        conn.prepare_cached("SELECT entry FROM ledger_closed WHERE subject = ?1 ORDER BY entry")?;
    let rows = statement.query_map([prefix(&subject.0)], |row| Ok(number(row.get(0)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
