// SPDX-License-Identifier: Apache-2.0
//! What keeps the index small and whole, outside the path of a commit: taking out the rows of versions
//! that were replaced, and following a chain that ran ahead of a new index.
//!
//! Each step is one short write transaction; a crash between two steps costs nothing.

use silsila_store::rusqlite::{self, Connection, OptionalExtension as _, Transaction, params};
use silsila_store::{Applied, Store, StoreError};

use super::apply::{self, Names, Span};
use super::key::{Keyed, is_rare};
use super::rows::Rows;
use super::tables;

/// How long a replaced version keeps its rows: the life of a page link.
pub const SNAPSHOT_MS: u64 = 10 * 60 * 1000;

/// Versions whose rows are taken out in one transaction.
const PURGE_STEP: u32 = 200;
/// Entries that are caught up in one transaction.
const CATCH_UP_STEP: i64 = 2_000;

/// How far the index is behind the chain, in entries.
pub fn behind(conn: &Connection, entries: u64) -> rusqlite::Result<u64> {
    let next = tables::next_entry(conn)?;
    Ok(entries.saturating_sub(u64::try_from(next).unwrap_or(0)))
}

/// One step after the chain. Says how many entries remain.
pub fn catch_up(store: &Store) -> Result<u64, StoreError> {
    let entries = store.health()?.entries;
    store.local(|txn| {
        let from = tables::next_entry(txn)?;
        let until = (from + CATCH_UP_STEP).min(i64::try_from(entries).unwrap_or(i64::MAX));
        let mut names = Names::default();
        let mut seq = from;
        while seq < until {
            seq = catch_up_block(store, txn, &mut names, seq, until)?;
        }
        behind(txn, entries).map_err(StoreError::from)
    })
}

/// Adds the entries of one block, as far as the step reaches; says where to go on.
fn catch_up_block(
    store: &Store,
    txn: &Transaction<'_>,
    names: &mut Names,
    from: i64,
    until: i64,
) -> Result<i64, StoreError> {
    let mut entries: Vec<silsila_store::CommittedEntry> = Vec::new();
    let mut reached = from;
    for seq in from..until {
        let entry = store.record(txn, u64::try_from(seq).unwrap_or_default())?;
        if let Some(entry) = entry {
            let same_block = entries
                .first()
                .is_none_or(|first| first.height() == entry.height());
            if !same_block {
                break;
            }
            entries.push(entry);
        }
        reached = seq + 1;
    }
    let applied: Vec<_> = entries
        .iter()
        .map(|entry| Applied {
            seq: entry.seq(),
            record: entry.record(),
            entry_hash: entry.entry_hash(),
            plaintext: entry.payload(),
        })
        .collect();
    let span = Span {
        time_ms: entries
            .first()
            .map_or(0, silsila_store::CommittedEntry::time_ms),
        first: u64::try_from(from).unwrap_or_default(),
        entries: u64::try_from(reached - from).unwrap_or_default(),
    };
    apply::apply(txn, names, span, &applied)?;
    Ok(reached)
}

/// Takes out the rows of versions that were replaced before `now_ms` minus the life of a page link.
/// Says how many versions it took; fewer than a full step means that nothing is left.
pub fn purge(store: &Store, now_ms: u64) -> Result<bool, StoreError> {
    let until = i64::try_from(now_ms.saturating_sub(SNAPSHOT_MS)).unwrap_or(i64::MAX);
    let due = |conn: &Connection| -> Result<Vec<(i64, i64)>, StoreError> {
        let mut find =
            conn.prepare_cached("SELECT next, vid, at FROM fhir_stale ORDER BY next LIMIT ?1")?;
        let rows = find.query_map([PURGE_STEP], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?))
        })?;
        let mut due = Vec::new();
        for row in rows {
            let (next, vid, at) = row?;
            if at > until {
                break;
            }
            due.push((next, vid));
        }
        Ok(due)
    };
    if store.read(due)?.is_empty() {
        return Ok(false);
    }
    store.local(|txn| {
        let due = due(txn)?;
        let secrets = tables::secrets(txn)?;
        let keyed = secrets.map(|secrets| Keyed::new(secrets.terms));
        for (next, vid) in &due {
            if let Some(keyed) = &keyed {
                remove_rows(store, txn, keyed, *vid)?;
            }
            txn.prepare_cached("DELETE FROM fhir_stale WHERE next = ?1")?
                .execute([next])?;
            txn.prepare_cached("UPDATE fhir_version SET facts = NULL WHERE vid = ?1")?
                .execute([vid])?;
        }
        if let Some((next, _)) = due.last() {
            txn.prepare_cached("UPDATE fhir_meta SET value = ?1 WHERE name = 'purged'")?
                .execute([next])?;
        }
        Ok(u32::try_from(due.len()) == Ok(PURGE_STEP))
    })
}

