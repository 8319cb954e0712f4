// SPDX-License-Identifier: Apache-2.0
//! What a member hands out for others to verify: payloads as stored, its tree, the whole chain.

use rusqlite::Connection;
use silsila_chain::merkle::{
    Hash, consistency_path, inclusion_path, tree_root, verify_consistency,
};
use silsila_chain::{
    Block, BlockHeader, Checkpoint, Frame, Height, MemberKey, Receipt, TransactionHeader,
};

use crate::file::{BlockRow, StoredTree, tip_height};
use crate::{Fault, Place, Progress, Store, StoreError};

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Exported {
    /// The last block's height.
    pub height: u64,
    /// How many entries.
    pub entries: u64,
    /// How many payloads.
    pub payloads: u64,
}

impl Store {
    /// The tree over the first `size` headers, or over all of them.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`] where there are fewer headers.
    pub fn checkpoint(&self, size: Option<u64>) -> Result<Checkpoint, StoreError> {
        let channel = self.channel();
        self.read(|conn| {
            let have = tip_height(conn)?.unwrap_or_default().0 + 1;
            let size = size.unwrap_or(have);
            let root = tree_root(&StoredTree(conn), within(size, have)?)?;
            certified_root(conn, size, have, &root)?;
            Ok(Checkpoint {
                channel,
                size,
                root,
            })
        })
    }

    /// The path from the tree over `earlier` headers to that over `size` (RFC 9162, section 2.1.4).
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`] where there are fewer headers.
    pub fn consistency(&self, earlier: u64, size: u64) -> Result<Vec<Hash>, StoreError> {
        self.read(|conn| {
            let have = tip_height(conn)?.unwrap_or_default().0 + 1;
            let (size, earlier) = (within(size, have)?, within(earlier, size)?);
            consistency_path(&StoredTree(conn), earlier, size)
        })
    }

    /// This member's word that its tree, as it stands, holds the block at a height.
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`] where there is no such block.
    pub fn receipt(&self, height: Height, key: &MemberKey) -> Result<Receipt, StoreError> {
        let header = self
            .block(height)?
            .ok_or(StoreError::UnknownEntry { seq: height.0 })?
            .header;
        self.read(|conn| {
            let size = tip_height(conn)?.unwrap_or_default().0 + 1;
            let path = inclusion_path(&StoredTree(conn), height.0, size)?;
            Receipt::sign(key, &header, height, size, path)
                .ok_or_else(|| damaged(height, "the tree of blocks has no path to this one").into())
        })
    }

    /// Hands out the whole chain up to its present end, frame by frame. Payloads that are not kept are
    /// left out; what is handed out is for the receiver to verify.
    ///
    /// # Errors
    /// Whatever `take` returns; [`StoreError::Damaged`] for a payload that is not the one committed.
    pub fn export<E: From<StoreError>>(
        &self,
        payloads: bool,
        take: &mut dyn FnMut(&Frame) -> Result<(), E>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Exported, E> {
        let tip = self.read(tip_height)?.unwrap_or_default();
        take(&Frame::Genesis(self.genesis().encode()))?;
        let (mut exported, mut hash) = (Exported::default(), self.genesis().header().encode());
        for height in 1..=tip.0 {
            let place = Height(height);
            let block = self.block(place)?.ok_or_else(|| missing(place))?;
            let entries = entries_of(&block).map_err(|what| damaged(place, what).into())?;
            hash.clone_from(&block.header);
            hand_out(block, take)?;
            if payloads {
                exported.payloads += self.hand_out_payloads(exported.entries, entries, take)?;
            }
            exported.entries += entries;
            progress(Progress {
                blocks: height + 1,
                of_blocks: tip.0 + 1,
            });
        }
        exported.height = tip.0;
        take(&Frame::End {
            height: tip,
            hash: BlockHeader::hash(&hash),
            entries: exported.entries,
            payloads: exported.payloads,
        })?;
        Ok(exported)
    }

    fn hand_out_payloads<E: From<StoreError>>(
        &self,
        first: u64,
        count: u64,
        take: &mut dyn FnMut(&Frame) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut handed = 0;
        for entry in first..first + count {
            if let Some(bytes) = self.payload(entry)? {
                take(&Frame::Payload { entry, bytes })?;
                handed += 1;
            }
        }
        Ok(handed)
    }
}

/// Compares a root, made of stored nodes, with what certified headers say: a member signs nothing that a
/// flipped bit made.
pub(crate) fn certified_root(
    conn: &Connection,
    size: u64,
    have: u64,
    root: &Hash,
) -> Result<(), StoreError> {
    let says = |height: u64| -> Result<Hash, StoreError> {
        let place = Height(height);
        let row = BlockRow::at(conn, place)?.ok_or_else(|| missing(place))?;
        let header = BlockHeader::decode(&row.header);
        Ok(header
            .map_err(|error| damaged(place, error.to_string()))?
            .history_root)
    };
    let holds = if size < have {
        says(size)? == *root
    } else if size == 1 {
        true
    } else {
        let path = consistency_path(&StoredTree(conn), size - 1, size)?;
        verify_consistency(size - 1, size, &path, &says(size - 1)?, root)
    };
    if holds {
        Ok(())
    } else {
        let what = "the stored tree of blocks is not the one that certified headers name";
        Err(damaged(Height(size - 1), what).into())
    }
}

/// The size of a tree that there is.
const fn within(size: u64, have: u64) -> Result<u64, StoreError> {
    if size == 0 || size > have {
        Err(StoreError::UnknownEntry { seq: size })
    } else {
        Ok(size)
    }
}

fn hand_out<E>(block: Block, take: &mut dyn FnMut(&Frame) -> Result<(), E>) -> Result<(), E> {
    let transactions = block.transactions.len() as u64;
    take(&Frame::Block {
        header: block.header,
        certificate: block.certificate,
        transactions,
    })?;
    for transaction in block.transactions {
        take(&Frame::Transaction(transaction))?;
    }
    Ok(())
}

fn entries_of(block: &Block) -> Result<u64, String> {
    let mut entries = 0;
    for transaction in &block.transactions {
        let header = TransactionHeader::decode(&transaction.header);
        entries += header.map_err(|error| error.to_string())?.count;
    }
    Ok(entries)
}

fn missing(height: Height) -> StoreError {
    damaged(height, "a block is missing").into()
}

fn damaged(height: Height, what: impl Into<String>) -> Fault {
    Fault {
        place: Place {
            table: "ledger_block",
            height: Some(height),
            ..Place::default()
        },
        what: what.into(),
    }
}
