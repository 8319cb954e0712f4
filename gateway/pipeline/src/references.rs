// SPDX-License-Identifier: Apache-2.0
//! The states of rows that other rows refer to, read from the snapshot in which a chunk is mapped.

use std::cell::RefCell;
use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};
use silsila_mapping::{RefState, References};
use silsila_source::Key;

use crate::PipelineError;
use crate::row_state::State;

/// Answers from `pipe_row`, each row once per chunk.
pub(crate) struct RowReferences<'c> {
    mappings: &'c HashMap<String, i64>,
    inner: RefCell<Inner<'c>>,
}

struct Inner<'c> {
    statement: CachedStatement<'c>,
    known: HashMap<(i64, Vec<u8>), RefState>,
    fault: Option<PipelineError>,
}

impl<'c> RowReferences<'c> {
    pub fn new(
        conn: &'c Connection,
        mappings: &'c HashMap<String, i64>,
    ) -> Result<Self, PipelineError> {
        let statement =
            conn.prepare_cached("SELECT state FROM pipe_row WHERE mapping = ?1 AND key = ?2")?;
        Ok(Self {
            mappings,
            inner: RefCell::new(Inner {
                statement,
                known: HashMap::new(),
                fault: None,
            }),
        })
    }

    /// The first fault met, after which no answer was to be trusted: the chunk must be thrown away.
    pub fn finish(self) -> Result<(), PipelineError> {
        match self.inner.into_inner().fault {
            None => Ok(()),
            Some(fault) => Err(fault),
        }
    }
}

impl References for RowReferences<'_> {
    fn state(&self, mapping: &str, key: &Key) -> RefState {
        let Some(&mapping) = self.mappings.get(mapping) else {
            return RefState::Absent;
        };
        let inner = &mut *self.inner.borrow_mut();
        let place = (mapping, key.encode());
        if let Some(state) = inner.known.get(&place) {
            return *state;
        }
        let found = inner
            .statement
            .query_row(params![place.0, place.1], |row| row.get::<_, i64>(0))
            .optional();
        let state = match found {
            Ok(Some(number)) => match State::from_number(number) {
                Some(state) => state.as_reference(),
                None => {
                    inner.fault = Some(PipelineError::Damaged {
                        table: "pipe_row",
                        what: "an unknown state",
                    });
                    RefState::Quarantined
                }
            },
            Ok(None) => RefState::Absent,
            Err(error) => {
                inner.fault = Some(error.into());
                RefState::Quarantined
            }
        };
        inner.known.insert(place, state);
        state
    }
}
