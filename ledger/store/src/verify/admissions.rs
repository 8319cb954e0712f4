// SPDX-License-Identifier: Apache-2.0
//! Who came later than genesis, shown to whoever has no chain.

use std::collections::BTreeSet;

use rusqlite::Connection;
use silsila_chain::{Bundle, Change, Conflict, Entry, Height, Identity, PublicKey, read_entries};

use crate::file::{ChunkRow, tip_height};
use crate::read::{entries_through, prove};
use crate::{Store, StoreError};

/// Entries looked at in one go.
const STEP: u64 = 4096;

/// Proofs of the admission of those who signed the checkpoints of a conflict and are not known from genesis
/// or from the epochs that evidence shows. A proof that cannot be made is left out: the rest may suffice.
pub(super) fn admissions(
    store: &Store,
    conn: &Connection,
    conflict: &Conflict,
) -> Result<Vec<Bundle>, StoreError> {
    let Conflict::Checkpoints { first, second } = conflict else {
        return Ok(Vec::new());
    };
    let (genesis, epochs) = (store.genesis(), store.epochs(conn)?);
    let unknown = |key: &PublicKey| {
        let identity = Identity::ed25519(*key);
        genesis.founder(&identity).is_none() && !epochs.ever(&identity)
    };
    let mut sought: BTreeSet<PublicKey> = first.signers().chain(second.signers()).collect();
    sought.retain(unknown);
    let (mut bundles, mut from) = (Vec::new(), 0);
    let end = entries_through(conn, tip_height(conn)?.unwrap_or(Height(0)))?;
    while from < end && !sought.is_empty() {
        for seq in admitting(conn, from, from + STEP, &mut sought)? {
            if let Ok(proof) = prove(&store.0.reading, conn, &genesis.encode(), seq) {
                let payload = None;
                bundles.push(Bundle { proof, payload });
            }
        }
        from += STEP;
    }
    Ok(bundles)
}

/// The entries of a range that admit somebody who is sought, who is sought no longer then.
fn admitting(
    conn: &Connection,
    from: u64,
    to: u64,
    sought: &mut BTreeSet<PublicKey>,
) -> Result<Vec<u64>, StoreError> {
    let mut found = Vec::new();
    for chunk in ChunkRow::collect(conn, from, to)? {
        let entries = read_entries(&chunk.bytes).unwrap_or_default();
        for (entry, seq) in entries.iter().zip(chunk.first..) {
            if let Entry::Member(change) = &entry.entry
                && matches!(change.proposal.change, Change::Admit(_))
                && sought.remove(&change.proposal.subject.key)
            {
                found.push(seq);
            }
        }
    }
    Ok(found)
}
