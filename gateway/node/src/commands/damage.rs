// SPDX-License-Identifier: Apache-2.0
//! `silsila ledger damage`: what was found damaged, when it was repaired, and with whose bytes.

use serde::Serialize;
use silsila_config::Settings;
use silsila_store::Damage;

use super::{print, print_json};
use crate::cli::DamageArgs;
use crate::exit::{Exit, Failure};
use crate::ledgers::Shelf;
use crate::output::{Table, time};

#[derive(Serialize)]
struct Shown {
    found_ms: u64,
    code: String,
    table: String,
    height: Option<u64>,
    entry: Option<u64>,
    what: String,
    repaired_ms: Option<u64>,
    repaired_from: Option<String>,
}

impl From<Damage> for Shown {
    fn from(damage: Damage) -> Self {
        Self {
            found_ms: damage.found_ms,
            code: damage.code,
            table: damage.table,
            height: damage.height,
            entry: damage.entry,
            what: damage.what,
            repaired_ms: damage.repaired_ms,
            repaired_from: damage.repaired_from,
        }
    }
}

pub(super) fn run(settings: &Settings, args: &DamageArgs) -> Result<Exit, Failure> {
    let store = Shelf::new(settings).open(args.ledger.channel.as_deref())?;
    let listed: Vec<Shown> = store
        .damage(args.last)?
        .into_iter()
        .map(Into::into)
        .collect();
    let open = listed.iter().any(|one| one.repaired_ms.is_none());
    if args.output.json {
        print_json(&listed)?;
    } else if listed.is_empty() {
        print("nothing was ever found damaged in this ledger");
    } else {
        print(&table(listed).to_string());
    }
    Ok(if open { Exit::Found } else { Exit::Ok })
}

fn table(listed: Vec<Shown>) -> Table<5> {
    let mut table = Table::new(["found", "where", "what", "repaired", "with the bytes of"]);
    for one in listed {
        let mut place = one.table;
        for (name, number) in [("height", one.height), ("entry", one.entry)] {
            if let Some(number) = number {
                place.push_str(&format!(", {name} {number}"));
            }
        }
        table.row([
            time(one.found_ms),
            place,
            one.what,
            one.repaired_ms.map_or("no".to_owned(), time),
            one.repaired_from.unwrap_or_default(),
        ]);
    }
    table
}
