// SPDX-License-Identifier: Apache-2.0
//! Repair with bytes that another member has. Nothing is believed of them: a payload must be the one that
//! the certified chain commits to, a block must be certified; and what was written is checked again, in the
//! same database transaction, before it counts.

use rusqlite::{Connection, Transaction, params};
use silsila_chain::merkle::{root, tree_root};
use silsila_chain::{
    Block, CHUNK, CertifiedHeader, Epochs, Height, OpenEntry, OpenTransaction, PayloadCommitment,
};

use crate::file::{
    BlockRow, ChunkRow, StoredTree, TransactionRow, differs, int, join_signature, prefix,
    tip_height, with_payload,
};
use crate::read::certified_root;
use crate::verify::damage::{By, OWN, repaired};
use crate::verify::scrub::nodes;
use crate::verify::segment::check_segment;
use crate::{Fault, Place, Store, StoreError};

/// So many payloads on either side are looked at where a row points at a wrong one.
const NEARBY: i64 = 512;

impl Store {
    /// Writes a payload anew, if these are the bytes to which the entry commits.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where they are not, or where the entry itself is damaged: repair its block
    /// first.
    pub fn repair_payload(&self, seq: u64, bytes: &[u8], now_ms: u64) -> Result<(), StoreError> {
        self.repair_payload_by(seq, bytes, By { now_ms, from: OWN })
    }

    pub(crate) fn repair_payload_by(
        &self,
        seq: u64,
        bytes: &[u8],
        by: By<'_>,
    ) -> Result<(), StoreError> {
        let place = Place {
            table: "ledger_payload",
            entry: Some(seq),
            ..Place::default()
        };
        let proven = self.proof(seq)?.verify(&self.channel());
        let proven = proven.map_err(|fault| fault_at(place, &fault.to_string()))?;
        let commitment = proven.entry.payload();
        let commitment = commitment.ok_or_else(|| fault_at(place, "the entry has no payload"))?;
        if let Some(what) = differs(commitment, bytes) {
            return Err(fault_at(place, what).into());
        }
        // A row that points at other payloads makes them all look wrong: the rows come first.
        if let Some(block) = self.block(proven.height)? {
            let wrong = self.repair_block_by(&block, by)?;
            if !wrong.iter().any(|fault| fault.place.entry == Some(seq)) {
                return Ok(());
            }
        }
        self.local(|txn| {
            let id =
                payload_id(txn, seq)?.ok_or_else(|| fault_at(place, "no row has the entry"))?;
            txn.execute(
                "INSERT OR REPLACE INTO ledger_payload (id, bytes) VALUES (?1, ?2)",
                params![id, bytes],
            )?;
            txn.execute(
                "INSERT OR IGNORE INTO ledger_payload_digest VALUES (?1, ?2)",
                [prefix(&commitment.digest.0), id],
            )?;
            txn.execute(
                "DELETE FROM ledger_wanted WHERE digest = ?1 AND payload = ?2",
                params![commitment.digest.0, id],
            )?;
            repaired(txn, None, (seq, seq + 1), by)
        })
    }

