// SPDX-License-Identifier: Apache-2.0
//! From drafts to committed entries and back.

use std::sync::{Arc, Mutex};

use silsila_store::chain::{Height, Op, TxId};
use silsila_store::{Store, StoreError, TxStatus};

use crate::harness::{Ledger, Stubborn, assert_clean, body, commit, delete, put, read, stage};

#[test]
fn what_is_committed_is_read_back_with_its_place_and_time() {
    let ledger = Ledger::new();
    let store = ledger.open();
    ledger.clock.set(1_700_000_000_500);
    assert_eq!(commit(&store, vec![put("a", 1), put("b", 1)]), 1);
    let entry = store.read(|conn| store.committed(conn, 1)).unwrap();
    assert_eq!(
        (entry.seq(), entry.height(), entry.time_ms()),
        (1, Height(1), 1_700_000_000_500)
    );
    assert_eq!((entry.record().version, entry.record().op), (1, Op::Put));
    let payload = entry.payload().unwrap();
    assert_eq!(
        (payload.mapping.as_str(), payload.mapping_digest),
        ("visit", [3; 32])
    );
    assert_eq!(payload.body, body("b", 1));
    assert!(matches!(
        read(&store, 2),
        Err(StoreError::UnknownEntry { seq: 2 })
    ));
    assert_eq!(ledger.count("body"), 2);
    assert_clean(&store);
}

#[test]
fn versions_follow_one_another_through_deletion() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1), put("a", 2), delete("a")]);
    commit(&store, vec![put("a", 1)]);
    let entries = (0..4).map(|seq| store.read(|conn| store.committed(conn, seq)).unwrap());
    let entries: Vec<_> = entries.collect();
    for (position, entry) in (1..).zip(&entries) {
        assert_eq!(entry.record().version, position);
    }
    for pair in entries.windows(2) {
        assert_eq!(pair[1].record().previous, Some(pair[0].entry_hash()));
        assert_eq!(pair[1].record().resource_tag, pair[0].record().resource_tag);
    }
    assert_eq!(entries[2].payload(), None);
    assert_ne!(entries[0].record().event_id, entries[3].record().event_id);
    assert_clean(&store);
}

#[test]
fn the_newest_entry_of_a_resource_is_found_by_its_name() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1), put("b", 1), put("a", 2)]);
    commit(&store, vec![delete("b")]);
    stage(&store, vec![put("a", 3)]);
    let head = |name: &str| store.read(|conn| store.head(conn, name)).unwrap();
    let heads = ["Observation/a", "Observation/b", "Observation/c", "a"].map(head);
    assert_eq!(heads, [Some(2), Some(3), None, None]);
    let within = store.local(|txn| store.head(txn, "Observation/a"));
    assert_eq!(within.unwrap(), Some(2));
    let reader = Store::open_read_only(&ledger.path()).unwrap();
    let nameless = reader.read(|conn| reader.head(conn, "Observation/a"));
    assert!(matches!(nameless, Err(StoreError::ReadOnly)));
}

#[test]
fn a_deletion_of_what_is_not_there_is_refused_before_it_is_staged() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1), delete("a")]);
    for drafts in [vec![delete("b")], vec![put("c", 1), delete("a")]] {
        let position = drafts.len() - 1;
        let staged = store.stage(drafts, |_| Ok::<_, StoreError>(()));
        assert!(
            matches!(staged, Err(StoreError::Draft { position: found, .. }) if found == position)
        );
    }
    assert_eq!(
        (store.pending().unwrap(), ledger.count("ledger_payload")),
        (vec![], 1)
    );
}

