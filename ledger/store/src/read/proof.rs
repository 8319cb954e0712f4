// SPDX-License-Identifier: Apache-2.0
//! Proofs from the stored chain.

use rusqlite::Connection;
use silsila_chain::merkle::{Hash, inclusion_path};
use silsila_chain::{CHUNK, Height, Later, Proof};

use crate::file::{BlockRow, StoredTree, TransactionRow, tip_height};
use crate::read::{Reading, handovers};
use crate::{Fault, Place, StoreError};

/// The proof that the chain holds an entry, up to its last block.
pub(crate) fn prove(
    reading: &Reading,
    conn: &Connection,
    genesis: &[u8],
    seq: u64,
) -> Result<Proof, StoreError> {
    let chunk = reading.chunk(conn, seq)?;
    let (anchor, start) = (
        &chunk.anchor,
        if chunk.position == 0 {
            0
        } else {
            chunk.entries[chunk.position - 1].end
        },
    );
    let place = Place {
        table: "ledger_block",
        height: Some(anchor.height),
        ..Place::default()
    };
    let missing = || Fault {
        place,
        what: "a block is missing".to_owned(),
    };
    let block = BlockRow::at(conn, anchor.height)?.ok_or_else(missing)?;
    let transactions = TransactionRow::of_block(conn, &block)?;
    let position = transactions
        .iter()
        .position(|row| row.number == chunk.row.transaction)
        .ok_or_else(missing)?;
    let ids: Vec<Hash> = transactions.iter().map(|row| row.id().0).collect();
    let later = later(conn, &block)?;
    let latest = later.as_ref().map_or(anchor.height, |(height, _)| *height);
    let (scheme, signature) = transactions[position].signature()?;
    let leaves: Vec<Hash> = chunk.entries.iter().map(|entry| entry.hash.0).collect();
    let index = seq - anchor.first_entry;
    let mut entry_path = path(&leaves, chunk.position);
    entry_path.extend(path(
        &anchor.chunk_roots,
        usize::try_from(index).expect("a position in memory") / CHUNK,
    ));
    Ok(Proof {
        genesis: genesis.to_vec(),
        later: later.map(|(_, later)| later),
        handovers: handovers(conn, latest)?,
        header: block.header,
        certificate: block.certificate,
        transaction: transactions[position].header.clone(),
        scheme,
        signature,
        transaction_index: position as u64,
        transaction_count: ids.len() as u64,
        transaction_path: path(&ids, position),
        entry: chunk.row.bytes[start..chunk.entries[chunk.position].end].to_vec(),
        entry_index: index,
        entry_path,
    })
}

fn path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    let Ok(path) = inclusion_path(leaves, index as u64, leaves.len() as u64);
    path
}

fn later(conn: &Connection, block: &BlockRow) -> Result<Option<(Height, Later)>, StoreError> {
    let tip = tip_height(conn)?.filter(|tip| *tip > block.height);
    let Some(tip) = tip else { return Ok(None) };
    let Some(row) = BlockRow::at(conn, tip)? else {
        return Ok(None);
    };
    let path = inclusion_path(&StoredTree(conn), block.height.0, tip.0)?;
    let later = Later {
        header: row.header,
        certificate: row.certificate,
        path,
    };
    Ok(Some((tip, later)))
}
