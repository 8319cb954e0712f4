// SPDX-License-Identifier: Apache-2.0
//! A verified block into the file: chain, heads, tree, outbox and index in one database transaction.

use std::iter;

use rusqlite::{Connection, Transaction as SqliteTransaction, TransactionBehavior};
use silsila_chain::{
    Block, BlockHeader, CHUNK, OpenTransaction, Rejected, Transaction, VerifiedBlock,
};

use crate::file::{
    BlockRow, ChunkRow, OutboxRow, TransactionRow, differs, insert_node, insert_version, int,
    join_signature, with_payload,
};
use crate::read::{Reading, StoredHeads};
use crate::writer::{Checkpoint, Writer};
use crate::{Applied, BlockInfo, Fault, Payload, Place, StoreError};

/// A transaction on its way into the file.
struct Placed<'b> {
    raw: &'b Transaction,
    open: &'b OpenTransaction,
    number: i64,
    first_entry: u64,
    payload: i64,
    plaintexts: Vec<Option<Payload>>,
}

impl Writer {
    /// Verifies and applies a block that other members ordered; a block that is here already is only
    /// compared.
    pub(crate) fn apply_foreign(&mut self, block: &Block) -> Result<(), StoreError> {
        let refused = |fault| StoreError::Block { fault };
        if let Ok(header) = BlockHeader::decode(&block.header)
            && let Some(stored) = BlockRow::at(&self.conn, header.height)?
            && stored.header == block.header
        {
            return Ok(());
        }
        let mut heads = StoredHeads {
            conn: &self.conn,
            reading: &self.reading,
            members: self.chain.members(),
            before: self.chain.entries(),
        };
        let verified = self
            .chain
            .verify_block(block, &*self.reading.policy, &mut heads)
            .map_err(|rejected| match rejected {
                Rejected::Fault(fault) => refused(fault),
                Rejected::Heads(error) => error,
            })?;
        self.apply(block, &verified)
    }

    /// Applies a block that was judged against the chain as it stands.
    pub(crate) fn apply(
        &mut self,
        block: &Block,
        verified: &VerifiedBlock,
    ) -> Result<(), StoreError> {
        let placed = self.place(block, verified)?;
        let info = BlockInfo {
            height: verified.certified.header().height,
            time_ms: verified.certified.header().time_ms,
            hash: verified.certified.hash(),
        };
        let records = applied(&placed);
        let next_payload = placed
            .iter()
            .map(|one| one.payload + payloads(one.open))
            .max();
        let next_payload = next_payload.unwrap_or(0).max(self.next_payload);
        let next_transaction = self.next_transaction + int(placed.len() as u64);
        let after = &verified.accepted.after;
        let due = self.unchecked + records.len() as u64 >= Checkpoint::ENTRIES
            || after.height().0 >= self.checkpoint.0 + Checkpoint::BLOCKS;

        let txn = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        write_block(&txn, block, verified, self.next_transaction, &self.chain)?;
        for one in &placed {
            one.write(&txn, verified.certified.header())?;
            if let Some(staged) = self.outbox.get(&one.open.id()) {
                OutboxRow::delete(&txn, staged.number)?;
            }
        }
        self.index.apply(&txn, &info, &records)?;
        if due {
            Checkpoint {
                chain: after.clone(),
                next_transaction,
            }
            .write(&txn, &self.keys)?;
        }
        txn.commit()?;

        self.unchecked = if due {
            0
        } else {
            self.unchecked + records.len() as u64
        };
        if due {
            self.checkpoint = info.height;
        }
        drop(records);
        (self.next_payload, self.next_transaction) = (next_payload, next_transaction);
        for one in &placed {
            self.outbox.remove_committed(one.open);
        }
        self.chain = verified.accepted.after.clone();
        Ok(())
    }

    fn place<'b>(
        &self,
        block: &'b Block,
        verified: &'b VerifiedBlock,
    ) -> Result<Vec<Placed<'b>>, StoreError> {
        let (mut number, mut first_entry) = (self.next_transaction, self.chain.entries());
        let mut next_payload = self.next_payload;
        let mut placed = Vec::with_capacity(block.transactions.len());
        for (raw, open) in block.transactions.iter().zip(&verified.transactions) {
            let staged = self.outbox.get(&open.id());
            let payload = staged.map_or(next_payload, |staged| staged.payload);
            if staged.is_none() {
                next_payload += payloads(open);
            }
            let plaintexts = match staged.and_then(|staged| staged.plaintexts.as_ref()) {
                Some(kept) => spread(open, kept),
                None => read_plaintexts(&self.conn, &self.reading, open, payload)?,
            };
            placed.push(Placed {
                raw,
                open,
                number,
                first_entry,
                payload,
                plaintexts,
            });
            number += 1;
            first_entry += open.header().count;
        }
        Ok(placed)
    }
}

