// SPDX-License-Identifier: Apache-2.0
//! All workers of a gateway, one per source.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};

use crate::board::Board;
use crate::stop::Stop;
use crate::tables;
use crate::worker::Worker;
use crate::{PipelineError, PipelineHandle, PipelineOptions, SourceState};

/// The pipeline of one gateway. Nothing runs before [`Pipeline::run`].
pub struct Pipeline {
    options: PipelineOptions,
    boards: Arc<[Arc<Board>]>,
    changed: watch::Receiver<u64>,
}

impl Pipeline {
    /// Creates the pipeline's tables in the store where they are missing, and makes the sources known. Blocks on the store.
    ///
    /// # Errors
    /// Where the store fails.
    pub fn new(options: PipelineOptions) -> Result<Self, PipelineError> {
        options.store.local(|txn| {
            tables::prepare(txn)?;
            let mut names = options.sources.iter().map(|s| s.source.name());
            names.try_for_each(|name| tables::progress::add_source(txn, name))
        })?;
        let (sender, changed) = watch::channel(0);
        let boards = options
            .sources
            .iter()
            .map(|s| Arc::new(Board::of(s.source.clone(), sender.clone())))
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
        let stop = Arc::new(Stop::default());
        let mut ended = Vec::new();
        for (options, board) in self.options.sources.iter().zip(self.boards.iter()) {
            let worker = Worker {
                options: options.clone(),
                store: self.options.store.clone(),
                keys: self.options.keys.clone(),
                clock: self.options.clock.clone(),
                runtime: Handle::current(),
                board: board.clone(),
                stop: stop.clone(),
            };
            let (tell, told) = oneshot::channel();
            let started = std::thread::Builder::new()
                .name("silsila-intake".to_owned())
                .spawn(move || {
                    worker.run();
                    // Nobody is left to hear it when the run was dropped.
                    let _ = tell.send(());
                });
            match started {
                Ok(_) => ended.push(told),
                Err(error) => {
                    tracing::error!(%error, "the system has no thread for this source's intake");
                    board.update(|status| status.state = SourceState::Faulty);
                }
            }
        }
        let _stopped_when_dropped = StopOnDrop(stop.clone());
        shutdown.await;
        stop.set();
        for told in ended {
            // A worker that panicked has ended as well.
            let _ = told.await;
        }
    }
}

/// Ends the workers when the run is dropped instead of being told to end.
struct StopOnDrop(Arc<Stop>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
