// SPDX-License-Identifier: Apache-2.0
//! Payloads: of waiting transactions, from their authors; committed ones, from anybody.

use std::collections::HashSet;

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{Height, PayloadDigest, Payloads, TxId, sha256};

use super::{ASK_AGAIN_MS, Desk, To};
use crate::wire::{FILL, MAX_WANTED, Message};
use crate::{Ledger, LedgerError};

impl<L: Ledger + ?Sized> Desk<L> {
    /// Asks the authors of waiting transactions for payloads that are missing.
    pub(super) fn want_waiting(&mut self, now: u64) {
        let mut wants = Vec::new();
        for waiting in self.pool.iter() {
            let due = |digest: &&PayloadDigest| {
                let asked = self.wanted.get(*digest);
                asked.is_none_or(|at| now >= at + ASK_AGAIN_MS)
            };
            let due = waiting.missing.iter().filter(due).take(MAX_WANTED);
            let digests: Vec<_> = due.copied().collect();
            let author = crate::key::public_key(&waiting.open.header().member.key);
            if let Some(author) = author
                && !digests.is_empty()
                && author != self.me
            {
                wants.push((author, waiting.open.id(), digests));
            }
        }
        for (author, id, digests) in wants {
            self.wanted
                .extend(digests.iter().map(|digest| (*digest, now)));
            self.letters
                .push((To::One(author), Message::Want(id, digests)));
        }
    }

    pub(super) fn send_staged(
        &mut self,
        to: &PublicKey,
        id: &TxId,
        digests: &[PayloadDigest],
    ) -> Result<(), LedgerError> {
        let wanted: HashSet<&PayloadDigest> = digests.iter().collect();
        let staged = self.ledger.staged(id)?;
        let payloads = staged.map(|(_, payloads)| payloads).unwrap_or_default();
        let payloads = payloads.into_iter();
        let chosen = payloads.filter(|bytes| wanted.contains(&PayloadDigest(sha256(bytes))));
        let chosen: Vec<_> = chosen.collect();
        self.send_payloads(to, chosen);
        Ok(())
    }

    pub(super) fn send_committed(
        &mut self,
        to: &PublicKey,
        numbers: &[u64],
    ) -> Result<(), LedgerError> {
        let mut payloads = Vec::new();
        for number in numbers.iter().take(MAX_WANTED) {
            // One that is damaged here is not here.
            payloads.extend(self.ledger.payload(*number).ok().flatten());
        }
        self.send_payloads(to, payloads);
        Ok(())
    }

    pub(super) fn send_payloads(&mut self, to: &PublicKey, payloads: Vec<Vec<u8>>) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for payload in payloads {
            bytes += payload.len();
            batch.push(payload);
            if bytes >= FILL {
                let full = Message::Payloads(std::mem::take(&mut batch));
                self.letters.push((To::One(to.clone()), full));
                bytes = 0;
            }
        }
        if !batch.is_empty() {
            self.letters
                .push((To::One(to.clone()), Message::Payloads(batch)));
        }
    }

    pub(super) fn take_payloads(
        &mut self,
        from: &PublicKey,
        arrived: &[Vec<u8>],
        now: u64,
    ) -> Result<(), LedgerError> {
        let arrived: Payloads = arrived.iter().cloned().collect();
        for (digest, _) in arrived.iter() {
            self.wanted.remove(digest);
        }
        let (complete, others) = self.pool.supply(arrived);
        for id in complete {
            let Some(waiting) = self.pool.get_mut(&id) else {
                continue;
            };
            let held = std::mem::take(&mut waiting.arrived).into_bytes().collect();
            let valid_until = waiting.open.header().valid_until;
            self.ledger.hold(held, valid_until)?;
            if let Some(waiting) = self.pool.get_mut(&id) {
                waiting.held = true;
            }
            self.vouch(&id);
        }
        let lacking = &mut self.lacking;
        let (kept, others) = others.divide(|digest| lacking.remove(digest));
        if !kept.is_empty() {
            self.ledger.keep(
                kept.into_bytes().collect(),
                &crate::key::chain_key(from).to_string(),
            )?;
            if self.fetching.as_ref().is_some_and(|(of, _)| of == from) {
                // An answer is several messages; as long as they come, the rest is waited for.
                let until = now + self.answers.wait(from);
                self.fetching = Some((from.clone(), until));
            }
            if self.lacking.is_empty() {
                self.answers.came(from);
                self.fetch_payloads(now)?;
            }
        }
        self.keep_beside(from, others, now);
        Ok(())
    }

    /// The greatest height that an honest validator told of: more validators told of it, or of a greater
    /// one, than may lie. `None` until so many have told.
    pub(super) fn told(&self) -> Option<Height> {
        let validators = self.witnesses.validators();
        let heights = validators.iter().filter_map(|one| self.tips.get(one));
        let mut heights: Vec<Height> = heights.copied().collect();
        heights.sort_unstable();
        let liars = validators.len() - self.witnesses.quorum();
        heights.into_iter().rev().nth(liars)
    }

    /// Asks for committed payloads that are not here, once the blocks are, but for the newest: at the end
    /// of a slow line some are on their way whenever others write.
    pub(super) fn fetch_payloads(&mut self, now: u64) -> Result<(), LedgerError> {
        if self.catches_up(now) {
            return Ok(());
        }
        if !self.lacking.is_empty()
            && let Some((of, until)) = &self.fetching
        {
            if now < *until {
                return Ok(());
            }
            self.answers.late(of);
        }
        let mut lacking = self.ledger.lacking(self.fetch_from, MAX_WANTED as u32)?;
        if lacking.is_empty() && self.fetch_from > 0 {
            self.fetch_from = 0;
            lacking = self.ledger.lacking(0, MAX_WANTED as u32)?;
        }
        self.lacking = lacking.iter().map(|(_, digest)| *digest).collect();
        // Each time another member is asked, so that one who has not got them does not hold things up.
        let others: Vec<&PublicKey> = self.tips.keys().collect();
        let of = self.answers.choose(&others, self.turn);
        let (Some((last, _)), Some(of)) = (lacking.last(), of) else {
            return Ok(());
        };
        self.fetch_from = last + 1;
        self.turn += 1;
        self.fetching = Some((of.clone(), now + self.answers.wait(&of)));
        let numbers = lacking.iter().map(|(number, _)| *number).collect();
        self.letters.push((To::One(of), Message::Fetch(numbers)));
        Ok(())
    }
}
