// SPDX-License-Identifier: Apache-2.0
//! What stored blocks say of themselves.

use rusqlite::Connection;
use silsila_chain::{
    CHUNK, CertifiedHeader, Epochs, Height, OpenEntry, OpenTransaction, Reason, StateHash,
    Transaction, TransactionHeader,
};

use crate::file::{BlockRow, ChunkRow, TransactionRow, differs, int, is_wanted, prefix};
use crate::verify::tables::VersionSum;
use crate::{Fault, Place, StoreError};

const MISSING: &str = "the payload is missing";

/// A stored block that holds what it says.
pub(crate) struct CheckedBlock {
    pub(crate) first_transaction: i64,
    pub(crate) certified: CertifiedHeader,
    pub(crate) transactions: Vec<OpenTransaction>,
    pub(crate) change: StateHash,
}

/// What was read and summed up.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Tally {
    pub(crate) blocks: u64,
    pub(crate) transactions: u64,
    pub(crate) entries: u64,
    pub(crate) payloads: u64,
    pub(crate) bytes: u64,
    pub(crate) versions: VersionSum,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.blocks += other.blocks;
        self.transactions += other.transactions;
        self.entries += other.entries;
        self.payloads += other.payloads;
        self.bytes += other.bytes;
        self.versions.add(other.versions);
    }
}

/// A range of blocks, checked. A block with a fault that keeps the next ones from being judged is absent,
/// and so are those after it.
#[derive(Default)]
pub(crate) struct Segment {
    pub(crate) blocks: Vec<CheckedBlock>,
    pub(crate) broken: bool,
    pub(crate) tally: Tally,
    pub(crate) faults: Vec<Fault>,
}

/// Checks the blocks of a range of heights, each in itself.
pub(crate) fn check_segment(
    conn: &Connection,
    epochs: &Epochs,
    from: Height,
    to: Height,
) -> Result<Segment, StoreError> {
    // One state of the file for all of its tables: a gateway may be committing the next blocks meanwhile.
    let own = (conn.is_autocommit())
        .then(|| conn.unchecked_transaction())
        .transpose()?;
    let conn = own.as_deref().unwrap_or(conn);
    let mut segment = Segment::default();
    let mut rows = BlockRow::range(conn, from, to.next())?;
    let beyond = if rows.last().is_some_and(|row| row.height == to.next()) {
        rows.pop()
    } else {
        None
    };
    let end = beyond.map_or(i64::MAX, |row| row.first_transaction);
    for (position, row) in rows.iter().enumerate() {
        let next = rows
            .get(position + 1)
            .map_or(end, |row| row.first_transaction);
        let checked = Checking {
            conn,
            segment: &mut segment,
            height: row.height,
        }
        .block(row, next, epochs)?;
        match checked {
            Some(block) if !segment.broken => segment.blocks.push(block),
            _ => segment.broken = true,
        }
    }
    Ok(segment)
}

struct Checking<'c> {
    conn: &'c Connection,
    segment: &'c mut Segment,
    height: Height,
}

/// Where a transaction must lie.
struct Expected {
    position: u64,
    first_entry: u64,
}

