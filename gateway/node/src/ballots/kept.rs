// SPDX-License-Identifier: Apache-2.0
//! Ballots in the channel's ledger file, and what became of them.

use silsila_chain::{Height, ProposalId, TxId};
use silsila_replica::ballot::Ballot;
use silsila_store::rusqlite::{Row, Transaction};
use silsila_store::{Store, StoreError};

const TABLES: &str = "
CREATE TABLE IF NOT EXISTS vote_ballot (
    id BLOB PRIMARY KEY,
    ballot BLOB NOT NULL,
    seen_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    tx BLOB,
    state INTEGER NOT NULL,
    height INTEGER NOT NULL,
    code TEXT NOT NULL,
    decided_ms INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS vote_served (
    member BLOB PRIMARY KEY,
    served BLOB NOT NULL,
    absent INTEGER NOT NULL,
    serving BLOB NOT NULL,
    behind BLOB,
    next BLOB,
    tx BLOB
) WITHOUT ROWID;
";

/// So many decided ballots are kept, to be shown.
const DECIDED: usize = 64;

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Open,
    /// It is on the chain, in the block of this height.
    Committed(Height),
    /// The chain can never take it, for the reason with this code.
    Refused(String),
    /// Its last block has passed.
    Expired,
}

/// A ballot, as it is kept.
#[derive(Debug, Clone)]
pub struct Kept {
    /// As far as it is known here.
    pub ballot: Ballot,
    /// When it was seen first, in milliseconds since 1970.
    pub seen_ms: u64,
    /// The chain's height then: no block up to it holds the change.
    pub since: Height,
    /// The transaction by which this gateway submitted it.
    pub transaction: Option<TxId>,
    /// What became of it.
    pub outcome: Outcome,
    /// When that was seen.
    pub decided_ms: u64,
}

impl Kept {
    /// A ballot that is new here.
    #[must_use]
    pub const fn new(ballot: Ballot, now_ms: u64, since: Height) -> Self {
        Self {
            ballot,
            seen_ms: now_ms,
            since,
            transaction: None,
            outcome: Outcome::Open,
            decided_ms: 0,
        }
    }

    /// Whether it is not decided.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.outcome == Outcome::Open
    }
}

/// Makes the tables where they are missing.
pub fn create_tables(store: &Store) -> Result<(), StoreError> {
    store.local(|txn| Ok::<(), StoreError>(txn.execute_batch(TABLES)?))
}

/// Everything that is kept.
pub fn load(store: &Store) -> Result<Vec<(ProposalId, Kept)>, StoreError> {
    store.local(|txn| {
        let mut statement = txn.prepare(
            "SELECT id, ballot, seen_ms, since, tx, state, height, code, decided_ms FROM vote_ballot",
        )?;
        let rows = statement.query_map([], |row| Ok(read(row)))?;
        let mut all = Vec::new();
        for row in rows {
            // What cannot be read was written by another version: the others say it again.
            if let Ok(Some(one)) = row? {
                all.push(one);
            }
        }
        Ok(all)
    })
}

fn read(row: &Row<'_>) -> Result<Option<(ProposalId, Kept)>, StoreError> {
    let number =
        |at: usize| -> Result<u64, StoreError> { Ok(row.get::<_, i64>(at)?.cast_unsigned()) };
    let Ok(ballot) = Ballot::decode(&row.get::<_, Vec<u8>>(1)?) else {
        return Ok(None);
    };
    let height = Height(number(6)?);
    let kept = Kept {
        ballot,
        seen_ms: number(2)?,
        since: Height(number(3)?),
        transaction: row.get::<_, Option<[u8; 32]>>(4)?.map(TxId),
        outcome: match row.get::<_, i64>(5)? {
            0 => Outcome::Open,
            1 => Outcome::Committed(height),
            2 => Outcome::Refused(row.get(7)?),
            _ => Outcome::Expired,
        },
        decided_ms: number(8)?,
    };
    Ok(Some((ProposalId(row.get(0)?), kept)))
}

/// Writes one, over what was kept of it.
pub fn write(store: &Store, id: &ProposalId, kept: &Kept) -> Result<(), StoreError> {
    store.local(|txn| {
        insert(txn, id, kept)?;
        txn.execute(
            "DELETE FROM vote_ballot WHERE state <> 0 AND id NOT IN
             (SELECT id FROM vote_ballot WHERE state <> 0 ORDER BY decided_ms DESC LIMIT ?1)",
            [DECIDED as i64],
        )?;
        Ok::<(), StoreError>(())
    })
}

fn insert(txn: &Transaction<'_>, id: &ProposalId, kept: &Kept) -> Result<(), StoreError> {
    let (state, height, code) = match &kept.outcome {
        Outcome::Open => (0, Height(0), ""),
        Outcome::Committed(height) => (1, *height, ""),
        Outcome::Refused(code) => (2, Height(0), code.as_str()),
        Outcome::Expired => (3, Height(0), ""),
    };
    txn.execute(
        "INSERT OR REPLACE INTO vote_ballot
         (id, ballot, seen_ms, since, tx, state, height, code, decided_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        (
            &id.0[..],
            kept.ballot.encode(),
            kept.seen_ms.cast_signed(),
            kept.since.0.cast_signed(),
            kept.transaction.map(|id| id.0.to_vec()),
            state,
            height.0.cast_signed(),
            code,
            kept.decided_ms.cast_signed(),
        ),
    )?;
    Ok(())
}

/// Leaves out of memory what [`write`] leaves out of the file.
pub fn prune(all: &mut std::collections::BTreeMap<ProposalId, Kept>) {
    let mut decided: Vec<(u64, ProposalId)> = all
        .iter()
        .filter(|(_, kept)| !kept.is_open())
        .map(|(id, kept)| (kept.decided_ms, *id))
        .collect();
    decided.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (_, id) in decided.into_iter().skip(DECIDED) {
        all.remove(&id);
    }
}
