// SPDX-License-Identifier: Apache-2.0
//! `silsila quarantine list|retry`.

use silsila_config::Settings;
use silsila_pipeline::QuarantineEntry;

use super::{order, print, print_json};
use crate::admin::{Answer, Order, Rows};
use crate::cli::{QuarantineCommand, WhichRows};
use crate::exit::{Exit, Failure};
use crate::output::Table;

pub(super) async fn run(settings: &Settings, command: &QuarantineCommand) -> Result<Exit, Failure> {
    match command {
        QuarantineCommand::List(args) => {
            let rows = rows(&args.which);
            let wanted = Order::Quarantine {
                rows,
                limit: args.limit,
            };
            if let Answer::Rows(found) = order(settings, wanted).await? {
                show(&found, args.output.json)?;
            }
        }
        QuarantineCommand::Retry(args) => {
            let rows = rows(&args.which);
            let wanted = Order::Retry {
                rows,
                accept: args.accept,
            };
            if let Answer::Done(message) = order(settings, wanted).await? {
                print(&message);
            }
        }
    }
    Ok(Exit::Ok)
}

fn rows(which: &WhichRows) -> Rows {
    Rows {
        mapping: which.mapping.clone(),
        code: which.code.clone(),
        key: which.key.clone(),
    }
}

fn show(found: &Vec<QuarantineEntry>, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(found);
    }
    if found.is_empty() {
        print("the quarantine is empty");
        return Ok(());
    }
    let mut table = Table::new([
        "mapping", "key", "code", "column", "element", "tries", "reason",
    ]);
    for entry in found {
        let stale = if entry.stale {
            " (an earlier version is still served)"
        } else {
            ""
        };
        table.row([
            entry.mapping.clone(),
            entry.key.clone(),
            entry.code.clone(),
            entry.column.clone().unwrap_or_default(),
            entry.element.clone().unwrap_or_default(),
            entry.tries.to_string(),
            format!("{}{stale}", entry.reason),
        ]);
    }
    print(&table.to_string());
    Ok(())
}
