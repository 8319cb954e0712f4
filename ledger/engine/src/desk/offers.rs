// SPDX-License-Identifier: Apache-2.0
//! Own transactions, offered until they are decided, and what others offer.

use std::collections::{HashMap, HashSet};

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{
    Entry, Head, Heads, OpenTransaction, Reason, Refused, Tag, TagMap, Transaction, TxId,
};

use super::{Desk, To};
use crate::receipt::payloads;
use crate::wire::{FILL, Message};
use crate::{Ledger, LedgerError, Staged};

/// An own transaction that is not decided is offered again after this time, in milliseconds.
const OFFER_AGAIN_MS: u64 = 2_000;
/// How many own transactions are offered at a time.
const OFFERED: usize = 32;
/// Payloads up to so many bytes come along with an offer.
const ALONG: usize = FILL;

/// Whether no later state of the chain can permit what was refused for this reason.
const fn is_final(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Sequence
            | Reason::Expired
            | Reason::ProposalExpired
            | Reason::VersionOrder
            | Reason::Previous
            | Reason::Absent
            | Reason::Revision
            | Reason::Revoked
            | Reason::ContractNumber
            | Reason::EpochNumber
    )
}

/// Whether a transaction changes neither members nor contract.
fn has_records_alone(open: &OpenTransaction) -> bool {
    let mut entries = open.entries().iter();
    entries.all(|one| matches!(one.entry, Entry::Record(_) | Entry::Grant(_)))
}

/// The newest versions, with those that offered transactions will make.
struct Promised<'d, H> {
    promised: Option<&'d TagMap<(TxId, Head)>>,
    offered: &'d HashMap<TxId, u64>,
    below: H,
}

impl<H: Heads> Heads for Promised<'_, H> {
    type Error = H::Error;

    fn head(&mut self, resource: &Tag) -> Result<Option<Head>, H::Error> {
        let promised = self.promised.and_then(|promised| promised.get(resource));
        match promised.filter(|(id, _)| self.offered.contains_key(id)) {
            Some((_, head)) => Ok(Some(*head)),
            None => self.below.head(resource),
        }
    }
}

impl<L: Ledger + ?Sized> Desk<L> {
    /// Offers what this member wants ordered, and gives up what can never be. What is new is offered at
    /// once; what was offered before is judged and offered again from time to time.
    pub(crate) fn offer(&mut self, now: u64) -> Result<(), LedgerError> {
        if self.silent {
            return Ok(());
        }
        let mut pending = self.ledger.pending()?;
        let current: HashSet<TxId> = pending.iter().copied().collect();
        self.offered.retain(|id, _| current.contains(id));
        pending.truncate(OFFERED);
        let again = now >= self.judged + OFFER_AGAIN_MS;
        if !again && pending.iter().all(|id| self.offered.contains_key(id)) {
            return Ok(());
        }
        if again {
            let offered = &self.offered;
            self.promised.retain(|_, (id, _)| offered.contains_key(id));
            self.judged = now;
        }
        let (mut own, mut staged) = (Vec::new(), HashMap::new());
        for id in pending {
            if let Some(open) = self.own(&id, &mut staged)? {
                own.push((id, open));
            }
        }
        let mut after = None;
        for id in self.give_up(own, again)? {
            let due = self
                .offered
                .get(&id)
                .is_none_or(|at| now >= at + OFFER_AGAIN_MS);
            if due {
                self.offer_one(&id, staged.remove(&id), after, now)?;
            }
            after = Some(id);
        }
        Ok(())
    }

    /// An own transaction, opened; one that was not offered yet is put among the `staged`.
    fn own(
        &self,
        id: &TxId,
        staged: &mut HashMap<TxId, Staged>,
    ) -> Result<Option<OpenTransaction>, LedgerError> {
        if self.offered.contains_key(id)
            && let Some(waiting) = self.pool.get(id)
        {
            return Ok(Some(waiting.open.clone()));
        }
        let Some(one) = self.ledger.staged(id)? else {
            return Ok(None);
        };
        let open = self.witnesses.open(&one.0).ok();
        staged.insert(*id, one);
        Ok(open)
    }

    /// Offers a transaction. Its payloads come along the first time, where they are not too many: whoever
    /// does not get them asks.
    fn offer_one(
        &mut self,
        id: &TxId,
        staged: Option<Staged>,
        after: Option<TxId>,
        now: u64,
    ) -> Result<(), LedgerError> {
        let waiting = self.pool.get(id).map(|waiting| waiting.transaction.clone());
        let (transaction, payloads) = match (staged, waiting) {
            (Some(staged), _) => staged,
            (None, Some(transaction)) => (transaction, Vec::new()),
            (None, None) => return Ok(()),
        };
        if self.pool.get(id).is_none() {
            let Ok(open) = self.witnesses.open(&transaction) else {
                return Ok(());
            };
            if self.pool.take(transaction.clone(), open, after).is_err() {
                return Ok(());
            }
        }
        if let Some(waiting) = self.pool.get_mut(id) {
            // The payloads are in the outbox, which is durable.
            waiting.missing.clear();
            waiting.held = true;
            waiting.after = after;
        }
        self.promise(id);
        let total: usize = payloads.iter().map(Vec::len).sum();
        let offer = Message::Offer {
            transaction,
            after,
            payloads: if total <= ALONG { payloads } else { Vec::new() },
        };
        self.offered.insert(*id, now);
        self.letters.push((To::Members, offer));
        self.vouch(id);
        Ok(())
    }

