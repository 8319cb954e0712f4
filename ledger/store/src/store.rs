// SPDX-License-Identifier: Apache-2.0
//! The store's front door.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{Connection, Transaction};
use silsila_chain::TxId;

use crate::{
    BlockSummary, CommittedEntry, Draft, Health, Index, Progress, StoreError, StoreOptions,
    TxStatus, VerifyReport,
};

/// One member's ledger. Clones share the same file.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner;

impl Store {
    /// Opens or creates the ledger for writing, and verifies everything since the last clean checkpoint.
    ///
    /// # Errors
    /// Where the file is damaged, foreign, or open for writing elsewhere.
    pub fn open(options: StoreOptions, index: Box<dyn Index>) -> Result<Self, StoreError> {
        drop((options, index));
        Ok(Self(Arc::new(Inner)))
    }

    /// Opens an existing ledger for reading, also while another process writes to it.
    ///
    /// # Errors
    /// Where the file is no ledger.
    pub fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let _ = path;
        Ok(Self(Arc::new(Inner)))
    }

    /// Takes drafts into the outbox as one signed transaction, and lets the caller write its cursor and
    /// row states, all in one database transaction: both happen, or neither. Drafts of a resource that
    /// is already in the outbox continue from there. Without drafts only `local` runs, and there is
    /// nothing to submit.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room, [`StoreError::Draft`] for a draft that can never be
    /// committed, and whatever `local` returns. Nothing is changed then.
    pub fn stage<E: From<StoreError>>(
        &self,
        drafts: Vec<Draft>,
        local: impl FnOnce(&Transaction<'_>) -> Result<(), E>,
    ) -> Result<Option<TxId>, E> {
        drop((drafts, local));
        Err(StoreError::ReadOnly.into())
    }

    /// Has a staged transaction ordered and applied. Safe to repeat: what is committed already reports
    /// its height.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`]; [`StoreError::Full`], after which it is still in the outbox.
    pub fn submit(&self, id: TxId) -> Result<TxStatus, StoreError> {
        Err(StoreError::UnknownTransaction { id })
    }

    /// What became of a transaction.
    ///
    /// # Errors
    /// [`StoreError::UnknownTransaction`].
    pub fn status(&self, id: TxId) -> Result<TxStatus, StoreError> {
        Err(StoreError::UnknownTransaction { id })
    }

    /// Transactions in the outbox, in the order of staging.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn pending(&self) -> Result<Vec<TxId>, StoreError> {
        Ok(Vec::new())
    }

    /// Writes to the caller's own tables, in one database transaction.
    ///
    /// # Errors
    /// Whatever `write` returns; nothing is changed then.
    pub fn local<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        drop(write);
        Err(StoreError::ReadOnly.into())
    }

    /// Reads from one consistent snapshot on a pooled read-only connection. Waits when all are in use.
    ///
    /// # Errors
    /// Whatever `read` returns.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        drop(read);
        Err(StoreError::ReadOnly.into())
    }

    /// One committed entry with its plaintext, checked against the chain. `conn` is that of a
    /// [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// [`StoreError::UnknownEntry`]; [`StoreError::Damaged`] where the bytes are not those committed.
    pub fn committed(&self, conn: &Connection, seq: u64) -> Result<CommittedEntry, StoreError> {
        let _ = conn;
        Err(StoreError::UnknownEntry { seq })
    }

    /// The number of a resource's newest committed entry, for [`Store::committed`]. `conn` is that of a
    /// [`Store::read`] or [`Store::local`].
    ///
    /// # Errors
    /// Where the database fails.
    pub fn head(&self, conn: &Connection, resource: &str) -> Result<Option<u64>, StoreError> {
        let _ = (conn, resource);
        Ok(None)
    }

    /// Blocks in brief; the range is cut to what exists.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn blocks(&self, heights: RangeInclusive<u64>) -> Result<Vec<BlockSummary>, StoreError> {
        let _ = heights;
        Ok(Vec::new())
    }

    /// Verifies everything: blocks, signatures, entries, payloads, heads, trees, and the index's counts.
    ///
    /// # Errors
    /// Where the database cannot be read at all; damage is in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(Progress)) -> Result<VerifyReport, StoreError> {
        let _ = progress;
        Ok(VerifyReport::default())
    }

    /// How the store is.
    ///
    /// # Errors
    /// Where the database fails.
    pub fn health(&self) -> Result<Health, StoreError> {
        Err(StoreError::ReadOnly)
    }

    /// Writes a clean checkpoint and closes the file. Other clones fail from here on.
    ///
    /// # Errors
    /// Where the checkpoint cannot be written.
    pub fn close(&self) -> Result<(), StoreError> {
        let _ = &self.0;
        Ok(())
    }
}
