// SPDX-License-Identifier: Apache-2.0
//! A verified block into the file: chain, heads, tree, outbox and index in one database transaction.

use std::iter;

use rusqlite::{Transaction as SqliteTransaction, TransactionBehavior};
use silsila_chain::{
    Block, BlockHeader, CHUNK, Judged, OpenEntry, OpenTransaction, Payloads, Rejected, Transaction,
    VerifiedBlock,
};

use crate::file::{
    BlockRow, ChunkRow, OutboxRow, TransactionRow, insert_epochs, insert_node, insert_version, int,
    join_signature,
};
use crate::read::{Reading, StoredHeads};
use crate::writer::receive::{Arrived, Revealed, open_applied, place, reveal_by_key, take_key};
use crate::writer::{Checkpoint, Writer};
use crate::{Applied, BlockInfo, Payload, StoreError};

/// A transaction on its way into the file.
struct Placed<'b> {
    raw: &'b Transaction,
    open: &'b OpenTransaction,
    number: i64,
    first_entry: u64,
    payload: i64,
    /// Whether it was staged here, so that its payloads are in their place.
    own: bool,
    plaintexts: Vec<Option<Payload>>,
}

impl Writer {
    /// Verifies and applies a block that other members ordered, with those of its payloads that are at hand;
    /// of a block that is here already only missing payloads are taken. What was judged before the block was
    /// certified is not judged again.
    pub(crate) fn apply_foreign(
        &mut self,
        block: &Block,
        judged: Option<Judged<'_>>,
        payloads: &mut Payloads,
    ) -> Result<(), StoreError> {
        let refused = |fault| StoreError::Block { fault };
        if let Ok(header) = BlockHeader::decode(&block.header)
            && let Some(stored) = BlockRow::at(&self.conn, header.height)?
            && stored.header == block.header
        {
            let payloads = Arrived::new(std::mem::take(payloads).into_bytes());
            return self.add_payloads(&payloads).map(|_| ());
        }
        // What differs from what was judged, if only by another good signature, is judged like any other.
        let judged = judged.map(|judged| self.chain.verify_judged(block, judged));
        if let Some(Ok(verified)) = judged {
            return self.apply(block, &verified, payloads);
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
        self.apply(block, &verified, payloads)
    }

    /// Applies a block that was judged against the chain as it stands.
    pub(crate) fn apply(
        &mut self,
        block: &Block,
        verified: &VerifiedBlock,
        payloads_here: &mut Payloads,
    ) -> Result<(), StoreError> {
        let mut placed = self.place(block, verified);
        let entries: u64 = placed.iter().map(|one| one.open.header().count).sum();
        let info = BlockInfo {
            height: verified.certified.header().height,
            time_ms: verified.certified.header().time_ms,
            hash: verified.certified.hash(),
            first_entry: self.chain.entries(),
            entries,
        };
        let next_payload = placed
            .iter()
            .map(|one| one.payload + payloads(one.open))
            .max();
        let next_payload = next_payload.unwrap_or(0).max(self.next_payload);
        let next_transaction = self.next_transaction + int(placed.len() as u64);
        let after = &verified.accepted.after;
        let due = self.unchecked + entries >= Checkpoint::ENTRIES
            || after.height().0 >= self.checkpoint.0 + Checkpoint::BLOCKS;

        let txn = self
            .conn
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        write_block(&txn, block, verified, self.next_transaction, &self.chain)?;
        insert_epochs(&txn, after.epochs(), self.chain.epochs().all().len())?;
        for one in &placed {
            one.write(&txn, verified.certified.header())?;
            if let Some(staged) = self.outbox.get(&one.open.id()) {
                OutboxRow::delete(&txn, staged.number)?;
            } else {
                one.receive(&txn, payloads_here)?;
            }
        }
        let mut revealed = Vec::new();
        for one in &placed {
            revealed.extend(one.take_keys(&txn, &self.reading, info.first_entry)?);
        }
        for one in &mut placed {
            one.open(&txn, &self.reading)?;
        }
        if self.chain.is_shared() {
            Self::drop_held(&txn, info.height)?;
        }
        self.index.apply(&txn, &info, &applied(&placed))?;
        if !revealed.is_empty() {
            revealed.sort_unstable_by_key(Revealed::seq);
            let revealed: Vec<_> = revealed.iter().map(Revealed::applied).collect();
            self.index.reveal(&txn, &info, &revealed)?;
        }
        if due {
            Checkpoint {
                chain: after.clone(),
                next_transaction,
            }
            .write(&txn, &self.keys)?;
        }
        txn.commit()?;

        self.unchecked = if due { 0 } else { self.unchecked + entries };
        if due {
            self.checkpoint = info.height;
        }
        (self.next_payload, self.next_transaction) = (next_payload, next_transaction);
        for one in &placed {
            self.outbox.remove_committed(one.open);
        }
        self.chain = verified.accepted.after.clone();
        self.expire()
    }

    fn place<'b>(&self, block: &'b Block, verified: &'b VerifiedBlock) -> Vec<Placed<'b>> {
        let (mut number, mut first_entry) = (self.next_transaction, self.chain.entries());
        let mut next_payload = self.next_payload;
        let mut placed = Vec::with_capacity(block.transactions.len());
        for (raw, open) in block.transactions.iter().zip(&verified.transactions) {
            let staged = self.outbox.get(&open.id());
            let payload = staged.map_or(next_payload, |staged| staged.payload);
            if staged.is_none() {
                next_payload += payloads(open);
            }
            let kept = staged.and_then(|staged| staged.plaintexts.as_ref());
            placed.push(Placed {
                raw,
                open,
                number,
                first_entry,
                payload,
                own: staged.is_some(),
                plaintexts: kept.map(|kept| spread(open, kept)).unwrap_or_default(),
            });
            number += 1;
            first_entry += open.header().count;
        }
        placed
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
    /// Each entry with its number and the id of its payload, if it has one.
    fn entries(&self) -> impl Iterator<Item = (&OpenEntry, u64, i64)> {
        let mut next = self.payload;
        self.open
            .entries()
            .iter()
            .zip(self.first_entry..)
            .map(move |(entry, seq)| {
                let id = next;
                next += i64::from(entry.entry.payload().is_some());
                (entry, seq, id)
            })
    }

    /// Puts payloads into their places, as far as they are here.
    fn receive(&self, txn: &SqliteTransaction<'_>, here: &mut Payloads) -> Result<(), StoreError> {
        self.entries()
            .try_for_each(|(entry, seq, id)| place(txn, here, &entry.entry, id, seq))
    }

    /// Takes keys that its grants give, and what they open of earlier blocks.
    fn take_keys(
        &self,
        txn: &SqliteTransaction<'_>,
        reading: &Reading,
        before: u64,
    ) -> Result<Vec<Revealed>, StoreError> {
        let mut revealed = Vec::new();
        if self.own {
            return Ok(revealed);
        }
        let writer = self.open.header().member.key;
        for (entry, _, id) in self.entries() {
            if let Some(of) = take_key(txn, reading, writer, &entry.entry, id)? {
                revealed.extend(reveal_by_key(txn, reading, &of, before)?);
            }
        }
        Ok(revealed)
    }

    /// Opens what was not kept in memory since it was staged.
    fn open(&mut self, txn: &SqliteTransaction<'_>, reading: &Reading) -> Result<(), StoreError> {
        if !self.plaintexts.is_empty() {
            return Ok(());
        }
        let writer = self.open.header().member.key;
        let opened = self
            .entries()
            .map(|(entry, seq, id)| open_applied(txn, reading, writer, entry, id, seq));
        self.plaintexts = opened.collect::<Result<_, _>>()?;
        Ok(())
    }

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
