// SPDX-License-Identifier: Apache-2.0
//! A record whose bytes changed on disk is never served.

use serde_json::json;
use silsila_store::StoreError;

use crate::bed::Bed;
use crate::chart::filled;

/// Flips a byte of every payload; says of how many.
fn flip_payloads(bed: &Bed) -> usize {
    bed.store
        .local::<_, StoreError>(|txn| {
            let table: String = txn.query_row(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE '%payload%' LIMIT 1",
                [],
                |row| row.get(0),
            )?;
            let column: String = txn.query_row(
                &format!("SELECT name FROM pragma_table_info('{table}') WHERE type = 'BLOB' ORDER BY cid DESC LIMIT 1"),
                [],
                |row| row.get(0),
            )?;
            let mut all = txn.prepare(&format!("SELECT rowid, {column} FROM {table}"))?;
            let rows: Vec<(i64, Vec<u8>)> = all
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            drop(all);
            for (rowid, mut bytes) in rows.iter().cloned() {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                txn.execute(
                    &format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2"),
                    (bytes, rowid),
                )?;
            }
            Ok(rows.len())
        })
        .unwrap()
}

#[test]
fn a_flipped_byte_in_a_payload_is_refused_and_nothing_of_it_served() {
    let bed = filled();
    assert!(flip_payloads(&bed) > 0);
    for path in [
        "Patient/p1",
        "Patient/p1/_history/1",
        "Patient/p1/_history",
        "Patient?_id=p1",
        "Patient?identifier=9912345678901",
        "Patient?_revinclude=Provenance:target",
        "Provenance?target=Patient/p1",
    ] {
        let reply = bed.get(path);
        assert_eq!(reply.refused(500), "FHR0017", "{path}");
        assert!(
            !reply.text.contains("Aquib") && !reply.text.contains("p1"),
            "{path}"
        );
    }
}

#[test]
fn what_was_checked_is_served_for_a_minute_and_then_checked_again() {
    let bed = filled();
    let paths = ["Patient/p1", "Patient/p1/_history/1", "Patient?_id=p1"];
    let before = paths.map(|path| bed.get(path).ok().text);
    assert!(before.iter().all(|text| text.contains("Aquib")));
    flip_payloads(&bed);
    bed.later(59_000);
    for (path, before) in paths.iter().zip(&before) {
        assert_eq!(bed.get(path).ok().text, *before, "{path}");
    }
    bed.later(1_000);
    for path in paths {
        assert_eq!(bed.get(path).refused(500), "FHR0017", "{path}");
    }
}

#[test]
fn a_new_version_takes_the_place_of_one_in_memory_at_once() {
    let bed = filled();
    for number in 1..=3 {
        let family = format!("Shaikh-{number}");
        bed.put(&[json!({"resourceType": "Patient", "id": "p1", "name": [{"family": family}]})]);
        assert!(bed.get("Patient/p1").ok().text.contains(&family));
    }
    bed.delete("Patient/p1");
    assert_eq!(bed.get("Patient/p1").refused(410), "FHR0003");
}