    /// Writes block 0 anew; it follows from genesis, so that nobody need be asked.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn repair_genesis(&self, now_ms: u64) -> Result<(), StoreError> {
        let header = self.genesis().header().encode();
        self.local(|txn| {
            txn.execute("DELETE FROM ledger_block WHERE height = 0", [])?;
            let row = BlockRow {
                height: Height(0),
                first_transaction: 1,
                header,
                certificate: Vec::new(),
            };
            row.insert(txn)?;
            repaired(txn, Some(Height(0)), (0, 0), By { now_ms, from: OWN })
        })
    }

    /// Writes a block and everything that helps to find what is in it anew, if it is certified and the one
    /// of that height; its payloads stay as they are. Earlier blocks must be whole: mend them first. Gives what is still wrong there, which is its payloads.
    ///
    /// # Errors
    /// [`StoreError::Block`] where the rules refuse it; [`StoreError::Damaged`] where it does not fit its
    /// neighbours, after which nothing is changed.
    pub fn repair_block(&self, block: &Block, now_ms: u64) -> Result<Vec<Fault>, StoreError> {
        self.repair_block_by(block, By { now_ms, from: OWN })
    }

    pub(crate) fn repair_block_by(
        &self,
        block: &Block,
        by: By<'_>,
    ) -> Result<Vec<Fault>, StoreError> {
        let epochs = self.read(|conn| self.epochs(conn))?;
        let (certified, opened) = open(self, &epochs, block)?;
        let height = certified.header().height;
        self.local(|txn| {
            let rewriting = Rewriting {
                txn,
                block,
                certified: &certified,
                opened: &opened,
            };
            rewriting.run()?;
            // Nodes are made of those below them: only what certified headers name may come of it.
            let (size, have) = (height.0 + 1, tip_height(txn)?.unwrap_or_default().0 + 1);
            certified_root(txn, size, have, &tree_root(&StoredTree(txn), size)?)?;
            let segment = check_segment(txn, &epochs, height, height)?;
            let left = segment.faults.into_iter();
            let (payloads, others): (Vec<_>, Vec<_>) =
                left.partition(|fault| fault.place.table == "ledger_payload");
            if let Some(fault) = others.into_iter().next() {
                return Err(fault.into());
            }
            let first = certified.header().first_entry;
            let count: u64 = opened.iter().map(|open| open.header().count).sum();
            if payloads.is_empty() {
                repaired(txn, Some(height), (first, first + count), by)?;
            }
            Ok(payloads)
        })
    }
}

fn fault_at(place: Place, what: &str) -> Fault {
    let what = what.to_owned();
    Fault { place, what }
}

/// The block's parts, if it is certified, of this channel, and made of what its header says.
fn open(
    store: &Store,
    epochs: &Epochs,
    block: &Block,
) -> Result<(CertifiedHeader, Vec<OpenTransaction>), StoreError> {
    let place = Place {
        table: "ledger_block",
        ..Place::default()
    };
    let certified = epochs
        .certify(&block.header, &block.certificate)
        .map_err(|reason| fault_at(place, &reason.to_string()))?;
    let header = certified.header();
    let place = Place {
        height: Some(header.height),
        ..place
    };
    let opened = block
        .transactions
        .iter()
        .map(silsila_chain::Transaction::open);
    let opened = opened
        .collect::<Result<Vec<_>, _>>()
        .map_err(|fault| fault_at(place, &fault.to_string()))?;
    let ids = opened.iter().map(|open| open.id().0);
    let behind_tip = store.read(tip_height)?.unwrap_or_default() < header.height;
    if header.channel != store.channel() || header.height == Height(0) || behind_tip {
        return Err(fault_at(place, "the block is not one that this ledger holds").into());
    }
    if root(ids) != header.tx_root {
        return Err(fault_at(place, "the transactions are not those of the header").into());
    }
    Ok((certified, opened))
}

/// The id under which an entry's payload lies, as its row says.
fn payload_id(conn: &Connection, seq: u64) -> Result<Option<i64>, StoreError> {
    let Some(row) = ChunkRow::holding(conn, seq)? else {
        return Ok(None);
    };
    let entries = silsila_chain::read_entries(&row.bytes).unwrap_or_default();
    let position = usize::try_from(seq - row.first).unwrap_or(usize::MAX);
    let Some(before) = entries.get(..position) else {
        return Ok(None);
    };
    let before = before
        .iter()
        .filter(|entry| entry.entry.payload().is_some());
    Ok(Some(row.payload + int(before.count() as u64)))
}

struct Rewriting<'r> {
    txn: &'r Transaction<'r>,
    block: &'r Block,
    certified: &'r CertifiedHeader,
    opened: &'r [OpenTransaction],
}

