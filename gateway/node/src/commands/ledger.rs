// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger blocks|verify|proof`: the ledger's file, read only, also while a gateway runs.

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use silsila_config::Settings;
use silsila_store::{BlockSummary, VerifyReport};

use super::{print, print_json};
use crate::assemble::open_store_read_only;
use crate::cli::{BlocksArgs, VerifyArgs};
use crate::exit::{Exit, Failure};
use crate::output::{Table, size, time};

#[derive(Serialize)]
struct ShownBlock {
    height: u64,
    hash: String,
    previous: String,
    time_ms: u64,
    transactions: u64,
    entries: u64,
    first_entry: u64,
}

impl From<BlockSummary> for ShownBlock {
    fn from(block: BlockSummary) -> Self {
        Self {
            height: block.height.0,
            hash: block.hash.to_string(),
            previous: block.previous.to_string(),
            time_ms: block.time_ms,
            transactions: block.transactions,
            entries: block.entries,
            first_entry: block.first_entry,
        }
    }
}

pub(super) fn blocks(settings: &Settings, args: &BlocksArgs) -> Result<Exit, Failure> {
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let newest = store.health()?.height.0;
    let range = match (args.from, args.to) {
        (None, None) => newest.saturating_sub(args.last.saturating_sub(1))..=newest,
        (from, to) => from.unwrap_or(0)..=to.unwrap_or(newest),
    };
    let blocks: Vec<ShownBlock> = store.blocks(range)?.into_iter().map(Into::into).collect();
    if args.output.json {
        print_json(&blocks)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new([
        "height",
        "time",
        "transactions",
        "entries",
        "hash",
        "previous",
    ]);
    for block in blocks {
        table.row([
            block.height.to_string(),
            time(block.time_ms),
            block.transactions.to_string(),
            block.entries.to_string(),
            block.hash.chars().take(16).collect(),
            block.previous.chars().take(16).collect(),
        ]);
    }
    print(&table.to_string());
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct ShownReport {
    clean: bool,
    blocks: u64,
    transactions: u64,
    entries: u64,
    payloads: u64,
    bytes: u64,
    seconds: f64,
    faults: Vec<String>,
}

pub(super) fn verify(settings: &Settings, args: &VerifyArgs) -> Result<Exit, Failure> {
    let store = open_store_read_only(settings, args.ledger.channel.as_deref())?;
    let bar = progress_bar("verifying");
    let started = std::time::Instant::now();
    let report = store.verify(&mut |progress| {
        bar.set_length(progress.of_blocks);
        bar.set_position(progress.blocks);
    });
    bar.finish_and_clear();
    let report = report?;
    let seconds = started.elapsed().as_secs_f64();
    let shown = ShownReport {
        clean: report.is_clean(),
        blocks: report.blocks,
        transactions: report.transactions,
        entries: report.entries,
        payloads: report.payloads,
        bytes: report.bytes,
        seconds,
        faults: report.faults.iter().map(ToString::to_string).collect(),
    };
    if args.output.json {
        print_json(&shown)?;
    } else {
        print(&text(&report, seconds));
    }
    Ok(if report.is_clean() {
        Exit::Ok
    } else {
        Exit::Found
    })
}

/// Drawn on standard error, and only where that is a terminal.
pub(super) fn progress_bar(what: &str) -> ProgressBar {
    let template = format!("{what} {{wide_bar}} {{pos}}/{{len}} blocks, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn text(report: &VerifyReport, seconds: f64) -> String {
    let VerifyReport {
        blocks,
        transactions,
        entries,
        payloads,
        bytes,
        ..
    } = report;
    let read = format!(
        "{blocks} blocks, {transactions} transactions, {entries} entries, {payloads} payloads ({}) in {seconds:.1} s",
        size(*bytes)
    );
    if report.is_clean() {
        return format!("verified: {read}; nothing is wrong");
    }
    let mut lines: Vec<String> = report
        .faults
        .iter()
        .map(|fault| format!("error[LED0002]: {fault}"))
        .collect();
    lines.push(format!("{} faults in {read}", report.faults.len()));
    lines.join("\n")
}
