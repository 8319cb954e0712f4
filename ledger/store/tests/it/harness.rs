// SPDX-License-Identifier: Apache-2.0
//! A ledger in a folder of its own.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use silsila_store::chain::{CustodianKey, MemberKey, Op, TxId};
use silsila_store::rusqlite::{Connection, Transaction};
use silsila_store::{
    Applied, BlockInfo, Draft, Index, IndexError, Payload, Store, StoreError, StoreOptions,
    TestClock, TxStatus,
};
use tempfile::TempDir;

/// A folder with a ledger, and the clock that its gateway goes by.
pub struct Ledger {
    pub folder: TempDir,
    pub clock: Arc<TestClock>,
}

impl Ledger {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        Self {
            folder,
            clock: Arc::new(TestClock::at(1_700_000_000_000)),
        }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("ledger.sqlite")
    }

    pub fn options(&self) -> StoreOptions {
        let (member, custodian) = (MemberKey::from_seed(&[1; 32]), CustodianKey::new([2; 32]));
        let mut options = StoreOptions::new(self.path(), member, custodian);
        options.clock = self.clock.clone();
        options.channel_name = "test".to_owned();
        options.readers = 2;
        options
    }

    pub fn open(&self) -> Store {
        self.try_open().expect("the ledger opens")
    }

    pub fn try_open(&self) -> Result<Store, StoreError> {
        Store::open(self.options(), Box::new(Bodies))
    }

    /// A connection behind the store's back.
    pub fn raw(&self) -> Connection {
        Connection::open(self.path()).expect("the file opens")
    }

    /// How many rows a query gives.
    pub fn count(&self, table: &str) -> i64 {
        let query = format!("SELECT count(*) FROM {table}");
        self.raw()
            .query_row(&query, [], |row| row.get(0))
            .expect("the table is there")
    }
}

/// An index that keeps bodies by entry, so that a test can see what was applied and how often.
pub struct Bodies;

impl Index for Bodies {
    fn again(&self) -> Option<Box<dyn Index>> {
        Some(Box::new(Self))
    }

    fn tables(&self) -> &'static [&'static str] {
        &["body"]
    }

    fn prepare(&mut self, conn: &Connection) -> Result<(), IndexError> {
        conn.execute_batch(
            "CREATE TABLE IF NOT EXISTS body (seq INTEGER PRIMARY KEY, height INTEGER, body BLOB)",
        )?;
        Ok(())
    }

    fn apply(
        &mut self,
        txn: &Transaction<'_>,
        block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        let mut insert = txn.prepare_cached("INSERT INTO body VALUES (?1, ?2, ?3)")?;
        for record in records {
            let body = record.plaintext.map(|payload| &payload.body[..]);
            let (seq, height) = (signed(record.seq), signed(block.height.0));
            insert.execute((seq, height, body))?;
        }
        Ok(())
    }

    fn reveal(
        &mut self,
        txn: &Transaction<'_>,
        _: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        let mut update =
            txn.prepare_cached("UPDATE body SET body = ?2 WHERE seq = ?1 AND body IS NULL")?;
        for record in records {
            let body = record.plaintext.map(|payload| &payload.body[..]);
            let rows = update.execute((signed(record.seq), body))?;
            assert_eq!(rows, 1, "each is revealed once");
        }
        Ok(())
    }

    fn verify(
        &mut self,
        conn: &Connection,
        _: &BlockInfo,
        records: u64,
    ) -> Result<Vec<String>, IndexError> {
        let rows: i64 = conn.query_row("SELECT count(*) FROM body", [], |row| row.get(0))?;
        Ok(if rows == signed(records) {
            Vec::new()
        } else {
            vec![format!("{rows} bodies for {records} entries")]
        })
    }
}

/// An index that refuses until told otherwise.
pub struct Stubborn(pub Arc<Mutex<bool>>);

impl Index for Stubborn {
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
        if *self.0.lock().expect("the test goes on") {
            return Err(IndexError::Refused {
                reason: "not now".to_owned(),
            });
        }
        Ok(())
    }
}

pub fn signed(number: u64) -> i64 {
    i64::try_from(number).expect("a small number")
}

/// A body that names its resource and its turn.
pub fn body(name: &str, turn: u64) -> Vec<u8> {
    format!("{{\"id\":\"{name}\",\"resourceType\":\"Observation\",\"turn\":{turn}}}").into_bytes()
}

pub fn put(name: &str, turn: u64) -> Draft {
    Draft {
        op: Op::Put,
        resource: format!("Observation/{name}"),
        subject: "Patient/p".to_owned(),
        kind: "Observation".to_owned(),
        label_class: 0,
        payload: Some(Payload {
            body: body(name, turn),
            mapping: "visit".to_owned(),
            mapping_digest: [3; 32],
        }),
    }
}

pub fn delete(name: &str) -> Draft {
    Draft {
        op: Op::Delete,
        payload: None,
        ..put(name, 0)
    }
}

/// Stages drafts with nothing else.
pub fn stage(store: &Store, drafts: Vec<Draft>) -> TxId {
    let id = store
        .stage(drafts, |_| Ok::<_, StoreError>(()))
        .expect("the drafts are staged");
    id.expect("there are drafts")
}

/// Stages and submits; the height.
pub fn commit(store: &Store, drafts: Vec<Draft>) -> u64 {
    let id = stage(store, drafts);
    match store.submit(id).expect("the transaction is committed") {
        TxStatus::Committed { height } => height.0,
        other => panic!("{other:?}"),
    }
}

/// The body of a committed entry.
pub fn read(store: &Store, seq: u64) -> Result<Option<Vec<u8>>, StoreError> {
    store.read(|conn| {
        Ok(store
            .committed(conn, seq)?
            .into_payload()
            .map(|payload| payload.body))
    })
}

/// Asserts that everything verifies.
pub fn assert_clean(store: &Store) {
    let report = store.verify(&mut |_| ()).expect("the ledger can be read");
    assert_eq!(report.faults, []);
}
