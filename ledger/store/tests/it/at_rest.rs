// SPDX-License-Identifier: Apache-2.0
//! The encrypted file: nothing in clear, whether open or closed, and another key told from damage.

use std::fs;
use std::path::PathBuf;

use silsila_store::{FileKey, Store, StoreError, StoreOptions};

use crate::harness::{Bodies, Ledger, assert_clean, body, commit, put, read, stage};

fn options(ledger: &Ledger, key: u8) -> StoreOptions {
    let mut options = ledger.options();
    options.file_key = Some(FileKey::new(&[key; 32]));
    options
}

fn open(ledger: &Ledger, key: u8) -> Result<Store, StoreError> {
    Store::open(options(ledger, key), Box::new(Bodies))
}

fn refusal(opened: Result<Store, StoreError>) -> StoreError {
    opened.err().expect("it was opened")
}

/// Every file of a ledger's folder that holds a text.
fn files_with(ledger: &Ledger, text: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(ledger.folder.path()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    paths.filter(holds).collect()
}

/// The test's index keeps bodies as they are, so that the file in clear shows what the other hides.
#[test]
fn nothing_is_in_clear_in_any_file_open_or_closed() {
    let clear = Ledger::new();
    let store = clear.open();
    commit(&store, vec![put("zebra", 1)]);
    assert!(!files_with(&clear, "zebra").is_empty(), "the log holds it");
    drop(store);
    assert!(!files_with(&clear, "zebra").is_empty(), "the file holds it");

    let ledger = Ledger::new();
    let store = open(&ledger, 7).unwrap();
    commit(&store, vec![put("zebra", 1)]);
    stage(&store, vec![put("zebra", 2)]);
    let words = ["zebra", "SQLite format", "ledger_block", "CREATE TABLE"];
    for word in words {
        assert_eq!(
            files_with(&ledger, word),
            [] as [PathBuf; 0],
            "open: {word}"
        );
    }
    drop(store);
    for word in words {
        assert_eq!(
            files_with(&ledger, word),
            [] as [PathBuf; 0],
            "closed: {word}"
        );
    }
    let store = open(&ledger, 7).unwrap();
    assert_eq!(read(&store, 0).unwrap(), Some(body("zebra", 1)));
    assert_eq!(store.pending().unwrap().len(), 1);
    assert_clean(&store);
}

#[test]
fn another_key_is_told_from_damage() {
    let ledger = Ledger::new();
    drop(open(&ledger, 7).unwrap());
    assert!(matches!(
        refusal(open(&ledger, 8)),
        StoreError::WrongKey { .. }
    ));
    let path = ledger.path();
    let reader = Store::open_read_only_with(&path, &[], Some(FileKey::new(&[8; 32])));
    assert!(matches!(refusal(reader), StoreError::WrongKey { .. }));
    let whole = fs::read(&path).unwrap();
    for place in [0, 20, 4000, 16_383] {
        let mut flipped = whole.clone();
        flipped[place] ^= 1;
        fs::write(&path, flipped).unwrap();
        let refused = refusal(open(&ledger, 7));
        assert!(
            matches!(refused, StoreError::Damaged { .. }),
            "{place}: {refused:?}"
        );
    }
    fs::write(&path, whole).unwrap();
    assert_clean(&open(&ledger, 7).unwrap());
}

#[test]
fn a_file_in_clear_is_refused_where_there_is_a_key_and_stays_as_it_is() {
    let ledger = Ledger::new();
    drop(ledger.open());
    let before = fs::read(ledger.path()).unwrap();
    assert!(matches!(
        refusal(open(&ledger, 7)),
        StoreError::NotEncrypted { .. }
    ));
    assert!(fs::read(ledger.path()).unwrap() == before);
    drop(ledger.open());
}

#[test]
fn an_encrypted_file_without_a_key_is_no_ledger() {
    let ledger = Ledger::new();
    drop(open(&ledger, 7).unwrap());
    assert!(matches!(
        refusal(ledger.try_open()),
        StoreError::Foreign { .. }
    ));
}

#[test]
fn a_reader_beside_the_writer_opens_with_the_key() {
    let ledger = Ledger::new();
    let store = open(&ledger, 7).unwrap();
    commit(&store, vec![put("a", 1)]);
    let reader = Store::open_read_only_with(&ledger.path(), &[], Some(FileKey::new(&[7; 32])));
    let reader = reader.unwrap();
    commit(&store, vec![put("a", 2)]);
    assert_eq!(read(&reader, 1).unwrap(), Some(body("a", 2)));
    assert_clean(&reader);
}

/// A checkpoint copies the log's pages into the file in their order, and is cut short: behind what it has
/// written lie zeros. Whoever reads finds these pages in the log, where they are whole.
#[test]
fn pages_that_only_the_log_has_whole_are_not_named_as_damage() {
    let ledger = Ledger::new();
    let store = open(&ledger, 7).unwrap();
    for turn in 1..=4 {
        let many = (0..40).map(|n| put(&format!("resource-{n}"), turn));
        commit(&store, many.collect());
    }
    let log = fs::read(format!("{}-wal", ledger.path().display())).unwrap();
    let frames = log[32..].chunks_exact(24 + 16_384);
    let highest = frames.map(|frame| u32::from_be_bytes(*frame.first_chunk().unwrap()));
    let highest = highest.max().unwrap() as usize;
    let before = fs::read(ledger.path()).unwrap();
    assert!(before.len() / 16_384 < highest, "the log grows the file");

    let after = Ledger::new();
    for suffix in ["-wal", "-key"] {
        let name = |ledger: &Ledger| format!("{}{suffix}", ledger.path().display());
        fs::copy(name(&ledger), name(&after)).unwrap();
    }
    let mut cut_short = before;
    cut_short.resize(highest * 16_384, 0);
    fs::write(after.path(), cut_short).unwrap();
    // A reader leaves file and log as they are, and so does whoever opens them while another reads.
    let reader = Store::open_read_only_with(&after.path(), &[], Some(FileKey::new(&[7; 32])));
    assert_clean(&reader.unwrap());
    let reopened = open(&after, 7).unwrap();
    assert_eq!(read(&reopened, 159).unwrap(), Some(body("resource-39", 4)));
    assert_clean(&reopened);
}

/// The check of the key is a convenience: a ledger goes on without it, and gets a new one.
#[test]
fn the_check_of_the_key_is_made_again_where_it_is_lost() {
    let ledger = Ledger::new();
    drop(open(&ledger, 7).unwrap());
    let check = ledger.folder.path().join("ledger.sqlite-key");
    let kept = fs::read(&check).unwrap();
    fs::remove_file(&check).unwrap();
    drop(open(&ledger, 7).unwrap());
    assert_eq!(fs::read(&check).unwrap(), kept);
}

#[test]
fn a_bit_flipped_anywhere_in_an_encrypted_file_is_named_as_damage() {
    let ledger = Ledger::new();
    let store = open(&ledger, 7).unwrap();
    for turn in 1..=20 {
        let many = (0..50).map(|n| put(&format!("resource-{n}"), turn));
        commit(&store, many.collect());
    }
    drop(store);
    let whole = fs::read(ledger.path()).unwrap();
    let mut named = 0;
    for page in 0..whole.len() / 16_384 {
        let mut flipped = whole.clone();
        flipped[page * 16_384 + 5_000] ^= 1;
        fs::write(ledger.path(), flipped).unwrap();
        let found = open(&ledger, 7).and_then(|store| {
            let report = store.verify(&mut |_| ())?;
            Ok(report.faults.len())
        });
        match found {
            Ok(0) => panic!("page {page} was not noticed"),
            Ok(_) | Err(StoreError::Damaged { .. }) => named += 1,
            Err(other) => panic!("page {page}: {other:?}"),
        }
    }
    assert!(named > 10, "the file has {named} pages");
}

/// A line that has to change here changes the file's format: raise its number, and read the old one.
#[test]
fn how_a_file_is_encrypted_does_not_change_by_accident() {
    let ledger = Ledger::new();
    drop(open(&ledger, 7).unwrap());
    let conn = FileKey::new(&[7; 32]).connect(&ledger.path()).unwrap();
    let pragma = |name: &str| -> String {
        conn.pragma_query_value(None, name, |row| row.get(0))
            .unwrap()
    };
    let settings = [
        "cipher_page_size",
        "cipher_hmac_algorithm",
        "cipher_use_hmac",
    ]
    .map(pragma);
    assert_eq!(settings, ["16384", "HMAC_SHA256", "1"]);
}
