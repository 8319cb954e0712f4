// SPDX-License-Identifier: Apache-2.0
//! What keeps the ledgers well while the gateway runs: a little of every stored chain is looked at every few
//! seconds, and what a read or the scrub finds damaged is mended: from the ledger's own whole parts, with what other
//! members send, or by a new file in the place of a damaged one, while the gateway serves what is sound.

use std::time::Duration;

use silsila_fhir::SearchIndex;
use silsila_store::{Clock as _, Rebuilt, Store, StoreError, StoreOptions, SystemClock, Tended};
use tokio::time::MissedTickBehavior;

use crate::shared::Shared;

/// How often it is asked whether a read has met damage; then the mending begins at once.
const LOOK: Duration = Duration::from_millis(250);
/// Every so many looks a step is taken in any case.
const LOOKS: u32 = 8;
/// About how many entries a step looks at: a million in half an hour, at some 2% of one processor.
const ENTRIES: u64 = 1000;

/// Looks after the gateway's own ledger and those of its channels until it is aborted; a step that has begun is
/// finished.
pub async fn run(own: Store, shared: Option<Shared>) {
    let mut turn = tokio::time::interval(LOOK);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for look in 1_u32.. {
        turn.tick().await;
        let (own, shared) = (own.clone(), shared.clone());
        let step = tokio::task::spawn_blocking(move || {
            let others = shared.map_or_else(Vec::new, |shared| shared.running());
            let others = others.iter().skip(1).map(|other| &other.store);
            for store in std::iter::once(&own).chain(others) {
                if store.is_hurt() || look.is_multiple_of(LOOKS) {
                    step(store);
                }
            }
        });
        let step = step.await;
        if step.is_err() {
            tracing::error!("the scrub ended in the middle of a step");
            return;
        }
    }
}

/// Opens a channel's ledger; one that is too damaged for it is begun anew with what is left, and other members have
/// the rest.
///
/// # Errors
/// As [`Store::open`].
pub fn open(options: StoreOptions) -> Result<Store, StoreError> {
    let (store, rebuilt) = Store::open_or_rebuild(options, SearchIndex::new())?;
    if let Some(rebuilt) = rebuilt {
        tell(&store, &rebuilt);
    }
    Ok(store)
}

fn step(store: &Store) {
    match store.tend(ENTRIES, SystemClock.now_ms()) {
        Ok(tended) => report(store, &tended),
        // A full disk or a closed ledger is told by whoever writes; the next step tries again.
        Err(error) => tracing::debug!(code = error.code(), "the ledger could not be tended"),
    }
}

fn report(store: &Store, tended: &Tended) {
    for fault in &tended.faults {
        tracing::error!(code = "LED0002", %fault, "the stored ledger is damaged");
    }
    if tended.mended > 0 {
        tracing::warn!(
            places = tended.mended,
            "mended from the ledger's own whole parts"
        );
    }
    if let Some(rebuilt) = &tended.rebuilt {
        tell(store, rebuilt);
    } else if tended.waits_for > 0 && !tended.faults.is_empty() {
        let parts = tended.waits_for;
        tracing::warn!(
            parts,
            "the ledger's file is made anew once other members have sent what is damaged"
        );
    }
}

fn tell(store: &Store, rebuilt: &Rebuilt) {
    let Rebuilt {
        blocks,
        blocks_had,
        payloads_had,
        payloads_wanted,
        lost,
    } = rebuilt;
    tracing::warn!(
        blocks,
        blocks_had,
        payloads_had,
        payloads_wanted,
        "a damaged ledger's file was made anew, with what other members sent"
    );
    if lost.is_empty() {
        return;
    }
    tracing::error!(
        code = "LED0018",
        transactions = lost.transactions,
        tables = lost.tables.join(", "),
        "what nobody else has was lost: own transactions not yet ordered, or rows of the intake's memory"
    );
    if let Err(error) = silsila_pipeline::doubt(store) {
        tracing::error!(%error, "the intake could not be told to compare its memory with the ledger");
    }
}
