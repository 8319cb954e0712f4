// SPDX-License-Identifier: Apache-2.0
//! Stored bytes that changed: verification finds each one with its place, opening finds those since
//! the last clean checkpoint, and no read serves them.

use std::fs;
use std::thread;

use silsila_store::rusqlite::types::Value;
use silsila_store::rusqlite::{Connection, params};
use silsila_store::{Fault, Store, StoreError};

use crate::dice::Dice;
use crate::harness::{Ledger, assert_clean, body, commit, delete, put, read, stage};

const PER_BLOCK: u64 = 40;
const BLOCKS: u64 = 4;
const ENTRIES: u64 = PER_BLOCK * BLOCKS;

/// Every column that the chain consists of, and the tables that help to find it.
const COLUMNS: [(&str, &str); 18] = [
    ("ledger_block", "height"),
    ("ledger_block", "first_transaction"),
    ("ledger_block", "header"),
    ("ledger_block", "certificate"),
    ("ledger_transaction", "height"),
    ("ledger_transaction", "first_entry"),
    ("ledger_transaction", "header"),
    ("ledger_transaction", "signature"),
    ("ledger_transaction", "chunk_roots"),
    ("ledger_transaction_id", "prefix"),
    ("ledger_entries", "first"),
    ("ledger_entries", "transaction_number"),
    ("ledger_entries", "payload"),
    ("ledger_entries", "bytes"),
    ("ledger_payload", "bytes"),
    ("ledger_version", "tag"),
    ("ledger_version", "entry"),
    ("ledger_node", "hash"),
];

/// A ledger of some blocks, closed cleanly.
pub fn written() -> Ledger {
    let ledger = Ledger::new();
    let store = ledger.open();
    fill(&store);
    store.close().unwrap();
    ledger
}

fn fill(store: &Store) {
    for turn in 0..BLOCKS {
        commit(
            store,
            (0..PER_BLOCK).map(|n| put(&n.to_string(), turn)).collect(),
        );
    }
}

pub fn expected(seq: u64) -> Vec<u8> {
    body(&(seq % PER_BLOCK).to_string(), seq / PER_BLOCK)
}

/// Reads everything; whatever is served is what was committed. How many reads were refused.
pub fn reads_never_lie(store: &Store) -> u64 {
    let mut refused = 0;
    for seq in 0..ENTRIES {
        match read(store, seq) {
            Ok(served) => assert_eq!(served, Some(expected(seq)), "entry {seq}"),
            Err(error) => {
                assert!(!matches!(error, StoreError::Closed | StoreError::ReadOnly));
                refused += 1;
            }
        }
    }
    refused
}

