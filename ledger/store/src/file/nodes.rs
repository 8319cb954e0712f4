// SPDX-License-Identifier: Apache-2.0
//! The channel's tree over block headers: the roots of complete subtrees of two and more blocks. A
//! leaf is the hash of a header, which its own row holds.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::merkle::{Hash, Nodes};
use silsila_chain::{BlockHeader, Height};

use crate::file::{BlockRow, int};
use crate::{Fault, Place, StoreError};

fn place(level: u32, index: u64) -> i64 {
    int(u64::from(level) << 56 | index)
}

pub(crate) fn insert_node(
    conn: &Connection,
    level: u32,
    index: u64,
    hash: &Hash,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare_cached("INSERT INTO ledger_node VALUES (?1, ?2)")?;
    statement.execute(params![place(level, index), hash.as_slice()])?;
    Ok(())
}

/// The root of a complete subtree, as stored.
pub(crate) fn read_node(
    conn: &Connection,
    level: u32,
    index: u64,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = conn.prepare_cached("SELECT hash FROM ledger_node WHERE place = ?1")?;
    Ok(statement
        .query_row([place(level, index)], |row| row.get(0))
        .optional()?)
}

/// The stored tree, for proofs.
pub(crate) struct StoredTree<'c>(pub(crate) &'c Connection);

impl Nodes for StoredTree<'_> {
    type Error = StoreError;

    fn node(&self, level: u32, index: u64) -> Result<Hash, StoreError> {
        let height = Height(index << level);
        let fault = |table, what: &str| Fault {
            place: Place {
                table,
                height: Some(height),
                ..Place::default()
            },
            what: what.to_owned(),
        };
        if level == 0 {
            let row = BlockRow::at(self.0, height)?
                .ok_or_else(|| fault("ledger_block", "a block is missing"))?;
            return Ok(BlockHeader::hash(&row.header).0);
        }
        let stored = read_node(self.0, level, index)?;
        stored
            .and_then(|hash| hash.try_into().ok())
            .ok_or_else(|| fault("ledger_node", "a node of the tree of blocks is missing").into())
    }
}
