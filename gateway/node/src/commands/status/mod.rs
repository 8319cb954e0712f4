// SPDX-License-Identifier: Apache-2.0
//! `silsila status`: one look at the gateway, for a person or a script. A file for each part of it.

mod ledger;
mod network;
mod restored;
mod source;

use silsila_config::Settings;
use silsila_pipeline::SourceState;

pub(super) use self::source::held_lines;

use self::ledger::{backup, ledger};
use self::network::{channel, network};
use self::source::source_lines;
use super::{order, print, print_json};
use crate::admin::{Answer, ChannelReport, Ledger, Order, Report};
use crate::ballots::Standing;
use crate::cli::OutputArgs;
use crate::clock::Off;
use crate::exit::{Exit, Failure};
use crate::output::{size, span, time};

pub(super) async fn run(settings: &Settings, args: &OutputArgs) -> Result<Exit, Failure> {
    let answer = order(settings, Order::Status).await?;
    let Answer::Report(mut report) = answer else {
        return Err(Failure::NoAnswer {
            reason: "it answered another question".to_owned(),
        });
    };
    report.network = super::network::report(settings);
    report.backed_up_ms = crate::backup::made_ms(settings);
    if args.json {
        print_json(&*report)?;
    } else {
        print(&shown(&report));
    }
    Ok(exit(&report))
}

/// 0 while all is well; 1 where a person is needed; 3 while the database is away; 4 where none runs.
fn exit(report: &Report) -> Exit {
    let any = |state| {
        report
            .pipeline
            .sources
            .iter()
            .any(|source| source.state == state)
    };
    if !report.running {
        Exit::NotRunning
    } else if ledgers(report).any(|ledger| ledger.failing.is_some() || ledger.halted.is_some()) {
        Exit::Ledger
    } else if any(SourceState::NeedsConfirmation)
        || any(SourceState::Faulty)
        || held(report)
        || report.restored.is_some()
        || report.clock.is_some()
        || ledgers(report).any(|ledger| ledger.damaged > 0)
        || membership_ended(report)
        || report.channels.iter().any(may_not_act)
        || report
            .channels
            .iter()
            .any(|channel| channel.failing.is_some())
    {
        Exit::Found
    } else if any(SourceState::Waiting) {
        Exit::Source
    } else {
        Exit::Ok
    }
}

/// The gateway's own ledger, and those of its further channels.
fn ledgers(report: &Report) -> impl Iterator<Item = &Ledger> {
    let others = report.channels.iter().filter_map(|it| it.ledger.as_ref());
    std::iter::once(&report.ledger).chain(others)
}

/// Whether the gateway's certificate is over, or cannot be read.
fn membership_ended(report: &Report) -> bool {
    let network = report.network.as_ref();
    network.is_some_and(|network| network.fault.is_some() || report.now_ms > network.not_after_ms)
}

/// Whether a channel takes nothing of this gateway's.
fn may_not_act(channel: &ChannelReport) -> bool {
    channel.revoked_by_authority
        || matches!(
            channel.standing,
            Standing::Expired | Standing::Suspended | Standing::Revoked
        )
}

/// Whether a mapping stands still because its tables changed.
fn held(report: &Report) -> bool {
    let mut mappings = report.pipeline.sources.iter().flat_map(|s| &s.mappings);
    mappings.any(|mapping| mapping.held.is_some())
}

fn shown(report: &Report) -> String {
    let mut out = vec![head(report), ledger(&report.ledger, report.now_ms)];
    out.extend(report.network.as_ref().map(|it| network(it, report.now_ms)));
    let now = report.now_ms;
    out.extend(report.channels.iter().map(|it| channel(it, now)));
    out.push(backup(report.backed_up_ms, report.now_ms));
    if let Some(free) = report.disk_free_bytes {
        out.push(format!("disk     {} free", size(free)));
    }
    for source in &report.pipeline.sources {
        out.push(String::new());
        out.extend(source_lines(source, report.now_ms));
    }
    out.join("\n")
}

/// What the clock says, and how it is off.
fn clock(report: &Report) -> String {
    let now = time(report.now_ms);
    let off = match report.clock {
        None => return format!("clock    {now}"),
        Some(Off::Behind { ms }) => format!("BEHIND: the newest block is dated {} later", span(ms)),
        Some(Off::Ahead { ms }) => {
            format!("AHEAD: the last blocks came {} after their dates", span(ms))
        }
    };
    format!("clock    {now}\n         CLI0016 THE CLOCK IS {off} (docs/errors/CLI0016.md)")
}

fn head(report: &Report) -> String {
    let clock = clock(report);
    if let Some(restored) = &report.restored {
        let following = restored::restored(&report.hospital, restored, report.now_ms);
        return format!("{following}\n{clock}");
    }
    match (&report.fhir, report.started_ms) {
        (Some(fhir), Some(started)) => {
            let up = span(report.now_ms.saturating_sub(started));
            format!(
                "gateway  {}: running for {up}, FHIR at {fhir}\n{clock}",
                report.hospital
            )
        }
        _ => format!(
            "gateway  {}: not running; this is what the ledger's file says\n{clock}",
            report.hospital
        ),
    }
}
