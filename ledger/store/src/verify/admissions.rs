// SPDX-License-Identifier: Apache-2.0
//! Who came later than genesis, shown to whoever has no chain.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use silsila_chain::{
    Bundle, Change, Conflict, Entry, Height, Identity, MAX_ADMISSIONS, PublicKey, SignedCheckpoint,
    read_entries,
};

use crate::file::{ChunkRow, tip_height};
use crate::read::{entries_through, prove};
use crate::{Store, StoreError};

/// Entries looked at in one go.
const STEP: u64 = 4096;

/// Proofs of the admission of those who signed the checkpoints of a conflict and are not known from genesis
/// or from the epochs that evidence shows; of some of them where they are more than evidence holds. A proof
/// that cannot be made is left out: the rest may suffice.
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
    let signed = |note: &SignedCheckpoint| note.signers().filter(unknown).collect();
    let (first, second): (Vec<_>, Vec<_>) = (signed(first), signed(second));
    let admitted = admitted(conn, first.iter().chain(&second).copied().collect())?;
    let genesis = genesis.encode();
    let proven = wanted(&first, &second, &admitted).into_iter();
    let proven = proven.filter_map(|seq| prove(&store.0.reading, conn, &genesis, seq).ok());
    let bundle = |proof| Bundle {
        proof,
        payload: None,
    };
    Ok(proven.map(bundle).take(MAX_ADMISSIONS as usize).collect())
}

/// The entries that show most first: who signed both acted against the rules, and each of the two needs
/// somebody who counts.
fn wanted(
    first: &[PublicKey],
    second: &[PublicKey],
    admitted: &BTreeMap<PublicKey, u64>,
) -> Vec<u64> {
    let entries = |signers: &[PublicKey]| -> Vec<u64> {
        let entries = signers.iter().filter_map(|key| admitted.get(key));
        entries.copied().collect()
    };
    let (first, second) = (entries(first), entries(second));
    let both = first.iter().filter(|entry| second.contains(entry));
    let each = (0..first.len().max(second.len()))
        .flat_map(|turn| [first.get(turn), second.get(turn)])
        .flatten();
    let mut named = BTreeSet::new();
    let mut wanted: Vec<u64> = both.chain(each).copied().collect();
    wanted.retain(|entry| named.insert(*entry));
    wanted
}

/// The entries that admit those who are sought.
fn admitted(
    conn: &Connection,
    mut sought: BTreeSet<PublicKey>,
) -> Result<BTreeMap<PublicKey, u64>, StoreError> {
    let (mut found, mut from) = (BTreeMap::new(), 0);
    let end = entries_through(conn, tip_height(conn)?.unwrap_or(Height(0)))?;
    while from < end && !sought.is_empty() {
        for chunk in ChunkRow::collect(conn, from, from + STEP)? {
            let entries = read_entries(&chunk.bytes).unwrap_or_default();
            for (entry, seq) in entries.iter().zip(chunk.first..) {
                if let Entry::Member(change) = &entry.entry
                    && matches!(change.proposal.change, Change::Admit(_))
                    && sought.remove(&change.proposal.subject.key)
                {
                    found.insert(change.proposal.subject.key, seq);
                }
            }
        }
        from += STEP;
    }
    Ok(found)
}
