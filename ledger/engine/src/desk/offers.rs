// SPDX-License-Identifier: Apache-2.0
//! Own transactions, offered until they are decided, and what others offer.

use std::collections::HashSet;

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{OpenTransaction, Reason, Refused, Transaction, TxId};

use super::{Desk, To};
use crate::receipt::payloads;
use crate::wire::Message;
use crate::{Ledger, LedgerError};

/// An own transaction that is not decided is offered again after this time, in milliseconds.
const OFFER_AGAIN_MS: u64 = 2_000;
/// How many own transactions are offered at a time.
const OFFERED: usize = 32;
/// Payloads up to so many bytes come along with an offer.
const ALONG: usize = 64 << 10;

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
            | Reason::ContractNumber
            | Reason::EpochNumber
    )
}

impl<L: Ledger + ?Sized> Desk<L> {
    /// Offers what this member wants ordered, and gives up what can never be.
    pub(crate) fn offer(&mut self, now: u64) -> Result<(), LedgerError> {
        let pending = self.ledger.pending()?;
        let current: HashSet<TxId> = pending.iter().copied().collect();
        self.offered.retain(|id, _| current.contains(id));
        let mut own = Vec::new();
        for id in pending.into_iter().take(OFFERED) {
            if let Some(one) = self.own(&id)? {
                own.push((id, one));
            }
        }
        let mut after = None;
        for id in self.give_up(own)? {
            let due = self
                .offered
                .get(&id)
                .is_none_or(|at| now >= at + OFFER_AGAIN_MS);
            if due {
                self.offer_one(&id, after, now)?;
            }
            after = Some(id);
        }
        Ok(())
    }

    /// An own transaction, opened.
    pub(super) fn own(&self, id: &TxId) -> Result<Option<OpenTransaction>, LedgerError> {
        if let Some(waiting) = self.pool.get(id) {
            return Ok(Some(waiting.open.clone()));
        }
        let staged = self.ledger.staged(id)?;
        Ok(staged.and_then(|(transaction, _)| transaction.open().ok()))
    }

    pub(super) fn offer_one(
        &mut self,
        id: &TxId,
        after: Option<TxId>,
        now: u64,
    ) -> Result<(), LedgerError> {
        let Some((transaction, payloads)) = self.ledger.staged(id)? else {
            return Ok(());
        };
        if self.pool.get(id).is_none() {
            let Ok(open) = transaction.open() else {
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

    /// Rejects own transactions that no later block can hold, or that the rules refuse now and that
    /// nobody else has seen; leaves the others, which a later contract may yet permit.
    pub(super) fn give_up(
        &mut self,
        own: Vec<(TxId, OpenTransaction)>,
    ) -> Result<Vec<TxId>, LedgerError> {
        let tip = self.branches.tip();
        let mut judge = tip.judge(self.branches.policy());
        let mut heads = self.branches.heads(&tip.hash());
        let (mut left, mut rejected) = (Vec::with_capacity(own.len()), Vec::new());
        for (id, open) in own {
            let unseen = !self.offered.contains_key(&id) && !self.inherited.contains(&id);
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
        if payloads(&waiting.open).next().is_none() {
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
            return Ok(());
        }
        if let Some(waiting) = self.pool.get_mut(&id) {
            waiting.after = after;
            if waiting.held {
                self.vouch(&id);
                return Ok(());
            }
        } else {
            let Ok(open) = transaction.open() else {
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
            self.take_payloads(along, now)?;
        }
        self.want_waiting(now);
        Ok(())
    }
}
