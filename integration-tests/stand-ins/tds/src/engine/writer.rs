// SPDX-License-Identifier: Apache-2.0
//! What a transaction has written so far.
//!
//! SQLite lets one writer in at a time, SQL Server many. So a transaction here holds SQLite's lock only while
//! one of its statements runs: what the statement wrote is noted and taken back, done again before the
//! transaction's next statement, and done for good with its commit. Rows bear numbers that are given out
//! once, so that what is done again is done to the same rows. Two transactions that write one row are not
//! kept apart, as SQL Server would.

use std::cell::RefCell;

use rusqlite::types::Value as Sqlite;
use rusqlite::{Connection, params_from_iter};

/// A statement of SQLite's and its parameters.
pub(crate) type Written = (String, Vec<Sqlite>);

/// Writes, and notes what it wrote.
pub(crate) struct Writer<'a> {
    pub connection: &'a Connection,
    written: RefCell<Vec<Written>>,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            written: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn execute(&self, sql: String, values: Vec<Sqlite>) -> rusqlite::Result<usize> {
        let mut statement = self.connection.prepare_cached(&sql)?;
        let count = statement.execute(params_from_iter(&values))?;
        self.written.borrow_mut().push((sql, values));
        Ok(count)
    }

    pub(crate) fn written(self) -> Vec<Written> {
        self.written.into_inner()
    }
}

/// Does again what was written.
pub(crate) fn repeat(connection: &Connection, written: &[Written]) -> rusqlite::Result<()> {
    for (sql, values) in written {
        connection
            .prepare_cached(sql)?
            .execute(params_from_iter(values))?;
    }
    Ok(())
}
