// SPDX-License-Identifier: Apache-2.0
//! Damage is noticed in the background, listed, never served, and mended with what another member has; two
//! certified blocks of one height end all committing.

use silsila_store::chain::{BlockHeader, Certificate, ChannelId, Evidence, Height, MemberKey};
use silsila_store::{Store, StoreError};

use crate::damage::{expected, flip, reads_never_lie, written};
use crate::dice::Dice;
use crate::harness::{Ledger, assert_clean, commit, put, read};

/// A whole round, in steps of a few entries; what it found.
fn round(store: &Store, now_ms: u64) -> usize {
    let mut found = 0;
    for _ in 0..1000 {
        let step = store.scrub(50, now_ms).unwrap();
        found += step.faults.len();
        if step.round_ended {
            return found;
        }
    }
    panic!("a round has an end");
}

/// A second member's copy: the same file, before anything happened to it.
fn peer(ledger: &Ledger) -> Ledger {
    let peer = Ledger::new();
    std::fs::copy(ledger.path(), peer.path()).unwrap();
    peer
}

/// Mends whatever is listed from the peer: payloads from payloads, the rest from blocks.
///
/// A block whose neighbour is wrong waits for that one.
fn repair(store: &Store, peer: &Store, now_ms: u64) {
    for _ in 0..3 {
        repair_once(store, peer, now_ms);
    }
}

fn repair_once(store: &Store, peer: &Store, now_ms: u64) {
    let listed: Vec<_> = store
        .damage(1000)
        .unwrap()
        .into_iter()
        .filter(|one| one.repaired_ms.is_none())
        .collect();
    // From below: a node of the tree is made of those before it.
    for one in listed.iter().rev() {
        match one.height.filter(|_| one.table != "ledger_payload") {
            Some(0) => store.repair_genesis(now_ms).unwrap(),
            Some(height) => {
                let block = peer.block(Height(height)).unwrap().unwrap();
                _ = store.repair_block(&block, now_ms);
            }
            None => {}
        }
    }
    for one in listed.iter().filter(|one| one.table == "ledger_payload") {
        let seq = one.entry.unwrap();
        let payload = peer.payload(seq).unwrap().unwrap();
        _ = store.repair_payload(seq, &payload, now_ms);
    }
}

#[test]
fn a_clean_ledger_is_scrubbed_round_after_round_and_goes_on_where_it_was() {
    let ledger = written();
    let store = ledger.open();
    let step = store.scrub(50, 1).unwrap();
    assert_eq!((step.from, step.to, step.round_ended), (1, 2, false));
    drop(store);
    let store = ledger.open();
    assert_eq!(store.scrub_state().unwrap().height, 2);
    assert_eq!(store.scrub(50, 2).unwrap().from, 3);
    assert_eq!(round(&store, 3), 0);
    assert_eq!(round(&store, 4), 0);
    let state = store.scrub_state().unwrap();
    assert_eq!((state.height, state.rounds, state.ended_ms), (0, 3, 4));
    assert_eq!(store.damage(10).unwrap(), []);
    commit(&store, vec![put("one more", 9)]);
    assert_eq!(round(&store, 5), 0);
}

#[test]
fn a_flipped_bit_anywhere_is_listed_never_served_and_mended_from_a_peer() {
    let columns = [
        ("ledger_block", "first_transaction"),
        ("ledger_block", "header"),
        ("ledger_block", "certificate"),
        ("ledger_transaction", "first_entry"),
        ("ledger_transaction", "header"),
        ("ledger_transaction", "signature"),
        ("ledger_transaction", "chunk_roots"),
        ("ledger_transaction_id", "prefix"),
        ("ledger_entries", "payload"),
        ("ledger_entries", "bytes"),
        ("ledger_payload", "bytes"),
        ("ledger_version", "tag"),
        ("ledger_version", "entry"),
        ("ledger_node", "hash"),
    ];
    let mut dice =
        Dice::new("a_flipped_bit_anywhere_is_listed_never_served_and_mended_from_a_peer");
    let whole = written();
    for (table, column) in columns.iter().cycle().take(39) {
        let (ledger, other) = (peer(&whole), peer(&whole));
        let (store, other) = (ledger.open(), other.open());
        let Some(what) = flip(&ledger.raw(), &mut dice, table, column) else {
            continue;
        };
        let found = round(&store, 100);
        assert!(found > 0, "{what} is not noticed");
        reads_never_lie(&store);
        assert!(store.unrepaired().unwrap() > 0, "{what}");
        repair(&store, &other, 200);
        assert_eq!(
            store.unrepaired().unwrap(),
            0,
            "{what}: {:?}",
            store.damage(9)
        );
        assert_eq!(round(&store, 300), 0, "{what}: {:?}", store.damage(9));
        assert_clean(&store);
        assert_eq!(reads_never_lie(&store), 0, "{what}");
        let listed = &store.damage(1).unwrap()[0];
        assert_eq!(
            (listed.found_ms, listed.repaired_ms),
            (100, Some(200)),
            "{what}"
        );
        assert_eq!(listed.code, "LED0002");
    }
}

#[test]
fn the_same_damage_is_listed_once_however_often_it_is_found() {
    let ledger = written();
    let store = ledger.open();
    ledger
        .raw()
        .execute(
            "UPDATE ledger_payload SET bytes = zeroblob(9) WHERE id = 3",
            [],
        )
        .unwrap();
    for turn in 0..3 {
        assert_eq!(round(&store, turn), 1);
    }
    assert_eq!(store.damage(10).unwrap().len(), 1);
    drop(store);
    assert_eq!(
        ledger.open().damage(10).unwrap().len(),
        1,
        "the list is durable"
    );
}

