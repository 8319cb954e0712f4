// SPDX-License-Identifier: Apache-2.0
//! The search index: it follows the chain inside the store's own transaction, so a block and its rows
//! are both there or neither is.
//!
//! Every version has one row (`fhir_version`, by its entry's number in the chain) with its facts, and
//! short rows in three trees that lead to it: terms (tokens, references, URIs, types, names), ranges
//! (dates) and texts. Versions that were replaced keep their rows for a while, so that a page link goes on
//! seeing its own snapshot; [`upkeep`] takes them out later.
//!
//! Never: a value in clear beyond what a row needs to be found; a row for a parameter that nobody can
//! search. After a crash SQLite has the index and the chain at the same block. An index that is behind
//! (made new after a change of format) lets blocks pass and catches up in [`upkeep`].

mod apply;
pub mod facts;
pub mod key;
pub mod lookup;
pub mod merge;
pub mod plan;
pub mod rows;
pub mod tables;
pub mod upkeep;

use silsila_store::rusqlite::{Connection, Transaction};
use silsila_store::{Applied, BlockInfo, Index, IndexError};

use apply::{Names, Span};
use tables::Secrets;

/// The search index, to be handed to [`silsila_store::Store::open`].
#[derive(Default)]
pub struct SearchIndex {
    names: Names,
    /// What its tables are keyed with, once they are prepared.
    secrets: Option<Secrets>,
}

impl SearchIndex {
    /// An index that has not seen its tables yet.
    #[must_use]
    #[expect(
        clippy::new_ret_no_self,
        reason = "a store takes its index boxed, and nobody else needs one"
    )]
    pub fn new() -> Box<dyn Index> {
        Box::new(Self::default())
    }

    /// An index that lets so many rows of rare terms collect before it moves them on; for tests, which
    /// would otherwise have to write a hundred thousand.
    #[must_use]
    pub fn with_fresh_rows(rows: usize) -> Box<dyn Index> {
        Box::new(Self {
            names: Names::with_full(rows),
            secrets: None,
        })
    }
}

impl Index for SearchIndex {
    fn prepare(&mut self, conn: &Connection) -> Result<(), IndexError> {
        tables::prepare(conn, self.secrets.as_ref())?;
        self.secrets = tables::secrets(conn)?;
        self.names.forget();
        Ok(())
    }

    /// With the same secrets, so that whoever searches meanwhile finds as before, and page links hold.
    fn again(&self) -> Option<Box<dyn Index>> {
        let mut names = Names::default();
        names.forget();
        Some(Box::new(Self {
            names,
            secrets: self.secrets.clone(),
        }))
    }

    fn tables(&self) -> &'static [&'static str] {
        &tables::NAMES
    }

    fn apply(
        &mut self,
        txn: &Transaction<'_>,
        block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        let span = Span {
            time_ms: block.time_ms,
            first: block.first_entry,
            entries: block.entries,
        };
        apply::apply(txn, &mut self.names, span, records)
    }

    fn reveal(
        &mut self,
        txn: &Transaction<'_>,
        _block: &BlockInfo,
        records: &[Applied<'_>],
    ) -> Result<(), IndexError> {
        apply::reveal(txn, &mut self.names, records)
    }

    fn verify(
        &mut self,
        conn: &Connection,
        tip: &BlockInfo,
        records: u64,
    ) -> Result<Vec<String>, IndexError> {
        // An index that is being built anew lacks what it has not reached.
        if upkeep::behind(conn, tip.first_entry)? > 0 {
            return Ok(Vec::new());
        }
        Ok(upkeep::verify(conn, records)?)
    }
}
