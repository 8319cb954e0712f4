// SPDX-License-Identifier: Apache-2.0
//! Transactions that are refused, and blocks that come from elsewhere.

use std::fs;

use silsila_store::chain::cbor::Writer;
use silsila_store::chain::{
    Block, Entry, EventId, Height, MemberKey, Op, PayloadCommitment, PayloadDigest, Reason, Record,
    Suite, Tag, Transaction,
};
use silsila_store::rusqlite::params;
use silsila_store::{Content, Store, StoreError, TxStatus};

use crate::harness::{Ledger, assert_clean, body, commit, put, read, stage};

/// Puts a transaction into the outbox behind the store's back, as a network might leave one that has
/// expired meanwhile.
fn smuggle(ledger: &Ledger, store: &Store, valid_until: Height) -> Transaction {
    let payload = b"stored";
    let record = Record {
        op: Op::Put,
        resource_tag: Tag([7; 16]),
        subject_tag: Tag([8; 16]),
        kind: "Observation".to_owned(),
        label_class: 0,
        version: 1,
        previous: None,
        key_period: 0,
        event_id: EventId([9; 16]),
        payload: Some(PayloadCommitment {
            suite: Suite::CLEAR,
            digest: digest(payload),
            size: 6,
        }),
    };
    let mut writer = Writer::new();
    Entry::Record(record).write(&mut writer);
    let entries = writer.into_bytes();
    let (key, hash) = (MemberKey::from_seed(&[1; 32]), Entry::hash(&entries));
    let transaction = Transaction::sign(&key, store.channel(), 1, valid_until, entries, &[hash]);
    let conn = ledger.raw();
    conn.execute("INSERT INTO ledger_payload VALUES (1, ?1)", [&payload[..]])
        .unwrap();
    let signature = [&[1], &transaction.signature.0[..]].concat();
    conn.execute(
        "INSERT INTO ledger_outbox VALUES (1, ?1, ?2, ?3, ?4, 1)",
        params![
            transaction.id().0,
            transaction.header,
            signature,
            transaction.entries
        ],
    )
    .unwrap();
    transaction
}

fn digest(bytes: &[u8]) -> PayloadDigest {
    use sha2::Digest;
    PayloadDigest(sha2::Sha256::digest(bytes).into())
}

#[test]
fn a_transaction_past_its_term_is_refused_with_its_reason_and_forgotten() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let channel_open = ledger.count("ledger_outbox");
    store.close().unwrap();
    let expired = smuggle(&ledger, &store, Height(0));
    drop(store);
    let store = ledger.open();
    assert_eq!((channel_open, store.pending().unwrap()), (0, Vec::new()));
    let refused = TxStatus::Rejected {
        code: Reason::Expired.code().to_owned(),
    };
    assert_eq!(store.submit(expired.id()).unwrap(), refused);
    assert_eq!(store.status(expired.id()).unwrap(), refused);
    assert_eq!(
        (
            ledger.count("ledger_payload"),
            ledger.count("ledger_outbox")
        ),
        (0, 0)
    );
    commit(&store, vec![put("a", 1)]);
    assert_clean(&store);
}

#[test]
fn what_follows_a_refused_transaction_is_not_held_up() {
    let ledger = Ledger::new();
    let store = ledger.open();
    store.close().unwrap();
    smuggle(&ledger, &store, Height(0));
    drop(store);
    let store = ledger.open();
    let other = stage(&store, vec![put("a", 1)]);
    assert_eq!(
        store.submit(other).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(store.pending().unwrap(), []);
    assert_clean(&store);
}

/// A copy of the ledger as it is on the disk.
fn copy(ledger: &Ledger) -> Ledger {
    let other = Ledger::new();
    for suffix in ["", "-wal"] {
        let from = format!("{}{suffix}", ledger.path().display());
        if fs::exists(&from).unwrap() {
            fs::copy(from, format!("{}{suffix}", other.path().display())).unwrap();
        }
    }
    other
}

fn blocks(store: &Store) -> Vec<Block> {
    let heights = 1..=store.health().unwrap().height.0;
    heights
        .map(|height| store.block(Height(height)).unwrap().unwrap())
        .collect()
}

#[test]
fn blocks_from_elsewhere_are_applied_in_order_and_once() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let id = stage(&store, vec![put("a", 1)]);
    let follower = copy(&ledger);
    store.submit(id).unwrap();
    commit(&store, vec![put("a", 2), put("b", 1)]);
    let follower_store = follower.open();
    let blocks = blocks(&store);
    for block in blocks.iter().chain(&blocks) {
        let sent = Block::decode(&block.encode()).unwrap();
        follower_store.apply(&sent, []).unwrap();
    }
    assert_eq!(
        follower_store.status(id).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(
        follower_store.health().unwrap().hash,
        store.health().unwrap().hash
    );
    assert_eq!(follower.count("body"), 3);
    assert_eq!(
        read(&follower_store, 0).unwrap(),
        Some(body("a", 1)),
        "its own payload is there"
    );
    let missing = |seq| follower_store.read(|conn| follower_store.committed(conn, seq));
    assert_eq!(
        *missing(1).unwrap().content(),
        Content::Missing,
        "one that was never sent is missed, which is no damage"
    );
    assert_eq!(follower_store.missing_payloads(0, 9).unwrap().len(), 2);
    assert_eq!(follower_store.lacks().unwrap(), 2);
    let sent = [1, 2].map(|seq| store.payload(seq).unwrap().unwrap());
    assert_eq!(follower_store.add_payloads(sent).unwrap(), 2);
    assert_eq!(read(&follower_store, 1).unwrap(), Some(body("a", 2)));
    assert_eq!(follower_store.missing_payloads(0, 9).unwrap(), []);
    assert_eq!(follower_store.lacks().unwrap(), 0);
    assert_clean(&follower_store);
}

#[test]
fn a_block_out_of_order_or_changed_is_refused_and_changes_nothing() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let follower = copy(&ledger).open();
    commit(&store, vec![put("a", 1)]);
    commit(&store, vec![put("a", 2)]);
    let blocks = blocks(&store);
    let refused = |block: &Block| match follower.apply(block, []) {
        Err(StoreError::Block { fault }) => fault.reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&blocks[1]), Reason::HeightOrder);
    let mut changed = blocks[0].clone();
    changed.certificate[50] ^= 1;
    assert_eq!(refused(&changed), Reason::Certificate);
    let mut changed = blocks[0].clone();
    changed.transactions[0].entries[9] ^= 1;
    assert_eq!(refused(&changed), Reason::EntriesRoot);
    assert_eq!(follower.health().unwrap().height, Height(0));
    follower.apply(&blocks[0], []).unwrap();
    follower.apply(&blocks[1], []).unwrap();
    assert_eq!(follower.health().unwrap().height, Height(2));
}

#[test]
fn a_second_block_at_a_height_is_refused_and_halts_commits() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let other = copy(&ledger).open();
    commit(&store, vec![put("a", 1)]);
    commit(&other, vec![put("b", 1)]);
    let conflicting = blocks(&other).remove(0);
    assert!(matches!(
        store.apply(&conflicting, []),
        Err(StoreError::Halted { height: 1 })
    ));
    assert_eq!(store.block(Height(9)).unwrap(), None);
    assert_clean(&store);
}
