// SPDX-License-Identifier: Apache-2.0
//! `silsila source status|confirm|resync`.

use serde::Serialize;
use silsila_config::Settings;
use silsila_source::FeedStanding;

use super::{order, print, print_json, source_named};
use crate::admin::{Answer, Order};
use crate::assemble;
use crate::cli::{SourceArgs, SourceCommand};
use crate::exit::{Exit, Failure};
use crate::output::Table;

pub(super) async fn run(settings: &Settings, command: &SourceCommand) -> Result<Exit, Failure> {
    match command {
        SourceCommand::Status(args) => status(settings, args).await,
        SourceCommand::Confirm(args) => {
            let source = source_named(settings, args.source.as_deref())?.name.clone();
            carry_out(settings, Order::Confirm { source }).await
        }
        SourceCommand::Resync(args) => {
            let source = source_named(settings, args.source.as_deref())?.name.clone();
            let mapping = args.mapping.clone();
            carry_out(settings, Order::Resync { source, mapping }).await
        }
    }
}

async fn carry_out(settings: &Settings, wanted: Order) -> Result<Exit, Failure> {
    if let Answer::Done(message) = order(settings, wanted).await? {
        print(&message);
    }
    Ok(Exit::Ok)
}

/// What a source says of itself, asked directly.
#[derive(Serialize)]
struct Shown {
    source: String,
    server: String,
    tls: Option<String>,
    notes: Vec<String>,
    /// The log of changes that the database could offer, and what is missing to follow it.
    log: Option<ShownLog>,
    tables: Vec<ShownTable>,
}

#[derive(Serialize)]
struct ShownLog {
    name: &'static str,
    missing: Vec<String>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct ShownTable {
    table: String,
    rows: u64,
    columns: usize,
    key: Vec<String>,
}

async fn status(settings: &Settings, args: &SourceArgs) -> Result<Exit, Failure> {
    let configured = source_named(settings, args.source.as_deref())?;
    let source = assemble::source(settings, configured)?;
    let health = source.health().await?;
    let mut tables = Vec::new();
    for table in source.schema().await?.tables {
        tables.push(ShownTable {
            rows: source.count(&table.name).await?,
            columns: table.columns.len(),
            key: table.primary_key,
            table: table.name,
        });
    }
    let log = match source.feed() {
        None => None,
        Some(feed) => Some(match feed.standing().await? {
            FeedStanding::Ready { notes } => ShownLog {
                name: feed.name(),
                missing: Vec::new(),
                notes,
            },
            FeedStanding::Missing(missing) => ShownLog {
                name: feed.name(),
                missing,
                notes: Vec::new(),
            },
        }),
    };
    let shown = Shown {
        log,
        source: configured.name.clone(),
        server: health.server,
        tls: health.tls,
        notes: health.notes,
        tables,
    };
    if args.output.json {
        print_json(&shown)?;
    } else {
        print(&text(&shown));
    }
    Ok(Exit::Ok)
}

fn text(shown: &Shown) -> String {
    let tls = shown.tls.as_deref().unwrap_or("not encrypted");
    let mut lines = vec![format!("{}: {}, {tls}", shown.source, shown.server)];
    lines.extend(shown.notes.iter().map(|note| format!("note: {note}")));
    if let Some(log) = &shown.log {
        let name = log.name;
        lines.push(if log.missing.is_empty() {
            format!("changes: the {name} can be followed")
        } else {
            format!("changes: by watermark; the {name} cannot be followed:")
        });
        let why = log.missing.iter().chain(&log.notes);
        lines.extend(why.map(|sentence| format!("  {sentence}")));
    }
    let mut table = Table::new(["table", "rows", "columns", "key"]);
    for entry in &shown.tables {
        table.row([
            entry.table.clone(),
            entry.rows.to_string(),
            entry.columns.to_string(),
            entry.key.join(", "),
        ]);
    }
    lines.push(table.to_string());
    lines.join("\n")
}
