// SPDX-License-Identifier: Apache-2.0
//! The turns of one session with a source: what is due, live changes first.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::PipelineError;
use crate::backoff::Backoff;
use crate::connect::Connected;
use crate::feed::{Tail, Told};
use crate::held::Lookout;
use crate::intake::Intake;
use crate::tables::{feed, progress};
use crate::watch::Watch;
use crate::worker::{LONGEST_IDLE, Worker};

/// How often the quarantine is looked through for rows that are due.
const RETRY_EVERY: Duration = Duration::from_secs(30);
/// How often, at the most, what a log needs is looked for where it is missing.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// While a log is followed, the watermarks are polled so many times less often: they find what a session
/// changed without logging it.
const SELDOM: u32 = 15;
/// A sweep that the log orders waits so many times as long as the last one took, so that a program which
/// truncates a table every minute does not keep the database busy.
const BREATH: u32 = 10;

/// What a turn came to.
pub(crate) enum Turn {
    /// There was something to do, and there may be more.
    Worked,
    /// Nothing was due.
    Idle,
    /// The tables are other than they were, or a person has accepted that: the session begins anew.
    Anew,
}

/// The turns of one session.
pub(crate) struct Shift<'i> {
    intake: &'i Intake,
    connected: &'i Connected,
    pub lookout: Lookout,
    watches: HashMap<i64, Watch>,
    tail: Option<Tail>,
    tail_due: Instant,
    patience: Backoff,
    poll_due: Instant,
    retry_due: Instant,
    sweep_due: Instant,
    hours_open: Instant,
}

impl<'i> Shift<'i> {
    pub fn begin(intake: &'i Intake, connected: &'i Connected) -> Result<Self, PipelineError> {
        let now = Instant::now();
        // The log's end before the newest watermarks, and both before the first sweep.
        let tail = intake.join_log(&connected.schema)?;
        Ok(Self {
            intake,
            connected,
            lookout: Lookout::new(connected.schema.clone()),
            watches: intake.watches(connected.clock)?,
            tail,
            tail_due: now + ASK_AGAIN,
            patience: Backoff::default(),
            poll_due: now,
            retry_due: now,
            sweep_due: now + connected.sweep_in,
            hours_open: now,
        })
    }

    /// Does what is due, live changes first.
    pub fn turn(&mut self, source: &progress::SourceRow) -> Result<Turn, PipelineError> {
        if self.intake.schema_moved(&mut self.lookout)? || self.intake.acceptance_waits()? {
            tracing::info!(source = self.intake.name(), "the tables are looked at anew");
            return Ok(Turn::Anew);
        }
        let mut worked = self.follow(source)?;
        if Instant::now() >= self.poll_due {
            self.poll(source)?;
            worked = true;
        }
        if Instant::now() >= self.retry_due || self.intake.retry_ordered()? {
            let full = self.intake.retry_due(source.sweep)? > 0;
            self.retry_due = Instant::now() + if full { Duration::ZERO } else { RETRY_EVERY };
            worked |= full;
        }
        Ok(if self.sweep(source)? || worked {
            Turn::Worked
        } else {
            Turn::Idle
        })
    }

    /// Waits until something is due, or the log tells of something.
    pub fn rest(
        &mut self,
        worker: &Worker,
        source: &progress::SourceRow,
    ) -> Result<(), PipelineError> {
        let idle = self.idle_for(LONGEST_IDLE);
        if self.tail.is_some() {
            self.listen(source, idle)?;
        } else {
            worker.sleep(idle);
        }
        Ok(())
    }

    /// Takes what the log holds, for as long as one poll may take.
    fn follow(&mut self, source: &progress::SourceRow) -> Result<bool, PipelineError> {
        if self.tail.is_none() && Instant::now() >= self.tail_due {
            self.tail = self.intake.join_log(&self.connected.schema)?;
            self.tail_due = Instant::now() + ASK_AGAIN;
        }
        let until = Instant::now() + self.intake.options.poll_interval;
        let mut worked = false;
        while self.tail.is_some() && self.listen(source, Duration::ZERO)? {
            worked = true;
            if Instant::now() >= until {
                break;
            }
        }
        self.pay(source)?;
        Ok(worked)
    }

    /// Asks the log once. Answers whether more may be there.
    fn listen(
        &mut self,
        source: &progress::SourceRow,
        wait: Duration,
    ) -> Result<bool, PipelineError> {
        let Some(tail) = &mut self.tail else {
            return Ok(false);
        };
        let begun = Instant::now();
        match self.intake.follow_log(tail, source, wait)? {
            Told::Rows { count, more } => {
                self.patience.reset();
                if count > 0 {
                    let millis = begun.elapsed().as_millis();
                    tracing::debug!(source = self.intake.name(), count, millis, "followed");
                }
                Ok(more)
            }
            Told::Tables => {
                self.lookout.hurry();
                Ok(false)
            }
            Told::Lost => Ok(false),
            Told::Failed(fault) => {
                let log = self.intake.options.source.feed();
                let name = log.map(silsila_source::Feed::name).unwrap_or_default();
                self.intake.show_failed(name, &fault);
                self.tail = None;
                self.tail_due = Instant::now() + self.patience.next();
                self.poll_due = Instant::now();
                Ok(false)
            }
        }
    }

    /// Orders the sweep that something in the log asks for.
    fn pay(&mut self, source: &progress::SourceRow) -> Result<(), PipelineError> {
        let running = source.sweep > source.sweep_over;
        let Some(tail) = self.tail.as_mut().filter(|tail| tail.owed && !running) else {
            return Ok(());
        };
        let status = self.intake.board.status();
        if let (Some(started), Some(ended)) = (status.sweep_started_ms, status.sweep_ended_ms) {
            let took = Duration::from_millis((ended - started).max(0).unsigned_abs());
            let rest = (took * BREATH).min(self.intake.options.sweep_interval);
            let rested = (self.intake.now_ms() - ended).max(0).unsigned_abs();
            if Duration::from_millis(rested) < rest {
                return Ok(());
            }
        }
        tail.owed = false;
        let id = self.intake.id;
        self.intake.store.local(|txn| feed::pay(txn, id))
    }

    fn poll(&mut self, source: &progress::SourceRow) -> Result<(), PipelineError> {
        let begun = Instant::now();
        let changed = self
            .intake
            .poll(&mut self.watches, self.connected.clock, source.sweep)?;
        let seldom = if self.tail.is_some() { SELDOM } else { 1 };
        self.poll_due = begun + self.intake.options.poll_interval * seldom;
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
            // The tables are looked at before the first of them is read.
            self.lookout.hurry();
            return Ok(true);
        }
        let slice = Instant::now() + self.intake.options.poll_interval;
        self.intake.sweep_slice(source, self.poll_due.min(slice))?;
        Ok(true)
    }

    fn idle_for(&self, longest: Duration) -> Duration {
        let sweep = self.sweep_due.max(self.hours_open);
        let next = self.poll_due.min(self.retry_due).min(sweep);
        let next = next.min(self.lookout.due());
        next.saturating_duration_since(Instant::now()).min(longest)
    }
}