impl Checking<'_> {
    fn block(
        &mut self,
        row: &BlockRow,
        next: i64,
        epochs: &Epochs,
    ) -> Result<Option<CheckedBlock>, StoreError> {
        self.segment.tally.blocks += 1;
        self.segment.tally.bytes += (row.header.len() + row.certificate.len()) as u64;
        let certified = match epochs.certify(&row.header, &row.certificate) {
            Ok(certified) => certified,
            Err(reason) => {
                self.fault("ledger_block", None, None, reason.to_string());
                return Ok(None);
            }
        };
        let (mut transactions, mut change) = (Vec::new(), StateHash::default());
        let (mut whole, mut first_entry) = (true, certified.header().first_entry);
        let rows = TransactionRow::range(self.conn, row.first_transaction, next)?;
        for (position, row) in (0..).zip(&rows) {
            match self.transaction(
                row,
                &Expected {
                    position,
                    first_entry,
                },
            )? {
                Some(open) => {
                    first_entry += open.header().count;
                    open.change_state(&mut change);
                    transactions.push(open);
                }
                None => {
                    whole = false;
                    first_entry +=
                        TransactionHeader::decode(&row.header).map_or(0, |header| header.count);
                }
            }
        }
        let first_transaction = row.first_transaction;
        Ok(whole.then_some(CheckedBlock {
            first_transaction,
            certified,
            transactions,
            change,
        }))
    }

    fn transaction(
        &mut self,
        row: &TransactionRow,
        expected: &Expected,
    ) -> Result<Option<OpenTransaction>, StoreError> {
        let position = Some(expected.position);
        let Ok(header) = TransactionHeader::decode(&row.header) else {
            self.fault(
                "ledger_transaction",
                position,
                None,
                "the header is not in its format".to_owned(),
            );
            return Ok(None);
        };
        let end = expected.first_entry.saturating_add(header.count);
        let chunks = ChunkRow::collect(self.conn, expected.first_entry, end)?;
        let entries = chunks
            .iter()
            .map(|chunk| &chunk.bytes[..])
            .collect::<Vec<_>>()
            .concat();
        let tally = &mut self.segment.tally;
        tally.transactions += 1;
        tally.bytes +=
            (row.header.len() + row.signature.len() + row.chunk_roots.len() + entries.len()) as u64;
        let opened = row
            .signature()
            .map_err(|_| Reason::Signature.into())
            .and_then(|(scheme, signature)| {
                Transaction {
                    header: row.header.clone(),
                    scheme,
                    signature,
                    entries,
                }
                .open()
            });
        let open = match opened {
            Ok(open) => open,
            Err(fault) => {
                let entry = fault.entry.map(|entry| expected.first_entry + entry);
                let table = if matches!(fault.reason, Reason::Signature | Reason::UnknownScheme) {
                    "ledger_transaction"
                } else {
                    "ledger_entries"
                };
                self.fault(table, position, entry, fault.reason.to_string());
                return Ok(None);
            }
        };
        self.numbers(row, &open, expected)?;
        self.chunks(row, &open, &chunks, expected)?;
        Ok(Some(open))
    }

    /// The columns beside the signed bytes.
    fn numbers(
        &mut self,
        row: &TransactionRow,
        open: &OpenTransaction,
        expected: &Expected,
    ) -> Result<(), StoreError> {
        let roots = open.chunk_roots();
        let roots = if roots.len() > 1 { roots } else { &[] };
        let fits = row.height == self.height
            && row.first_entry == expected.first_entry
            && row.chunk_roots() == Some(roots);
        if !fits {
            let what = "the row's numbers or subtree roots are not those of its transaction";
            self.fault(
                "ledger_transaction",
                Some(expected.position),
                None,
                what.to_owned(),
            );
        }
        let mut by_id = self.conn.prepare_cached(
            "SELECT 1 FROM ledger_transaction_id WHERE prefix = ?1 AND number = ?2",
        )?;
        if !by_id.exists([prefix(&open.id().0), row.number])? {
            let what = "the transaction cannot be found by its id";
            self.fault(
                "ledger_transaction_id",
                Some(expected.position),
                None,
                what.to_owned(),
            );
        }
        Ok(())
    }

    fn chunks(
        &mut self,
        row: &TransactionRow,
        open: &OpenTransaction,
        chunks: &[ChunkRow],
        expected: &Expected,
    ) -> Result<(), StoreError> {
        let mut first = expected.first_entry;
        let mut start = 0;
        let mut stored = chunks.iter();
        for entries in open.entries().chunks(CHUNK) {
            let end = entries.last().map_or(start, |entry| entry.end);
            let chunk = stored.next().filter(|chunk| {
                chunk.first == first
                    && chunk.transaction == row.number
                    && chunk.bytes.len() == end - start
            });
            match chunk {
                Some(chunk) => self.payloads(chunk.payload, entries, first, expected.position)?,
                None => {
                    let what = "the entries are not in the row where they belong";
                    self.fault(
                        "ledger_entries",
                        Some(expected.position),
                        Some(first),
                        what.to_owned(),
                    );
                }
            }
            for (entry, seq) in entries.iter().zip(first..) {
                if let Some(record) = entry.entry.record() {
                    let versions = &mut self.segment.tally.versions;
                    versions.count(prefix(&record.resource_tag.0), seq);
                }
            }
            first += entries.len() as u64;
            start = end;
        }
        if stored.next().is_some() {
            let what = "there are more rows than the transaction has";
            self.fault(
                "ledger_entries",
                Some(expected.position),
                None,
                what.to_owned(),
            );
        }
        self.segment.tally.entries += open.header().count;
        Ok(())
    }

    fn payloads(
        &mut self,
        first_id: i64,
        entries: &[OpenEntry],
        first: u64,
        position: u64,
    ) -> Result<(), StoreError> {
        let conn = self.conn;
        let mut statement = conn.prepare_cached(
            "SELECT id, bytes FROM ledger_payload WHERE id >= ?1 AND id < ?2 ORDER BY id",
        )?;
        let committed = entries.iter().zip(first..);
        let committed = committed.filter_map(|(entry, seq)| Some((*entry.entry.payload()?, seq)));
        let committed: Vec<_> = committed.collect();
        let mut rows = statement.query([
            first_id,
            first_id.saturating_add(int(committed.len() as u64)),
        ])?;
        let mut row = rows.next()?;
        for (id, (commitment, seq)) in (first_id..).zip(&committed) {
            let mut what = Some(MISSING);
            if let Some(here) = row
                && here.get::<_, i64>(0)? == id
            {
                let bytes = here.get_ref(1)?.as_blob().unwrap_or_default();
                what = differs(commitment, bytes);
                self.segment.tally.payloads += 1;
                self.segment.tally.bytes += bytes.len() as u64;
                row = rows.next()?;
            }
            if what == Some(MISSING) && is_wanted(conn, &commitment.digest, id)? {
                continue;
            }
            if let Some(what) = what {
                self.fault(
                    "ledger_payload",
                    Some(position),
                    Some(*seq),
                    what.to_owned(),
                );
            }
        }
        Ok(())
    }

    fn fault(
        &mut self,
        table: &'static str,
        transaction: Option<u64>,
        entry: Option<u64>,
        what: String,
    ) {
        let place = Place {
            table,
            height: Some(self.height),
            transaction,
            tx_id: None,
            entry,
        };
        self.segment.faults.push(Fault { place, what });
    }
}
