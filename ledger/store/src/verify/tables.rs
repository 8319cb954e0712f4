// SPDX-License-Identifier: Apache-2.0
//! The tables that only help to find things, and the outbox.

use rusqlite::Connection;
use silsila_chain::read_entries;

use crate::file::{ChunkRow, OutboxRow, differs, int, number, prefix, with_payload};
use crate::{Fault, Place, StoreError};

/// How many rows of one table are named when many are wrong.
const NAMED: usize = 100;

/// A count and a sum over rows of `ledger_version`, whatever their order. It is there to notice
/// accidents: the rows only help to find entries, which are then checked themselves.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VersionSum {
    count: u64,
    sum: u128,
}

impl VersionSum {
    pub(crate) fn count(&mut self, tag: i64, entry: u64) {
        let row = u128::from(tag.cast_unsigned()) << 64 | u128::from(entry);
        let mixed = (row ^ (row >> 67)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        self.count += 1;
        self.sum = self.sum.wrapping_add(mixed ^ (mixed >> 71));
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.count += other.count;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Sums up the rows for entries below `end` whose tag begins with a number between these.
pub(crate) fn sum_versions(
    conn: &Connection,
    tags: (i64, i64),
    end: u64,
) -> Result<VersionSum, StoreError> {
    let mut sum = VersionSum::default();
    let mut statement =
        conn.prepare_cached("SELECT tag, entry FROM ledger_version WHERE tag BETWEEN ?1 AND ?2")?;
    let mut rows = statement.query([tags.0, tags.1])?;
    while let Some(row) = rows.next()? {
        let entry = number(row.get(1)?);
        if entry < end {
            sum.count(row.get(0)?, entry);
        }
    }
    Ok(sum)
}

/// Names entries that `ledger_version` misses. Slow; for when the sums differ.
pub(crate) fn missing_versions(conn: &Connection, end: u64) -> Result<Vec<Fault>, StoreError> {
    let fault = |entry, what: &str| Fault {
        place: Place {
            table: "ledger_version",
            entry,
            ..Place::default()
        },
        what: what.to_owned(),
    };
    let mut faults = Vec::new();
    let mut found =
        conn.prepare_cached("SELECT 1 FROM ledger_version WHERE tag = ?1 AND entry = ?2")?;
    let mut from = 0;
    while from < end && faults.len() < NAMED {
        let to = (from + 4096).min(end);
        for chunk in ChunkRow::collect(conn, from, to)? {
            let Ok(entries) = read_entries(&chunk.bytes) else {
                continue;
            };
            for (entry, seq) in entries.iter().zip(chunk.first..) {
                let Some(record) = entry.entry.record() else {
                    continue;
                };
                if !found.exists([prefix(&record.resource_tag.0), int(seq)])? {
                    faults.push(fault(
                        Some(seq),
                        "the entry is not found as a version of its resource",
                    ));
                }
            }
        }
        from = to;
    }
    if faults.is_empty() {
        faults.push(fault(None, "there are rows that no entry explains"));
    }
    Ok(faults)
}

/// Checks what waits in the outbox: signatures, entries, payloads.
pub(crate) fn check_outbox(conn: &Connection) -> Result<Vec<Fault>, StoreError> {
    let mut faults = Vec::new();
    for row in OutboxRow::all(conn)? {
        faults.extend(check_staged(conn, &row)?);
    }
    Ok(faults)
}

fn check_staged(conn: &Connection, row: &OutboxRow) -> Result<Vec<Fault>, StoreError> {
    let place = Place {
        table: "ledger_outbox",
        ..Place::default()
    };
    let damaged = |what: String| Fault { place, what };
    let Some(transaction) = row.transaction() else {
        return Ok(vec![damaged("a signature of another length".to_owned())]);
    };
    let open = match transaction.open() {
        Ok(open) if open.id().0[..] == row.id => open,
        Ok(_) => {
            return Ok(vec![damaged(
                "a staged transaction has another id".to_owned(),
            )]);
        }
        Err(fault) => return Ok(vec![damaged(fault.to_string())]),
    };
    let mut faults = Vec::new();
    let entries = (0..).zip(open.entries());
    let committed =
        entries.filter_map(|(position, entry)| Some((position, *entry.entry.payload()?)));
    for (id, (position, commitment)) in (row.payload..).zip(committed) {
        let what = with_payload(conn, id, |stored| differs(&commitment, stored))?;
        if let Some(what) = what.unwrap_or(Some("the payload is missing")) {
            let tx_id = Some(open.id());
            let place = Place {
                table: "ledger_payload",
                tx_id,
                entry: Some(position),
                ..Place::default()
            };
            faults.push(Fault {
                place,
                what: what.to_owned(),
            });
        }
    }
    Ok(faults)
}