fn remove_rows(
    store: &Store,
    txn: &Transaction<'_>,
    keyed: &Keyed,
    vid: i64,
) -> Result<(), StoreError> {
    let entry = store.committed(txn, u64::try_from(vid).unwrap_or_default());
    let rows = entry
        .ok()
        .and_then(silsila_store::CommittedEntry::into_payload)
        .and_then(|payload| Rows::of(&payload.body, keyed).ok());
    let Some(rows) = rows else {
        return remove_by_search(txn, keyed, vid).map_err(StoreError::from);
    };
    let mut term = txn.prepare_cached("DELETE FROM fhir_term WHERE term = ?1 AND vid = ?2")?;
    let mut fresh = txn.prepare_cached("DELETE FROM fhir_fresh WHERE term = ?1 AND vid = ?2")?;
    for (key, _) in &rows.terms {
        if term.execute([*key, vid])? == 0 && is_rare(*key) {
            fresh.execute([*key, vid])?;
        }
    }
    let mut range = txn.prepare_cached("DELETE FROM fhir_range WHERE key = ?1 AND vid = ?2")?;
    for key in &rows.ranges {
        range.execute([*key, vid])?;
    }
    let mut text =
        txn.prepare_cached("DELETE FROM fhir_text WHERE param = ?1 AND text = ?2 AND vid = ?3")?;
    for (param, beginning) in &rows.texts {
        text.execute(params![param, beginning, vid])?;
    }
    Ok(())
}

/// Without its body (erased, or damaged) a version's rows are found only by looking at all of them.
fn remove_by_search(txn: &Transaction<'_>, keyed: &Keyed, vid: i64) -> rusqlite::Result<()> {
    for table in ["fhir_term", "fhir_fresh", "fhir_range", "fhir_text"] {
        txn.execute(&format!("DELETE FROM {table} WHERE vid = ?1"), [vid])?;
    }
    // The terms that lead to a resource bear the number of its first version, and stay.
    let resource: Option<(i64, String, [u8; 16])> = txn
        .prepare_cached("SELECT type, id, tag FROM fhir_resource WHERE rid = ?1")?
        .query_row([vid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let mut add =
        txn.prepare_cached("INSERT INTO fhir_fresh(term, vid, system) VALUES (?1, ?2, 0)")?;
    if let Some((kind, id, tag)) = resource {
        add.execute([keyed.of_tag(&tag), vid])?;
        if let Some(name) = tables::types::name(kind) {
            add.execute([keyed.of_resource(name, &id), vid])?;
        }
    }
    Ok(())
}

/// What is wrong with the index, as far as counting can tell.
pub fn verify(conn: &Connection, records: u64) -> rusqlite::Result<Vec<String>> {
    let mut faults = Vec::new();
    let one = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, i64>(0));
    let versions = one("SELECT count(*) FROM fhir_version")?;
    if i64::try_from(records) != Ok(versions) {
        faults.push(format!(
            "the index holds {versions} versions, the chain {records} records"
        ));
    }
    let live = one("SELECT count(*) FROM fhir_version WHERE next IS NULL AND facts IS NOT NULL")?;
    let counted = one("SELECT coalesce(sum(live), 0) FROM fhir_count")?;
    if live != counted {
        faults.push(format!("{live} resources are live, {counted} are counted"));
    }
    let headless = one("SELECT count(*) FROM fhir_resource r
         LEFT JOIN fhir_version v ON v.vid = r.head AND v.rid = r.rid AND v.next IS NULL
         WHERE v.vid IS NULL")?;
    if headless != 0 {
        faults.push(format!("{headless} resources have no current version"));
    }
    let unfindable = one(
        "SELECT count(*) FROM fhir_version v WHERE v.facts IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM fhir_stale s WHERE s.vid = v.vid) AND v.next IS NOT NULL",
    )?;
    if unfindable != 0 {
        faults.push(format!(
            "{unfindable} replaced versions are not marked for removal"
        ));
    }
    Ok(faults)
}
