// SPDX-License-Identifier: Apache-2.0
//! The chain into a new file, block by block, each judged as if another member had just sent it.

use std::path::{Path, PathBuf};

use silsila_chain::{Block, Height};

use super::salvage::{Found, Salvage, Whole};
use super::{Spares, carry};
use crate::file::beside;
use crate::writer::{self, Arrived, Opened, Writer};
use crate::{Index, Lost, StoreError, StoreOptions};

/// A new file that is being written, and where it lies.
pub(super) struct New {
    pub(super) path: PathBuf,
    pub(super) writer: Writer,
    /// Entries whose payloads neither the old file nor any member gave so far.
    pub(super) gone: Vec<u64>,
}

/// A block that could not be had, or that the rules refuse.
pub(super) struct Stuck(pub(super) Height);

impl New {
    /// An empty ledger of the same channel, beside the damaged one.
    pub(super) fn begin(
        options: &StoreOptions,
        index: Box<dyn Index>,
        old: &mut Salvage,
    ) -> Result<Self, StoreError> {
        let path = beside(&options.path, ".new");
        discard(&path);
        let options = StoreOptions {
            path: path.clone(),
            on_pending: None,
            ..options.clone()
        };
        let Opened { writer, .. } = writer::open(&options, index)?;
        // Should this end before its time, it is begun again from nothing.
        writer.conn.pragma_update(None, "synchronous", "OFF")?;
        carry::keys(old, &writer)?;
        Ok(Self {
            path,
            writer,
            gone: Vec::new(),
        })
    }

    pub(super) fn height(&self) -> Height {
        self.writer.chain.height()
    }

    /// Adds blocks up to a height, with those payloads that are left or were sent.
    pub(super) fn up_to(
        &mut self,
        to: Height,
        old: &mut Salvage,
        spares: &Spares,
    ) -> Result<Result<(), Stuck>, StoreError> {
        while self.height() < to {
            let height = self.height().next();
            let channel = self.writer.chain.channel();
            let spare = spares.blocks.get(&height.0);
            let whole = match spare {
                Some((block, _)) => Whole::of(block.clone(), channel, height),
                None => old.block(channel, height)?,
            };
            let Some(whole) = whole else {
                return Ok(Err(Stuck(height)));
            };
            let arrived = self.payloads(&whole, old, spares)?;
            match self.apply(&whole.block, arrived) {
                Ok(()) => {}
                Err(StoreError::Block { .. } | StoreError::Damaged { .. }) => {
                    return Ok(Err(Stuck(height)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(()))
    }

    fn apply(&mut self, block: &Block, arrived: Arrived) -> Result<(), StoreError> {
        self.writer
            .apply_foreign(block, None, &mut arrived.into_payloads())
    }

    fn payloads(
        &mut self,
        whole: &Whole,
        old: &mut Salvage,
        spares: &Spares,
    ) -> Result<Arrived, StoreError> {
        let mut arrived = Vec::new();
        for one in whole.payloads() {
            match (spares.payloads.get(&one.1.digest), old.payload(&one)?) {
                (Some((bytes, _)), _) => arrived.push(bytes.clone()),
                (None, Found::Bytes(bytes)) => arrived.push(bytes),
                (None, Found::Wanted) => {}
                (None, Found::Gone) => self.gone.push(one.0),
            }
        }
        Ok(Arrived::new(arrived))
    }

    /// Carries over what does not follow from the chain.
    pub(super) fn carry(&mut self, old: &mut Salvage) -> Result<Lost, StoreError> {
        let lost = carry::others(old, &mut self.writer)?;
        if lost.transactions > 0 {
            // A key whose grant is gone would never reach the others; the next transaction grants it again.
            self.writer.conn.execute(
                "UPDATE ledger_content_key SET granted = 0 WHERE custodian = ?1",
                [self.writer.member.public().0],
            )?;
        }
        Ok(lost)
    }

    /// Closes it for good; it is one whole file then, safe on the disk.
    pub(super) fn finish(self) -> Result<PathBuf, StoreError> {
        let Self { path, writer, .. } = self;
        writer.conn.pragma_update(None, "synchronous", "FULL")?;
        crate::store::close_writer(&mut Some(writer))?;
        let file = std::fs::File::open(&path).and_then(|file| file.sync_all());
        file.map_err(|source| StoreError::Io {
            action: "writing",
            path: path.display().to_string(),
            source,
        })?;
        Ok(path)
    }
}

/// Takes a file that was begun away, with everything beside it.
pub(super) fn discard(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-lock", "-key"] {
        _ = std::fs::remove_file(beside(path, suffix));
    }
}
