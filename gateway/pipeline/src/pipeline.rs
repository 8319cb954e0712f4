// SPDX-License-Identifier: Apache-2.0
//! All workers of a gateway, one per source.

use std::sync::Arc;

use tokio::sync::watch;

use crate::board::Board;
use crate::tables;
use crate::{PipelineError, PipelineHandle, PipelineOptions};

/// The pipeline of one gateway. Nothing runs before [`Pipeline::run`].
pub struct Pipeline {
    options: PipelineOptions,
    boards: Arc<[Arc<Board>]>,
    changed: watch::Receiver<u64>,
}

impl Pipeline {
    /// Creates the pipeline's tables in the store where they are missing. Blocks on the store.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn new(options: PipelineOptions) -> Result<Self, PipelineError> {
        options.store.local(|txn| tables::prepare(txn))?;
        let (sender, changed) = watch::channel(0);
        let boards = options
            .sources
            .iter()
            .map(|s| Arc::new(Board::new(s.source.name(), sender.clone())))
            .collect();
        Ok(Self {
            options,
            boards,
            changed,
        })
    }

    /// A handle; any number may be taken, before and during the run.
    #[must_use]
    pub fn handle(&self) -> PipelineHandle {
        PipelineHandle {
            store: self.options.store.clone(),
            boards: self.boards.clone(),
            changed: self.changed.clone(),
        }
    }

    /// Runs until `shutdown` completes, then ends every worker after the transaction it is in. Faults of a
    /// source or of the disk are retried and shown in the status; they never end the run.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        shutdown.await;
    }
}
