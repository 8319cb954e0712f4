// SPDX-License-Identifier: Apache-2.0
//! Blocks in brief.

use std::ops::RangeInclusive;

use rusqlite::Connection;
use silsila_chain::{Block, BlockHeader, Height, Transaction, TransactionHeader, read_entries};

use crate::file::{BlockRow, ChunkRow, TransactionRow, payloads_between};
use crate::{BlockSummary, Fault, Place, StoreError};

/// Blocks of a range of heights in brief, without verifying them.
pub(crate) fn summaries(
    conn: &Connection,
    heights: RangeInclusive<u64>,
) -> Result<Vec<BlockSummary>, StoreError> {
    let (from, to) = (*heights.start(), *heights.end());
    let rows = BlockRow::range(conn, Height(from), Height(to.min(i64::MAX as u64 - 1)))?;
    let headers = rows
        .iter()
        .map(decode)
        .collect::<Result<Vec<_>, StoreError>>()?;
    let mut summaries = Vec::with_capacity(rows.len());
    for (position, (row, header)) in rows.iter().zip(&headers).enumerate() {
        let next = match (rows.get(position + 1), headers.get(position + 1)) {
            (Some(row), Some(header)) => (row.first_transaction, header.first_entry),
            _ => ends(conn, row, header)?,
        };
        summaries.push(BlockSummary {
            height: header.height,
            hash: BlockHeader::hash(&row.header),
            previous: header.previous,
            time_ms: header.time_ms,
            transactions: crate::file::number(next.0 - row.first_transaction),
            first_entry: header.first_entry,
            entries: next.1.saturating_sub(header.first_entry),
        });
    }
    Ok(summaries)
}

/// A whole block as it would be sent; not verified here, because whoever takes it verifies it.
pub(crate) fn block(conn: &Connection, height: Height) -> Result<Option<Block>, StoreError> {
    let Some(row) = BlockRow::at(conn, height)? else {
        return Ok(None);
    };
    let mut transactions = Vec::new();
    for transaction in TransactionRow::of_block(conn, &row)? {
        let (scheme, signature) = transaction.signature()?;
        let end = end_of(&transaction, height)?;
        let chunks = ChunkRow::collect(conn, transaction.first_entry, end)?;
        let entries = chunks.into_iter().flat_map(|chunk| chunk.bytes).collect();
        let header = transaction.header;
        transactions.push(Transaction {
            header,
            scheme,
            signature,
            entries,
        });
    }
    Ok(Some(Block {
        header: row.header,
        certificate: row.certificate,
        transactions,
    }))
}

/// The payloads of a block's entries, as far as they are here; not checked, as [`block`] is not.
pub(crate) fn block_payloads(
    conn: &Connection,
    height: Height,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let Some(row) = BlockRow::at(conn, height)? else {
        return Ok(Vec::new());
    };
    let mut payloads = Vec::new();
    for transaction in TransactionRow::of_block(conn, &row)? {
        let end = end_of(&transaction, height)?;
        let chunks = ChunkRow::collect(conn, transaction.first_entry, end)?;
        let (Some(first), Some(last)) = (chunks.first(), chunks.last()) else {
            continue;
        };
        let entries = read_entries(&last.bytes)
            .map_err(|fault| damaged("ledger_entries", height, fault.reason.to_string()))?;
        let with = entries.iter().filter(|one| one.entry.payload().is_some());
        let behind = last.payload + i64::try_from(with.count()).unwrap_or(i64::MAX);
        payloads.extend(payloads_between(conn, first.payload, behind)?);
    }
    Ok(payloads)
}

/// The number behind a transaction's last entry.
fn end_of(transaction: &TransactionRow, height: Height) -> Result<u64, StoreError> {
    let signed = TransactionHeader::decode(&transaction.header)
        .map_err(|error| damaged("ledger_transaction", height, error.to_string()))?;
    Ok(transaction.first_entry.saturating_add(signed.count))
}

/// How many entries there are up to and with a height.
pub(crate) fn entries_through(conn: &Connection, height: Height) -> Result<u64, StoreError> {
    Ok(summaries(conn, height.0..=height.0)?
        .pop()
        .map_or(0, |last| last.first_entry + last.entries))
}

/// The numbers of the first transaction and the first entry after a block.
fn ends(conn: &Connection, row: &BlockRow, header: &BlockHeader) -> Result<(i64, u64), StoreError> {
    let transactions = TransactionRow::of_block(conn, row)?;
    let mut entries = header.first_entry;
    for transaction in &transactions {
        let signed = TransactionHeader::decode(&transaction.header);
        entries += signed
            .map_err(|error| damaged("ledger_transaction", row.height, error.to_string()))?
            .count;
    }
    Ok((
        row.first_transaction + i64::try_from(transactions.len()).unwrap_or(i64::MAX),
        entries,
    ))
}

fn decode(row: &BlockRow) -> Result<BlockHeader, StoreError> {
    BlockHeader::decode(&row.header)
        .map_err(|error| damaged("ledger_block", row.height, error.to_string()))
}

fn damaged(table: &'static str, height: Height, what: String) -> StoreError {
    Fault {
        place: Place {
            table,
            height: Some(height),
            ..Place::default()
        },
        what,
    }
    .into()
}
