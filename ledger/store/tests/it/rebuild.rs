// SPDX-License-Identifier: Apache-2.0
//! A byte of an encrypted ledger's file is changed: the page that holds it cannot be read any more. Whatever is
//! still served is what was committed, and the ledger makes its file anew while it is open, with what another
//! member has.

use std::fs;

use silsila_store::{FileKey, OWN, Rebuilt, Store, StoreError, StoreOptions};

use crate::damage::{expected, reads_never_lie};
use crate::dice::Dice;
use crate::harness::{Bodies, Ledger, assert_clean, commit, put, read, stage};

const PAGE: usize = 16 << 10;
const ENTRIES: u64 = 160;

fn key() -> FileKey {
    FileKey::new(&[9; 32])
}

fn options(ledger: &Ledger) -> StoreOptions {
    let mut options = ledger.options();
    options.file_key = Some(key());
    options
}

fn open(ledger: &Ledger) -> Result<Store, StoreError> {
    Store::open(options(ledger), Box::new(Bodies))
}

/// As the tests of single rows write it, and one transaction that nobody has ordered yet.
fn written() -> Ledger {
    let ledger = Ledger::new();
    let store = open(&ledger).unwrap();
    for turn in 0..4 {
        commit(&store, (0..40).map(|n| put(&n.to_string(), turn)).collect());
    }
    store
        .local(|txn| {
            txn.execute_batch(
                "CREATE TABLE elsewhere (place TEXT PRIMARY KEY, what BLOB) WITHOUT ROWID;
                 CREATE INDEX elsewhere_what ON elsewhere (what);
                 INSERT INTO elsewhere VALUES ('cursor', x'0102')",
            )?;
            Ok::<_, StoreError>(())
        })
        .unwrap();
    stage(&store, vec![put("waits", 0), put("waits", 1)]);
    store.close().unwrap();
    ledger
}

fn copy(of: &Ledger) -> Ledger {
    let copy = Ledger::new();
    for suffix in ["", "-key"] {
        let name = format!("ledger.sqlite{suffix}");
        fs::copy(of.folder.path().join(&name), copy.folder.path().join(&name)).unwrap();
    }
    copy
}

/// Flips one bit in each of these pages, counted from 0.
fn flip(ledger: &Ledger, dice: &mut Dice, pages: &[usize]) {
    let mut bytes = fs::read(ledger.path()).unwrap();
    for page in pages {
        let at = page * PAGE + dice.below(PAGE);
        bytes[at] = dice.flip(bytes[at]);
    }
    // In place, as a disk would do it: who has the file open keeps it.
    fs::write(ledger.path(), bytes).unwrap();
}

/// Lets the ledger look after itself until its file was made anew, handing it what it asks for.
fn heal(store: &Store, peer: &Store) -> Option<Rebuilt> {
    let (mut rebuilt, mut now) = (None, 1_000);
    for _ in 0..40 {
        now += 61_000;
        reads_never_lie(store);
        let tended = store.tend(1_000, now).unwrap();
        rebuilt = tended.rebuilt.or(rebuilt);
        let torn = store.torn().unwrap();
        for height in torn.blocks {
            let block = peer.block(height).unwrap().unwrap();
            _ = store.mend_block(&block, "a peer");
        }
        for (entry, digest) in torn.payloads {
            let payload = peer.payload_of(&digest).unwrap();
            let payload = payload.or_else(|| peer.payload(entry).unwrap()).unwrap();
            _ = store.mend_payload(entry, &payload, "a peer");
        }
        for (entry, _) in store.missing_payloads(0, 999).unwrap_or_default() {
            store.add_payloads(peer.payload(entry).unwrap()).unwrap();
        }
        if rebuilt.is_some() && store.unrepaired().unwrap() == 0 {
            break;
        }
    }
    rebuilt
}

fn assert_healed(store: &Store, what: &str) {
    assert_eq!(
        store
            .damage(99)
            .unwrap()
            .iter()
            .find(|one| one.repaired_ms.is_none()),
        None,
        "{what}"
    );
    assert_clean(store);
    assert_eq!(reads_never_lie(store), 0, "{what}");
    for seq in 0..ENTRIES {
        assert_eq!(
            read(store, seq).unwrap(),
            Some(expected(seq)),
            "{what}: {seq}"
        );
    }
}

