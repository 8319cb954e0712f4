// SPDX-License-Identifier: Apache-2.0
//! Read-only connections that stand ready.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::StoreError;
use crate::file::{LedgerFile, connect_reader};
use crate::notice::{Seen, during};

/// A fixed number of read-only connections; one that met a damaged page is replaced when it is next asked for.
pub(crate) struct Pool {
    file: LedgerFile,
    size: usize,
    cache_bytes: usize,
    idle: Mutex<Vec<Option<Connection>>>,
    returned: Condvar,
}

/// A connection on loan; it goes back when dropped.
struct Loan<'p> {
    pool: &'p Pool,
    conn: Option<Connection>,
}

impl Pool {
    pub(crate) fn open(
        file: &LedgerFile,
        size: usize,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let size = size.max(1);
        let connections = (0..size).map(|_| connect_reader(file, cache_bytes).map(Some));
        Ok(Self {
            idle: Mutex::new(connections.collect::<Result<_, _>>()?),
            returned: Condvar::new(),
            file: file.clone(),
            size,
            cache_bytes,
        })
    }

    /// Runs `read` within one snapshot; says too what it met that is damaged.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> (Result<T, E>, Seen) {
        let mut loan = self.borrow();
        let (result, seen) = during(|| {
            let conn = match loan.conn.take() {
                Some(conn) => conn,
                None => connect_reader(&self.file, self.cache_bytes)?,
            };
            let conn = loan.conn.insert(conn);
            let _snapshot = Snapshot::take(conn).map_err(StoreError::from)?;
            read(conn)
        });
        if seen.page {
            loan.conn = None;
        }
        (result, seen)
    }

    /// Gives back what reading took, on connections that nobody uses at this moment.
    pub(crate) fn rest(&self) -> Result<(), StoreError> {
        let resting: Vec<_> = self.idle().drain(..).collect();
        let rested = resting
            .iter()
            .flatten()
            .try_for_each(|conn| conn.execute_batch("PRAGMA shrink_memory"));
        self.idle().extend(resting);
        self.returned.notify_all();
        Ok(rested?)
    }

    /// Closes every connection, has `exchange` put another file into the place of this one, and lets readers on.
    /// `None`, and nothing done, where readers are still at work after `patience`.
    pub(crate) fn exchange<T>(
        &self,
        patience: Duration,
        exchange: impl FnOnce() -> T,
    ) -> Option<T> {
        let until = Instant::now() + patience;
        let mut taken = Vec::with_capacity(self.size);
        let mut idle = self.idle();
        loop {
            taken.append(&mut idle);
            let left = until.saturating_duration_since(Instant::now());
            if taken.len() == self.size || left.is_zero() {
                break;
            }
            let waited = self.returned.wait_timeout(idle, left);
            idle = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(idle);
        let exchanged = (taken.len() == self.size).then(|| {
            taken.iter_mut().for_each(|conn| *conn = None);
            exchange()
        });
        self.idle().append(&mut taken);
        self.returned.notify_all();
        exchanged
    }

    fn borrow(&self) -> Loan<'_> {
        let mut idle = self.idle();
        loop {
            if let Some(conn) = idle.pop() {
                return Loan { pool: self, conn };
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Option<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One consistent view, until it is dropped. Its two statements are kept prepared, which a transaction of
/// the driver's own does not do.
struct Snapshot<'c>(&'c Connection);

impl<'c> Snapshot<'c> {
    fn take(conn: &'c Connection) -> rusqlite::Result<Self> {
        conn.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(conn))
    }
}

impl Drop for Snapshot<'_> {
    fn drop(&mut self) {
        // After some failures SQLite has ended the transaction itself.
        if self.0.is_autocommit() {
            return;
        }
        let end = self.0.prepare_cached("ROLLBACK");
        if let Err(error) = end.and_then(|mut end| end.execute([])) {
            tracing::warn!(%error, "a reader's view could not be ended");
        }
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.pool.idle().push(self.conn.take());
        self.pool.returned.notify_one();
    }
}
