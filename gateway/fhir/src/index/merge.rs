// SPDX-License-Identifier: Apache-2.0
//! How rows of rare terms reach their tree.
//!
//! Such rows fall anywhere: a block of a thousand resources would touch thousands of pages of a tree of
//! a million, and each of them would be encrypted and written whole. So they collect in `fhir_fresh`,
//! which stays small, and once it is full each block moves one slice of the terms on, where the rows
//! lie side by side. Searches look into both. It is a log-structured merge of two levels, inside the
//! same transaction as everything else; there is nothing to recover.

use silsila_store::rusqlite::{self, Connection};

use super::key::RARE;

/// Rows that may collect: about 2 MB, so that a block rewrites at most that much of it.
const FULL: usize = 100_000;
/// Into how many slices the terms are cut.
const SLICES: i64 = 32;

/// What is remembered between blocks; after a start the rows are counted anew.
pub struct Merge {
    full: usize,
    rows: Option<usize>,
    slice: i64,
}

impl Default for Merge {
    fn default() -> Self {
        Self::with_full(FULL)
    }
}

impl Merge {
    /// Lets so many rows collect.
    pub fn with_full(full: usize) -> Self {
        Self {
            full,
            rows: None,
            slice: 0,
        }
    }

    /// Takes note of new rows, and moves slices on while there are too many.
    pub fn added(&mut self, conn: &Connection, added: usize) -> rusqlite::Result<()> {
        let mut rows = match self.rows {
            Some(rows) => rows + added,
            None => count(conn)?,
        };
        for _ in 0..SLICES {
            if rows <= self.full {
                break;
            }
            rows = rows.saturating_sub(self.move_slice(conn)?);
        }
        self.rows = Some(rows);
        Ok(())
    }

    /// The bound.
    pub fn full(&self) -> usize {
        self.full
    }

    /// Forgets the count, as after a block that was undone.
    pub fn forget(&mut self) {
        self.rows = None;
    }

    fn move_slice(&mut self, conn: &Connection) -> rusqlite::Result<usize> {
        const WIDTH: i64 = RARE / SLICES;
        let from = RARE + self.slice * WIDTH;
        let bounds = [from, from + (WIDTH - 1)];
        self.slice = (self.slice + 1) % SLICES;
        conn.prepare_cached(
            "INSERT INTO fhir_term(term, vid, system)
             SELECT term, vid, system FROM fhir_fresh WHERE term BETWEEN ?1 AND ?2",
        )?
        .execute(bounds)?;
        conn.prepare_cached("DELETE FROM fhir_fresh WHERE term BETWEEN ?1 AND ?2")?
            .execute(bounds)
    }
}

fn count(conn: &Connection) -> rusqlite::Result<usize> {
    let rows: i64 = conn.query_row("SELECT count(*) FROM fhir_fresh", [], |row| row.get(0))?;
    Ok(usize::try_from(rows).unwrap_or(0))
}
