// SPDX-License-Identifier: Apache-2.0
//! A new file takes the place of the damaged one, under the writer's lock and while nobody reads.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

use super::replay::{New, Stuck, discard};
use super::salvage::Salvage;
use super::{Spares, givers};
use crate::file::{beside, connect_behind, connect_writer, fold_log};
use crate::verify::{By, insert_damage, repaired, repaired_file};
use crate::writer::{self, Opened, Writer};
use crate::{Fault, Rebuilt, Store, StoreError, StoreOptions};

/// So long readers are waited for.
const PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// Makes the file anew. `None` where that must wait: for a block, or for readers.
    pub(super) fn rebuild(&self, now_ms: u64) -> Result<Option<Rebuilt>, StoreError> {
        let Some(options) = &self.0.options else {
            return Ok(None);
        };
        let options = StoreOptions {
            genesis: Some(self.genesis().clone()),
            ..options.clone()
        };
        let Some(index) = self.0.write(|writer| Ok(writer.index.again()))? else {
            return Ok(None);
        };
        let spares = match &mut self.care().survey {
            Some(survey) => std::mem::take(&mut survey.spares),
            None => Spares::default(),
        };
        let mut old = Salvage::new(self.0.file.clone());
        let mut new = New::begin(&options, index, &mut old)?;
        let tip = self.0.write(|writer| Ok(writer.chain.height()))?;
        // The long part, while everything goes on.
        if let Err(stuck) = new.up_to(tip, &mut old, &spares)? {
            self.stuck(&stuck, spares);
            discard(&new.path);
            return Ok(None);
        }
        let mut guard = self.0.writer()?;
        let exchanged = self.0.pool.exchange(PATIENCE, || -> Result<_, StoreError> {
            let slot = guard.as_mut().ok_or(StoreError::Closed)?;
            let tip = slot.chain.height();
            let rest = new.up_to(tip, &mut old, &spares)?;
            if rest.is_err() {
                return Ok(None);
            }
            let noticed = std::mem::take(&mut self.care().noticed);
            let rebuilt = settle(&mut new, &mut old, &spares, &noticed, now_ms)?;
            drop(old);
            exchange(slot, new, &options)?;
            Ok(Some(rebuilt))
        });
        let rebuilt: Option<Rebuilt> = exchanged.transpose()?.flatten();
        drop(guard);
        discard(&beside(&options.path, ".new"));
        if rebuilt.is_some() {
            let mut care = self.care();
            (care.file, care.survey) = (false, None);
            drop(care);
            self.0.raise_commits();
        } else if let Some(survey) = &mut self.care().survey {
            survey.spares = spares;
        }
        Ok(rebuilt)
    }

    /// A block that cannot be applied is asked for, and one that a member sent is not believed again.
    fn stuck(&self, stuck: &Stuck, mut spares: Spares) {
        if let Some((_, from)) = spares.blocks.remove(&stuck.0.0) {
            tracing::warn!(member = from, height = %stuck.0, "a member sent a block that does not hold");
        }
        if let Some(survey) = &mut self.care().survey {
            survey.blocks.insert(stuck.0.0);
            survey.spares = spares;
        }
    }
}

/// Carries over what does not follow from the chain, and writes down what was repaired.
pub(super) fn settle(
    new: &mut New,
    old: &mut Salvage,
    spares: &Spares,
    noticed: &[(Fault, u64)],
    now_ms: u64,
) -> Result<Rebuilt, StoreError> {
    let lost = new.carry(old)?;
    let from = givers(spares);
    let by = |from| By { now_ms, from };
    let conn = &new.writer.conn;
    for (fault, found_ms) in noticed {
        insert_damage(conn, fault, *found_ms)?;
    }
    for entry in &new.gone {
        insert_damage(conn, &super::payload_fault(*entry), now_ms)?;
    }
    for (height, (_, from)) in &spares.blocks {
        repaired(conn, Some(silsila_chain::Height(*height)), (0, 0), by(from))?;
    }
    // Payloads are repaired where they are there; those still wanted stay on the list.
    let mut listed = conn.prepare(
        "SELECT number, entry FROM ledger_damage WHERE repaired_ms IS NULL
         AND part = 'ledger_payload' AND entry NOT IN (SELECT entry FROM ledger_wanted)",
    )?;
    let listed = listed.query_map([], |row| row.get::<_, i64>(0))?;
    for number in listed.collect::<Result<Vec<_>, _>>()? {
        conn.execute(
            "UPDATE ledger_damage SET repaired_ms = ?2, repaired_from = ?3 WHERE number = ?1",
            rusqlite::params![number, crate::file::int(now_ms), from],
        )?;
    }
    repaired_file(conn, by(&from))?;
    Ok(Rebuilt {
        blocks: new.height().0 + 1,
        blocks_had: spares.blocks.len() as u64,
        payloads_had: spares.payloads.len() as u64,
        payloads_wanted: new.gone.len() as u64,
        lost,
    })
}

/// Closes both files, renames, and opens. Whoever else has the old file open prevents that: its log would be
/// taken for the new file's.
fn exchange(slot: &mut Writer, new: New, options: &StoreOptions) -> Result<(), StoreError> {
    let index = new.writer.index.again();
    let made = new.finish()?;
    let conn = std::mem::replace(&mut slot.conn, Connection::open_in_memory()?);
    let closed = close_old(conn, options);
    if !matches!(closed, Ok(true)) {
        slot.conn = connect_writer(options)?;
        return closed.and(Err(StoreError::Io {
            action: "exchanging",
            path: options.path.display().to_string(),
            source: std::io::Error::other("another process reads the damaged ledger"),
        }));
    }
    put_in_place(&made, &options.path)?;
    let Some(index) = index else {
        return Err(StoreError::Closed);
    };
    // The lock is the path's, and goes with the writer that is dropped.
    slot.release();
    let Opened { writer, .. } = writer::open(options, index)?;
    *slot = writer;
    Ok(())
}

/// Closes the damaged file with its log; says whether nobody else has it open.
fn close_old(conn: Connection, options: &StoreOptions) -> Result<bool, StoreError> {
    drop(conn);
    let log = beside(&options.path, "-wal");
    if log.exists() {
        // A connection that met a damaged page could not fold the log.
        let conn = connect_behind(&options.file())?;
        fold_log(&conn);
        drop(conn);
    }
    Ok(!log.exists())
}

/// Renames the new file over the old one, durably.
pub(super) fn put_in_place(made: &Path, path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io {
        action: "putting in place",
        path: path.display().to_string(),
        source,
    };
    for suffix in ["-wal", "-shm"] {
        _ = std::fs::remove_file(beside(path, suffix));
    }
    std::fs::rename(made, path).map_err(io)?;
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = std::fs::File::open(folder.unwrap_or(Path::new(".")));
    folder.and_then(|folder| folder.sync_all()).map_err(io)
}
