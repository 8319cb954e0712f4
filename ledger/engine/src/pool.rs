// SPDX-License-Identifier: Apache-2.0
//! Transactions on their way to a block, and who holds their payloads.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use silsila_chain::{
    Height, Identity, OpenTransaction, PayloadDigest, Payloads, Transaction, TxId,
};

use crate::receipt::{Receipt, payloads};

/// The most transactions of one member that wait here.
const MOST_OF_A_MEMBER: usize = 64;
/// The most bytes of payloads of one member that wait here.
const MOST_BYTES_OF_A_MEMBER: u64 = 256 << 20;
/// Receipts that came before their transaction: the most of them.
const MOST_EARLY: usize = 4096;

/// One transaction on its way.
pub(crate) struct Waiting {
    pub(crate) transaction: Transaction,
    pub(crate) open: OpenTransaction,
    pub(crate) after: Option<TxId>,
    /// Payloads that came, until all of them are here and are held durably.
    pub(crate) arrived: Payloads,
    /// Payloads that are not here yet.
    pub(crate) missing: BTreeSet<PayloadDigest>,
    /// Whether all payloads are held durably.
    pub(crate) held: bool,
    pub(crate) receipts: BTreeMap<u32, Receipt>,
}

/// Why an offer is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declined {
    /// Too much of the member waits already.
    Full,
}

/// The pool of one channel. In memory: whoever offered offers again.
#[derive(Default)]
pub(crate) struct Pool {
    /// In order, so that a simulated run replays.
    waiting: BTreeMap<TxId, Waiting>,
    early: HashMap<TxId, BTreeMap<u32, Receipt>>,
}

impl Pool {
    pub(crate) fn get(&self, id: &TxId) -> Option<&Waiting> {
        self.waiting.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &TxId) -> Option<&mut Waiting> {
        self.waiting.get_mut(id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Takes an offered transaction in.
    pub(crate) fn take(
        &mut self,
        transaction: Transaction,
        open: OpenTransaction,
        after: Option<TxId>,
    ) -> Result<(), Declined> {
        let member = open.header().member;
        let (count, bytes) = self.share(&member);
        let size = size(&open);
        if count >= MOST_OF_A_MEMBER || (count > 0 && bytes + size > MOST_BYTES_OF_A_MEMBER) {
            return Err(Declined::Full);
        }
        let id = open.id();
        let missing: BTreeSet<_> = payloads(&open).map(|payload| payload.digest).collect();
        let waiting = Waiting {
            held: missing.is_empty(),
            missing,
            transaction,
            open,
            after,
            arrived: Payloads::default(),
            receipts: self.early.remove(&id).unwrap_or_default(),
        };
        self.waiting.insert(id, waiting);
        Ok(())
    }

    /// Notes a receipt whose signature was checked.
    pub(crate) fn note(&mut self, id: TxId, receipt: Receipt) {
        if let Some(waiting) = self.waiting.get_mut(&id) {
            waiting.receipts.insert(receipt.validator, receipt);
        } else if self.early.len() < MOST_EARLY {
            let early = self.early.entry(id).or_default();
            early.insert(receipt.validator, receipt);
        }
    }

    /// Forgets all receipts: they were other validators'.
    pub(crate) fn forget_receipts(&mut self) {
        self.early.clear();
        for waiting in self.waiting.values_mut() {
            waiting.receipts.clear();
        }
    }

    /// The ids of what waits.
    pub(crate) fn ids(&self) -> Vec<TxId> {
        self.waiting.keys().copied().collect()
    }

    /// Gives arrived payloads to whichever transactions miss them; says which of these are complete now,
    /// and what nobody missed.
    pub(crate) fn supply(&mut self, arrived: Payloads) -> (Vec<TxId>, Payloads) {
        let (mut complete, mut used) = (Vec::new(), HashSet::new());
        for (id, waiting) in &mut self.waiting {
            if waiting.missing.is_empty() {
                continue;
            }
            let missing = &mut waiting.missing;
            let theirs = arrived.select(|digest| missing.remove(digest));
            used.extend(theirs.iter().map(|(digest, _)| *digest));
            waiting.arrived.merge(theirs);
            if missing.is_empty() {
                complete.push(*id);
            }
        }
        let (_, others) = arrived.divide(|digest| used.contains(digest));
        (complete, others)
    }

    /// Lets go of transactions that were committed.
    pub(crate) fn committed<'i>(&mut self, ids: impl IntoIterator<Item = &'i TxId>) {
        for id in ids {
            self.waiting.remove(id);
            self.early.remove(id);
        }
    }

    /// Lets go of what can no longer be committed.
    pub(crate) fn retain(&mut self, height: Height, dead: impl Fn(&Waiting) -> bool) {
        self.waiting
            .retain(|_, waiting| waiting.open.header().valid_until > height && !dead(waiting));
        if self.early.len() >= MOST_EARLY {
            self.early.clear();
        }
    }

    /// Transactions with a quorum of receipts, each member's in the order of their sequence; none before
    /// the one that it is to follow, unless that is `settled`.
    pub(crate) fn ready(
        &self,
        quorum: usize,
        settled: &dyn Fn(&TxId) -> bool,
    ) -> Vec<(&Waiting, Vec<Receipt>)> {
        let mut ready: Vec<&Waiting> = self.waiting.values().collect();
        ready.sort_by_key(|waiting| {
            let header = waiting.open.header();
            (header.member, header.sequence)
        });
        let mut chosen: HashSet<TxId> = HashSet::new();
        let mut out = Vec::new();
        for waiting in ready {
            let Some(receipts) = enough(waiting, quorum) else {
                continue;
            };
            let free = |after: &TxId| chosen.contains(after) || settled(after);
            if waiting.after.as_ref().is_none_or(free) {
                chosen.insert(waiting.open.id());
                out.push((waiting, receipts));
            }
        }
        out
    }

    fn share(&self, member: &Identity) -> (usize, u64) {
        let of_member = |waiting: &&Waiting| waiting.open.header().member == *member;
        let theirs = self.waiting.values().filter(of_member);
        theirs.fold((0, 0), |(count, bytes), waiting| {
            (count + 1, bytes + size(&waiting.open))
        })
    }
}

fn size(open: &OpenTransaction) -> u64 {
    payloads(open).map(|payload| u64::from(payload.size)).sum()
}

/// Exactly a quorum of receipts; none where there is nothing to hold.
fn enough(waiting: &Waiting, quorum: usize) -> Option<Vec<Receipt>> {
    if payloads(&waiting.open).next().is_none() {
        return Some(Vec::new());
    }
    let receipts: Vec<_> = waiting.receipts.values().take(quorum).copied().collect();
    (receipts.len() == quorum).then_some(receipts)
}
