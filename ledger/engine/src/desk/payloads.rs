// SPDX-License-Identifier: Apache-2.0
//! Payloads: of waiting transactions, from their authors; committed ones, from anybody.

use std::collections::{BTreeMap, HashSet};

use commonware_cryptography::ed25519::PublicKey;
use silsila_chain::{Height, PayloadDigest, Payloads, TxId, sha256};

use super::answers::Asked;
use super::{ASK_AGAIN_MS, Desk, To};
use crate::wire::{FILL_SLOW, MAX_WANTED, Message};
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
        self.send_payloads(to, chosen, FILL_SLOW);
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
        self.send_payloads(to, payloads, FILL_SLOW);
        Ok(())
    }

    /// Sends payloads in messages of about so many bytes.
    pub(super) fn send_payloads(&mut self, to: &PublicKey, payloads: Vec<Vec<u8>>, fill: usize) {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for payload in payloads {
            bytes += payload.len();
            batch.push(payload);
            if bytes >= fill {
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
            if let Some(asked) = self.fetching.as_mut().filter(|asked| asked.of == *from) {
                // An answer is several messages; as long as they come, the rest is waited for.
                asked.got(kept.bytes());
                asked.wait_on(now + self.answers.wait(from));
            }
            self.ledger.keep(
                kept.into_bytes().collect(),
                &crate::key::chain_key(from).to_string(),
            )?;
            if self.lacking.is_empty() {
                if let Some(asked) = self.fetching.take_if(|asked| asked.of == *from) {
                    self.answers.came(&asked, now);
                }
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
            self.others_had = self.others_had.or_else(|| self.told());
            if self.others_had.is_none_or(|had| self.tip().height() <= had) {
                self.new_from = self.tip().entries();
            }
            return Ok(());
        }
        self.others_had = None;
        if !self.lacking.is_empty()
            && let Some(asked) = &self.fetching
        {
            if asked.waits(now) {
                return Ok(());
            }
            self.answers.late(&asked.of);
        }
        // Each time another member is asked, so that one who has not got them does not hold things up.
        let others: Vec<&PublicKey> = self.tips.keys().collect();
        let of = self.answers.choose(&others, self.turn);
        let most = of.as_ref().map_or(MAX_WANTED, |of| self.answers.count(of));
        let lacking = self.next_lacking(most)?;
        self.lacking = lacking.values().copied().collect();
        let Some(of) = of.filter(|_| !lacking.is_empty()) else {
            return Ok(());
        };
        self.turn += 1;
        self.fetching = Some(Asked::new(of.clone(), now, &self.answers));
        let numbers = lacking.into_keys().collect();
        self.letters.push((To::One(of), Message::Fetch(numbers)));
        Ok(())
    }

    /// Payloads to ask for next: what was committed since this member came, or fell behind, goes before what is older.
    /// What was asked for once is older.
    fn next_lacking(&mut self, most: usize) -> Result<BTreeMap<u64, PayloadDigest>, LedgerError> {
        let lacking = |from, most: usize| {
            self.ledger
                .lacking(from, u32::try_from(most).unwrap_or(u32::MAX))
        };
        let mut next = lacking(self.new_from, most / 2)?;
        if let Some((last, _)) = next.last() {
            self.new_from = last + 1;
        }
        let room = most - next.len();
        let mut older = lacking(self.fetch_from, room)?;
        if older.is_empty() && self.fetch_from > 0 {
            older = lacking(0, room)?;
        }
        self.fetch_from = older.last().map_or(0, |(last, _)| last + 1);
        next.extend(older);
        Ok(next.into_iter().collect())
    }
}
