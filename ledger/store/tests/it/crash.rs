// SPDX-License-Identifier: Apache-2.0
//! A gateway that is killed. What is on the disk at a moment is copied, and the copy is opened: that is
//! what a process finds that starts after the other one was killed at that moment.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use silsila_store::chain::{Height, TxId};
use silsila_store::rusqlite::{Connection, Transaction};
use silsila_store::{Applied, BlockInfo, Index, IndexError, Store, StoreError, TxStatus};

use crate::dice::Dice;
use crate::harness::{Bodies, Ledger, assert_clean, body, commit, put, read, signed, stage};

/// What is on the disk now, in a new folder.
fn image(from: &Path) -> Ledger {
    let copy = Ledger::new();
    for suffix in ["", "-wal"] {
        let name = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        if name(from).exists() {
            fs::copy(name(from), name(&copy.path())).expect("the file is copied");
        }
    }
    copy
}

/// Copies the disk in the middle of applying a block.
struct Photographer {
    path: PathBuf,
    taken: Arc<Mutex<Vec<Ledger>>>,
}

impl Index for Photographer {
    fn prepare(&mut self, conn: &Connection) -> Result<(), IndexError> {
        Bodies.prepare(conn)
    }

    fn apply(
        &mut self,
        txn: &Transaction<'_>,
        block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        Bodies.apply(txn, block, records)?;
        self.taken
            .lock()
            .expect("the test goes on")
            .push(image(&self.path));
        Ok(())
    }
}

#[test]
fn killed_between_stage_and_submit_the_same_bytes_are_committed_once() {
    let ledger = Ledger::new();
    let store = ledger.open();
    commit(&store, vec![put("a", 1)]);
    let id = stage(&store, vec![put("a", 2), put("b", 1)]);
    let after = image(&ledger.path());
    let reopened = after.open();
    assert_eq!(reopened.pending().unwrap(), [id]);
    assert_eq!(reopened.status(id).unwrap(), TxStatus::Pending);
    assert_eq!(
        reopened.submit(id).unwrap(),
        TxStatus::Committed { height: Height(2) }
    );
    assert_eq!(
        reopened.submit(id).unwrap(),
        TxStatus::Committed { height: Height(2) }
    );
    assert_eq!(after.count("body"), 3);
    assert_eq!(read(&reopened, 1).unwrap(), Some(body("a", 2)));
    assert_clean(&reopened);
}

