// SPDX-License-Identifier: Apache-2.0
//! How the sources and their mappings are.

use silsila_pipeline::{FaultStatus, SourceState, SourceStatus};

use crate::output::{Table, span};

pub(super) fn source_lines(source: &SourceStatus, now_ms: u64) -> Vec<String> {
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
pub(in crate::commands) fn held_lines(source: &SourceStatus) -> Vec<String> {
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
