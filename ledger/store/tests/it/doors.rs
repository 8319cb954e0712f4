// SPDX-License-Identifier: Apache-2.0
//! What may be opened, by whom.

use std::fs;

use silsila_store::chain::{CustodianKey, MemberKey, PayloadDigest, sha256};
use silsila_store::{NoIndex, Store, StoreError, StoreOptions};

use crate::harness::{Ledger, assert_clean, body, commit, put, read};

fn refusal(opened: Result<Store, StoreError>) -> StoreError {
    match opened {
        Ok(_) => panic!("it was opened"),
        Err(error) => error,
    }
}

#[test]
fn a_ledger_goes_on_where_it_was_closed() {
    let ledger = Ledger::new();
    let channel = ledger.open().channel();
    for turn in 0..4 {
        let store = ledger.open();
        assert_eq!(store.channel(), channel);
        assert_eq!(
            store.health().unwrap().checkpoint.0,
            turn,
            "a clean close leaves a checkpoint"
        );
        assert_eq!(commit(&store, vec![put("a", turn)]), turn + 1);
    }
    let store = ledger.open();
    assert_eq!(read(&store, 3).unwrap(), Some(body("a", 3)));
    assert_clean(&store);
}

#[test]
fn only_one_process_writes_at_a_time() {
    let ledger = Ledger::new();
    let store = ledger.open();
    assert!(matches!(
        refusal(ledger.try_open()),
        StoreError::Locked { .. }
    ));
    store.close().unwrap();
    let other = ledger.open();
    commit(&other, vec![put("a", 1)]);
    let closed = store.stage(vec![put("a", 1)], |_| Ok::<_, StoreError>(()));
    assert!(matches!(closed, Err(StoreError::Closed)));
    assert_eq!(
        read(&store, 0).unwrap(),
        Some(body("a", 1)),
        "reading goes on"
    );
}

#[test]
fn a_ledger_is_opened_with_the_keys_that_began_it() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let keys = |member: u8, custodian: u8| {
        let (member, custodian) = (
            MemberKey::from_seed(&[member; 32]),
            CustodianKey::new([custodian; 32]),
        );
        Store::open(
            StoreOptions::new(ledger.path(), member, custodian),
            Box::new(NoIndex),
        )
    };
    for (member, custodian) in [(9, 2), (1, 9)] {
        assert!(matches!(
            refusal(keys(member, custodian)),
            StoreError::Foreign { .. }
        ));
    }
    assert!(keys(1, 2).is_ok());
}

#[test]
fn another_file_is_not_touched() {
    let ledger = Ledger::new();
    let text = b"not a database at all, but long enough to have a header of a hundred bytes or more, which SQLite reads";
    fs::write(ledger.path(), text).unwrap();
    assert!(matches!(
        refusal(ledger.try_open()),
        StoreError::Foreign { .. }
    ));
    assert_eq!(fs::read(ledger.path()).unwrap(), text);
    fs::remove_file(ledger.path()).unwrap();
    ledger
        .raw()
        .execute_batch("CREATE TABLE other (a)")
        .unwrap();
    assert!(matches!(
        refusal(ledger.try_open()),
        StoreError::Foreign { .. }
    ));
    assert!(matches!(
        refusal(Store::open_read_only(&ledger.path())),
        StoreError::Foreign { .. }
    ));
    let tables: i64 = ledger
        .raw()
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1);
}

#[test]
fn a_ledger_of_a_later_format_is_not_opened() {
    let ledger = Ledger::new();
    drop(ledger.open());
    ledger.raw().pragma_update(None, "user_version", 3).unwrap();
    assert!(matches!(
        refusal(ledger.try_open()),
        StoreError::Foreign { .. }
    ));
}

#[test]
fn what_is_not_there_cannot_be_read() {
    let ledger = Ledger::new();
    assert!(matches!(
        refusal(Store::open_read_only(&ledger.path())),
        StoreError::Foreign { .. }
    ));
    assert!(!ledger.path().exists());
}

#[test]
fn a_channels_name_has_a_limit() {
    let ledger = Ledger::new();
    let mut options = ledger.options();
    options.channel_name = "n".repeat(257);
    assert!(matches!(
        refusal(Store::open(options, Box::new(NoIndex))),
        StoreError::Foreign { .. }
    ));
}

/// A line that has to change here changes the file's format: raise its number, and read the old one.
#[test]
fn the_tables_do_not_change_by_accident() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let conn = ledger.raw();
    let mut statement = conn
        .prepare("SELECT sql FROM sqlite_schema WHERE tbl_name LIKE 'ledger_%' AND sql IS NOT NULL ORDER BY name")
        .unwrap();
    let tables: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let digest = PayloadDigest(sha256(tables.join("\n").as_bytes()));
    assert_eq!(
        (tables.len(), digest.to_string().as_str()),
        (
            20,
            "4a462b8bce923b58e409e301de216b858808cf19e1d79163192169315db45509"
        )
    );
    let pragma = |name: &str| {
        conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(
        ["application_id", "user_version", "page_size"].map(pragma),
        [0x5349_4c53, 2, 16_384]
    );
}
