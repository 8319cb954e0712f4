// SPDX-License-Identifier: Apache-2.0
//! The background scrub: a little of every stored chain every few seconds, for as long as the gateway runs.
//!
//! What can be mended from the ledger's own whole parts (look-ups, the tree, block 0) is mended at once; for
//! the rest the list of damage says what to ask another member for.

use std::time::Duration;

use silsila_store::chain::Height;
use silsila_store::{Clock as _, Fault, Store, SystemClock};
use tokio::time::MissedTickBehavior;

use crate::shared::Shared;

/// How often a step is taken.
const EVERY: Duration = Duration::from_secs(2);
/// About how many entries a step looks at: a million in half an hour, at some 2% of one processor.
const ENTRIES: u64 = 1000;

/// Scrubs the gateway's own ledger and those of its channels until it is aborted; a step that has begun is finished.
pub async fn run(own: Store, shared: Option<Shared>) {
    let mut turn = tokio::time::interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        let (own, shared) = (own.clone(), shared.clone());
        let step = tokio::task::spawn_blocking(move || {
            let others = shared.map_or_else(Vec::new, |shared| shared.running());
            step(&own);
            others.iter().skip(1).for_each(|other| step(&other.store));
        });
        let step = step.await;
        if step.is_err() {
            tracing::error!("the scrub ended in the middle of a step");
            return;
        }
    }
}

fn step(store: &Store) {
    let now = SystemClock.now_ms();
    match store.scrub(ENTRIES, now) {
        Ok(step) => {
            for fault in &step.faults {
                tracing::error!(code = "LED0002", %fault, "the stored ledger is damaged");
                mend(store, fault, now);
            }
        }
        // A full disk or a closed ledger is told by whoever writes; the next step tries again.
        Err(error) => tracing::debug!(code = error.code(), "the scrub could not take a step"),
    }
}

/// Writes anew what follows from parts that are whole; what does not stays on the list.
fn mend(store: &Store, fault: &Fault, now_ms: u64) {
    let mended = match fault.place.height {
        Some(Height(0)) => store.repair_genesis(now_ms).is_ok(),
        Some(height) => (store.block(height).ok().flatten())
            .and_then(|block| store.repair_block(&block, now_ms).ok())
            .is_some_and(|left| left.is_empty()),
        None => false,
    };
    if mended {
        tracing::warn!(%fault, "mended from the ledger's own whole parts");
    }
}
