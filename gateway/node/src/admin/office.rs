// SPDX-License-Identifier: Apache-2.0
//! Answers orders: inside a running gateway through its pipeline, or over the ledger's file alone while
//! none runs. Orders given then are found by the gateway that starts next.

use std::path::PathBuf;

use silsila_config::{PeerAddress, Settings};
use silsila_pipeline::{PipelineHandle, QuarantineFilter, Scope};
use silsila_store::{Clock as _, Store, SystemClock};
use tokio::sync::watch;

use super::protocol::{Answer, ChannelReport, Ledger, Order, Report, RestoredReport, Rows};
use crate::assemble::FHIR_PATH;
use crate::ballots::{Ballots, VoteFault};
use crate::clock;
use crate::exit::Failure;
use crate::ordering::Disk;
use crate::shared::{Running as Channel, Shared};

/// Whoever answers orders. Every answer blocks on the store.
#[derive(Clone)]
pub struct Office {
    store: Store,
    folder: PathBuf,
    hospital: String,
    running: Option<Running>,
    shared: Option<Shared>,
    ballots: Option<Ballots>,
    restored: Option<watch::Receiver<RestoredReport>>,
}

#[derive(Clone)]
struct Running {
    handle: PipelineHandle,
    fhir: String,
    started_ms: u64,
}

impl Office {
    /// Over the ledger's file alone.
    #[must_use]
    pub fn closed(settings: &Settings, store: Store) -> Self {
        Self {
            store,
            folder: settings.storage.folder.clone(),
            hospital: settings.hospital.name.clone(),
            running: None,
            shared: None,
            ballots: None,
            restored: None,
        }
    }

    /// Of a gateway that was restored and follows: what it waits for.
    #[must_use]
    pub fn following(self, restored: watch::Receiver<RestoredReport>) -> Self {
        Self {
            restored: Some(restored),
            ..self
        }
    }

    /// With the channels that the running gateway takes part in.
    #[must_use]
    pub fn sharing(self, shared: Option<Shared>) -> Self {
        Self { shared, ..self }
    }

    /// With the votes of their members.
    #[must_use]
    pub fn voting(self, ballots: Option<Ballots>) -> Self {
        Self { ballots, ..self }
    }

    /// Inside a running gateway that serves FHIR at `fhir`.
    #[must_use]
    pub fn running(self, handle: PipelineHandle, fhir: String) -> Self {
        Self {
            running: Some(Running {
                handle,
                fhir,
                started_ms: SystemClock.now_ms(),
            }),
            ..self
        }
    }

    /// Carries out an order.
    #[must_use]
    pub fn answer(&self, order: Order) -> Answer {
        self.carry_out(order)
            .unwrap_or_else(|error| Answer::Refused(error.to_string()))
    }

    fn carry_out(&self, order: Order) -> Result<Answer, Failure> {
        match order {
            Order::Status => Ok(Answer::Report(Box::new(self.report()?))),
            Order::Confirm { source } => self.confirm(&source),
            Order::Resync { source, mapping } => self.resync(source, mapping),
            Order::Quarantine { rows, limit } => self.quarantine(rows, limit),
            Order::Retry { rows, accept } => self.retry(&rows.into(), accept),
            Order::TakeUp { peers } => self.take_up(peers),
            Order::Vote { vote } => match &self.ballots {
                Some(ballots) => ballots.carry_out(vote),
                None if self.restored.is_some() => Err(Failure::Following),
                None => Err(VoteFault::NoChannel.into()),
            },
        }
    }

