// SPDX-License-Identifier: Apache-2.0
//! Read-only connections that stand ready.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::StoreError;
use crate::file::{LedgerFile, connect_reader};

/// A fixed number of read-only connections.
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
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
        let connections = (0..size.max(1)).map(|_| connect_reader(file, cache_bytes));
        Ok(Self {
            idle: Mutex::new(connections.collect::<Result<_, _>>()?),
            returned: Condvar::new(),
        })
    }

    /// Runs `read` within one snapshot.
    pub(crate) fn read<T, E: From<StoreError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let loan = self.borrow();
        let conn = loan
            .conn
            .as_ref()
            .expect("a loan holds its connection until it is dropped");
        let snapshot = Snapshot::take(conn).map_err(|error| E::from(error.into()))?;
        let result = read(conn);
        drop(snapshot);
        result
    }

    /// Gives back what reading took, on connections that nobody uses at this moment.
    pub(crate) fn rest(&self) -> Result<(), StoreError> {
        let resting: Vec<Connection> = self.idle().drain(..).collect();
        let rested = resting
            .iter()
            .try_for_each(|conn| conn.execute_batch("PRAGMA shrink_memory"));
        self.idle().extend(resting);
        self.returned.notify_all();
        Ok(rested?)
    }

    fn borrow(&self) -> Loan<'_> {
        let mut idle = self.idle();
        loop {
            if let Some(conn) = idle.pop() {
                return Loan {
                    pool: self,
                    conn: Some(conn),
                };
            }
            idle = self
                .returned
                .wait(idle)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
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
        if let Some(conn) = self.conn.take() {
            self.pool.idle().push(conn);
            self.pool.returned.notify_one();
        }
    }
}
