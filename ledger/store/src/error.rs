// SPDX-License-Identifier: Apache-2.0
//! Everything that can go wrong in the store. No variant carries patient data.

use silsila_chain::TxId;

use crate::{Fault, IndexError, Place};

/// Everything that can go wrong in the store; [`StoreError::code`] is stable and has a page under
/// `docs/errors/`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk, or the bound set for the file, is full. Nothing was changed.
    #[error("the ledger's disk is full; nothing was changed")]
    Full,
    /// Stored bytes are not what the chain commits to; they are not served.
    #[error("the stored ledger is damaged: {fault}")]
    Damaged {
        /// What and where.
        fault: Box<Fault>,
    },
    /// Another process writes to this ledger.
    #[error("another process has the ledger at {path} open for writing")]
    Locked {
        /// The file.
        path: String,
    },
    /// The store was opened read-only.
    #[error("this ledger was opened read-only")]
    ReadOnly,
    /// No such entry.
    #[error("the chain has no entry {seq}")]
    UnknownEntry {
        /// The number asked for.
        seq: u64,
    },
    /// No such transaction.
    #[error("no transaction {id} was staged here or committed")]
    UnknownTransaction {
        /// The id asked for.
        id: TxId,
    },
    /// A draft that can never be committed.
    #[error("draft {position} of {kind} cannot be staged: {reason}")]
    Draft {
        /// Its position in the list, from 0.
        position: usize,
        /// Its kind.
        kind: String,
        /// Why, without its content.
        reason: &'static str,
    },
    /// Another file than a ledger, or a ledger of another gateway or a later version.
    #[error("{path} is not a ledger that this gateway can open: {reason}")]
    Foreign {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The index could not follow.
    #[error(transparent)]
    Index(IndexError),
    /// SQLite failed otherwise.
    #[error("the ledger's database failed: {source}")]
    Sqlite {
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file system failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A block that other members ordered was refused.
    #[error("a block was refused: {fault}")]
    Block {
        /// Where and why.
        fault: silsila_chain::BlockFault,
    },
    /// The file is in clear, and was to be encrypted.
    #[error("the ledger at {path} is not encrypted, and this gateway keeps its ledger encrypted")]
    NotEncrypted {
        /// The file.
        path: String,
    },
    /// The file is encrypted with another key.
    #[error("the ledger at {path} was encrypted with another key than the one in the keys folder")]
    WrongKey {
        /// The file.
        path: String,
    },
    /// The store was closed.
    #[error("this ledger was closed")]
    Closed,
    /// Members of the channel were given two histories; nothing is committed any more.
    #[error(
        "the channel has two histories, which differ at height {height} or before: nothing is committed until \
         the network's members have decided which one holds"
    )]
    Halted {
        /// The height.
        height: u64,
    },
    /// A thread panicked while it held the writer; open the store again.
    #[error("the ledger's writer stopped in the middle of its work; open the ledger again")]
    Poisoned,
}

impl StoreError {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Full => "LED0001",
            Self::Damaged { .. } => "LED0002",
            Self::Locked { .. } => "LED0003",
            Self::ReadOnly => "LED0004",
            Self::UnknownEntry { .. } => "LED0005",
            Self::UnknownTransaction { .. } => "LED0006",
            Self::Draft { .. } => "LED0007",
            Self::Foreign { .. } => "LED0008",
            Self::Index(_) => "LED0009",
            Self::Sqlite { .. } => "LED0010",
            Self::Io { .. } => "LED0011",
            Self::Poisoned => "LED0012",
            Self::Block { .. } => "LED0013",
            Self::Closed => "LED0014",
            Self::NotEncrypted { .. } => "LED0015",
            Self::WrongKey { .. } => "LED0016",
            Self::Halted { .. } => "LED0017",
        }
    }

    /// Whether the store itself is unwell, rather than asked for what it cannot do.
    pub(crate) const fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Full
                | Self::Damaged { .. }
                | Self::Index(_)
                | Self::Sqlite { .. }
                | Self::Io { .. }
                | Self::Poisoned
                | Self::Halted { .. }
        )
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(source: rusqlite::Error) -> Self {
        if is_full(&source) {
            Self::Full
        } else if is_damage(&source) {
            crate::notice::page();
            let place = Place {
                table: "sqlite",
                ..Place::default()
            };
            let what = "SQLite finds the file's own structure damaged".to_owned();
            let fault = Box::new(Fault { place, what });
            Self::Damaged { fault }
        } else {
            Self::Sqlite { source }
        }
    }
}

impl From<IndexError> for StoreError {
    fn from(error: IndexError) -> Self {
        match error {
            IndexError::Sqlite { source } if is_full(&source) || is_damage(&source) => {
                source.into()
            }
            other => Self::Index(other),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        crate::notice::fault(&fault);
        Self::Damaged {
            fault: Box::new(fault),
        }
    }
}

/// Whether SQLite found its own structure damaged, or a page that its key does not open.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase)
    )
}

/// Whether SQLite found no room, for the file itself or for the index of its log.
fn is_full(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|error| error.extended_code);
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull)
        || code == Some(rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}