impl Rewriting<'_> {
    fn run(&self) -> Result<(), StoreError> {
        let header = self.certified.header();
        let first = self.first_transaction()?;
        self.txn.execute(
            "DELETE FROM ledger_block WHERE height = ?1",
            [int(header.height.0)],
        )?;
        let row = BlockRow {
            height: header.height,
            first_transaction: first,
            header: self.block.header.clone(),
            certificate: self.block.certificate.clone(),
        };
        row.insert(self.txn)?;
        let mut first_entry = header.first_entry;
        for ((raw, open), number) in self.block.transactions.iter().zip(self.opened).zip(first..) {
            self.transaction(raw, open, number, first_entry)?;
            first_entry += open.header().count;
        }
        for (level, index, hash) in nodes(self.txn, header.height)? {
            let place = int(u64::from(level) << 56 | index);
            self.txn.execute(
                "INSERT OR REPLACE INTO ledger_node VALUES (?1, ?2)",
                params![place, hash],
            )?;
        }
        Ok(())
    }

    /// The number of the block's first transaction: from one of its transactions that is found by its id,
    /// else from the block before.
    fn first_transaction(&self) -> Result<i64, StoreError> {
        for (open, position) in self.opened.iter().zip(0_i64..) {
            if let Some(row) = TransactionRow::find(self.txn, &open.id())? {
                return Ok(row.number - position);
            }
        }
        let before = Height(self.certified.header().height.0 - 1);
        let row = BlockRow::at(self.txn, before)?;
        let first = row.map_or(1, |row| row.first_transaction);
        let count: i64 = self.txn.query_row(
            "SELECT count(*) FROM ledger_transaction WHERE number >= ?1 AND height = ?2",
            [first, int(before.0)],
            |row| row.get(0),
        )?;
        Ok(first + count)
    }

    fn transaction(
        &self,
        raw: &silsila_chain::Transaction,
        open: &OpenTransaction,
        number: i64,
        first_entry: u64,
    ) -> Result<(), StoreError> {
        let payloads = self.payload_ids(open, number, first_entry)?;
        let end = first_entry + open.header().count;
        self.txn
            .execute("DELETE FROM ledger_transaction WHERE number = ?1", [number])?;
        self.txn.execute(
            "DELETE FROM ledger_transaction_id WHERE number = ?1",
            [number],
        )?;
        self.txn.execute(
            "DELETE FROM ledger_entries WHERE transaction_number = ?1 OR (first >= ?2 AND first < ?3)",
            [number, int(first_entry), int(end)],
        )?;
        self.txn.execute(
            "DELETE FROM ledger_version WHERE entry >= ?1 AND entry < ?2",
            [int(first_entry), int(end)],
        )?;
        let roots = open.chunk_roots();
        let row = TransactionRow {
            number,
            height: self.certified.header().height,
            first_entry,
            header: raw.header.clone(),
            signature: join_signature(raw.scheme, &raw.signature),
            chunk_roots: if roots.len() > 1 {
                roots.concat()
            } else {
                Vec::new()
            },
        };
        row.insert(self.txn)?;
        self.entries(raw, open, number, first_entry, &payloads)
    }

    fn entries(
        &self,
        raw: &silsila_chain::Transaction,
        open: &OpenTransaction,
        number: i64,
        mut first: u64,
        payloads: &[i64],
    ) -> Result<(), StoreError> {
        let mut start = 0;
        let mut version =
            (self.txn).prepare_cached("INSERT OR IGNORE INTO ledger_version VALUES (?1, ?2)")?;
        for (chunk, payload) in open.entries().chunks(CHUNK).zip(payloads) {
            let end = chunk.last().map_or(start, |entry| entry.end);
            ChunkRow {
                first,
                transaction: number,
                payload: *payload,
                bytes: raw.entries[start..end].to_vec(),
            }
            .insert(self.txn)?;
            for (entry, seq) in chunk.iter().zip(first..) {
                if let Some(record) = entry.entry.record() {
                    let tag = prefix(&record.resource_tag.0);
                    self.drop_strays(tag)?;
                    version.execute([tag, int(seq)])?;
                }
            }
            (first, start) = (first + chunk.len() as u64, end);
        }
        Ok(())
    }

    /// Takes away what is listed as a version of a resource and is none.
    fn drop_strays(&self, tag: i64) -> Result<(), StoreError> {
        let mut listed =
            (self.txn).prepare_cached("SELECT entry FROM ledger_version WHERE tag = ?1")?;
        let entries = listed.query_map([tag], |row| row.get(0))?;
        for entry in entries.collect::<Result<Vec<i64>, _>>()? {
            let row = ChunkRow::holding(self.txn, entry.unsigned_abs())?;
            let is_version = row.is_some_and(|row| {
                let entries = silsila_chain::read_entries(&row.bytes).unwrap_or_default();
                let position = entry.unsigned_abs() - row.first;
                (entries.get(usize::try_from(position).unwrap_or(usize::MAX)))
                    .and_then(|entry| entry.entry.record())
                    .is_some_and(|record| prefix(&record.resource_tag.0) == tag)
            });
            if !is_version {
                (self.txn)
                    .prepare_cached("DELETE FROM ledger_version WHERE tag = ?1 AND entry = ?2")?
                    .execute([tag, entry])?;
            }
        }
        Ok(())
    }

    /// The id of each chunk's first payload. The payloads of one transaction have consecutive ids, so that
    /// any of its rows or payloads that is whole tells all of them.
    fn payload_ids(
        &self,
        open: &OpenTransaction,
        number: i64,
        first_entry: u64,
    ) -> Result<Vec<i64>, StoreError> {
        let before: Vec<i64> = (open.entries().chunks(CHUNK))
            .scan(0, |sum, chunk| {
                let before = *sum;
                *sum += payloads(chunk);
                Some(before)
            })
            .collect();
        let base = self.base(open, first_entry, number, &before)?;
        Ok(before.into_iter().map(|before| base + before).collect())
    }

    /// The id of the transaction's first payload: from a row or a digest by which a payload is really
    /// found, else from the payloads near where a row points, else as a row says.
    fn base(
        &self,
        open: &OpenTransaction,
        first_entry: u64,
        number: i64,
        before: &[i64],
    ) -> Result<i64, StoreError> {
        let end = first_entry + open.header().count;
        let mut said = None;
        for row in ChunkRow::collect(self.txn, first_entry, end)? {
            let offset = usize::try_from(row.first - first_entry).unwrap_or(usize::MAX) / CHUNK;
            let (Some(before), Some(chunk)) =
                (before.get(offset), open.entries().chunks(CHUNK).nth(offset))
            else {
                continue;
            };
            let commitments = chunk.iter().filter_map(|entry| entry.entry.payload());
            for (commitment, id) in commitments.zip(row.payload..) {
                if self.is_at(commitment, id)? {
                    return Ok(row.payload - before);
                }
            }
            if row.transaction == number {
                said = Some(row.payload - before);
            }
        }
        if let Some(base) = self.base_from_digests(open)? {
            return Ok(base);
        }
        let said = said.unwrap_or(0);
        Ok(self.base_nearby(open, said)?.unwrap_or(said))
    }

    fn is_at(&self, commitment: &PayloadCommitment, id: i64) -> Result<bool, StoreError> {
        let here = with_payload(self.txn, id, |bytes| differs(commitment, bytes).is_none())?;
        Ok(here == Some(true))
    }

    fn base_nearby(&self, open: &OpenTransaction, said: i64) -> Result<Option<i64>, StoreError> {
        let mut commitments = open
            .entries()
            .iter()
            .filter_map(|entry| entry.entry.payload());
        let Some(first) = commitments.next() else {
            return Ok(Some(said));
        };
        for id in said.saturating_sub(NEARBY)..=said.saturating_add(NEARBY) {
            if self.is_at(first, id)? {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// From a payload that is found by its digest.
    fn base_from_digests(&self, open: &OpenTransaction) -> Result<Option<i64>, StoreError> {
        let commitments = open
            .entries()
            .iter()
            .filter_map(|entry| entry.entry.payload());
        for (commitment, before) in commitments.zip(0_i64..) {
            let mut statement = (self.txn)
                .prepare_cached("SELECT payload FROM ledger_payload_digest WHERE prefix = ?1")?;
            let ids = statement.query_map([prefix(&commitment.digest.0)], |row| row.get(0))?;
            for id in ids.collect::<Result<Vec<i64>, _>>()? {
                if self.is_at(commitment, id)? {
                    return Ok(Some(id - before));
                }
            }
        }
        Ok(None)
    }
}

fn payloads(entries: &[OpenEntry]) -> i64 {
    let with = entries
        .iter()
        .filter(|entry| entry.entry.payload().is_some());
    int(with.count() as u64)
}