fn payloads(open: &OpenTransaction) -> i64 {
    int(open
        .entries()
        .iter()
        .filter(|entry| entry.entry.payload().is_some())
        .count() as u64)
}

/// Gives each entry its plaintext, in order.
fn spread(open: &OpenTransaction, kept: &[Payload]) -> Vec<Option<Payload>> {
    let mut kept = kept.iter();
    let entries = open.entries().iter();
    entries
        .map(|entry| {
            let record = entry.entry.record()?;
            record.payload.and_then(|_| kept.next().cloned())
        })
        .collect()
}

/// Reads plaintexts that are no longer in memory. A payload that this member does not hold is no fault
/// here; one that is not what was committed is.
fn read_plaintexts(
    conn: &Connection,
    reading: &Reading,
    open: &OpenTransaction,
    first: i64,
) -> Result<Vec<Option<Payload>>, StoreError> {
    let mut id = first;
    let mut plaintexts = Vec::with_capacity(open.entries().len());
    for (position, entry) in (0..).zip(open.entries()) {
        let Some(commitment) = entry.entry.payload() else {
            plaintexts.push(None);
            continue;
        };
        if entry.entry.record().is_none() {
            plaintexts.push(None);
            id += 1;
            continue;
        }
        let opened = with_payload(conn, id, |stored| match differs(commitment, stored) {
            Some(what) => Err(what),
            None => reading.suite.open(stored),
        })?;
        plaintexts.push(opened.transpose().map_err(|what| Fault {
            place: Place {
                table: "ledger_payload",
                tx_id: Some(open.id()),
                entry: Some(position),
                ..Place::default()
            },
            what: what.to_owned(),
        })?);
        id += 1;
    }
    Ok(plaintexts)
}

fn applied<'p>(placed: &'p [Placed<'_>]) -> Vec<Applied<'p>> {
    let entries = placed.iter().flat_map(|one| {
        let entries = one.open.entries().iter().zip(&one.plaintexts);
        entries
            .zip(one.first_entry..)
            .filter_map(|((entry, plaintext), seq)| {
                Some(Applied {
                    seq,
                    record: entry.entry.record()?,
                    entry_hash: entry.hash,
                    plaintext: plaintext.as_ref(),
                })
            })
    });
    entries.collect()
}

fn write_block(
    txn: &SqliteTransaction<'_>,
    block: &Block,
    verified: &VerifiedBlock,
    first_transaction: i64,
    before: &silsila_chain::ChainState,
) -> Result<(), StoreError> {
    let row = BlockRow {
        height: verified.certified.header().height,
        first_transaction,
        header: block.header.clone(),
        certificate: block.certificate.clone(),
    };
    row.insert(txn)?;
    let mut nodes = before
        .history()
        .inner_completed_by(verified.certified.hash().0)
        .into_iter();
    nodes.try_for_each(|(level, index, hash)| insert_node(txn, level, index, &hash))
}

impl Placed<'_> {
    fn write(&self, txn: &SqliteTransaction<'_>, block: &BlockHeader) -> Result<(), StoreError> {
        let roots = self.open.chunk_roots();
        let row = TransactionRow {
            number: self.number,
            height: block.height,
            first_entry: self.first_entry,
            header: self.raw.header.clone(),
            signature: join_signature(self.raw.scheme, &self.raw.signature),
            chunk_roots: if roots.len() > 1 {
                roots.concat()
            } else {
                Vec::new()
            },
        };
        row.insert(txn)?;
        let (mut first, mut payload, mut start) = (self.first_entry, self.payload, 0);
        for chunk in self.open.entries().chunks(CHUNK) {
            let end = chunk.last().expect("chunks are not empty").end;
            let bytes = self.raw.entries[start..end].to_vec();
            ChunkRow {
                first,
                transaction: self.number,
                payload,
                bytes,
            }
            .insert(txn)?;
            start = end;
            for (entry, seq) in iter::zip(chunk, first..) {
                if let Some(record) = entry.entry.record() {
                    insert_version(txn, &record.resource_tag, seq)?;
                }
                payload += i64::from(entry.entry.payload().is_some());
            }
            first += chunk.len() as u64;
        }
        Ok(())
    }
}
