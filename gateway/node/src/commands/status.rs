// SPDX-License-Identifier: Apache-2.0
//! `silsila status`: one look at the gateway, for a person or a script.

use std::fmt::Write as _;

use silsila_config::Settings;
use silsila_pipeline::{FaultStatus, SourceState, SourceStatus};

use super::{order, print, print_json};
use crate::admin::{Answer, ChannelReport, Ledger, NetworkReport, Order, Report};
use crate::ballots::Standing;
use crate::cli::OutputArgs;
use crate::exit::{Exit, Failure};
use crate::output::{Table, size, span, time};

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

/// The network, and a warning where the certificate is to be renewed and was not.
fn network(network: &NetworkReport, now_ms: u64) -> String {
    if let Some(fault) = &network.fault {
        return format!("network  {fault}");
    }
    let end = time(network.not_after_ms);
    let line = format!(
        "network  {}: {} as {}, certificate until {end}",
        network.name, network.organization, network.role
    );
    if now_ms > network.not_after_ms {
        format!(
            "{line}\n         THE CERTIFICATE HAS ENDED: ask the authority for a new invitation"
        )
    } else if now_ms >= network.renew_from_ms {
        let left = span(network.not_after_ms - now_ms);
        format!(
            "{line}\n         {left} left, and it could not be renewed yet: silsila network renew says why"
        )
    } else {
        line
    }
}

/// A channel: who orders it, who was heard, and what the loss of a validator would mean.
fn channel(channel: &ChannelReport, now_ms: u64) -> String {
    if let Some(why) = &channel.failing {
        return format!("channel  {}: TAKES NOTHING NOW: {why}", channel.name);
    }
    let others = channel.members.saturating_sub(1);
    let mut line = format!(
        "channel  {}: {} at height {} of {}; {} of {others} other members heard; {} transactions wait",
        channel.name,
        channel.role,
        channel.height,
        channel.seen.max(channel.height),
        channel.heard.len(),
        channel.waiting
    );
    let _ = write!(line, "\n         {}", validators(channel));
    for said in epoch(channel) {
        let _ = write!(line, "\n         {said}");
    }
    if channel.lacking > 0 {
        let _ = write!(line, "; {} payloads are fetched", channel.lacking);
    }
    if let (Some(ledger), Some(fhir)) = (&channel.ledger, &channel.fhir) {
        let _ = write!(
            line,
            "\n         {} entries, {}; FHIR at {fhir}",
            ledger.entries,
            size(ledger.file_bytes + ledger.wal_bytes)
        );
        line.push_str(&troubles(ledger));
    }
    for said in membership(channel, now_ms) {
        let _ = write!(line, "\n         {said}");
    }
    line
}

/// Within this time of the end a person is told.
const END_NEAR_MS: u64 = silsila_authority::RENEWAL_WARNING_MS;

/// What the channel's members decided on this gateway, and what waits for its vote.
fn membership(channel: &ChannelReport, now_ms: u64) -> Vec<String> {
    let mut said = Vec::new();
    let end = channel.not_after_ms.unwrap_or(u64::MAX);
    match channel.standing {
        Standing::Revoked => said.push(
            "REVOKED: nothing of this gateway is accepted any more, and no member speaks to it".to_owned(),
        ),
        Standing::Suspended => {
            said.push("SUSPENDED: nothing of this gateway is accepted until members reinstate it".to_owned());
        }
        Standing::Expired => said.push(format!(
            "EXPIRED on {}: nothing of this gateway is accepted until it is renewed",
            time(end)
        )),
        Standing::None => said.push("the channel's members have not admitted this gateway yet".to_owned()),
        Standing::Active if now_ms > end => {
            said.push(format!("its time on this channel ended on {}", time(end)));
        }
        Standing::Active if end - now_ms <= END_NEAR_MS => said.push(format!(
            "{} left on this channel: it is renewed by itself as soon as the authority has renewed its certificate, or by vote",
            span(end - now_ms)
        )),
        Standing::Active => {}
    }
    if channel.revoked_by_authority && channel.standing != Standing::Revoked {
        said.push("THE NETWORK'S AUTHORITY REVOKED THIS GATEWAY".to_owned());
    }
    if channel.unanswered > 0 {
        said.push(format!(
            "{} of {} open proposals wait for this gateway's word: silsila channel proposals",
            channel.unanswered, channel.proposals
        ));
    }
    said
}

/// What is to be said of a change of validators.
fn epoch(channel: &ChannelReport) -> Vec<String> {
    let mut said = Vec::new();
    if let Some(boundary) = channel.boundary {
        said.push(format!(
            "epoch {}: other validators order behind block {boundary}",
            channel.epoch
        ));
    } else if channel.epoch > 0 {
        said.push(format!("epoch {}", channel.epoch));
    }
    if channel.revoked_validators > 0 && channel.boundary.is_none() {
        said.push(format!(
            "{} OF THE VALIDATORS WAS REVOKED and keeps its seat until the members name others: silsila channel propose validators",
            channel.revoked_validators
        ));
    }
    said
}