#[test]
fn a_payload_that_is_gone_comes_back_from_a_peer() {
    let ledger = written();
    let other = peer(&ledger).open();
    let store = ledger.open();
    ledger
        .raw()
        .execute("DELETE FROM ledger_payload WHERE id = 3", [])
        .unwrap();
    assert_eq!(round(&store, 1), 1);
    repair(&store, &other, 2);
    assert_eq!(round(&store, 3), 0);
    assert_eq!(reads_never_lie(&store), 0);
}

#[test]
fn nothing_is_mended_with_bytes_that_are_not_those_committed() {
    let ledger = written();
    let store = ledger.open();
    let before = store.payload(7).unwrap().unwrap();
    let mut wrong = before.clone();
    wrong[20] ^= 1;
    let refused = store.repair_payload(7, &wrong, 1);
    assert!(
        matches!(refused, Err(StoreError::Damaged { .. })),
        "{refused:?}"
    );
    let mut block = store.block(Height(2)).unwrap().unwrap();
    block.transactions[0].entries[9] ^= 1;
    assert!(store.repair_block(&block, 1).is_err());
    let mut block = store.block(Height(2)).unwrap().unwrap();
    block.certificate = store.block(Height(3)).unwrap().unwrap().certificate;
    assert!(store.repair_block(&block, 1).is_err());
    let mut block = store.block(Height(2)).unwrap().unwrap();
    block.transactions.clear();
    assert!(store.repair_block(&block, 1).is_err());
    assert_eq!(store.payload(7).unwrap(), Some(before));
    assert_eq!(read(&store, 7).unwrap(), Some(expected(7)));
    assert_clean(&store);
}

#[test]
fn two_certified_blocks_of_one_height_end_all_committing_for_good() {
    let ledger = written();
    let store = ledger.open();
    let mut other = store.block(Height(2)).unwrap().unwrap();
    let mut header = BlockHeader::decode(&other.header).unwrap();
    header.time_ms += 1;
    other.header = header.encode();
    let hash = BlockHeader::hash(&other.header);
    let stranger = MemberKey::from_seed(&[9; 32]);
    other.certificate = Certificate::lone(&stranger, &hash).encode();
    let forged = store.apply(&other, Vec::new());
    assert!(
        matches!(forged, Err(StoreError::Block { .. })),
        "{forged:?}"
    );
    assert_eq!(
        store.halted().unwrap(),
        None,
        "a stranger's word halts nothing"
    );
    commit(&store, vec![put("before", 1)]);

    let validator = MemberKey::from_seed(&[1; 32]);
    other.certificate = Certificate::lone(&validator, &hash).encode();
    let halted = store.apply(&other, Vec::new());
    assert!(
        matches!(halted, Err(StoreError::Halted { height: 2 })),
        "{halted:?}"
    );
    drop(store);
    let store = ledger.open();
    let halt = store.halted().unwrap().expect("it is durable");
    let evidence = Evidence::decode(&halt.evidence).unwrap();
    let shown = evidence.verify(&store.channel()).unwrap();
    assert_eq!(
        (shown.height, shown.culprits),
        (Height(2), vec![validator.public()])
    );
    assert!(evidence.verify(&ChannelId([0; 32])).is_err());
    let id = crate::harness::stage(&store, vec![put("after", 1)]);
    assert!(matches!(
        store.submit(id),
        Err(StoreError::Halted { height: 2 })
    ));
    assert_eq!(
        read(&store, 7).unwrap(),
        Some(expected(7)),
        "what was committed is read on"
    );
}

#[test]
fn what_is_exported_verifies_and_what_is_signed_is_what_headers_certify() {
    let ledger = written();
    let store = ledger.open();
    let mut verifier = silsila_store::chain::ExportVerifier::new(store.channel());
    let exported = store
        .export::<StoreError>(
            true,
            &mut |frame| {
                verifier.take(frame.clone()).unwrap();
                Ok(())
            },
            &mut |_| (),
        )
        .unwrap();
    assert_eq!(
        (exported.height, exported.entries, exported.payloads),
        (4, 160, 160)
    );
    let (_, summary) = verifier.finish().unwrap();
    assert_eq!(summary.checkpoint, Some(store.checkpoint(None).unwrap()));
    let (earlier, now) = (
        store.checkpoint(Some(2)).unwrap(),
        store.checkpoint(None).unwrap(),
    );
    let path = store.consistency(2, now.size).unwrap();
    assert!(now.continues(&earlier, &path));
    let key = MemberKey::from_seed(&[1; 32]);
    let receipt = store.receipt(Height(2), &key).unwrap();
    let header = store.block(Height(2)).unwrap().unwrap().header;
    assert_eq!(receipt.verify(&header).unwrap().checkpoint, now);
    let raw = ledger.raw();
    raw.execute("UPDATE ledger_node SET hash = zeroblob(32)", [])
        .unwrap();
    assert!(matches!(
        store.checkpoint(None),
        Err(StoreError::Damaged { .. })
    ));
    assert!(matches!(
        store.checkpoint(Some(3)),
        Err(StoreError::Damaged { .. })
    ));
}
