// SPDX-License-Identifier: Apache-2.0
//! The store's front door, by who comes through it.
//!
//! [`doors`]: whoever opens and closes the file. [`offering`]: the pipeline, whose drafts become transactions.
//! [`replication`]: the engine, which takes and gives blocks and payloads. [`serving`]: whoever reads what was
//! committed. [`care`]: the operator's verification, copies and figures.
//!
//! One writer behind a lock, and a pool of readers; here is what all of these share.

mod care;
mod doors;
mod offering;
mod replication;
mod serving;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction};
use silsila_chain::{ChannelId, ChannelKeys, Epochs, Genesis};

use crate::file::{LedgerFile, connect_writer};
use crate::notice::{Seen, during};
use crate::read::{Pool, Reading};
use crate::rebuild::Care;
use crate::writer::{Failed, Writer};
use crate::{StoreError, StoreOptions};

pub(crate) use doors::close as close_writer;

/// One member's ledger. Clones share the same file; the last one to go closes it.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) file: LedgerFile,
    genesis: Genesis,
    keys: Option<ChannelKeys>,
    pub(crate) reading: Arc<Reading>,
    pub(crate) pool: Pool,
    writer: Option<Mutex<Option<Writer>>>,
    failing: Mutex<Option<&'static str>>,
    commits: AtomicU64,
    on_pending: Option<Arc<dyn Fn() + Send + Sync>>,
    /// How it was opened, where it was for writing.
    pub(crate) options: Option<StoreOptions>,
    pub(crate) care: Mutex<Care>,
}

impl Store {
    /// The channel's id: the fingerprint by which people recognize it.
    #[must_use]
    pub fn channel(&self) -> ChannelId {
        self.0.genesis.id()
    }

    /// What the channel was founded on.
    #[must_use]
    pub fn genesis(&self) -> &Genesis {
        &self.0.genesis
    }

    /// Who certifies which blocks, up to the last one.
    pub(crate) fn epochs(&self, conn: &Connection) -> Result<Epochs, StoreError> {
        self.0.reading.epochs.get(conn)
    }

    /// A number that rises with every block, after it can be read and before its submitter is told. What
    /// was found to be a resource's newest version in a snapshot that was taken after asking for this
    /// number is so for as long as the number stays: the seam on which a cache of answers rests.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Acquire)
    }

    /// Writes to the caller's own tables, in one database transaction.
    ///
    /// # Errors
    /// Whatever `write` returns; nothing is changed then.
    pub fn local<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        self.0.staging(|writer| writer.local(write))
    }

    /// Reads from one consistent snapshot on a pooled read-only connection. Waits when all are in use,
    /// so that a `read` within a `read` may wait for itself.
    ///
    /// # Errors
    /// Whatever `read` returns.
    pub fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let (result, seen) = self.0.pool.read(read);
        self.met(seen);
        result
    }
}

impl Inner {
    pub(crate) fn writer(&self) -> Result<MutexGuard<'_, Option<Writer>>, StoreError> {
        self.writer
            .as_ref()
            .ok_or(StoreError::ReadOnly)?
            .lock()
            .map_err(|_| StoreError::Poisoned)
    }

    pub(crate) fn write<T>(
        &self,
        write: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut guard = self.writer()?;
        let writer = guard.as_mut().ok_or(StoreError::Closed)?;
        let (result, seen) = during(|| write(writer));
        self.revive(writer, &seen);
        self.note(result.as_ref().err());
        result
    }

    /// A write in which the caller takes part.
    fn staging<T, E: From<StoreError>>(
        &self,
        write: impl FnOnce(&mut Writer) -> Result<T, Failed<E>>,
    ) -> Result<T, E> {
        let mut guard = self.writer()?;
        let writer = guard.as_mut().ok_or(StoreError::Closed)?;
        let (result, seen) = during(|| write(writer));
        self.revive(writer, &seen);
        self.noting(result)
    }

    /// Gives the writer another connection where its own met a damaged page and is of no further use.
    fn revive(&self, writer: &mut Writer, seen: &Seen) {
        let Some(options) = self.options.as_ref().filter(|_| seen.page) else {
            return;
        };
        self.care
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .page();
        match connect_writer(options) {
            Ok(conn) => writer.conn = conn,
            Err(error) => tracing::error!(code = error.code(), "the damaged ledger does not open"),
        }
    }

    /// Says that what was found to be newest is to be looked for again.
    pub(crate) fn raise_commits(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// A write that may add a block; [`Store::commits`] rises even where it fails, since it may have
    /// failed after the block was written.
    fn committing<T>(
        &self,
        write: impl FnOnce(&mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let result = self.write(write);
        self.raise_commits();
        result
    }

    /// Tells apart what failed, for [`Health::failing`].
    fn noting<T, E: From<StoreError>>(&self, result: Result<T, Failed<E>>) -> Result<T, E> {
        match result {
            Ok(done) => {
                self.note(None);
                Ok(done)
            }
            Err(Failed::Here(error)) => {
                self.note(Some(&error));
                Err(error.into())
            }
            Err(Failed::Caller(error)) => Err(error),
        }
    }

    fn note(&self, error: Option<&StoreError>) {
        if error.is_none_or(StoreError::is_failure) {
            *self.failing() = error.map(StoreError::code);
        }
    }

    fn failing(&self) -> MutexGuard<'_, Option<&'static str>> {
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
