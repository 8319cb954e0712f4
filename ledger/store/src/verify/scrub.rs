// SPDX-License-Identifier: Apache-2.0
//! The background scrub: a little of the stored chain at a time, round and round, so that a flipped bit is
//! found while other members still have the right one. Where it stands is durable; what it finds goes on
//! the list of damage.

use rusqlite::{Connection, OptionalExtension, params};
use silsila_chain::merkle::{EMPTY_ROOT, Nodes, node_hash};
use silsila_chain::{BlockHeader, Epochs, Height};

use crate::file::{BlockRow, StoredTree, int, number, prefix, read_node, tip_height};
use crate::verify::damage::has_table;
use crate::verify::join::check_genesis;
use crate::verify::segment::{CheckedBlock, check_segment};
use crate::{Fault, Place, Store, StoreError};

/// So many blocks at most are looked at in one step.
const BLOCKS: u64 = 64;

/// One step of the scrub.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ScrubStep {
    /// The first block looked at.
    pub from: u64,
    /// The last one.
    pub to: u64,
    /// What was wrong there.
    pub faults: Vec<Fault>,
    /// Whether the round ended with this step.
    pub round_ended: bool,
}

/// How far the scrub has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrubState {
    /// The last block looked at in this round.
    pub height: u64,
    /// How many rounds ended.
    pub rounds: u64,
    /// When the last one did, in milliseconds since 1970; 0 for never.
    pub ended_ms: u64,
}

impl Store {
    /// Looks at the next blocks, about `entries` entries of them, with their payloads and look-ups, and puts
    /// what is wrong on the list of damage. The caller decides how often; after a crash it goes on where it
    /// was. The index is looked at when a round ends.
    ///
    /// # Errors
    /// Where the database cannot be read or written at all.
    pub fn scrub(&self, entries: u64, now_ms: u64) -> Result<ScrubStep, StoreError> {
        let (mut step, state) = self.read(|conn| {
            let state = scrub_state(conn)?;
            let epochs = self.epochs(conn)?;
            let step = look(conn, &epochs, state.height, entries)?;
            Ok::<_, StoreError>((step, state))
        })?;
        if state.height == 0 {
            let genesis = self.genesis();
            step.faults
                .extend(self.read(|conn| check_genesis(conn, genesis))?);
        }
        if step.round_ended {
            step.faults.extend(self.verify_index()?);
        }
        self.record_damage(&step.faults, now_ms)?;
        let next = ScrubState {
            height: if step.round_ended { 0 } else { step.to },
            rounds: state.rounds + u64::from(step.round_ended),
            ended_ms: if step.round_ended {
                now_ms
            } else {
                state.ended_ms
            },
        };
        self.local(|txn| {
            txn.execute(
                "INSERT OR REPLACE INTO ledger_scrub VALUES (0, ?1, ?2, ?3)",
                params![int(next.height), int(next.rounds), int(next.ended_ms)],
            )?;
            Ok::<_, StoreError>(())
        })?;
        Ok(step)
    }

    /// How far the scrub has come.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn scrub_state(&self) -> Result<ScrubState, StoreError> {
        self.read(scrub_state)
    }
}

