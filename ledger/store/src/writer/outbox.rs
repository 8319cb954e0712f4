// SPDX-License-Identifier: Apache-2.0
//! The outbox in memory: what is staged, in order, and the heads that it will make.

use std::collections::VecDeque;

use silsila_chain::{
    Head, Height, MemoryHeads, OpenTransaction, Tag, Transaction, TransactionHeader, TxId,
};

use crate::{Fault, Payload, Place, StoreError};

/// Plaintexts are kept for the index up to this size; beyond it they are read back from the file.
const MEMORY: usize = 64 << 20;

/// The author of a head that is only staged: nothing is judged by it.
pub(crate) const STAGED: u32 = u32::MAX;

/// A staged transaction.
pub(crate) struct Staged {
    pub(crate) id: TxId,
    /// Its row.
    pub(crate) number: i64,
    pub(crate) transaction: Transaction,
    /// The id of its first payload; the others follow.
    pub(crate) payload: i64,
    /// How many payloads it has.
    pub(crate) payloads: u64,
    /// The plaintexts of its puts in order, where they are still in memory.
    pub(crate) plaintexts: Option<Vec<Payload>>,
}

impl Staged {
    fn memory(&self) -> usize {
        self.plaintexts
            .iter()
            .flatten()
            .map(|payload| payload.body.len())
            .sum()
    }
}

/// What is staged, oldest first.
#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Staged>,
    heads: MemoryHeads,
    memory: usize,
}

impl Outbox {
    /// Takes a staged transaction in, with the heads that it will make.
    pub(crate) fn push(&mut self, mut staged: Staged, heads: MemoryHeads) {
        if self.memory + staged.memory() > MEMORY {
            staged.plaintexts = None;
        }
        self.memory += staged.memory();
        self.heads.extend(heads);
        self.queue.push_back(staged);
    }

    /// The newest staged version of a resource.
    pub(crate) fn head(&self, resource: &Tag) -> Option<Head> {
        self.heads.get(resource).copied()
    }

    pub(crate) fn contains(&self, id: &TxId) -> bool {
        self.get(id).is_some()
    }

    pub(crate) fn get(&self, id: &TxId) -> Option<&Staged> {
        self.queue.iter().find(|staged| staged.id == *id)
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(crate) fn transactions(&self) -> Vec<&Transaction> {
        self.queue
            .iter()
            .map(|staged| &staged.transaction)
            .collect()
    }

    pub(crate) fn next_number(&self) -> i64 {
        self.queue.back().map_or(1, |staged| staged.number + 1)
    }

    /// The sequence of the last staged transaction.
    pub(crate) fn last_sequence(&self) -> Result<Option<u64>, StoreError> {
        let Some(last) = self.queue.back() else {
            return Ok(None);
        };
        let header = staged_header(&last.id, &last.transaction.header)?;
        Ok(Some(header.sequence))
    }

    /// What no block behind `tip` may hold any more.
    pub(crate) fn expired(&self, tip: Height) -> Result<Vec<TxId>, StoreError> {
        let mut expired = Vec::new();
        for staged in &self.queue {
            if valid_until(&staged.id, &staged.transaction.header)? <= tip {
                expired.push(staged.id);
            }
        }
        Ok(expired)
    }

    /// Lets go of a committed transaction. Heads that a later staged transaction moved on stay.
    pub(crate) fn remove_committed(&mut self, transaction: &OpenTransaction) {
        let Some(_) = self.take(&transaction.id()) else {
            return;
        };
        for entry in transaction.entries() {
            let Some(record) = entry.entry.record() else {
                continue;
            };
            let tag = &record.resource_tag;
            if self
                .heads
                .get(tag)
                .is_some_and(|head| head.entry == entry.hash)
            {
                self.heads.remove(tag);
            }
        }
    }

    /// Lets go of a rejected transaction; what is left makes other heads.
    pub(crate) fn remove_rejected(&mut self, id: &TxId) -> Result<(), StoreError> {
        self.take(id);
        let mut heads = MemoryHeads::default();
        for staged in &self.queue {
            heads.extend(heads_of(&open(&staged.transaction)?));
        }
        self.heads = heads;
        Ok(())
    }

    fn take(&mut self, id: &TxId) -> Option<Staged> {
        let position = self.queue.iter().position(|staged| staged.id == *id)?;
        let staged = self.queue.remove(position)?;
        self.memory -= staged.memory();
        Some(staged)
    }
}

/// The last block that may hold a staged transaction, by its header's bytes.
pub(crate) fn valid_until(id: &TxId, header: &[u8]) -> Result<Height, StoreError> {
    Ok(staged_header(id, header)?.valid_until)
}

fn staged_header(id: &TxId, header: &[u8]) -> Result<TransactionHeader, StoreError> {
    let fault = |error: silsila_chain::cbor::DecodeError| Fault {
        place: Place {
            table: "ledger_outbox",
            tx_id: Some(*id),
            ..Place::default()
        },
        what: error.to_string(),
    };
    TransactionHeader::decode(header).map_err(|error| fault(error).into())
}

/// Opens a transaction that was staged here.
pub(crate) fn open(transaction: &Transaction) -> Result<OpenTransaction, StoreError> {
    transaction.open().map_err(|fault| {
        let place = Place {
            table: "ledger_outbox",
            tx_id: Some(transaction.id()),
            entry: fault.entry,
            ..Place::default()
        };
        Fault {
            place,
            what: fault.reason.to_string(),
        }
        .into()
    })
}

/// The heads that a transaction makes.
pub(crate) fn heads_of(transaction: &OpenTransaction) -> MemoryHeads {
    let heads = transaction.entries().iter().filter_map(|entry| {
        let record = entry.entry.record()?;
        Some((record.resource_tag, Head::of(record, entry.hash, STAGED)))
    });
    heads.collect()
}
