// SPDX-License-Identifier: Apache-2.0
//! `silsila source status|columns|confirm|resync`.

use serde::Serialize;
use silsila_config::Settings;
use silsila_source::{ColumnKind, FeedStanding};

use super::{order, print, print_json, source_named};
use crate::admin::{Answer, Order};
use crate::assemble;
use crate::cli::{ColumnsArgs, SourceArgs, SourceCommand};
use crate::exit::{Exit, Failure};
use crate::output::Table;

pub(super) async fn run(settings: &Settings, command: &SourceCommand) -> Result<Exit, Failure> {
    match command {
        SourceCommand::Status(args) => status(settings, args).await,
        SourceCommand::Columns(args) => columns(settings, args).await,
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
        print_held(settings, &configured.name).await;
    }
    Ok(Exit::Ok)
}

/// The mappings that stand still, as far as a gateway or its file can be asked.
async fn print_held(settings: &Settings, name: &str) {
    if let Ok(Answer::Report(report)) = order(settings, Order::Status).await
        && let Some(source) = report.pipeline.source(name)
    {
        super::status::held_lines(source)
            .iter()
            .for_each(|line| print(line.trim_start()));
    }
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

/// One column, as a mapping's author wants to know it.
#[derive(Serialize)]
struct ShownColumn {
    column: String,
    #[serde(rename = "type")]
    sql_type: String,
    arrives_as: &'static str,
    nullable: bool,
    in_key: bool,
}

async fn columns(settings: &Settings, args: &ColumnsArgs) -> Result<Exit, Failure> {
    let configured = source_named(settings, args.source.as_deref())?;
    let source = assemble::source(settings, configured)?;
    let schema = source.schema().await?;
    let Some(table) = schema.table(&args.table) else {
        let names: Vec<&str> = schema.tables.iter().map(|t| t.name.as_str()).collect();
        return Err(Failure::Unknown {
            what: "table",
            name: args.table.clone(),
            known: match silsila_diagnostics::suggest(&args.table, names.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", names.join(", ")),
            },
        });
    };
    let shown = table.columns.iter().map(|column| ShownColumn {
        column: column.name.clone(),
        sql_type: column.sql_type.clone(),
        arrives_as: arrives_as(column.kind),
        nullable: column.nullable,
        in_key: table.primary_key.contains(&column.name),
    });
    let shown: Vec<ShownColumn> = shown.collect();
    if args.output.json {
        print_json(&shown)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(["column", "type", "arrives as", "NULL", "key"]);
    for column in shown {
        let yes = |there: bool| String::from(if there { "yes" } else { "" });
        table.row([
            column.column,
            column.sql_type,
            column.arrives_as.to_owned(),
            yes(column.nullable),
            yes(column.in_key),
        ]);
    }
    print(&table.to_string());
    Ok(Exit::Ok)
}

fn arrives_as(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Bool => "true or false",
        ColumnKind::Integer => "integer",
        ColumnKind::Decimal => "decimal",
        ColumnKind::Float => "float",
        ColumnKind::Text => "text",
        ColumnKind::Bytes => "bytes",
        ColumnKind::Date => "date",
        ColumnKind::DateTime => "date and time",
        ColumnKind::Time => "time of day",
        ColumnKind::Unsupported => "not read",
    }
}