fn scrub_state(conn: &Connection) -> Result<ScrubState, StoreError> {
    if !has_table(conn, "ledger_scrub")? {
        return Ok(ScrubState::default());
    }
    let mut statement =
        conn.prepare_cached("SELECT height, rounds, ended_ms FROM ledger_scrub WHERE number = 0")?;
    let found = statement.query_row([], |row| {
        Ok(ScrubState {
            height: number(row.get(0)?),
            rounds: number(row.get(1)?),
            ended_ms: number(row.get(2)?),
        })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// Checks the blocks behind `after`.
fn look(
    conn: &Connection,
    epochs: &Epochs,
    after: u64,
    entries: u64,
) -> Result<ScrubStep, StoreError> {
    let tip = tip_height(conn)?.unwrap_or_default().0;
    let from = after + 1;
    if from > tip {
        return Ok(ScrubStep {
            from: tip,
            to: tip,
            round_ended: true,
            ..ScrubStep::default()
        });
    }
    let to = up_to(conn, from, tip, entries)?;
    let mut step = ScrubStep {
        from,
        to,
        round_ended: to == tip,
        ..ScrubStep::default()
    };
    match check_segment(conn, epochs, Height(from), Height(to)) {
        Ok(segment) => {
            step.faults = segment.faults;
            for block in &segment.blocks {
                step.faults.extend(lookups(conn, block)?);
            }
            step.faults.extend(gaps(conn, from, to)?);
            step.faults.extend(numbers(conn, from, to)?);
        }
        Err(StoreError::Damaged { fault }) => step.faults.push(Fault {
            place: Place {
                height: Some(Height(from)),
                ..fault.place
            },
            ..*fault
        }),
        Err(other) => return Err(other),
    }
    Ok(step)
}

/// Where a step ends: after some blocks, or where enough entries are in it.
fn up_to(conn: &Connection, from: u64, tip: u64, entries: u64) -> Result<u64, StoreError> {
    let last = (from + BLOCKS - 1).min(tip);
    let rows = BlockRow::range(conn, Height(from), Height(last))?;
    let first_entry = |row: &BlockRow| Some(BlockHeader::decode(&row.header).ok()?.first_entry);
    let Some(first) = rows.first().and_then(first_entry) else {
        return Ok(from);
    };
    let enough = |row: &&BlockRow| {
        first_entry(row).is_some_and(|entry| entry.saturating_sub(first) >= entries)
    };
    let end = rows.iter().skip(1).find(enough);
    Ok(end.map_or(last, |row| row.height.0 - 1))
}

/// Whether a block's versions and nodes of the tree are found where they belong.
fn lookups(conn: &Connection, block: &CheckedBlock) -> Result<Vec<Fault>, StoreError> {
    let header = block.certified.header();
    let (mut faults, mut seq) = (Vec::new(), header.first_entry);
    let mut found =
        conn.prepare_cached("SELECT 1 FROM ledger_version WHERE tag = ?1 AND entry = ?2")?;
    let mut fault = |table, entry, what: &str| {
        let place = Place {
            table,
            height: Some(header.height),
            entry,
            ..Place::default()
        };
        let what = what.to_owned();
        faults.push(Fault { place, what });
    };
    for entry in block.transactions.iter().flat_map(|open| open.entries()) {
        if let Some(record) = entry.entry.record()
            && !found.exists([prefix(&record.resource_tag.0), int(seq)])?
        {
            let what = "the entry is not found as a version of its resource";
            fault("ledger_version", Some(seq), what);
        }
        seq += 1;
    }
    for (level, index, hash) in nodes(conn, header.height)? {
        if read_node(conn, level, index)?.as_deref() != Some(&hash[..]) {
            let what = "a node of the tree of blocks is not the one that the nodes below it make";
            fault("ledger_node", None, what);
        }
    }
    Ok(faults)
}

/// The nodes that a block completed, from its own hash upwards, each with what lies to its left. Where
/// that is missing, it is a fault of an earlier block.
pub(super) fn nodes(
    conn: &Connection,
    height: Height,
) -> Result<Vec<(u32, u64, [u8; 32])>, StoreError> {
    let (tree, mut nodes) = (StoredTree(conn), Vec::new());
    let stored = |level, index| match tree.node(level, index) {
        Ok(hash) => Ok(Some(hash)),
        Err(StoreError::Damaged { .. }) => Ok(None),
        Err(error) => Err(error),
    };
    let Some(mut hash) = stored(0, height.0)? else {
        return Ok(nodes);
    };
    for level in 1..=height.0.trailing_ones() {
        let index = height.0 >> level;
        let Some(left) = stored(level - 1, index * 2)? else {
            break;
        };
        hash = node_hash(&left, &hash);
        nodes.push((level, index, hash));
    }
    Ok(nodes)
}

/// Blocks whose row says another number for the first transaction than the transactions' rows do.
fn numbers(conn: &Connection, from: u64, to: u64) -> Result<Vec<Fault>, StoreError> {
    let mut first = conn.prepare_cached(
        "SELECT number FROM ledger_transaction WHERE number = ?1 AND height = ?2",
    )?;
    let mut faults = Vec::new();
    for row in BlockRow::range(conn, Height(from), Height(to))? {
        let empty =
            BlockHeader::decode(&row.header).is_ok_and(|header| header.tx_root == EMPTY_ROOT);
        if !empty && !first.exists([row.first_transaction, int(row.height.0)])? {
            faults.push(Fault {
                place: Place {
                    table: "ledger_block",
                    height: Some(row.height),
                    ..Place::default()
                },
                what: "the row's number of the first transaction is wrong".to_owned(),
            });
        }
    }
    Ok(faults)
}

/// Blocks that are not there.
fn gaps(conn: &Connection, from: u64, to: u64) -> Result<Vec<Fault>, StoreError> {
    let rows = BlockRow::range(conn, Height(from), Height(to))?;
    let missing = (from..=to).filter(|height| !rows.iter().any(|row| row.height.0 == *height));
    Ok(missing
        .map(|height| Fault {
            place: Place {
                table: "ledger_block",
                height: Some(Height(height)),
                ..Place::default()
            },
            what: "a block is missing".to_owned(),
        })
        .collect())
}
