// SPDX-License-Identifier: Apache-2.0
//! One source's worker: a thread that connects, resumes, and then polls, retries and sweeps in turn until
//! it is told to end. Whatever fails is shown, waited for and begun again from what the store holds.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use silsila_store::{Clock, Store};
use tokio::runtime::Handle;

use crate::backoff::Backoff;
use crate::board::Board;
use crate::change::WarningKinds;
use crate::connect::Connected;
use crate::intake::Intake;
use crate::stop::Stop;
use crate::tables::progress;
use crate::watch::Watch;
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

/// How often the quarantine is looked through for rows that are due.
const RETRY_EVERY: Duration = Duration::from_secs(30);
/// How long the worker sleeps at most, so that an order given by another process is found.
const LONGEST_IDLE: Duration = Duration::from_secs(5);

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

    fn sleep(&self, time: Duration) {
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
            let worked = shift.turn(&source)?;
            if !worked {
                let idle = shift.idle_for(LONGEST_IDLE);
                self.sleep(idle);
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

/// The turns of one session.
struct Shift<'i> {
    intake: &'i Intake,
    connected: &'i Connected,
    watches: HashMap<i64, Watch>,
    poll_due: Instant,
    retry_due: Instant,
    sweep_due: Instant,
    hours_open: Instant,
}

impl<'i> Shift<'i> {
    fn begin(intake: &'i Intake, connected: &'i Connected) -> Result<Self, PipelineError> {
        let now = Instant::now();
        Ok(Self {
            intake,
            connected,
            watches: intake.watches(connected.clock)?,
            poll_due: now,
            retry_due: now,
            sweep_due: now + connected.sweep_in,
            hours_open: now,
        })
    }

    /// Does what is due, live changes first. Answers whether there was anything.
    fn turn(&mut self, source: &progress::SourceRow) -> Result<bool, PipelineError> {
        let mut worked = false;
        if Instant::now() >= self.poll_due {
            self.poll(source)?;
            worked = true;
        }
        if Instant::now() >= self.retry_due || self.intake.retry_ordered()? {
            let full = self.intake.retry_due(source.sweep)? > 0;
            self.retry_due = Instant::now() + if full { Duration::ZERO } else { RETRY_EVERY };
            worked |= full;
        }
        Ok(self.sweep(source)? || worked)
    }

    fn poll(&mut self, source: &progress::SourceRow) -> Result<(), PipelineError> {
        let begun = Instant::now();
        let changed = self
            .intake
            .poll(&mut self.watches, self.connected.clock, source.sweep)?;
        self.poll_due = begun + self.intake.options.poll_interval;
        let now = self.intake.now_ms();
        self.intake.board.update(|status| {
            status.polls += 1;
            status.poll_ended_ms = Some(now);
        });
        if changed > 0 {
            let millis = begun.elapsed().as_millis();
            tracing::info!(source = self.intake.name(), changed, millis, "polled");
        }
        Ok(())
    }

    fn sweep(&mut self, source: &progress::SourceRow) -> Result<bool, PipelineError> {
        let running = source.sweep > source.sweep_over;
        let due = source.sweep_wanted > source.sweep || Instant::now() >= self.sweep_due;
        if !running && !due {
            return Ok(false);
        }
        if Instant::now() < self.hours_open {
            return Ok(false);
        }
        if let Some(hours) = &self.intake.options.hours {
            let closed = hours.opens_in_ms(self.intake.clock.now_ms());
            if closed > 0 {
                // Looked at again within the minute, because clocks are set.
                self.hours_open = Instant::now() + Duration::from_millis(closed.min(60_000));
                return Ok(false);
            }
        }
        if !running {
            self.sweep_due = Instant::now() + self.intake.options.sweep_interval;
            self.intake.begin_sweep(source, self.connected)?;
            return Ok(true);
        }
        self.intake.sweep_slice(source, self.poll_due)?;
        Ok(true)
    }

    fn idle_for(&self, longest: Duration) -> Duration {
        let sweep = self.sweep_due.max(self.hours_open);
        let next = self.poll_due.min(self.retry_due).min(sweep);
        next.saturating_duration_since(Instant::now()).min(longest)
    }
}