    fn report(&self) -> Result<Report, Failure> {
        let running = self.running.as_ref();
        let (now_ms, ledger, channels) = (
            SystemClock.now_ms(),
            Ledger::of(&self.store)?,
            self.channels()?,
        );
        let of_channels = channels.iter().find_map(|channel| channel.clock);
        Ok(Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            running: running.is_some() || self.restored.is_some(),
            hospital: self.hospital.clone(),
            fhir: running.map(|running| running.fhir.clone()),
            started_ms: running.map(|running| running.started_ms),
            now_ms,
            clock: clock::behind(now_ms, ledger.time_ms).or(of_channels),
            disk_free_bytes: Disk::of(&self.folder).map(|disk| disk.free),
            ledger,
            pipeline: match running {
                Some(running) => running.handle.status(),
                None => silsila_pipeline::recorded_status(&self.store)?,
            },
            backed_up_ms: None,
            channels,
            network: None,
            restored: (self.restored.as_ref()).map(|restored| restored.borrow().clone()),
        })
    }

    /// Every channel, the gateway's own first; of the others with how their ledgers are.
    fn channels(&self) -> Result<Vec<ChannelReport>, Failure> {
        let running = self.shared.as_ref().map(Shared::running);
        let mut reports = Vec::new();
        for (position, channel) in running.unwrap_or_default().iter().enumerate() {
            reports.push(self.channel(channel, position == 0)?);
        }
        Ok(reports)
    }

    fn channel(&self, channel: &Channel, own: bool) -> Result<ChannelReport, Failure> {
        let own_base = self.running.as_ref().map(|running| running.fhir.as_str());
        let address = own_base.and_then(|base| base.strip_suffix(FHIR_PATH));
        let ledger = (!own).then(|| Ledger::of(&channel.store)).transpose()?;
        let newest = ledger.as_ref().map(|ledger| ledger.time_ms);
        let mut report = ChannelReport {
            id: channel.genesis.id().to_string(),
            fhir: address.map(|address| format!("{address}{}", channel.path)),
            ledger,
            lacking: channel.store.lacks()?,
            clock: newest.and_then(|newest| clock::behind(SystemClock.now_ms(), newest)),
            ..ChannelReport::of(&channel.genesis.name, channel.handle.status())
        };
        if let Some(ballots) = &self.ballots {
            ballots.add_to(&mut report);
        }
        Ok(report)
    }

    /// Has the gateway take part in channels that were joined since it started.
    fn take_up(&self, peers: Vec<(String, String)>) -> Result<Answer, Failure> {
        if self.restored.is_some() {
            return Ok(Answer::Done(
                "the gateway was restored from a backup: it takes part once it is level with the others"
                    .to_owned(),
            ));
        }
        let Some(shared) = &self.shared else {
            return Ok(Answer::Done(
                "the running gateway is alone: set listen in [network], and restart it".to_owned(),
            ));
        };
        let peers = peers.into_iter();
        let peers: Vec<PeerAddress> = peers
            .map(|(key, address)| PeerAddress { key, address })
            .collect();
        let names = shared.take_up(&peers)?;
        Ok(Answer::Done(match names.as_slice() {
            [] => "the running gateway takes part in every channel that was joined".to_owned(),
            names => format!("the running gateway takes part in {} now", names.join(", ")),
        }))
    }

    fn confirm(&self, source: &str) -> Result<Answer, Failure> {
        let asked = match &self.running {
            Some(running) => running.handle.confirm(source)?,
            None => silsila_pipeline::confirm(&self.store, source)?,
        };
        let message = if asked {
            format!(
                "confirmed: {source} goes on with its tables as they are; its next sweep withdraws what vanished"
            )
        } else {
            format!("{source} is not asking for a confirmation; nothing was changed")
        };
        Ok(Answer::Done(message))
    }

    fn resync(&self, source: String, mapping: Option<String>) -> Result<Answer, Failure> {
        let what = mapping.clone().unwrap_or_else(|| source.clone());
        let scope = mapping.map_or(Scope::Source(source), Scope::Mapping);
        match &self.running {
            Some(running) => running.handle.resync(&scope)?,
            None => silsila_pipeline::resync(&self.store, &scope)?,
        }
        let when = self.when();
        Ok(Answer::Done(format!(
            "every row of {what} is read and mapped again {when}"
        )))
    }

    /// When an order takes effect.
    fn when(&self) -> &'static str {
        match (&self.running, &self.restored) {
            (Some(_), _) => "now",
            (None, Some(_)) => "when the gateway is level with the others",
            (None, None) => "when the gateway starts",
        }
    }

    fn quarantine(&self, rows: Rows, limit: u32) -> Result<Answer, Failure> {
        let filter = rows.into();
        let found = silsila_pipeline::quarantine(&self.store, &filter, limit as usize)?;
        Ok(Answer::Rows(found))
    }

    fn retry(&self, filter: &QuarantineFilter, accept: bool) -> Result<Answer, Failure> {
        let count = match &self.running {
            Some(running) => running.handle.retry(filter, accept)?,
            None => silsila_pipeline::retry(&self.store, filter, accept)?,
        };
        let when = self.when();
        let rows = if count == 1 {
            "1 row is".to_owned()
        } else {
            format!("{count} rows are")
        };
        Ok(Answer::Done(format!("{rows} mapped again {when}")))
    }
}
