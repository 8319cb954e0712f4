// SPDX-License-Identifier: Apache-2.0
//! How the ledger and its backup are.

use crate::admin::Ledger;
use crate::output::{size, span};

/// After so long without a backup a person is reminded.
const BACKUP_DUE_MS: u64 = 7 * 24 * 3_600_000;

pub(super) fn ledger(ledger: &Ledger, now_ms: u64) -> String {
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
pub(super) fn troubles(ledger: &Ledger) -> String {
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

/// When the last backup was made, and a reminder where that is long ago.
pub(super) fn backup(made_ms: Option<u64>, now_ms: u64) -> String {
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