#[test]
fn a_flipped_byte_in_any_page_is_noticed_never_served_and_the_file_made_anew_with_a_peer() {
    let mut dice = Dice::new("a_flipped_byte_in_any_page");
    let whole = written();
    let pages = fs::metadata(whole.path()).unwrap().len() as usize / PAGE;
    let (mut healed, mut refused, mut from_peer) = (0, 0, 0);
    let peer = copy(&whole);
    let peer = open(&peer).unwrap();
    let mut turns = 0;
    // How many of the pages hold what only a peer has is chance.
    while turns < 16 || ((healed < 8 || from_peer <= 20) && turns < 64) {
        // The first page too, and any of the others.
        let page = if turns == 0 {
            0
        } else {
            1 + dice.below(pages - 1)
        };
        turns += 1;
        let ledger = copy(&whole);
        flip(&ledger, &mut dice, &[page]);
        let store = match open(&ledger) {
            Ok(store) => store,
            Err(StoreError::Damaged { .. }) => {
                refused += 1;
                continue;
            }
            Err(other) => panic!("page {page}: {other}"),
        };
        let what = format!("page {page} of {pages}");
        let rebuilt = heal(&store, &peer);
        let rebuilt = rebuilt.unwrap_or_else(|| panic!("{what}: {:?}", store.damage(9)));
        assert!(!store.damage(9).unwrap().is_empty(), "{what} is on no list");
        assert_healed(&store, &what);
        if rebuilt.lost.transactions == 0 {
            assert_eq!(store.pending().unwrap().len(), 1, "{what}");
        }
        if rebuilt.lost.tables.is_empty() {
            let there = store.read(|conn| {
                let sql =
                    "SELECT what FROM elsewhere INDEXED BY elsewhere_what WHERE what = x'0102'";
                Ok::<Vec<u8>, StoreError>(conn.query_row(sql, [], |row| row.get(0))?)
            });
            assert_eq!(there.unwrap(), [1, 2], "{what}");
        }
        from_peer += rebuilt.blocks_had + rebuilt.payloads_had;
        // It goes on as if nothing had been.
        commit(&store, vec![put("after", 1)]);
        store.close().unwrap();
        drop(store);
        assert_clean(&open(&ledger).unwrap());
        healed += 1;
    }
    eprintln!(
        "{turns} turns: {healed} pages healed, {refused} refused at the start, {from_peer} parts from the peer"
    );
    assert!(
        healed >= 8 && from_peer > 20,
        "{turns} {healed} {refused} {from_peer}"
    );
}

#[test]
fn a_flip_under_an_open_ledger_is_met_by_a_read_and_the_other_readers_go_on() {
    let mut dice = Dice::new("a_flip_under_an_open_ledger");
    let whole = written();
    let peer = copy(&whole);
    let peer = open(&peer).unwrap();
    let pages = fs::metadata(whole.path()).unwrap().len() as usize / PAGE;
    let mut met = 0;
    for round in 0..4 {
        let ledger = copy(&whole);
        let store = open(&ledger).unwrap();
        let some: Vec<usize> = (0..3).map(|_| 1 + dice.below(pages - 1)).collect();
        flip(&ledger, &mut dice, &some);
        store.rest_readers().unwrap();
        // A connection that met a damaged page is of no use afterwards; later reads must not suffer from that.
        let fresh = Store::open_read_only_with(&ledger.path(), &[], Some(key()));
        let (first, second) = (reads_never_lie(&store), reads_never_lie(&store));
        assert_eq!(first, second, "round {round}");
        if let Ok(fresh) = fresh {
            assert_eq!(first, reads_never_lie(&fresh), "round {round}");
        }
        met += u64::from(store.is_hurt());
        if heal(&store, &peer).is_some() {
            assert_healed(&store, &format!("round {round}, pages {some:?}"));
        }
        assert_clean(&store);
    }
    assert!(met >= 1, "reads met damage in {met} of 4 rounds");
}

#[test]
fn a_ledger_that_nobody_can_help_makes_its_file_anew_where_nothing_of_the_chain_is_gone() {
    let mut dice = Dice::new("a_ledger_that_nobody_can_help");
    let whole = written();
    let pages = fs::metadata(whole.path()).unwrap().len() as usize / PAGE;
    let (mut healed, mut waiting) = (0, 0);
    // Enough of them that some hold the chain and some do not.
    for page in (1..pages).step_by(2) {
        let ledger = copy(&whole);
        flip(&ledger, &mut dice, &[page]);
        let Ok(store) = open(&ledger) else { continue };
        let mut rebuilt = None;
        for turn in 1..4 {
            rebuilt = store
                .tend(1_000, turn * 61_000)
                .unwrap()
                .rebuilt
                .or(rebuilt);
        }
        if rebuilt.is_some() {
            assert_healed(&store, &format!("page {page}"));
            let by = store.damage(9).unwrap().remove(0).repaired_from;
            assert_eq!(by.as_deref(), Some(OWN));
            healed += 1;
        } else {
            let torn = store.torn().unwrap();
            assert!(torn.blocks.len() + torn.payloads.len() > 0, "page {page}");
            assert!(store.unrepaired().unwrap() > 0, "page {page}");
            waiting += 1;
        }
    }
    assert!(healed > 0 && waiting > 0, "{healed} {waiting}");
}
