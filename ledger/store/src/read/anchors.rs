// SPDX-License-Identifier: Apache-2.0
//! What a read is checked against: transactions whose block's certificate was verified, with the roots
//! of their subtrees of sixteen entries. Verified once and kept in memory, so that a read hashes sixteen
//! entries and not a whole block.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use silsila_chain::merkle::{self, Hash};
use silsila_chain::{BlockHash, CHUNK, Epochs, Height, Identity, TransactionHeader};

use crate::file::{BlockRow, TransactionRow};
use crate::read::StoredEpochs;
use crate::{Fault, Place, StoreError};

const MEMORY: usize = 16 << 20;

/// A transaction that a certified block holds.
#[derive(Debug)]
pub(crate) struct Anchor {
    pub(crate) height: Height,
    pub(crate) block: BlockHash,
    pub(crate) time_ms: u64,
    /// Who signed it.
    pub(crate) member: Identity,
    pub(crate) first_entry: u64,
    pub(crate) chunk_roots: Box<[Hash]>,
}

impl Anchor {
    fn memory(&self) -> usize {
        size_of::<Self>() + size_of_val(&*self.chunk_roots) + 64
    }
}

/// Anchors by transaction number; the oldest go when memory is full.
#[derive(Default)]
pub(crate) struct Anchors(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    anchors: HashMap<i64, Arc<Anchor>>,
    order: VecDeque<i64>,
    memory: usize,
}

impl Kept {
    fn keep(&mut self, transaction: i64, anchor: Arc<Anchor>) {
        self.memory += anchor.memory();
        if self.anchors.insert(transaction, anchor).is_none() {
            self.order.push_back(transaction);
        }
        while self.memory > MEMORY {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.memory -= self
                .anchors
                .remove(&oldest)
                .map_or(0, |anchor| anchor.memory());
        }
    }
}

impl Anchors {
    /// The anchor of a transaction, verified now unless it was before.
    pub(crate) fn get(
        &self,
        conn: &Connection,
        epochs: &StoredEpochs,
        transaction: i64,
    ) -> Result<Arc<Anchor>, StoreError> {
        let kept = self.kept().anchors.get(&transaction).cloned();
        if let Some(anchor) = kept {
            return Ok(anchor);
        }
        let verified = verify(conn, &epochs.get(conn)?, transaction)?;
        let mut found = None;
        let mut kept = self.kept();
        for (number, anchor) in verified {
            let anchor = Arc::new(anchor);
            if number == transaction {
                found = Some(Arc::clone(&anchor));
            }
            if !kept.anchors.contains_key(&number) {
                kept.keep(number, anchor);
            }
        }
        found.ok_or_else(|| missing(transaction).into())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn missing(transaction: i64) -> Fault {
    Fault {
        place: Place {
            table: "ledger_transaction",
            ..Place::default()
        },
        what: format!("transaction number {transaction} is missing"),
    }
}

/// Verifies the block that holds a transaction, as far as reads lean on it: certificate, transactions,
/// numbers, roots.
fn verify(
    conn: &Connection,
    epochs: &Epochs,
    transaction: i64,
) -> Result<Vec<(i64, Anchor)>, StoreError> {
    let row = TransactionRow::range(conn, transaction, transaction + 1)?.pop();
    let height = row.ok_or_else(|| missing(transaction))?.height;
    let place = Place {
        height: Some(height),
        ..Place::default()
    };
    let fault = |table, what: &str| Fault {
        place: Place { table, ..place },
        what: what.to_owned(),
    };
    let block =
        BlockRow::at(conn, height)?.ok_or_else(|| fault("ledger_block", "a block is missing"))?;
    let certified = epochs
        .certify(&block.header, &block.certificate)
        .map_err(|reason| fault("ledger_block", &reason.to_string()))?;
    let header = certified.header();
    let rows = TransactionRow::of_block(conn, &block)?;
    let root = merkle::root(rows.iter().map(|row| row.id().0));
    if header.height != height || header.tx_root != root {
        return Err(fault("ledger_transaction", "the block holds other transactions").into());
    }
    let mut first_entry = header.first_entry;
    let mut anchors = Vec::with_capacity(rows.len());
    for (position, row) in (0..).zip(rows) {
        let fault = |what: &str| Fault {
            place: Place {
                table: "ledger_transaction",
                transaction: Some(position),
                ..place
            },
            what: what.to_owned(),
        };
        let signed =
            TransactionHeader::decode(&row.header).map_err(|error| fault(&error.to_string()))?;
        let chunk_roots = chunk_roots(&row, &signed)
            .ok_or_else(|| fault("the subtree roots are not those signed"))?;
        let number = row.number;
        let (block, time_ms) = (certified.hash(), header.time_ms);
        anchors.push((
            number,
            Anchor {
                height,
                block,
                time_ms,
                first_entry,
                member: signed.member,
                chunk_roots,
            },
        ));
        first_entry += signed.count;
    }
    Ok(anchors)
}

/// A transaction's subtree roots, checked against the root that was signed. They are stored only where
/// there is more than one.
fn chunk_roots(row: &TransactionRow, signed: &TransactionHeader) -> Option<Box<[Hash]>> {
    if signed.count <= CHUNK as u64 {
        return row
            .chunk_roots
            .is_empty()
            .then(|| Box::from([signed.entries_root]));
    }
    let roots = row.chunk_roots()?;
    let whole = roots.len() as u64 == signed.count.div_ceil(CHUNK as u64);
    (whole && merkle::root(roots.iter().copied()) == signed.entries_root).then(|| Box::from(roots))
}