fn validators(channel: &ChannelReport) -> String {
    match (channel.validators, channel.dispensable) {
        (1, _) => "one validator orders: while it is away nothing new is committed".to_owned(),
        (all, away) => format!(
            "{all} validators: {away} may be away; with {} away nothing new is committed, and everything is still read",
            away + 1
        ),
    }
}

/// After so long without a backup a person is reminded.
const BACKUP_DUE_MS: u64 = 7 * 24 * 3_600_000;

/// When the last backup was made, and a reminder where that is long ago.
fn backup(made_ms: Option<u64>, now_ms: u64) -> String {
    const HOW: &str = "make one: silsila ledger backup FILE, on another disk";
    match made_ms {
        None => format!("backup   NONE YET; {HOW}"),
        Some(made) => {
            let age = now_ms.saturating_sub(made);
            let due = if age >= BACKUP_DUE_MS {
                format!(", WHICH IS LONG; {HOW}")
            } else {
                String::new()
            };
            format!("backup   {} ago{due}", span(age))
        }
    }
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

fn head(report: &Report) -> String {
    let clock = time(report.now_ms);
    match (&report.fhir, report.started_ms) {
        (Some(fhir), Some(started)) => {
            let up = span(report.now_ms.saturating_sub(started));
            format!(
                "gateway  {}: running for {up}, FHIR at {fhir}\nclock    {clock}",
                report.hospital
            )
        }
        _ => format!(
            "gateway  {}: not running; this is what the ledger's file says\nclock    {clock}",
            report.hospital
        ),
    }
}

fn ledger(ledger: &Ledger, now_ms: u64) -> String {
    let Ledger {
        height,
        entries,
        outbox,
        ..
    } = ledger;
    let hash: String = ledger.hash.chars().take(16).collect();
    let age = if ledger.time_ms > now_ms {
        "the clock is behind the last block".to_owned()
    } else {
        format!("last block {} ago", span(now_ms - ledger.time_ms))
    };
    let mut line = format!(
        "ledger   height {height} ({hash}..), {entries} entries, {age}; outbox {outbox}; {} + {} log",
        size(ledger.file_bytes),
        size(ledger.wal_bytes)
    );
    if let Some(code) = &ledger.failing {
        line.push_str(&format!(
            "\n         cannot be written: {code} (docs/errors/{code}.md)"
        ));
    }
    line.push_str(&scrubbed(ledger, now_ms));
    line
}

/// What the background scrub says.
fn scrubbed(ledger: &Ledger, now_ms: u64) -> String {
    let mut lines = match ledger.scrub_ended_ms {
        0 => format!("\nscrub    at block {} of its first round", ledger.scrubbed),
        ended => format!(
            "\nscrub    at block {}; a whole round ended {} ago",
            ledger.scrubbed,
            span(now_ms.saturating_sub(ended))
        ),
    };
    lines.push_str(&troubles(ledger));
    lines
}

/// Damage, and two histories.
fn troubles(ledger: &Ledger) -> String {
    let mut lines = String::new();
    if ledger.damaged > 0 {
        let newest = ledger.damage.as_deref().unwrap_or_default();
        lines.push_str(&format!(
            "\n         {} damaged places, not repaired: LED0002; the newest: {newest}",
            ledger.damaged
        ));
    }
    if ledger.repaired > 0 {
        lines.push_str(&format!(
            "\n         {} damaged places were repaired: silsila ledger damage",
            ledger.repaired
        ));
    }
    if ledger.agreeing > 0 {
        lines.push_str(&format!(
            "\ntree     {} members signed the same one, up to block {}",
            ledger.agreeing, ledger.agreed
        ));
    }
    if let Some(height) = ledger.halted {
        lines.push_str(&format!(
            "\n         two histories, which differ at height {height} or before: nothing is committed, LED0017"
        ));
    }
    lines
}

fn source_lines(source: &SourceStatus, now_ms: u64) -> Vec<String> {
    let now = i64::try_from(now_ms).unwrap_or(i64::MAX);
    let ago = |ms: i64| span(now.saturating_sub(ms).max(0).unsigned_abs());
    let mut out = vec![format!(
        "source   {}: {}{}",
        source.name,
        state(source.state),
        server(source)
    )];
    if let Some(fault) = &source.fault {
        out.push(format!("         {}", fault_line(fault, now)));
    }
    if let Some(question) = &source.question {
        out.push(format!("         {} {}", question.code, question.message));
        out.push(format!(
            "         answer with: silsila source confirm {}",
            source.name
        ));
    }
    out.extend(
        source
            .notes
            .iter()
            .map(|note| format!("         note: {note}")),
    );
    out.extend(copy(source, now_ms));
    out.extend(held_lines(source));
    out.extend(changes(source, ago));
    out.push(match source.sweep_ended_ms {
        Some(ended) => format!(
            "         sweep {} complete, ended {} ago",
            source.sweep_completed,
            ago(ended)
        ),
        None => "         no sweep is complete yet".to_owned(),
    });
    out.push(mappings(source));
    out.extend(warnings(source));
    out
}

/// How old what is read is, where it is read from a copy.
fn copy(source: &SourceStatus, now_ms: u64) -> Vec<String> {
    let Some(copy) = &source.copy else {
        return Vec::new();
    };
    let ago = |ms: u64| span(now_ms.saturating_sub(ms));
    let written = copy.modified_ms.map_or_else(String::new, |ms| {
        format!("; the file was last written {} ago", ago(ms))
    });
    let mut out = vec![format!(
        "         read from a copy of {} ago{written}",
        ago(copy.taken_ms)
    )];
    out.extend(
        copy.behind
            .iter()
            .map(|why| format!("           older than the file: {why}")),
    );
    out
}

/// Mappings that stand still, with what changed under them and what to do.
pub(super) fn held_lines(source: &SourceStatus) -> Vec<String> {
    let mut out = Vec::new();
    for mapping in &source.mappings {
        let Some(held) = &mapping.held else { continue };
        let code = &held.code;
        out.push(format!(
            "         {code} mapping {} stands still (docs/errors/{code}.md)",
            mapping.name
        ));
        out.extend(held.differences.iter().map(|d| format!("           {d}")));
        if code == "PIP0019" {
            out.push(format!(
                "           to accept it: silsila source confirm {}",
                source.name
            ));
        }
    }
    out
}

/// How changes are found, and why not by the database's log.
fn changes(source: &SourceStatus, ago: impl Fn(i64) -> String) -> Vec<String> {
    let changes = &source.changes;
    let mut out = Vec::new();
    if let Some(log) = &changes.following {
        let rows = changes.rows;
        out.push(format!(
            "         changes from the {log}: {rows} rows since the start"
        ));
        out.extend(
            changes
                .notes
                .iter()
                .map(|note| format!("           {note}")),
        );
    } else if let Some(log) = &changes.offered {
        out.push(format!(
            "         changes by watermark; the {log} is not followed:"
        ));
        let reasons = changes.missing.iter().chain(&changes.fault);
        out.extend(reasons.map(|reason| format!("           {reason}")));
    }
    if let Some(lost) = &changes.lost {
        out.push(format!(
            "         PIP0017 the log's position was lost {} ago, and everything was compared: {}",
            ago(lost.at_ms),
            lost.reason
        ));
    }
    out
}

fn state(state: SourceState) -> &'static str {
    match state {
        SourceState::Starting => "starting",
        SourceState::Running => "running",
        SourceState::Waiting => "cannot be reached, trying again",
        SourceState::NeedsConfirmation => "stopped until a person confirms",
        SourceState::Faulty => "stopped by a fault that a person must mend",
        SourceState::Stopped => "not running",
    }
}

