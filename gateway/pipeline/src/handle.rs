// SPDX-License-Identifier: Apache-2.0
//! What the rest of the gateway may ask of a running pipeline.

use std::sync::Arc;

use silsila_store::Store;

use crate::board::Board;
use crate::desk::{self, QuarantineEntry, QuarantineFilter, Scope};
use crate::{PipelineError, Status};

/// A cheap, cloneable handle. Every order is written to the store before the worker is told, so that a
/// crash does not lose it.
#[derive(Clone)]
pub struct PipelineHandle {
    pub(crate) store: Store,
    pub(crate) boards: Arc<[Arc<Board>]>,
    pub(crate) changed: tokio::sync::watch::Receiver<u64>,
}

impl PipelineHandle {
    /// The state of every source, from memory.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            sources: self.boards.iter().map(|board| board.status()).collect(),
        }
    }

    /// Accepts the loss that a source asks about: its next sweep withdraws what vanished. Answers whether
    /// it was asking. Blocks on the store.
    ///
    /// # Errors
    /// [`PipelineError::UnknownSource`], or where the store fails.
    pub fn confirm(&self, source: &str) -> Result<bool, PipelineError> {
        let asked = desk::confirm(&self.store, source)?;
        self.wake();
        Ok(asked)
    }

    /// Reads and maps every row again, changed or not. Blocks on the store.
    ///
    /// # Errors
    /// [`PipelineError::UnknownSource`], [`PipelineError::UnknownMapping`], or where the store fails.
    pub fn resync(&self, scope: &Scope) -> Result<(), PipelineError> {
        desk::resync(&self.store, scope)?;
        self.wake();
        Ok(())
    }

    /// Starts a sweep now, or as soon as the running one has ended, and answers with its number: a sweep
    /// that begins after this call. Blocks on the store.
    ///
    /// # Errors
    /// [`PipelineError::UnknownSource`], or where the store fails.
    pub fn sweep_now(&self, source: &str) -> Result<u64, PipelineError> {
        let number = desk::sweep_now(&self.store, source)?;
        self.wake();
        Ok(number)
    }

    /// Tries quarantined rows again; answers how many. With `accept`, a patient that "may be another
    /// person" is taken as the one it is now. Blocks on the store.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn retry(&self, filter: &QuarantineFilter, accept: bool) -> Result<u64, PipelineError> {
        let count = desk::retry(&self.store, filter, accept)?;
        self.wake();
        Ok(count)
    }

    /// Quarantined rows, oldest first. Blocks on the store.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn quarantine(
        &self,
        filter: &QuarantineFilter,
        limit: usize,
    ) -> Result<Vec<QuarantineEntry>, PipelineError> {
        desk::quarantine(&self.store, filter, limit)
    }

    /// Waits until the status satisfies a condition.
    ///
    /// # Errors
    /// [`PipelineError::Stopped`] when the pipeline ends first.
    pub async fn wait_until(
        &self,
        mut condition: impl FnMut(&Status) -> bool + Send,
    ) -> Result<Status, PipelineError> {
        let mut changed = self.changed.clone();
        loop {
            changed.borrow_and_update();
            let status = self.status();
            if condition(&status) {
                return Ok(status);
            }
            changed
                .changed()
                .await
                .map_err(|_| PipelineError::Stopped)?;
        }
    }

    /// Waits until a source has completed the sweep of that number.
    ///
    /// # Errors
    /// [`PipelineError::Stopped`] when the pipeline ends first.
    pub async fn wait_for_sweep(&self, source: &str, number: u64) -> Result<Status, PipelineError> {
        self.wait_until(|status| {
            status
                .source(source)
                .is_some_and(|s| s.sweep_completed >= number)
        })
        .await
    }

    /// Has every worker that waits (for its turn, or after a fault) look at once whether there is something to
    /// do.
    pub fn wake(&self) {
        for board in self.boards.iter() {
            board.wake();
        }
    }
}