/// Changes one bit of one value of one row, as chance will have it; says which.
pub fn flip(conn: &Connection, dice: &mut Dice, table: &str, column: &str) -> Option<String> {
    let key = match table {
        "ledger_transaction_id" | "ledger_version" => "rowid_of",
        _ => "rowid",
    };
    let rows: Vec<Vec<Value>> = if key == "rowid" {
        let mut statement = conn
            .prepare(&format!("SELECT rowid, {column} FROM {table}"))
            .unwrap();
        let rows = statement
            .query_map([], |row| Ok(vec![row.get(0)?, row.get(1)?]))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    } else {
        let mut statement = conn
            .prepare(&format!("SELECT *, {column} FROM {table}"))
            .unwrap();
        let rows = statement
            .query_map([], |row| Ok(vec![row.get(0)?, row.get(1)?, row.get(2)?]))
            .unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    let mut row = rows[dice.below(rows.len())].clone();
    let changed = match row.pop().unwrap() {
        Value::Integer(number) => Value::Integer(number ^ (1 << dice.below(8))),
        Value::Blob(bytes) if bytes.is_empty() => return None,
        Value::Blob(mut bytes) => {
            let at = dice.below(bytes.len());
            bytes[at] = dice.flip(bytes[at]);
            Value::Blob(bytes)
        }
        other => panic!("{other:?}"),
    };
    let done = if key == "rowid" {
        conn.execute(
            &format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2"),
            params![changed, row[0]],
        )
    } else {
        let (first, second) = if table == "ledger_version" {
            ("tag", "entry")
        } else {
            ("prefix", "number")
        };
        let update =
            format!("UPDATE {table} SET {column} = ?1 WHERE {first} = ?2 AND {second} = ?3");
        conn.execute(&update, params![changed, row[0], row[1]])
    };
    // A number that another row has already is refused by the table itself.
    done.ok().map(|_| format!("{table}.{column} of {row:?}"))
}

#[test]
fn a_bit_flipped_in_any_column_is_found_with_its_place_and_never_served() {
    let mut dice =
        Dice::new("a_bit_flipped_in_any_column_is_found_with_its_place_and_never_served");
    let ledger = written();
    let whole = fs::read(ledger.path()).unwrap();
    for (table, column) in COLUMNS {
        let mut flipped = 0;
        while flipped < 5 {
            fs::write(ledger.path(), &whole).unwrap();
            let Some(place) = flip(&ledger.raw(), &mut dice, table, column) else {
                continue;
            };
            flipped += 1;
            let store = Store::open_read_only(&ledger.path()).unwrap();
            let report = store.verify(&mut |_| ()).unwrap();
            assert!(!report.is_clean(), "{place} was not noticed");
            assert!(
                report.faults.iter().any(|fault| names(fault, table)),
                "{place}: {:?}",
                report.faults
            );
            let refused = reads_never_lie(&store);
            if table == "ledger_payload" || column == "bytes" {
                assert!(refused > 0, "{place} was served");
            }
        }
    }
}

/// A block's own row may be blamed for what its transactions are, and the other way round.
fn names(fault: &Fault, table: &str) -> bool {
    let chain = ["ledger_block", "ledger_transaction", "ledger_entries"];
    fault.place.table == table
        || (chain.contains(&table)
            && (chain.contains(&fault.place.table) || fault.place.table == "ledger_payload"))
}

#[test]
fn a_flipped_payload_is_named_by_block_transaction_and_entry() {
    let ledger = written();
    ledger
        .raw()
        .execute(
            "UPDATE ledger_payload SET bytes = zeroblob(length(bytes)) WHERE id = 50",
            [],
        )
        .unwrap();
    let store = ledger.open();
    let report = store.verify(&mut |_| ()).unwrap();
    let [fault] = &report.faults[..] else {
        panic!("{:?}", report.faults)
    };
    let text = fault.to_string();
    assert_eq!(
        text,
        "the payload has another digest than was committed (table ledger_payload, height 2, transaction 0, entry 49)"
    );
    let Err(StoreError::Damaged { fault }) = read(&store, 49) else {
        panic!("it was served")
    };
    assert_eq!(
        (fault.place.entry, fault.place.table),
        (Some(49), "ledger_payload")
    );
    assert_eq!(reads_never_lie(&store), 1);
}

#[test]
fn rows_left_out_or_exchanged_are_found() {
    let ledger = written();
    let whole = fs::read(ledger.path()).unwrap();
    for change in [
        "DELETE FROM ledger_payload WHERE id = 7",
        "DELETE FROM ledger_entries WHERE first = 56",
        "DELETE FROM ledger_transaction WHERE number = 2",
        "DELETE FROM ledger_transaction_id WHERE number = 2",
        "DELETE FROM ledger_block WHERE height = 2",
        "DELETE FROM ledger_block WHERE height = 4",
        "DELETE FROM ledger_node WHERE rowid = (SELECT min(rowid) FROM ledger_node)",
        "DELETE FROM ledger_version WHERE entry = 3",
        "INSERT INTO ledger_version VALUES (1, 2)",
        "UPDATE ledger_payload SET bytes = (SELECT bytes FROM ledger_payload WHERE id = 1) WHERE id = 2",
        "UPDATE ledger_entries SET bytes = (SELECT bytes FROM ledger_entries WHERE first = 0) WHERE first = 16",
        "UPDATE ledger_block SET header = (SELECT header FROM ledger_block WHERE height = 1),
            certificate = (SELECT certificate FROM ledger_block WHERE height = 1) WHERE height = 2",
        "UPDATE ledger_transaction SET header = (SELECT header FROM ledger_transaction WHERE number = 1),
            signature = (SELECT signature FROM ledger_transaction WHERE number = 1) WHERE number = 2",
        "UPDATE ledger_block SET header = x'00' WHERE height = 0",
    ] {
        fs::write(ledger.path(), &whole).unwrap();
        assert_eq!(ledger.raw().execute(change, []).unwrap(), 1, "{change}");
        let store = Store::open_read_only(&ledger.path()).unwrap();
        let report = store.verify(&mut |_| ()).unwrap();
        assert!(!report.is_clean(), "{change}");
        reads_never_lie(&store);
    }
}

#[test]
fn opening_finds_what_changed_since_the_last_clean_checkpoint() {
    let mut dice = Dice::new("opening_finds_what_changed_since_the_last_clean_checkpoint");
    let ledger = Ledger::new();
    let store = ledger.open();
    store.close().unwrap();
    drop(store);
    let early = checkpoint(&ledger);
    let store = ledger.open();
    fill(&store);
    stage(
        &store,
        (0..20).map(|n| put(&n.to_string(), BLOCKS)).collect(),
    );
    drop(store);
    // The file as a kill would leave it: with the blocks, and with the checkpoint from before them.
    ledger
        .raw()
        .execute(
            "UPDATE ledger_meta SET value = ?1 WHERE name = 'checkpoint'",
            [early],
        )
        .unwrap();
    let whole = fs::read(ledger.path()).unwrap();
    drop(ledger.open());
    let outbox = [
        ("ledger_outbox", "header"),
        ("ledger_outbox", "signature"),
        ("ledger_outbox", "entries"),
    ];
    let chain = COLUMNS.iter().filter(|(table, column)| {
        // Look-ups of what no open needs are left to verification.
        !matches!(*table, "ledger_version") && *column != "height"
    });
    for (table, column) in chain.copied().chain(outbox) {
        for _ in 0..3 {
            fs::write(ledger.path(), &whole).unwrap();
            let Some(place) = flip(&ledger.raw(), &mut dice, table, column) else {
                continue;
            };
            let opened = ledger.try_open();
            assert!(matches!(opened, Err(StoreError::Damaged { .. })), "{place}");
        }
    }
}

#[test]
fn a_damaged_checkpoint_costs_time_and_nothing_else() {
    let ledger = written();
    let last = checkpoint(&ledger);
    for at in [0, 40, last.len() - 1] {
        let mut changed = last.clone();
        changed[at] ^= 1;
        ledger
            .raw()
            .execute(
                "UPDATE ledger_meta SET value = ?1 WHERE name = 'checkpoint'",
                [&changed],
            )
            .unwrap();
        let store = ledger.open();
        assert_clean(&store);
    }
    ledger
        .raw()
        .execute("DELETE FROM ledger_meta WHERE name = 'checkpoint'", [])
        .unwrap();
    ledger
        .raw()
        .execute(
            "UPDATE ledger_payload SET bytes = zeroblob(length(bytes)) WHERE id = 1",
            [],
        )
        .unwrap();
    assert!(
        matches!(ledger.try_open(), Err(StoreError::Damaged { .. })),
        "the whole chain is looked at"
    );
}

#[test]
fn a_chain_that_ends_before_its_checkpoint_is_not_opened() {
    let ledger = written();
    ledger
        .raw()
        .execute("DELETE FROM ledger_block WHERE height = 4", [])
        .unwrap();
    assert!(matches!(ledger.try_open(), Err(StoreError::Damaged { .. })));
}

#[test]
fn an_index_that_lost_rows_is_named() {
    let ledger = written();
    ledger
        .raw()
        .execute("DELETE FROM body WHERE seq = 1", [])
        .unwrap();
    let store = ledger.open();
    let report = store.verify(&mut |_| ()).unwrap();
    let places: Vec<_> = report
        .faults
        .iter()
        .map(|fault| fault.place.table)
        .collect();
    assert_eq!(places, ["index"]);
}

#[test]
fn verification_counts_what_it_read() {
    let ledger = Ledger::new();
    let store = ledger.open();
    fill(&store);
    commit(&store, vec![delete("0")]);
    let mut seen = Vec::new();
    let report = store.verify(&mut |progress| seen.push(progress)).unwrap();
    let counts = (
        report.blocks,
        report.transactions,
        report.entries,
        report.payloads,
    );
    assert_eq!(counts, (BLOCKS + 2, BLOCKS + 1, ENTRIES + 1, ENTRIES));
    let last = seen.last().unwrap();
    assert_eq!((last.blocks, last.of_blocks), (BLOCKS + 2, BLOCKS + 2));
}

fn checkpoint(ledger: &Ledger) -> Vec<u8> {
    let query = "SELECT value FROM ledger_meta WHERE name = 'checkpoint'";
    ledger.raw().query_row(query, [], |row| row.get(0)).unwrap()
}

#[test]
fn verification_finds_no_fault_in_a_ledger_that_grows_meanwhile() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("first", 0)]);
    let verified = thread::scope(|scope| {
        let growing = scope.spawn(|| {
            for turn in 0..300 {
                commit(&store, vec![put("grown", turn)]);
            }
        });
        let mut verified = 0;
        while !growing.is_finished() {
            assert_clean(&store);
            verified += 1;
        }
        verified
    });
    assert!(verified > 3, "{verified}");
}