    /// Notes the versions that an offered transaction will make.
    fn promise(&mut self, id: &TxId) {
        let Some(waiting) = self.pool.get(id) else {
            return;
        };
        let member = self
            .branches
            .tip()
            .members()
            .get(&waiting.open.header().member);
        let Some(author) = member.map(|member| member.ordinal) else {
            return;
        };
        let records = waiting.open.entries().iter();
        let records = records.filter_map(|one| Some((one.entry.record()?, one.hash)));
        self.promised
            .extend(records.map(|(record, hash)| {
                (record.resource_tag, (*id, Head::of(record, hash, author)))
            }));
    }

    /// Rejects own transactions that no later block can hold, or that the rules refuse now and that
    /// nobody else has seen; leaves the others, which a later contract may yet permit. Those that were
    /// offered are only judged `again` from time to time; until then they are taken to be good.
    fn give_up(
        &mut self,
        own: Vec<(TxId, OpenTransaction)>,
        again: bool,
    ) -> Result<Vec<TxId>, LedgerError> {
        let again = again || own.iter().any(|(_, open)| !has_records_alone(open));
        let tip = self.branches.tip();
        let mut judge = tip.judge(self.branches.policy());
        let mut heads = Promised {
            promised: (!again).then_some(&self.promised),
            offered: &self.offered,
            below: self.branches.heads(&tip.hash()),
        };
        let (mut left, mut rejected) = (Vec::with_capacity(own.len()), Vec::new());
        for (id, open) in own {
            let seen = self.offered.contains_key(&id);
            if seen && !again {
                left.push(id);
                continue;
            }
            let unseen = !seen && !self.inherited.contains(&id);
            // Whoever may not act at the moment is told just that by the rules, however late it is.
            if open.header().valid_until <= tip.height() {
                rejected.push((id, Reason::Expired.code()));
                continue;
            }
            match judge.admit(&open, &mut heads) {
                Err(Refused::Heads(error)) => return Err(error),
                Err(Refused::Fault(fault)) if unseen || is_final(&fault.reason) => {
                    rejected.push((id, fault.reason.code()));
                }
                _ => left.push(id),
            }
        }
        for (id, code) in rejected {
            self.ledger.reject(&id, code)?;
            self.pool.committed([&id]);
        }
        Ok(left)
    }

    /// Signs that this validator holds a transaction's payloads, and says so to the others.
    pub(super) fn vouch(&mut self, id: &TxId) {
        self.news += 1;
        let Some(waiting) = self.pool.get(id) else {
            return;
        };
        if self.silent || payloads(&waiting.open).next().is_none() {
            return;
        }
        if let Some(receipt) = self.witnesses.sign(&self.key, id) {
            self.pool.note(*id, receipt);
            self.letters
                .push((To::Validators, Message::Receipt(*id, receipt)));
        }
    }

    pub(super) fn take_offer(
        &mut self,
        from: &PublicKey,
        transaction: Transaction,
        after: Option<TxId>,
        along: &[Vec<u8>],
        now: u64,
    ) -> Result<(), LedgerError> {
        let id = transaction.id();
        if self.committed.ids.contains(&id) {
            // Its block was here sooner, and what came along is lacking. What is not, the ledger does not keep.
            if !along.is_empty() {
                let author = crate::key::chain_key(from).to_string();
                self.ledger.keep(along.to_vec(), &author)?;
            }
            return Ok(());
        }
        if let Some(waiting) = self.pool.get_mut(&id) {
            waiting.after = after;
            if waiting.held {
                self.vouch(&id);
                return Ok(());
            }
        } else {
            let Ok(open) = self.witnesses.open(&transaction) else {
                tracing::debug!(member = %from, "an offer whose parts do not hold together");
                return Ok(());
            };
            let header = open.header();
            let theirs = header.member.key == crate::key::chain_key(from);
            let last = self.tip().sequence(&header.member);
            let timely = header.valid_until > self.tip().height()
                && last.is_some_and(|last| header.sequence > last);
            if !theirs || !timely || header.channel != self.tip().channel() {
                return Ok(());
            }
            if self.pool.take(transaction, open, after).is_err() {
                tracing::debug!(member = %from, "more than a member may have waiting");
                return Ok(());
            }
            if self.pool.get(&id).is_some_and(|waiting| waiting.held) {
                self.vouch(&id);
            }
        }
        if !along.is_empty() {
            self.take_payloads(from, along, now)?;
        }
        self.want_waiting(now);
        Ok(())
    }
}
