// SPDX-License-Identifier: Apache-2.0
//! A full disk: intake stops with a clear error, nothing is lost, and it goes on when there is room.

use silsila_store::chain::TxId;
use silsila_store::{Draft, Store, StoreError, TxStatus};

use crate::harness::{Ledger, assert_clean, body, commit, put, read};

/// A draft that does not compress.
fn bulky(turn: u64) -> Draft {
    let mut state = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut draft = put("bulky", turn);
    let payload = draft.payload.as_mut().expect("a put has a payload");
    payload.body.extend((0..60_000).map(|_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[0]
    }));
    draft
}

fn limit(store: &Store, pages: u32) {
    let limited = store.local(|_| Ok::<_, StoreError>(()));
    limited.unwrap();
    store
        .local(|txn| {
            txn.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
}

fn pages(store: &Store) -> u32 {
    store
        .read(|conn| {
            Ok::<_, StoreError>(conn.pragma_query_value(None, "page_count", |row| row.get(0))?)
        })
        .unwrap()
}

#[test]
fn a_full_disk_stops_staging_and_keeps_what_was_staged() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store
        .local(|txn| {
            txn.execute_batch("CREATE TABLE cursor (at INTEGER)")?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    limit(&store, pages(&store) + 20);
    let mut staged: Vec<TxId> = Vec::new();
    let stopped = loop {
        let turn = staged.len() as u64;
        match store.stage(vec![bulky(turn)], |txn| {
            txn.execute("INSERT INTO cursor VALUES (1)", [])?;
            Ok::<_, StoreError>(())
        }) {
            Ok(id) => staged.extend(id),
            Err(error) => break error,
        }
        assert!(staged.len() < 100, "the disk never fills");
    };
    assert!(matches!(stopped, StoreError::Full), "{stopped}");
    assert_eq!(stopped.code(), "LED0001");
    assert!(!staged.is_empty());
    assert_eq!(store.pending().unwrap(), staged);
    assert_eq!(ledger.count("cursor"), i64::try_from(staged.len()).unwrap());
    assert_eq!(store.health().unwrap().failing, Some("LED0001"));
    limit(&store, 1 << 30);
    let turn = staged.len() as u64;
    commit(&store, vec![bulky(turn)]);
    assert_eq!(store.health().unwrap().failing, None);
    for seq in 0..=turn {
        let served = read(&store, seq).unwrap().unwrap();
        assert!(served.starts_with(&body("bulky", seq)));
    }
    assert_clean(&store);
}

#[test]
fn a_full_disk_stops_a_commit_and_the_transaction_stays_staged() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let drafts: Vec<Draft> = (0..3000).map(|n| put(&n.to_string(), 1)).collect();
    let id = store
        .stage(drafts, |_| Ok::<_, StoreError>(()))
        .unwrap()
        .unwrap();
    limit(&store, pages(&store));
    assert!(matches!(store.submit(id), Err(StoreError::Full)));
    assert_eq!(store.status(id).unwrap(), TxStatus::Pending);
    assert_eq!(
        (store.health().unwrap().height.0, ledger.count("body")),
        (0, 0)
    );
    limit(&store, 1 << 30);
    assert!(matches!(
        store.submit(id).unwrap(),
        TxStatus::Committed { .. }
    ));
    assert_eq!(ledger.count("body"), 3000);
    assert_clean(&store);
}

#[test]
fn the_bound_set_for_the_file_is_kept() {
    let ledger = Ledger::new();
    let mut options = ledger.options();
    options.max_file_bytes = Some(600 << 10);
    let store = Store::open(options, Box::new(silsila_store::NoIndex)).unwrap();
    let stopped = (0..100).find_map(|turn| {
        store
            .stage(vec![bulky(turn)], |_| Ok::<_, StoreError>(()))
            .err()
    });
    assert!(matches!(stopped, Some(StoreError::Full)));
    drop(store);
    let size = std::fs::metadata(ledger.path()).unwrap().len();
    assert!(size <= 608 << 10, "{size} bytes");
}
