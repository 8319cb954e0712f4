// SPDX-License-Identifier: Apache-2.0
//! What cannot be made anew from the chain and is carried from the damaged file into the new one: own
//! transactions that are not ordered yet, content keys, the lists, and the tables of the pipeline.

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::salvage::Salvage;
use crate::file::{OutboxRow, insert_digest, insert_payload};
use crate::writer::Writer;
use crate::{Lost, StoreError};

/// What follows from the chain, and where a scrub stood.
const DERIVED: [&str; 15] = [
    "ledger_meta",
    "ledger_block",
    "ledger_transaction",
    "ledger_transaction_id",
    "ledger_entries",
    "ledger_payload",
    "ledger_payload_digest",
    "ledger_version",
    "ledger_node",
    "ledger_epoch",
    "ledger_closed",
    "ledger_wanted",
    "ledger_scrub",
    // These two are carried in their own ways.
    KEYS,
    OUTBOX,
];
const KEYS: &str = "ledger_content_key";
const OUTBOX: &str = "ledger_outbox";

/// Content keys, before the chain: what they open is indexed as its block is applied.
pub(super) fn keys(from: &mut Salvage, to: &Writer) -> Result<(), StoreError> {
    // What is lost of them comes again out of the chain's envelopes, which every member seals to itself too.
    table(from, &to.conn, KEYS).map(|_| ())
}

/// Everything else, behind the chain.
pub(super) fn others(from: &mut Salvage, to: &mut Writer) -> Result<Lost, StoreError> {
    let mut lost = Lost {
        transactions: outbox(from, to)?,
        tables: Vec::new(),
    };
    let index = to.index.tables();
    let schema = from.attempt(|conn| {
        let mut all = conn.prepare(
            "SELECT type, name, sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'index'",
        )?;
        let all = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(all.collect::<Result<Vec<(String, String, String)>, _>>()?)
    })?;
    let Some(schema) = schema else {
        lost.tables.push("all".to_owned());
        return Ok(lost);
    };
    for (kind, name, sql) in schema {
        let there = (to.conn)
            .prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1")?
            .exists([&name])?;
        if DERIVED.contains(&&*name) || index.contains(&&*name) {
            continue;
        }
        if !there {
            to.conn.execute_batch(&sql)?;
        }
        if kind == "table" && table(from, &to.conn, &name)? {
            lost.tables.push(name);
        }
    }
    Ok(lost)
}

/// Copies a table's rows; says whether some could not be read.
fn table(from: &mut Salvage, to: &Connection, name: &str) -> Result<bool, StoreError> {
    let txn = to.unchecked_transaction()?;
    let lost = from.rows(name, &mut |columns, values: Vec<Value>| {
        let places = vec!["?"; columns.len()].join(", ");
        let sql = format!(
            "INSERT OR REPLACE INTO {name} ({}) VALUES ({places})",
            columns.join(", ")
        );
        txn.prepare_cached(&sql)?
            .execute(params_from_iter(values))?;
        Ok(())
    })?;
    txn.commit()?;
    Ok(lost)
}

/// Copies own transactions that were not ordered yet, each with all of its payloads; says how many could not be.
fn outbox(from: &mut Salvage, to: &mut Writer) -> Result<u64, StoreError> {
    let mut rows: Vec<OutboxRow> = Vec::new();
    let holes = from.rows(OUTBOX, &mut |_, values| {
        if let Some(row) = OutboxRow::of(values)
            && rows.iter().all(|known| known.number != row.number)
        {
            rows.push(row);
        }
        Ok(())
    })?;
    rows.sort_unstable_by_key(|row| row.number);
    let mut lost = u64::from(holes);
    for mut row in rows {
        let Some(open) = row.transaction().and_then(|one| one.open().ok()) else {
            lost += 1;
            continue;
        };
        if crate::file::TransactionRow::find(&to.conn, &open.id())?.is_some() {
            continue;
        }
        let commitments = open.entries().iter().filter_map(|one| one.entry.payload());
        let payloads = (row.payload..).zip(commitments);
        let payloads = payloads.map(|(id, commitment)| from.staged(id, commitment));
        let Some(payloads) = payloads.collect::<Result<Option<Vec<_>>, _>>()? else {
            lost += 1;
            continue;
        };
        let txn = to.conn.transaction()?;
        row.payload = to.next_payload;
        row.insert(&txn)?;
        for (id, (bytes, entry)) in (row.payload..).zip(
            payloads
                .iter()
                .zip(open.entries().iter().filter_map(|one| one.entry.payload())),
        ) {
            insert_payload(&txn, id, bytes)?;
            if to.chain.is_shared() {
                insert_digest(&txn, id, &entry.digest)?;
            }
            to.next_payload = id + 1;
        }
        txn.commit()?;
    }
    Ok(lost)
}
