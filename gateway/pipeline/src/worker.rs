// SPDX-License-Identifier: Apache-2.0
//! One source's worker: a thread that connects, resumes, and then polls, retries and sweeps in turn until
//! it is told to end. Whatever fails is shown, waited for and begun again from what the store holds.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use silsila_store::{Clock, Store};
use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::board::Board;
use crate::change::WarningKinds;
use crate::connect::Connected;
use crate::intake::Intake;
use crate::shift::{Shift, Turn};
use crate::stop::Stop;
use crate::tables::progress;
use crate::{FaultStatus, PipelineError, PipelineKeys, SourceOptions, SourceState, record};

/// What a worker is made of; consumed by its thread.
pub(crate) struct Worker {
    pub options: SourceOptions,
    pub store: Store,
    pub keys: PipelineKeys,
    pub clock: Arc<dyn Clock>,
    pub runtime: Handle,
    pub board: Arc<Board>,
    pub stop: Arc<Stop>,
}

/// How long the worker sleeps at most, so that an order given by another process is found.
pub(crate) const LONGEST_IDLE: Duration = Duration::from_secs(5);

impl Worker {
    /// Runs until told to end.
    pub fn run(self) {
        let mut backoff = Backoff::default();
        while !self.stop.is_set() {
            // Whatever a panic left in memory is dropped; the next session knows what the store knows.
            let session = catch_unwind(AssertUnwindSafe(|| self.session(&mut backoff)));
            match session.unwrap_or(Err(PipelineError::Panicked)) {
                Ok(()) | Err(PipelineError::Stopped) => {}
                Err(fault) => self.hold_up(&fault, &mut backoff),
            }
        }
        self.board
            .update(|status| status.state = SourceState::Stopped);
    }

    /// Shows a fault, and waits until it is time to try again, somebody gives an order, or the end comes.
    fn hold_up(&self, fault: &PipelineError, backoff: &mut Backoff) {
        if fault.contradicts_the_ledger() {
            self.order_repair();
        }
        let wait = backoff.next();
        let now = i64::try_from(self.clock.now_ms()).unwrap_or(i64::MAX);
        let retry_ms = Some(now + i64::try_from(wait.as_millis()).unwrap_or(0));
        let code = fault.code();
        tracing::warn!(
            source = self.options.source.name(),
            code,
            attempts = backoff.attempts(),
            retry_in_ms = wait.as_millis(),
            "{fault}"
        );
        self.board.update(|status| {
            let since_ms = match &status.fault {
                Some(before) if before.code == code => before.since_ms,
                _ => now,
            };
            status.state = if fault.is_transient() {
                SourceState::Waiting
            } else {
                SourceState::Faulty
            };
            status.fault = Some(FaultStatus {
                code,
                message: fault.to_string(),
                since_ms,
                attempts: backoff.attempts(),
                retry_ms,
            });
        });
        self.sleep(wait);
    }

    /// A rejected transaction never happened, although the row states say that it did.
    fn order_repair(&self) {
        let ordered = self.store.local(|txn| {
            let source = progress::source(txn, self.options.source.name())?;
            progress::set_repair(txn, source.id, true)
        });
        if let Err(error) = ordered {
            tracing::error!(
                code = error.code(),
                "the repair could not be noted: {error}"
            );
        }
    }

    pub fn sleep(&self, time: Duration) {
        self.runtime.block_on(async {
            tokio::select! {
                () = self.stop.wait() => {}
                () = self.board.woken() => {}
                () = tokio::time::sleep(time) => {}
            }
        });
    }

    /// From connecting to the first failure, to the end, or to an answer that changes what there is to do.
    fn session(&self, backoff: &mut Backoff) -> Result<(), PipelineError> {
        let (intake, connected) = self.connect()?;
        let mut shift = Shift::begin(&intake, &connected)?;
        let mut asked = false;
        loop {
            if self.stop.is_set() {
                return Ok(());
            }
            let source = self
                .store
                .read(|conn| progress::source(conn, intake.name()))?;
            if source.asking {
                asked = true;
                self.ask_and_wait(&intake)?;
                continue;
            }
            if asked {
                return Ok(());
            }
            self.running(&intake, backoff);
            match shift.turn(&source) {
                Ok(Turn::Worked) => {}
                Ok(Turn::Idle) => shift.rest(self, &source)?,
                Ok(Turn::Anew) => return Ok(()),
                Err(fault) if intake.explained_by_schema(&fault, &mut shift.lookout) => {
                    return Ok(());
                }
                Err(fault) => return Err(fault),
            }
        }
    }

    fn connect(&self) -> Result<(Intake, Connected), PipelineError> {
        let name = self.options.source.name();
        let (id, kinds) = self.store.local(|txn| {
            let id = progress::source(txn, name)?.id;
            Ok::<_, PipelineError>((id, WarningKinds::load(txn)?))
        })?;
        let mut intake = Intake {
            options: self.options.clone(),
            store: self.store.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
            board: self.board.clone(),
            stop: self.stop.clone(),
            id,
            ids: HashMap::new(),
            kinds: Mutex::new(kinds),
            doubtful_keys: HashSet::new(),
            held: HashSet::new(),
        };
        let connected = intake.connect()?;
        Ok((intake, connected))
    }

    fn running(&self, intake: &Intake, backoff: &mut Backoff) {
        backoff.reset();
        let changed = {
            let status = self.board.status();
            status.fault.is_some() || status.state != SourceState::Running
        };
        if changed {
            tracing::info!(source = intake.name(), "rows are flowing");
            self.board.update(|status| {
                status.state = SourceState::Running;
                status.question = None;
                if let Some(fault) = status.fault.take() {
                    status.last_fault = Some(fault);
                }
            });
        }
    }

    /// Stands still until a person answers.
    fn ask_and_wait(&self, intake: &Intake) -> Result<(), PipelineError> {
        let question = self.store.read(|conn| record::question(conn, intake.id))?;
        self.board.update(|status| {
            status.state = SourceState::NeedsConfirmation;
            status.question = question;
        });
        self.sleep(LONGEST_IDLE);
        Ok(())
    }
}