#[test]
fn drafts_that_can_never_be_committed_are_refused() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let mut without = put("a", 1);
    without.payload = None;
    let mut with = put("a", 1);
    with.op = Op::Delete;
    let mut nameless = put("a", 1);
    nameless.kind = String::new();
    let mut huge = put("a", 1);
    huge.payload.as_mut().unwrap().body = vec![0; (8 << 20) + 1];
    for draft in [without, with, nameless, huge] {
        let staged = store.stage(vec![draft], |_| Ok::<_, StoreError>(()));
        assert!(matches!(staged, Err(StoreError::Draft { position: 0, .. })));
    }
    let many = (0..10_001).map(|n| put(&n.to_string(), 1)).collect();
    assert!(matches!(
        store.stage(many, |_| Ok::<_, StoreError>(())),
        Err(StoreError::Draft { .. })
    ));
}

#[test]
fn what_is_staged_is_taken_into_account_when_staging_again() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let first = stage(&store, vec![put("a", 1)]);
    let second = stage(&store, vec![put("a", 2), put("b", 1)]);
    let third = stage(&store, vec![delete("a"), put("b", 2)]);
    assert_eq!(store.pending().unwrap(), [first, second, third]);
    assert_eq!(store.status(second).unwrap(), TxStatus::Pending);
    let committed = TxStatus::Committed { height: Height(1) };
    assert_eq!(store.submit(first).unwrap(), committed);
    assert_eq!(
        store.status(third).unwrap(),
        committed,
        "what waits goes into one block"
    );
    commit(&store, vec![put("a", 4)]);
    let entry = store.read(|conn| store.committed(conn, 5)).unwrap();
    assert_eq!((entry.record().version, entry.height()), (4, Height(2)));
    assert_clean(&store);
}

#[test]
fn a_retry_reports_the_height_and_commits_nothing_twice() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let id = stage(&store, vec![put("a", 1)]);
    for _ in 0..3 {
        assert_eq!(
            store.submit(id).unwrap(),
            TxStatus::Committed { height: Height(1) }
        );
    }
    assert_eq!(ledger.count("body"), 1);
    let unknown = TxId([9; 32]);
    assert!(
        matches!(store.submit(unknown), Err(StoreError::UnknownTransaction { id }) if id == unknown)
    );
    assert!(matches!(
        store.status(unknown),
        Err(StoreError::UnknownTransaction { .. })
    ));
}

#[test]
fn the_callers_rows_and_the_drafts_are_staged_together_or_not_at_all() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store
        .local(|txn| {
            txn.execute_batch("CREATE TABLE cursor (at INTEGER)")?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    let refused = store.stage(vec![put("a", 1)], |txn| {
        txn.execute("INSERT INTO cursor VALUES (1)", [])?;
        Err(StoreError::Closed)
    });
    assert!(matches!(refused, Err(StoreError::Closed)));
    assert_eq!(
        (ledger.count("cursor"), store.pending().unwrap()),
        (0, vec![])
    );
    let staged = store.stage(vec![put("a", 1)], |txn| {
        txn.execute("INSERT INTO cursor VALUES (2)", [])?;
        Ok::<_, StoreError>(())
    });
    assert_eq!(ledger.count("cursor"), 1);
    store.submit(staged.unwrap().unwrap()).unwrap();
    let nothing = store.stage(vec![], |txn| {
        txn.execute("INSERT INTO cursor VALUES (3)", [])?;
        Ok::<_, StoreError>(())
    });
    assert_eq!((nothing.unwrap(), ledger.count("cursor")), (None, 2));
    assert_clean(&store);
}

#[test]
fn an_index_that_refuses_undoes_the_block_and_the_transaction_stays_staged() {
    let ledger = Ledger::new();
    let refusing = Arc::new(Mutex::new(true));
    let store = Store::open(ledger.options(), Box::new(Stubborn(Arc::clone(&refusing)))).unwrap();
    let id = stage(&store, vec![put("a", 1)]);
    assert!(matches!(store.submit(id), Err(StoreError::Index(_))));
    assert_eq!(
        (
            store.pending().unwrap(),
            ledger.count("body"),
            ledger.count("ledger_block")
        ),
        (vec![id], 0, 1)
    );
    assert_eq!(store.health().unwrap().failing, Some("LED0009"));
    *refusing.lock().unwrap() = false;
    assert_eq!(
        store.submit(id).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(store.health().unwrap().failing, None);
    assert_clean(&store);
}

#[test]
fn many_callers_at_once_lose_nothing() {
    let ledger = Ledger::new();
    let store = ledger.open();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for turn in 0..10 {
                    commit(
                        &store,
                        vec![put(&format!("{writer}"), turn), put("shared", turn)],
                    );
                }
            });
        }
    });
    assert_eq!(
        (store.health().unwrap().entries, ledger.count("body")),
        (80, 80)
    );
    assert_clean(&store);
}

