// SPDX-License-Identifier: Apache-2.0
//! What members do for each other's ledgers: a damaged one is mended with what others have, and an orderer that
//! gives two members two histories is found out by both.

use std::fs;

use silsila_chain::Evidence;
use silsila_store::rusqlite::Connection;
use silsila_store::{Damage, Store, StoreError};

use crate::nodes::{Node, Running, kill, level, nodes, share, wait};

/// Changes the middle byte of a value behind the store's back.
fn flip(node: &Node, genesis: &silsila_chain::Genesis, table: &str, column: &str) {
    let conn = Connection::open(node.file(genesis)).unwrap();
    let (row, mut bytes): (i64, Vec<u8>) = conn
        .query_row(
            &format!("SELECT rowid, {column} FROM {table} ORDER BY rowid DESC LIMIT 1"),
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 16;
    let sql = format!("UPDATE {table} SET {column} = ?1 WHERE rowid = ?2");
    assert_eq!(conn.execute(&sql, (bytes, row)).unwrap(), 1);
}

/// Has the ledger look after itself until nothing is left to repair.
fn mended(store: &Store) {
    let mut now = 1_700_000_000_000;
    wait("everything is mended", || {
        now += 1;
        store.tend(1_000, now).unwrap();
        (store.unrepaired().unwrap() == 0).then_some(())
    });
}

#[test]
fn a_damaged_block_and_a_damaged_payload_are_mended_with_what_other_members_have() {
    let nodes = nodes(3);
    let (_, genesis, running) = share(&nodes, 1);
    let id = running[0].stage(&["a", "b"], "first");
    let height = running[0].committed(id).0;
    level(&running, height);
    running[2].has_all_payloads();

    let mut before = 0;
    for (table, column) in [
        ("ledger_payload", "bytes"),
        ("ledger_entries", "bytes"),
        ("ledger_block", "certificate"),
        ("ledger_transaction", "signature"),
    ] {
        flip(&nodes[2], &genesis, table, column);
        let hurt = running[2].store.clone();
        wait("it is noticed", || {
            let found = hurt.tend(1_000, 1).unwrap().faults;
            (!found.is_empty()).then_some(())
        });
        mended(&hurt);
        // A step of the scrub that looked before the mending and wrote after it lists the place once more.
        let others = [&nodes[0], &nodes[1]].map(|one| one.key().public().to_string());
        let listed = hurt.damage(99).unwrap();
        let new = &listed[..listed.len() - before];
        let by_others = |one: &&Damage| {
            one.repaired_from
                .as_ref()
                .is_some_and(|from| others.contains(from))
        };
        assert!(new.iter().any(|one| by_others(&one)), "{table}: {new:?}");
        before = listed.len();
        let report = hurt.verify(&mut |_| ()).unwrap();
        assert!(report.faults.is_empty(), "{table}: {:?}", report.faults);
    }
    let id = running[0].stage(&["c"], "goes on");
    level(&running, running[0].committed(id).0);
}

#[test]
fn members_sign_each_others_trees() {
    let nodes = nodes(3);
    let (_, _, running) = share(&nodes, 1);
    let id = running[0].stage(&["a"], "first");
    let height = running[0].committed(id).0;
    for one in &running {
        let witnesses = wait("both others have signed the tree", || {
            let all = one.store.witnesses().unwrap();
            let grown = all.iter().filter(|witness| witness.size > height);
            (grown.count() == 2).then_some(all)
        });
        for witness in witnesses {
            let note = silsila_chain::SignedCheckpoint::open(witness.note.as_bytes()).unwrap();
            assert_eq!(note.signers().count(), 2, "both names are under it");
            assert_eq!(
                one.store.checkpoint(Some(witness.size)).unwrap(),
                *note.checkpoint()
            );
        }
        assert_eq!(one.store.halted().unwrap(), None);
    }
}

/// Stops all of them, cleanly.
fn stop(running: Vec<Running>) {
    for one in running {
        let store = one.store.clone();
        kill(one);
        store.close().unwrap();
    }
}

#[test]
fn an_orderer_that_gives_two_members_two_histories_is_found_out_by_both_and_they_halt() {
    let nodes = nodes(3);
    let (all, genesis, running) = share(&nodes, 1);
    let id = running[0].stage(&["a"], "first");
    level(&running, running[0].committed(id).0);
    stop(running);

    // The orderer keeps a copy, and certifies another block of the same height for each of the others.
    let file = nodes[0].file(&genesis);
    let before = fs::read(&file).unwrap();
    for (follower, content) in [(1, "told to one"), (2, "told to the other")] {
        fs::write(&file, &before).unwrap();
        let both = [&nodes[0], &nodes[follower]];
        let pair: Vec<Running> = both.iter().map(|one| one.run(&genesis, &both)).collect();
        let id = pair[0].stage(&["b"], content);
        let height = pair[0].committed(id).0;
        level(&pair, height);
        stop(pair);
    }

    let followers = [&nodes[1], &nodes[2]];
    let pair: Vec<Running> = followers
        .iter()
        .map(|one| one.run(&genesis, &followers))
        .collect();
    let orderer = nodes[0].key().public();
    for one in &pair {
        let shown = wait("the evidence names who did it", || {
            let halt = one.store.halted().unwrap()?;
            let evidence = Evidence::decode(&halt.evidence).unwrap();
            let shown = evidence.verify(&genesis.id()).unwrap();
            shown.certificates.then_some(shown)
        });
        assert_eq!(shown.culprits, [orderer]);
        assert_eq!(shown.height.0, 2);
    }
    stop(pair);

    // It stays so, and the orderer itself commits nothing more once it is told.
    let trio: Vec<Running> = nodes.iter().map(|one| one.run(&genesis, &all)).collect();
    wait("the orderer is told", || {
        trio[0].store.halted().unwrap().map(|_| ())
    });
    let heights: Vec<u64> = trio.iter().map(Running::height).collect();
    for one in &trio {
        let refused = one
            .store
            .stage::<StoreError>(vec![crate::nodes::draft("c", "later")], |_| Ok(()));
        let id = refused.unwrap().expect("there is a draft");
        assert!(matches!(
            one.store.submit(id),
            Err(StoreError::Halted { .. })
        ));
    }
    assert_eq!(
        heights,
        trio.iter().map(Running::height).collect::<Vec<_>>()
    );
    stop(trio);
}
