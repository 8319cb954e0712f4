// SPDX-License-Identifier: Apache-2.0
//! Who certified which of the stored blocks. Nothing is believed of the table that says it: from genesis
//! on, each boundary must be certified by the validators before it and name those after it.

use std::sync::{PoisonError, RwLock};

use rusqlite::Connection;
use silsila_chain::{Epochs, Genesis, Handover, Height};

use crate::file::{BlockRow, count_epochs, knows_epochs, read_epochs};
use crate::{Fault, Place, StoreError};

/// The epochs of a channel as the file has them, kept in memory until there is another.
pub(crate) struct StoredEpochs {
    genesis: Genesis,
    known: RwLock<Epochs>,
}

impl StoredEpochs {
    pub(crate) fn new(genesis: &Genesis) -> Self {
        Self {
            known: RwLock::new(Epochs::at_genesis(genesis)),
            genesis: genesis.clone(),
        }
    }

    /// The epochs whose first block may be in the file.
    pub(crate) fn get(&self, conn: &Connection) -> Result<Epochs, StoreError> {
        let known = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if !knows_epochs(conn)? || count_epochs(conn)? + 1 == known.all().len() {
            return Ok(known);
        }
        let handovers = handovers(conn, Height(u64::MAX))?;
        let epochs = Epochs::follow(&self.genesis, &handovers);
        let epochs = epochs.map_err(|reason| fault(None, reason.to_string()))?;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = epochs.clone();
        Ok(epochs)
    }
}

fn fault(height: Option<Height>, what: String) -> Fault {
    let place = Place {
        table: "ledger_epoch",
        height,
        ..Place::default()
    };
    Fault { place, what }
}

/// The last blocks of epochs up to the block at `last`.
pub(crate) fn handovers(conn: &Connection, last: Height) -> Result<Vec<Handover>, StoreError> {
    if !knows_epochs(conn)? {
        return Ok(Vec::new());
    }
    let rows = read_epochs(conn)?;
    let rows = rows.ok_or_else(|| fault(None, "validators that are none".to_owned()))?;
    let mut handovers = Vec::new();
    for (first, validators) in rows {
        let boundary = Height(first.0.saturating_sub(1));
        if boundary > last {
            break;
        }
        let missing = || {
            fault(
                Some(boundary),
                "an epoch's last block is missing".to_owned(),
            )
        };
        let row = BlockRow::at(conn, boundary)?.ok_or_else(missing)?;
        handovers.push(Handover {
            header: row.header,
            certificate: row.certificate,
            validators,
        });
    }
    Ok(handovers)
}