#[test]
fn block_time_rises_although_the_clock_stands_or_falls() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1)]);
    ledger.clock.set(5);
    commit(&store, vec![put("a", 2)]);
    let times: Vec<u64> = store
        .blocks(0..=9)
        .unwrap()
        .iter()
        .map(|block| block.time_ms)
        .collect();
    assert_eq!(
        times,
        [1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_002]
    );
}

#[test]
fn blocks_can_be_walked_back_to_genesis() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for turn in 0..5 {
        commit(&store, (0..20).map(|n| put(&n.to_string(), turn)).collect());
    }
    let blocks = store.blocks(0..=u64::MAX).unwrap();
    assert_eq!(blocks.len(), 6);
    for pair in blocks.windows(2) {
        assert_eq!(pair[1].previous, pair[0].hash);
        assert_eq!(pair[1].first_entry, pair[0].first_entry + pair[0].entries);
    }
    let last = blocks[5];
    assert_eq!(
        (
            last.height,
            last.transactions,
            last.first_entry,
            last.entries
        ),
        (Height(5), 1, 80, 20)
    );
    assert_eq!(store.blocks(2..=3).unwrap(), blocks[2..4]);
    assert_eq!(store.blocks(7..=9).unwrap(), []);
}

#[test]
fn every_entry_has_a_proof_that_the_channels_id_verifies() {
    let ledger = Ledger::new();
    let store = ledger.open();
    for turn in 0..9 {
        commit(&store, (0..37).map(|n| put(&n.to_string(), turn)).collect());
    }
    stage(&store, vec![put("x", 1)]);
    let two = stage(&store, vec![put("y", 1)]);
    store.submit(two).unwrap();
    for seq in 0..335 {
        let proven = store.proof(seq).unwrap().verify(&store.channel()).unwrap();
        let entry = store.read(|conn| store.committed(conn, seq)).unwrap();
        assert_eq!(
            (proven.entry_hash, proven.height),
            (entry.entry_hash(), entry.height())
        );
        assert_eq!(proven.entry.record(), Some(entry.record()));
        assert_eq!(proven.latest, Height(10));
    }
}

#[test]
fn a_read_sees_one_snapshot() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1)]);
    store
        .read(|conn| {
            let count =
                || conn.query_row("SELECT count(*) FROM body", [], |row| row.get::<_, i64>(0));
            assert_eq!(count()?, 1);
            commit(&store, vec![put("a", 2)]);
            assert_eq!(count()?, 1);
            assert!(matches!(
                store.committed(conn, 1),
                Err(StoreError::UnknownEntry { .. })
            ));
            Ok::<_, StoreError>(())
        })
        .unwrap();
    assert!(read(&store, 1).is_ok());
}

#[test]
fn a_command_line_reads_while_a_gateway_writes() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1)]);
    let reader = Store::open_read_only(&ledger.path()).unwrap();
    commit(&store, vec![put("a", 2)]);
    assert_eq!(read(&reader, 1).unwrap(), Some(body("a", 2)));
    assert_clean(&reader);
    assert_eq!(reader.health().unwrap().height, Height(2));
    assert_eq!(reader.channel(), store.channel());
    let refused = reader.stage(vec![put("a", 3)], |_| Ok::<_, StoreError>(()));
    assert!(matches!(refused, Err(StoreError::ReadOnly)));
    assert!(matches!(
        reader.submit(TxId([0; 32])),
        Err(StoreError::ReadOnly)
    ));
}
