// SPDX-License-Identifier: Apache-2.0
//! The power goes at every write of the store. SQLite writes its log frame by frame and syncs it before a
//! commit is answered (<https://www.sqlite.org/fileformat2.html#the_write_ahead_log>); later it copies pages
//! from there into the file. So what a power cut leaves is the log, cut or torn anywhere behind what was
//! synced, or a file with any of its pages copied, and one of them by half.

use std::fs;

use silsila_store::{FileKey, Store, StoreError};

use crate::dice::Dice;
use crate::harness::{Bodies, Ledger, assert_clean, body, commit, put, read, stage};

const HEAD: usize = 32;
const PAGE: usize = 16_384;
const FRAME: usize = 24 + PAGE;

/// A ledger's files at a moment.
struct Files {
    file: Vec<u8>,
    log: Vec<u8>,
    key: Option<Vec<u8>>,
}

impl Files {
    fn of(ledger: &Ledger) -> Self {
        let bytes = |suffix: &str| fs::read(format!("{}{suffix}", ledger.path().display()));
        Self {
            file: bytes("").unwrap(),
            log: bytes("-wal").unwrap_or_default(),
            key: bytes("-key").ok(),
        }
    }

    fn put_down(&self, file: &[u8], log: &[u8]) -> Ledger {
        let ledger = Ledger::new();
        let name = |suffix: &str| format!("{}{suffix}", ledger.path().display());
        fs::write(name(""), file).unwrap();
        fs::write(name("-wal"), log).unwrap();
        if let Some(key) = &self.key {
            fs::write(name("-key"), key).unwrap();
        }
        ledger
    }
}

fn open(ledger: &Ledger, encrypted: bool) -> Store {
    let mut options = ledger.options();
    options.file_key = encrypted.then(|| FileKey::new(&[7; 32]));
    Store::open(options, Box::new(Bodies)).expect("the ledger opens")
}

/// What a gateway was told by its store: so many turns were staged, so many of them committed; and how long
/// the log was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    staged: u64,
    committed: u64,
    log: usize,
}

fn told(ledger: &Ledger, staged: u64, committed: u64) -> Told {
    let log = fs::metadata(format!("{}-wal", ledger.path().display())).unwrap();
    Told {
        staged,
        committed,
        log: usize::try_from(log.len()).unwrap(),
    }
}

/// Stages ten turns and commits every other one; what was told at each step.
fn work(ledger: &Ledger, store: &Store) -> Vec<Told> {
    let mut steps = vec![told(ledger, 0, 0)];
    let mut committed = 0;
    for turn in 1..=10 {
        stage(store, vec![put("a", turn)]);
        steps.push(told(ledger, turn, committed));
        if turn % 2 == 0 {
            let last = store.pending().unwrap().pop().unwrap();
            store.submit(last).unwrap();
            committed = turn;
            steps.push(told(ledger, turn, committed));
        }
    }
    steps
}

/// Opens what is left. Everything that was told before `intact` bytes of the log is there, and nothing that was
/// never asked for; all of it verifies; and the work goes on from there.
fn check(left: &Ledger, encrypted: bool, steps: &[Told], intact: usize, story: &str) {
    let store = open(left, encrypted);
    let entries = store.health().unwrap().entries;
    let staged = entries + store.pending().unwrap().len() as u64;
    let known = steps.iter().rposition(|step| step.log <= intact);
    let least = known.map_or((0, 0), |at| (steps[at].staged, steps[at].committed));
    let next = steps.get(known.map_or(0, |at| at + 1)).or(steps.last());
    let most = next.map_or((0, 0), |step| (step.staged, step.committed));
    assert!(
        least.0 <= staged && staged <= most.0 && least.1 <= entries && entries <= most.1,
        "{story}: {staged} staged and {entries} committed, where {least:?} was told, and {most:?} came next"
    );
    for seq in 0..entries {
        let found = read(&store, seq).unwrap();
        assert_eq!(found, Some(body("a", seq + 1)), "{story}");
    }
    assert_clean(&store);
    commit(&store, vec![put("a", staged + 1)]);
    let found = read(&store, staged).unwrap();
    assert_eq!(found, Some(body("a", staged + 1)), "{story}");
    assert_clean(&store);
}

