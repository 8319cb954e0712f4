// SPDX-License-Identifier: Apache-2.0
//! What the chain says of open proposals, and when one is submitted.

use silsila_chain::{
    ChainState, Entry, Height, Identity, Proposal as _, ProposalId, Reason, Weighed, read_entries,
};
use silsila_replica::ballot::{Ballot, Proposed};
use silsila_store::{StoreError, TxStatus};

use super::booth::{Booth, Desk};
use super::kept::{self, Kept, Outcome};

/// An endorser submits for a proposer that does not: each in its turn, so many milliseconds after the other.
const TURN_MS: u64 = 10_000;
/// What was refused is submitted again after so many milliseconds, where the contract permits it again.
const RETRY_MS: u64 = 5_000;
/// The authority's clock may be so many milliseconds ahead of that of whoever orders.
const CLOCKS_DIFFER_MS: u64 = 60_000;

impl Booth {
    pub(super) fn weigh(&self, chain: &ChainState, signer: &Identity, ballot: &Ballot) -> Weighed {
        let weighed = chain.weigh(&*self.rules, signer, &ballot.entry());
        weighed.unwrap_or(Weighed {
            answer: Err(Reason::Kind),
            votes: 0,
            organizations: 0,
            needed: None,
        })
    }

    pub(super) fn decide_all(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let mut decided = Vec::new();
        for (id, kept) in &mut desk.kept {
            if !kept.is_open() {
                continue;
            }
            if let Some(outcome) = self.decide(id, kept, chain)? {
                tracing::info!(proposal = %id, ?outcome, "a proposal is decided");
                kept.outcome = outcome;
                kept.decided_ms = now;
                kept::write(&self.store, id, kept)?;
                decided.push(*id);
            }
        }
        for id in &decided {
            desk.permitted_ms.remove(id);
            desk.refused_ms.remove(id);
        }
        if !decided.is_empty() {
            kept::prune(&mut desk.kept);
        }
        Ok(())
    }

    /// Whether a proposal waits for a certificate to begin: the chain judges it by its last block's time, and on an idle
    /// channel that may be long ago. Two clocks may differ by a minute; behind that, it waits for something else.
    pub(super) fn waits_for_time(&self, desk: &Desk, chain: &ChainState) -> bool {
        let open = desk.kept.values().filter(|kept| kept.is_open());
        let mut recent = open.filter(|kept| chain.time_ms() < kept.seen_ms + CLOCKS_DIFFER_MS);
        recent.any(|kept| {
            let proposer = Identity::ed25519(kept.ballot.proposer());
            let answer = self.weigh(chain, &proposer, &kept.ballot).answer;
            answer == Err(Reason::MemberCertificate)
        })
    }

    /// What became of an open proposal by the chain as it stands; `None` while it is open.
    pub(super) fn decide(
        &self,
        id: &ProposalId,
        kept: &Kept,
        chain: &ChainState,
    ) -> Result<Option<Outcome>, StoreError> {
        let overtaken = match kept.ballot.proposed() {
            Proposed::Member(change) => {
                let member = chain.members().get(&change.subject);
                let revision = member.map_or(0, |member| member.revision);
                (revision >= change.revision).then_some(Reason::Revision)
            }
            Proposed::Contract(change) => {
                let number = chain.agreement().contract_number();
                (number >= change.number).then_some(Reason::ContractNumber)
            }
            Proposed::Epoch(change) => {
                let next = Self::next_epoch(chain);
                (next > change.number).then_some(Reason::EpochNumber)
            }
        };
        if let Some(reason) = overtaken {
            let found = self.find(id, kept.since, chain.height())?;
            let refused = || Outcome::Refused(reason.code().to_owned());
            return Ok(Some(found.map_or_else(refused, Outcome::Committed)));
        }
        if chain.height() >= kept.ballot.proposed().until() {
            return Ok(Some(Outcome::Expired));
        }
        let proposer = Identity::ed25519(kept.ballot.proposer());
        Ok(match self.weigh(chain, &proposer, &kept.ballot).answer {
            Err(
                reason @ (Reason::Standing
                | Reason::Contract
                | Reason::Member
                | Reason::ValidatorSet),
            ) => Some(Outcome::Refused(reason.code().to_owned())),
            _ => None,
        })
    }

    /// The number of the epoch that could be decided on next.
    pub(super) fn next_epoch(chain: &ChainState) -> u64 {
        let epochs = chain.agreement().epochs();
        epochs.present().epoch() + 1 + u64::from(epochs.next().is_some())
    }

    /// The block that holds a proposal, among those behind `since`.
    fn find(
        &self,
        id: &ProposalId,
        since: Height,
        tip: Height,
    ) -> Result<Option<Height>, StoreError> {
        for height in since.0 + 1..=tip.0 {
            let Some(block) = self.store.block(Height(height))? else {
                break;
            };
            for transaction in &block.transactions {
                let entries = read_entries(&transaction.entries).unwrap_or_default();
                let holds = entries.iter().any(|entry| match &entry.entry {
                    Entry::Member(change) => change.proposal.id(&self.channel) == *id,
                    Entry::Contract(change) => change.proposal.id(&self.channel) == *id,
                    Entry::Epoch(change) => change.proposal.id(&self.channel) == *id,
                    _ => false,
                });
                if holds {
                    return Ok(Some(Height(height)));
                }
            }
        }
        Ok(None)
    }

    pub(super) fn submit_all(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let open: Vec<ProposalId> = desk
            .kept
            .iter()
            .filter(|(_, kept)| kept.is_open() && kept.ballot.is_endorsed_by(&self.me.key))
            .map(|(id, _)| *id)
            .collect();
        for id in open {
            self.submit(desk, &id, chain, now)?;
        }
        Ok(())
    }

    fn submit(
        &self,
        desk: &mut Desk,
        id: &ProposalId,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let Some(kept) = desk.kept.get_mut(id) else {
            return Ok(());
        };
        if let Some(transaction) = kept.transaction {
            match self.store.status(transaction) {
                Ok(TxStatus::Pending | TxStatus::Committed { .. }) => return Ok(()),
                Ok(TxStatus::Rejected { code }) => {
                    tracing::info!(proposal = %id, code, "the channel refused a proposal");
                    desk.refused_ms.insert(*id, now);
                }
                Err(StoreError::UnknownTransaction { .. }) => {}
                Err(error) => return Err(error),
            }
            kept.transaction = None;
            kept::write(&self.store, id, kept)?;
        }
        if self.weigh(chain, &self.me, &kept.ballot).answer.is_err() {
            desk.permitted_ms.remove(id);
            return Ok(());
        }
        let since = *desk.permitted_ms.entry(*id).or_insert(now);
        let refused = desk.refused_ms.get(id);
        if now < since + self.turn(&kept.ballot) * TURN_MS
            || refused.is_some_and(|at| now < at + RETRY_MS)
        {
            return Ok(());
        }
        let transaction = self.store.propose(&kept.ballot.entry())?;
        kept.transaction = Some(transaction);
        kept::write(&self.store, id, kept)?;
        self.store.submit(transaction)?;
        Ok(())
    }

    /// The proposer submits at once; the other endorsers follow in the order of their keys.
    fn turn(&self, ballot: &Ballot) -> u64 {
        if ballot.proposer() == self.me.key {
            return 0;
        }
        let before = ballot.endorsers().take_while(|key| **key != self.me.key);
        1 + before.count() as u64
    }
}
