// SPDX-License-Identifier: Apache-2.0
//! What stored blocks say of the chain, block by block.

use rusqlite::Connection;
use silsila_chain::{Accepted, ChainState, Genesis, Heads, Height, Policy, Rejected};

use crate::file::{BlockRow, int, read_node, tip_height};
use crate::read::{Reading, StoredHeads};
use crate::verify::segment::{CheckedBlock, check_segment};
use crate::writer::Checkpoint;
use crate::{Fault, Place, StoreError};

/// Says whether block 0 is the one that follows from genesis.
pub(crate) fn check_genesis(
    conn: &Connection,
    genesis: &Genesis,
) -> Result<Option<Fault>, StoreError> {
    let header = genesis.header().encode();
    let fits = |row: &BlockRow| {
        row.header == header && row.certificate.is_empty() && row.first_transaction == 1
    };
    if BlockRow::at(conn, Height(0))?.is_some_and(|row| fits(&row)) {
        return Ok(None);
    }
    let place = Place {
        table: "ledger_block",
        height: Some(Height(0)),
        ..Place::default()
    };
    Ok(Some(Fault {
        place,
        what: "block 0 is not that of the channel's genesis".to_owned(),
    }))
}

/// Blocks read at a time when the chain is replayed at open.
const STEP: u64 = 16;

/// Judges one checked block against the chain; what it accepted, or the fault that ends the judging.
pub(crate) fn join<H: Heads<Error = StoreError> + ?Sized>(
    conn: &Connection,
    chain: &ChainState,
    next_transaction: i64,
    block: &CheckedBlock,
    policy: &dyn Policy,
    heads: &mut H,
) -> Result<Result<Accepted, Fault>, StoreError> {
    let height = chain.height().next();
    let place = |table| Place {
        table,
        height: Some(height),
        ..Place::default()
    };
    let accepted = match chain.verify_opened(
        &block.certified,
        &block.transactions,
        &block.change,
        policy,
        heads,
    ) {
        Ok(accepted) => accepted,
        Err(Rejected::Heads(error)) => return Err(error),
        Err(Rejected::Fault(fault)) => {
            let first = block
                .transactions
                .iter()
                .take(usize::try_from(fault.transaction.unwrap_or(0)).unwrap_or(0));
            let first: u64 = first.map(|transaction| transaction.header().count).sum();
            let entry = fault.entry.map(|entry| chain.entries() + first + entry);
            let place = Place {
                transaction: fault.transaction,
                entry,
                ..place("ledger_block")
            };
            return Ok(Err(Fault {
                place,
                what: fault.reason.to_string(),
            }));
        }
    };
    if block.first_transaction != next_transaction {
        let what = "the row's number of the first transaction is wrong".to_owned();
        return Ok(Err(Fault {
            place: place("ledger_block"),
            what,
        }));
    }
    if let Some(what) = nodes_differ(conn, chain, block)? {
        return Ok(Err(Fault {
            place: place("ledger_node"),
            what: what.to_owned(),
        }));
    }
    Ok(Ok(accepted))
}

fn nodes_differ(
    conn: &Connection,
    chain: &ChainState,
    block: &CheckedBlock,
) -> Result<Option<&'static str>, StoreError> {
    let nodes = chain.history().inner_completed_by(block.certified.hash().0);
    for (level, index, hash) in nodes {
        if read_node(conn, level, index)?.as_deref() != Some(&hash[..]) {
            return Ok(Some(
                "a node of the tree of blocks is not the one that the blocks make",
            ));
        }
    }
    Ok(None)
}

/// Verifies everything behind a checkpoint, up to the last block, and gives the state there.
pub(crate) fn replay(
    conn: &Connection,
    reading: &Reading,
    from: Checkpoint,
) -> Result<Checkpoint, StoreError> {
    let Checkpoint {
        mut chain,
        mut next_transaction,
    } = from;
    let tip = tip_height(conn)?.unwrap_or_default();
    if tip < chain.height() {
        let place = Place {
            table: "ledger_block",
            height: Some(tip),
            ..Place::default()
        };
        return Err(Fault {
            place,
            what: "the chain ends before its last checkpoint".to_owned(),
        }
        .into());
    }
    while chain.height() < tip {
        let to = Height((chain.height().0 + STEP).min(tip.0));
        let segment = check_segment(conn, &reading.epochs.get(conn)?, chain.height().next(), to)?;
        if let Some(fault) = segment.faults.into_iter().next() {
            return Err(fault.into());
        }
        for block in &segment.blocks {
            let mut heads = StoredHeads {
                conn,
                reading,
                members: chain.members(),
                before: chain.entries(),
            };
            let policy = &*reading.policy;
            let joined = join(conn, &chain, next_transaction, block, policy, &mut heads)?;
            chain = joined?.after;
            next_transaction += int(block.transactions.len() as u64);
        }
        if chain.height() < to {
            let place = Place {
                table: "ledger_block",
                height: Some(chain.height().next()),
                ..Place::default()
            };
            return Err(Fault {
                place,
                what: "a block is missing".to_owned(),
            }
            .into());
        }
    }
    Ok(Checkpoint {
        chain,
        next_transaction,
    })
}
