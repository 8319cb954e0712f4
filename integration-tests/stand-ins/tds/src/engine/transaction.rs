// SPDX-License-Identifier: Apache-2.0
//! A session's transactions; how they share SQLite is told in `writer`.

use std::time::Duration;

use rusqlite::ErrorCode;

use super::changes;
use super::database::lock_timeout;
use super::session::Session;
use super::writer::{Written, repeat};
use crate::error::{Result, SqlError};

impl Session {
    pub(super) fn begin(&mut self) -> Result<()> {
        if self.transaction.is_some() {
            return Err(SqlError::unknown("nested transactions"));
        }
        self.transaction = Some(Vec::new());
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        if self.transaction.is_none() {
            return Err(SqlError::new(
                3902,
                16,
                "The COMMIT TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            ));
        }
        let entered = self.enter();
        self.transaction = None;
        let outcome = match entered {
            Ok(()) => self.leave(Ok(()), Vec::new()),
            Err(error) => Err(error),
        };
        self.database.release(self.id);
        outcome
    }

    pub(super) fn rollback(&mut self) -> Result<()> {
        if self.transaction.take().is_none() {
            return Err(SqlError::new(
                3903,
                16,
                "The ROLLBACK TRANSACTION request has no corresponding BEGIN TRANSACTION.",
            ));
        }
        self.database.release(self.id);
        Ok(())
    }

    /// Takes SQLite's lock and does again what the transaction has written.
    pub(super) fn enter(&mut self) -> Result<()> {
        let patience = self.lock_timeout.unwrap_or(Duration::from_secs(3600));
        self.connection.busy_timeout(patience)?;
        match self.connection.execute_batch("BEGIN IMMEDIATE") {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == ErrorCode::DatabaseBusy =>
            {
                return Err(lock_timeout());
            }
            other => other?,
        }
        let written = self.transaction.as_deref().unwrap_or_default();
        repeat(&self.connection, written).or_else(|_| {
            self.connection.execute_batch("ROLLBACK")?;
            Err(SqlError::new(
                2601,
                14,
                "Another transaction has written what this one cannot write any more.",
            ))
        })
    }

    /// After a statement: within a transaction what it wrote is noted and taken back, alone it is committed.
    pub(super) fn leave<T>(&mut self, outcome: Result<T>, written: Vec<Written>) -> Result<T> {
        let Some(transaction) = &mut self.transaction else {
            match &outcome {
                Ok(_) => self.commit_in_sqlite()?,
                Err(_) => self.connection.execute_batch("ROLLBACK")?,
            }
            self.database.release(self.id);
            return outcome;
        };
        self.connection.execute_batch("ROLLBACK")?;
        match &outcome {
            Ok(_) => transaction.extend(written),
            Err(_) if self.abort_on_error => self.rollback()?,
            Err(_) => {}
        }
        outcome
    }

    fn commit_in_sqlite(&mut self) -> Result<()> {
        let catalogue = self.database.catalogue();
        let version = self.database.tracked_version() + 1;
        let tracked = changes::stamp(&self.connection, catalogue.tables().map(|t| &**t), version)?;
        let last = i64::try_from(self.database.last_row_version()).unwrap_or(i64::MAX);
        self.connection
            .execute("UPDATE \"~counters\" SET row_version = ?", [last])?;
        if tracked {
            self.connection
                .execute("UPDATE \"~counters\" SET tracked = ?", [version])?;
        }
        self.connection.execute_batch("COMMIT")?;
        if tracked {
            self.database.committed(version);
        }
        Ok(())
    }
}