fn cut_everywhere(encrypted: bool, mut dice: Dice) {
    let ledger = Ledger::new();
    let store = open(&ledger, encrypted);
    let steps = work(&ledger, &store);
    let files = Files::of(&ledger);
    let frames = (files.log.len() - HEAD) / FRAME;
    assert_eq!(files.log.len(), HEAD + frames * FRAME);
    assert!(frames > 20, "the log has {frames} frames");
    for frame in 0..=frames {
        let end = HEAD + frame * FRAME;
        let left = files.put_down(&files.file, &files.log[..end]);
        check(
            &left,
            encrypted,
            &steps,
            end,
            &format!("cut behind frame {frame}"),
        );
        if frame == frames {
            break;
        }
        // The next frame is there in part, or has another's bytes in it; what is behind it is there or not.
        let torn = 1 + dice.below(FRAME - 1);
        let mut log = files.log[..end + torn].to_vec();
        let story = match dice.below(3) {
            0 => "cut",
            1 => {
                log.resize(end + FRAME, 0);
                "filled with zeros"
            }
            _ => {
                log = files.log.clone();
                log[end + torn] = dice.flip(log[end + torn]);
                "flipped, with more behind it,"
            }
        };
        let left = files.put_down(&files.file, &log);
        let story = format!("frame {frame} {story} at byte {torn}");
        check(&left, encrypted, &steps, end, &story);
    }
}

#[test]
fn wherever_the_log_is_cut_or_torn_nothing_that_was_told_is_lost() {
    let test = "wherever_the_log_is_cut_or_torn_nothing_that_was_told_is_lost";
    cut_everywhere(true, Dice::new(test));
}

#[test]
fn so_it_is_with_a_log_in_clear() {
    cut_everywhere(false, Dice::new("so_it_is_with_a_log_in_clear"));
}

/// Any pages of the log are in the file already, and one of them by half; the log is whole, for it is
/// emptied last.
#[test]
fn a_file_into_which_the_log_was_copied_in_part_is_whole_with_the_log() {
    let mut dice = Dice::new("a_file_into_which_the_log_was_copied_in_part_is_whole_with_the_log");
    let ledger = Ledger::new();
    let store = open(&ledger, true);
    let steps = work(&ledger, &store);
    let before = Files::of(&ledger);
    drop(store);
    let after = Files::of(&ledger);
    let pages = after.file.len() / PAGE;
    assert!(before.file.len() < after.file.len() && pages > 10);
    for round in 0..24 {
        let mut file = before.file.clone();
        file.resize(after.file.len(), 0);
        for page in 0..pages {
            let at = page * PAGE;
            let copied = match dice.below(4) {
                0 => 0,
                1 => dice.below(PAGE),
                _ => PAGE,
            };
            // Pages that are the same in both are none of the log's.
            if before.file.get(at..at + PAGE) != after.file.get(at..at + PAGE) {
                file[at..at + copied].copy_from_slice(&after.file[at..at + copied]);
            }
        }
        let left = before.put_down(&file, &before.log);
        check(
            &left,
            true,
            &steps,
            before.log.len(),
            &format!("round {round}"),
        );
    }
}

/// What the tests above call synced is what the store syncs.
#[test]
fn a_commit_is_answered_when_the_log_is_synced() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let level = store.local(|txn| {
        let level: i64 = txn.pragma_query_value(None, "synchronous", |row| row.get(0))?;
        Ok::<_, StoreError>(level)
    });
    assert_eq!(level.unwrap(), 2, "FULL");
}
