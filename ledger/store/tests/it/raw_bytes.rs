// SPDX-License-Identifier: Apache-2.0
//! Bits that flip anywhere in the file, SQLite's own structures included.

use std::fs;

use silsila_store::{Store, StoreError};

use crate::dice::Dice;
use crate::harness::{Ledger, body, commit, put, read};

const ENTRIES: u64 = 120;

/// A flipped bit of the file may lie in a page that nothing uses. Wherever it lies: nothing but what was
/// committed is ever served, and what verifies clean is served whole.
#[test]
fn a_bit_flipped_anywhere_in_the_file_is_never_served() {
    let mut dice = Dice::new("a_bit_flipped_anywhere_in_the_file_is_never_served");
    let ledger = Ledger::new();
    let store = ledger.open();
    for turn in 0..3 {
        commit(&store, (0..40).map(|n| put(&n.to_string(), turn)).collect());
    }
    store.close().unwrap();
    drop(store);
    let whole = fs::read(ledger.path()).unwrap();
    let mut noticed = 0;
    for _ in 0..120 {
        let mut changed = whole.clone();
        let at = dice.below(changed.len());
        changed[at] = dice.flip(changed[at]);
        fs::write(ledger.path(), changed).unwrap();
        match Store::open_read_only(&ledger.path()) {
            Ok(store) => noticed += u32::from(!judge(&store, at)),
            Err(_) => noticed += 1,
        }
    }
    println!("{noticed} of 120 were noticed");
}

/// Whether everything verified; then everything must be served.
fn judge(store: &Store, at: usize) -> bool {
    let clean = store
        .verify(&mut |_| ())
        .is_ok_and(|report| report.is_clean());
    for seq in 0..ENTRIES {
        match read(store, seq) {
            Ok(served) => assert_eq!(
                served,
                Some(body(&(seq % 40).to_string(), seq / 40)),
                "byte {at}"
            ),
            Err(error) => {
                assert!(
                    !clean,
                    "byte {at}: verified, but entry {seq} is refused: {error}"
                );
                assert!(!matches!(error, StoreError::Closed));
            }
        }
    }
    clean
}
