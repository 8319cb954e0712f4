// SPDX-License-Identifier: Apache-2.0
//! What the store tells about itself.

use std::fmt;

use silsila_chain::{BlockHash, Height, TxId};

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxStatus {
    /// It is on the chain.
    Committed {
        /// In which block.
        height: Height,
    },
    /// It is not on the chain and never will be.
    Rejected {
        /// Why, as a stable word such as `VERSION_ORDER`.
        code: String,
    },
    /// It waits in the outbox.
    Pending,
}

/// One block, in brief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSummary {
    /// Its height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// The hash of the block before.
    pub previous: BlockHash,
    /// Its time in milliseconds since 1970.
    pub time_ms: u64,
    /// How many transactions it holds.
    pub transactions: u64,
    /// The number of its first entry.
    pub first_entry: u64,
    /// How many entries it holds.
    pub entries: u64,
}

/// Where a fault lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The block.
    pub height: Option<Height>,
    /// The transaction's position in its block.
    pub transaction: Option<u64>,
    /// The transaction.
    pub tx_id: Option<TxId>,
    /// The entry's number in the chain.
    pub entry: Option<u64>,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table {}", self.table)?;
        if let Some(height) = self.height {
            write!(f, ", height {height}")?;
        }
        if let Some(transaction) = self.transaction {
            write!(f, ", transaction {transaction}")?;
        }
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        Ok(())
    }
}

/// Something stored that is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// What is wrong there, without content.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.what, self.place)
    }
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Blocks verified.
    pub blocks: u64,
    /// Blocks in all.
    pub of_blocks: u64,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Blocks read, genesis included.
    pub blocks: u64,
    /// Transactions read.
    pub transactions: u64,
    /// Entries read.
    pub entries: u64,
    /// Payloads read.
    pub payloads: u64,
    /// Bytes of blocks, transactions, entries and payloads read.
    pub bytes: u64,
    /// Everything that was wrong, up to a bound.
    pub faults: Vec<Fault>,
}

impl VerifyReport {
    /// Whether nothing was wrong.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.faults.is_empty()
    }
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The last block's height.
    pub height: Height,
    /// Its hash.
    pub hash: BlockHash,
    /// Its time in milliseconds since 1970.
    pub time_ms: u64,
    /// Entries on the chain.
    pub entries: u64,
    /// Transactions in the outbox.
    pub pending: u64,
    /// Size of the file in bytes.
    pub file_bytes: u64,
    /// Size of the write-ahead log in bytes.
    pub wal_bytes: u64,
    /// The height of the last clean checkpoint: up to there, everything was verified once.
    pub checkpoint: Height,
    /// The code of the last failure to write, until a write succeeds again.
    pub failing: Option<&'static str>,
}

/// What could not be carried from a damaged file into the one that took its place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lost {
    /// Transactions of this member's that were not ordered yet; one stands for all in a part of the outbox that
    /// could not be read.
    pub transactions: u64,
    /// Tables, none of them the ledger's own, of which rows could not be read.
    pub tables: Vec<String>,
}

impl Lost {
    /// Whether nothing was.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.transactions == 0 && self.tables.is_empty()
    }
}

/// A ledger's file was made anew.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// How many blocks it holds.
    pub blocks: u64,
    /// How many of them came from other members.
    pub blocks_had: u64,
    /// How many payloads came from other members.
    pub payloads_had: u64,
    /// How many payloads are still asked for.
    pub payloads_wanted: u64,
    /// What is gone.
    pub lost: Lost,
}

/// What a ledger did for its own health.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tended {
    /// What was found damaged.
    pub faults: Vec<Fault>,
    /// How many of these places were mended with the ledger's own whole parts.
    pub mended: u64,
    /// The file was made anew.
    pub rebuilt: Option<Rebuilt>,
    /// How many blocks and payloads must come from other members first.
    pub waits_for: u64,
}
