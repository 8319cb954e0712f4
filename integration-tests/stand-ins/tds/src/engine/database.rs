// SPDX-License-Identifier: Apache-2.0
//! One database: its file, its catalogue, and what its sessions must know of each other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::catalogue::Catalogue;
use crate::data::{Collation, compare_text};
use crate::error::{Result, SqlError};
use crate::sql::parse;

/// A session's number.
pub(crate) type SessionId = u64;

pub(crate) struct Database {
    pub name: String,
    path: PathBuf,
    catalogue: RwLock<Arc<Catalogue>>,
    busy: Mutex<Busy>,
    released: Condvar,
}

/// What open transactions hold, and the counters that they draw from.
#[derive(Default)]
struct Busy {
    /// The last rowversion that was given out, committed or not.
    row_version: u64,
    /// The last number that a row was given.
    row: i64,
    /// The last version of change tracking that was committed.
    tracked: i64,
    /// The first rowversion of every transaction that is still open.
    active: HashMap<SessionId, u64>,
    /// Tables that a session has to itself, by id.
    locks: HashMap<i64, SessionId>,
}

impl Database {
    /// Opens the file of a database, or makes it.
    pub(crate) fn open(name: &str, path: &Path) -> Result<Self> {
        let connection = connect(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE IF NOT EXISTS \"~defined\" (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
             CREATE TABLE IF NOT EXISTS \"~counters\" (row_version INTEGER NOT NULL, tracked INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS \"~identity\" (id INTEGER PRIMARY KEY, last INTEGER NOT NULL);
             CREATE TABLE IF NOT EXISTS \"~tracked\" (id INTEGER PRIMARY KEY, since INTEGER NOT NULL);
             INSERT INTO \"~counters\" SELECT 2000, 0 WHERE NOT EXISTS (SELECT 1 FROM \"~counters\");",
        )?;
        let mut catalogue = Catalogue::new();
        let mut defined = connection.prepare("SELECT text FROM \"~defined\" ORDER BY id")?;
        let texts: Vec<String> = defined
            .query_map([], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        for text in texts {
            for (statement, _) in parse(&text)? {
                catalogue.apply(&statement)?;
            }
        }
        let (row_version, tracked): (i64, i64) = connection.query_row(
            "SELECT row_version, tracked FROM \"~counters\"",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let mut row = 0;
        for table in catalogue.tables() {
            let sql = format!("SELECT max(rowid) FROM {}", table.stored_name());
            let last: Option<i64> = connection.query_row(&sql, [], |row| row.get(0))?;
            row = row.max(last.unwrap_or(0));
        }
        Ok(Self {
            name: name.into(),
            path: path.to_owned(),
            catalogue: RwLock::new(Arc::new(catalogue)),
            busy: Mutex::new(Busy {
                row,
                row_version: row_version.unsigned_abs(),
                tracked,
                ..Busy::default()
            }),
            released: Condvar::new(),
        })
    }

    /// A connection of a session's own.
    pub(crate) fn connect(&self) -> Result<Connection> {
        connect(&self.path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(
            &self
                .catalogue
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    pub(crate) fn replace_catalogue(&self, catalogue: Catalogue) {
        *self
            .catalogue
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
    }

    fn busy(&self) -> MutexGuard<'_, Busy> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives out the next rowversion, which stays active until the session's transaction ends.
    pub(crate) fn next_row_version(&self, session: SessionId) -> u64 {
        let mut busy = self.busy();
        busy.row_version += 1;
        let next = busy.row_version;
        busy.active.entry(session).or_insert(next);
        next
    }

    /// A number for a new row, of whatever table, that no other will have.
    pub(crate) fn next_row(&self) -> i64 {
        let mut busy = self.busy();
        busy.row += 1;
        busy.row
    }

    pub(crate) fn last_row_version(&self) -> u64 {
        self.busy().row_version
    }

    /// `MIN_ACTIVE_ROWVERSION()`.
    pub(crate) fn min_active_row_version(&self) -> u64 {
        let busy = self.busy();
        busy.active
            .values()
            .min()
            .copied()
            .unwrap_or(busy.row_version + 1)
    }

    pub(crate) fn tracked_version(&self) -> i64 {
        self.busy().tracked
    }

    /// The version that a commit gets; seen by others once it is committed.
    pub(crate) fn committed(&self, version: i64) {
        self.busy().tracked = version;
    }

    /// Takes a table for a session alone, waiting as long as it may.
    pub(crate) fn lock(
        &self,
        table: i64,
        session: SessionId,
        timeout: Option<Duration>,
    ) -> Result<()> {
        self.wait_for(table, session, timeout)?
            .locks
            .insert(table, session);
        Ok(())
    }

    /// Waits until no other session has a table to itself.
    pub(crate) fn wait(
        &self,
        table: i64,
        session: SessionId,
        timeout: Option<Duration>,
    ) -> Result<()> {
        self.wait_for(table, session, timeout).map(drop)
    }

    fn wait_for(
        &self,
        table: i64,
        session: SessionId,
        timeout: Option<Duration>,
    ) -> Result<MutexGuard<'_, Busy>> {
        let until = timeout.map(|t| Instant::now() + t);
        let mut busy = self.busy();
        while busy
            .locks
            .get(&table)
            .is_some_and(|holder| *holder != session)
        {
            let left = match until {
                Some(until) => until.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(60),
            };
            if left.is_zero() {
                return Err(lock_timeout());
            }
            busy = self
                .released
                .wait_timeout(busy, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        Ok(busy)
    }

    /// Ends what a session's transaction held.
    pub(crate) fn release(&self, session: SessionId) {
        let mut busy = self.busy();
        busy.active.remove(&session);
        busy.locks.retain(|_, holder| *holder != session);
        self.released.notify_all();
    }
}

pub(super) fn lock_timeout() -> SqlError {
    SqlError::new(1222, 16, "Lock request time out period exceeded.")
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16000;")?;
    connection.set_prepared_statement_cache_capacity(64);
    for collation in Collation::all_in_sqlite() {
        connection.create_collation(collation.in_sqlite(), move |a, b| {
            compare_text(a, b, collation)
        })?;
    }
    Ok(connection)
}