#[test]
fn killed_while_a_block_is_applied_it_is_as_if_it_never_began() {
    let ledger = Ledger::new();
    let taken = Arc::default();
    let photographer = Photographer {
        path: ledger.path(),
        taken: Arc::clone(&taken),
    };
    let store = Store::open(ledger.options(), Box::new(photographer)).unwrap();
    let id = stage(&store, (0..40).map(|n| put(&n.to_string(), 1)).collect());
    store.submit(id).unwrap();
    let after = taken.lock().unwrap().pop().unwrap();
    let reopened = after.open();
    assert_eq!(
        (reopened.pending().unwrap(), after.count("body")),
        (vec![id], 0)
    );
    assert_eq!(
        reopened.submit(id).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(after.count("body"), 40);
    assert_clean(&reopened);
}

#[test]
fn killed_before_the_answer_is_heard_the_height_is_still_known() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let id = stage(&store, vec![put("a", 1)]);
    store.submit(id).unwrap();
    let after = image(&ledger.path());
    let reopened = after.open();
    assert_eq!(reopened.pending().unwrap(), []);
    assert_eq!(
        reopened.status(id).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(
        reopened.submit(id).unwrap(),
        TxStatus::Committed { height: Height(1) }
    );
    assert_eq!(after.count("body"), 1);
}

#[test]
fn killed_while_staging_neither_drafts_nor_the_callers_rows_are_there() {
    let ledger = Ledger::new();
    let store = ledger.open();
    make_cursor(&store);
    let mut after = None;
    let staged = store.stage(vec![put("a", 1)], |txn| {
        txn.execute("UPDATE cursor SET at = 1", [])?;
        after = Some(image(&ledger.path()));
        Ok::<_, StoreError>(())
    });
    staged.unwrap();
    let after = after.unwrap();
    let reopened = after.open();
    assert_eq!((reopened.pending().unwrap(), cursor(&after)), (vec![], 0));
    assert_eq!(after.count("ledger_payload"), 0);
}

/// Two transactions wait for each other's block: a version that is staged on a staged one.
#[test]
fn killed_with_several_staged_all_are_committed_in_order() {
    let ledger = Ledger::new();
    let store = ledger.open();
    let ids: Vec<TxId> = (1..6)
        .map(|turn| stage(&store, vec![put("a", turn)]))
        .collect();
    let after = image(&ledger.path());
    let reopened = after.open();
    assert_eq!(reopened.pending().unwrap(), ids);
    commit(&reopened, vec![put("a", 6)]);
    for seq in 0..6 {
        assert_eq!(read(&reopened, seq).unwrap(), Some(body("a", seq + 1)));
    }
    assert_clean(&reopened);
}

/// However the log is cut off or torn at its end, what is there is a whole beginning of what was
/// written: the caller's cursor agrees with the outbox and the chain, and everything verifies.
#[test]
fn a_torn_log_leaves_a_whole_beginning() {
    let mut dice = Dice::new("a_torn_log_leaves_a_whole_beginning");
    let ledger = Ledger::new();
    let store = ledger.open();
    make_cursor(&store);
    for turn in 1..=12 {
        stage_with_cursor(&store, turn);
        if turn % 3 == 0 {
            let last = store.pending().unwrap().pop().unwrap();
            store.submit(last).unwrap();
        }
    }
    let log = fs::read(format!("{}-wal", ledger.path().display())).unwrap();
    for round in 0..40 {
        let after = image(&ledger.path());
        let wal = format!("{}-wal", after.path().display());
        let cut = dice.below(log.len());
        let mut torn = log[..cut].to_vec();
        if round % 2 == 0 && cut > 4096 {
            let at = cut - 1 - dice.below(4096);
            torn[at] = dice.flip(torn[at]);
        }
        fs::write(wal, torn).unwrap();
        check_beginning(&after);
    }
}

fn check_beginning(after: &Ledger) {
    let reopened = after.open();
    let has_cursor = reopened
        .read(|conn| Ok::<_, StoreError>(conn.table_exists(None, "cursor")?))
        .unwrap();
    if !has_cursor {
        assert_eq!(reopened.health().unwrap().height, Height(0));
        return;
    }
    let staged = reopened.pending().unwrap().len() as u64;
    let committed = reopened.health().unwrap().entries;
    assert_eq!(u64::try_from(cursor(after)).unwrap(), staged + committed);
    assert_eq!(after.count("body"), signed(committed));
    for seq in 0..committed {
        assert_eq!(read(&reopened, seq).unwrap(), Some(body("a", seq + 1)));
    }
    assert_clean(&reopened);
    commit(&reopened, vec![put("a", staged + committed + 1)]);
    assert_clean(&reopened);
}

/// The disk is copied at random moments of staging and submitting, and each copy goes on to the end.
#[test]
fn killed_anywhere_the_work_goes_on_to_the_same_end() {
    let mut dice = Dice::new("killed_anywhere_the_work_goes_on_to_the_same_end");
    let mut ledger = Ledger::new();
    let mut store = ledger.open();
    make_cursor(&store);
    let mut kills = 0;
    loop {
        let done = u64::try_from(cursor(&ledger)).unwrap();
        if done == 60 {
            break;
        }
        let id = stage_with_cursor(&store, done + 1);
        if dice.below(3) == 0 {
            kills += 1;
            ledger = image(&ledger.path());
            store = ledger.open();
            for id in store.pending().unwrap() {
                store.submit(id).unwrap();
            }
        } else if dice.below(2) == 0 {
            store.submit(id).unwrap();
        }
    }
    assert!(kills > 3, "{kills} kills");
    for id in store.pending().unwrap() {
        store.submit(id).unwrap();
    }
    for seq in 0..60 {
        assert_eq!(read(&store, seq).unwrap(), Some(body("a", seq + 1)));
    }
    assert_eq!(
        (store.health().unwrap().entries, ledger.count("body")),
        (60, 60)
    );
    assert_clean(&store);
}

fn make_cursor(store: &Store) {
    let made = store.local(|txn| {
        txn.execute_batch("CREATE TABLE cursor (at INTEGER); INSERT INTO cursor VALUES (0)")?;
        Ok::<_, StoreError>(())
    });
    made.unwrap();
}

fn stage_with_cursor(store: &Store, turn: u64) -> TxId {
    let staged = store.stage(vec![put("a", turn)], |txn| {
        txn.execute("UPDATE cursor SET at = ?1", [signed(turn)])?;
        Ok::<_, StoreError>(())
    });
    staged.unwrap().unwrap()
}

fn cursor(ledger: &Ledger) -> i64 {
    ledger
        .raw()
        .query_row("SELECT at FROM cursor", [], |row| row.get(0))
        .unwrap()
}