fn server(source: &SourceStatus) -> String {
    match (&source.server, &source.tls) {
        (Some(server), Some(tls)) => format!(" ({server}, {tls})"),
        (Some(server), None) => format!(" ({server}, not encrypted)"),
        (None, _) => String::new(),
    }
}

fn fault_line(fault: &FaultStatus, now: i64) -> String {
    let retry = fault.retry_ms.map_or_else(String::new, |retry| {
        format!(
            ", tried again in {}",
            span(retry.saturating_sub(now).max(0).unsigned_abs())
        )
    });
    format!("{} (attempt {}{retry})", fault.message, fault.attempts)
}

fn mappings(source: &SourceStatus) -> String {
    let mut table = Table::new([
        "mapping",
        "rows",
        "=",
        "produced",
        "empty",
        "not shared",
        "quarantined",
        "resources",
        "versions",
    ]);
    for mapping in &source.mappings {
        let counters = &mapping.counters;
        let sum = if counters.add_up() { "=" } else { "!" };
        let [
            rows,
            produced,
            empty,
            not_shared,
            quarantined,
            resources,
            versions,
        ] = [
            counters.rows,
            counters.produced,
            counters.empty,
            counters.not_shared,
            counters.quarantined,
            counters.resources,
            counters.versions,
        ]
        .map(|count| count.to_string());
        table.row([
            mapping.name.clone(),
            rows,
            sum.into(),
            produced,
            empty,
            not_shared,
            quarantined,
            resources,
            versions,
        ]);
    }
    table
        .to_string()
        .lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn warnings(source: &SourceStatus) -> Vec<String> {
    let mut table = Table::new(["mapping", "warning", "column", "element", "rows"]);
    let mut any = false;
    for mapping in &source.mappings {
        for warning in &mapping.warnings {
            any = true;
            table.row([
                mapping.name.clone(),
                warning.code.clone(),
                warning.column.clone().unwrap_or_default(),
                warning.element.clone().unwrap_or_default(),
                warning.rows.to_string(),
            ]);
        }
    }
    let lines = table.to_string();
    let indented = lines.lines().map(|line| format!("  {line}"));
    if any { indented.collect() } else { Vec::new() }
}
