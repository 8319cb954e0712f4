// SPDX-License-Identifier: Apache-2.0
//! Where epochs begin, and who validates in them. Headers name validators by a hash alone.

use rusqlite::{Connection, params};
use silsila_chain::{Epoch, Epochs, Height, Identity, PublicKey, Scheme};

use crate::StoreError;
use crate::file::{int, number};

/// An epoch's first block, and its validators.
type Begun = (Height, Vec<Identity>);

/// A scheme's byte and a key.
const IDENTITY: usize = 33;

/// How many epochs there are beside the first.
pub(crate) fn count_epochs(conn: &Connection) -> Result<usize, StoreError> {
    let mut count = conn.prepare_cached("SELECT count(*) FROM ledger_epoch")?;
    let count: u64 = number(count.query_row([], |row| row.get(0))?);
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Whether the file is of a version that knew epochs.
pub(crate) fn knows_epochs(conn: &Connection) -> Result<bool, StoreError> {
    let mut table = conn.prepare_cached(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ledger_epoch'",
    )?;
    Ok(table.exists([])?)
}

/// The first blocks of all epochs but the first, and their validators; `None` where a row holds none.
pub(crate) fn read_epochs(conn: &Connection) -> Result<Option<Vec<Begun>>, StoreError> {
    let mut rows =
        conn.prepare_cached("SELECT first, validators FROM ledger_epoch ORDER BY first")?;
    let rows = rows.query_map([], |row| {
        Ok((number(row.get(0)?), row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut epochs = Vec::new();
    for row in rows {
        let (first, bytes) = row?;
        let Some(validators) = identities(&bytes) else {
            return Ok(None);
        };
        epochs.push((Height(first), validators));
    }
    Ok(Some(epochs))
}

fn identities(bytes: &[u8]) -> Option<Vec<Identity>> {
    let (identities, rest) = bytes.as_chunks::<IDENTITY>();
    let identity = |bytes: &[u8; IDENTITY]| {
        let (scheme, key) = bytes.split_first()?;
        Some(Identity {
            scheme: Scheme(*scheme),
            key: PublicKey(key.try_into().ok()?),
        })
    };
    (rest.is_empty()).then(|| identities.iter().map(identity).collect())?
}

fn insert(conn: &Connection, epoch: &Epoch) -> Result<(), StoreError> {
    let validators = epoch.validators.identities().iter();
    let bytes: Vec<u8> = validators
        .flat_map(|identity| std::iter::once(identity.scheme.0).chain(identity.key.0))
        .collect();
    conn.execute(
        "INSERT OR REPLACE INTO ledger_epoch VALUES (?1, ?2)",
        params![int(epoch.first.0), bytes],
    )?;
    Ok(())
}

/// Writes down the epochs that began since there were `before`.
pub(crate) fn insert_epochs(
    conn: &Connection,
    epochs: &Epochs,
    before: usize,
) -> Result<(), StoreError> {
    let begun = epochs.all().iter().skip(before.max(1));
    begun.into_iter().try_for_each(|epoch| insert(conn, epoch))
}

/// Writes the rows up to the block at `height` anew, where they are not those of `epochs`: a chain that was
/// judged knows better.
pub(crate) fn mend_epochs(
    conn: &Connection,
    epochs: &Epochs,
    height: Height,
) -> Result<(), StoreError> {
    let behind = int(height.0) + 1;
    let known = read_epochs(conn)?.map(|rows| {
        let rows = rows.into_iter();
        rows.filter(|(first, _)| int(first.0) <= behind)
            .collect::<Vec<_>>()
    });
    let right: Vec<_> = (epochs.all().iter().skip(1))
        .map(|epoch| (epoch.first, epoch.validators.identities().to_vec()))
        .collect();
    if known.is_none_or(|known| known != right) {
        conn.execute("DELETE FROM ledger_epoch WHERE first <= ?1", [behind])?;
        insert_epochs(conn, epochs, 1)?;
    }
    Ok(())
}
