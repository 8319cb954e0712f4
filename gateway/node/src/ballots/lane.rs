// SPDX-License-Identifier: Apache-2.0
//! What other members' gateways say of ballots, and what is answered.

use silsila_chain::{Identity, ProposalId, PublicKey, Standing};
use silsila_replica::ballot::{Ballot, Note};
use silsila_store::{Clock as _, StoreError, SystemClock};

use super::booth::{Booth, Desk, MOST_OF_A_MEMBER};
use super::kept::{self, Kept};

/// The most open proposals of a channel.
const MOST: usize = 128;
/// The most ballots that are asked for at once.
const WANTED: usize = 16;

impl Booth {
    pub(super) fn take(&self, from: &PublicKey, note: &[u8]) -> Result<(), StoreError> {
        match Note::decode(note) {
            Ok(Note::Open(open)) => self.ask_for(from, &open),
            Ok(Note::Want(ids)) => self.give(from, &ids),
            Ok(Note::Ballot(ballot)) => return self.take_ballot(*ballot),
            Err(error) => tracing::debug!(member = %from, %error, "a note that is none"),
        }
        Ok(())
    }

    fn ask_for(&self, from: &PublicKey, open: &[(ProposalId, [u8; 8])]) {
        let desk = self.desk();
        let lacks = |(id, digest): &&(ProposalId, [u8; 8])| match desk.kept.get(id) {
            Some(kept) => kept.is_open() && kept.ballot.digest() != *digest,
            None => true,
        };
        let wanted: Vec<_> = open.iter().filter(lacks).map(|(id, _)| *id).collect();
        if !wanted.is_empty() {
            let wanted = wanted.into_iter().take(WANTED).collect();
            self.handle.tell(Some(from), Note::Want(wanted).encode());
        }
    }

    fn give(&self, to: &PublicKey, ids: &[ProposalId]) {
        let desk = self.desk();
        for kept in ids.iter().take(WANTED).filter_map(|id| desk.kept.get(id)) {
            let note = Note::Ballot(Box::new(kept.ballot.clone()));
            self.handle.tell(Some(to), note.encode());
        }
    }

    fn take_ballot(&self, mut ballot: Ballot) -> Result<(), StoreError> {
        let id = ballot.proposed().id(&self.channel);
        let mut desk = self.desk();
        let known = desk.kept.get(&id);
        if known.is_some_and(|kept| !kept.is_open() || kept.ballot == ballot) {
            return Ok(());
        }
        if let Err(fault) = ballot.check(&self.channel) {
            tracing::debug!(%fault, "a ballot that does not hold");
            return Ok(());
        }
        let chain = self.chain();
        let is_member = |key: &PublicKey| {
            let member = chain.members().get(&Identity::ed25519(*key));
            member.is_some_and(|member| member.standing != Standing::Revoked)
        };
        let now = SystemClock.now_ms();
        match desk.kept.get_mut(&id) {
            Some(kept) => {
                if kept.ballot.join(&ballot, is_member) {
                    kept::write(&self.store, &id, kept)?;
                    self.say_what_is_open(&mut desk, now);
                }
            }
            None => {
                let of_proposer = |kept: &&Kept| kept.ballot.proposer() == ballot.proposer();
                let open = || desk.kept.values().filter(|kept| kept.is_open());
                let room = open().count() < MOST
                    && open().filter(of_proposer).count() < MOST_OF_A_MEMBER
                    && ballot.proposed().until() > chain.height();
                if !room || !is_member(&ballot.proposer()) {
                    return Ok(());
                }
                ballot.retain(is_member);
                let kept = Kept::new(ballot, now, chain.height());
                if self.decide(&id, &kept, &chain)?.is_some() {
                    // Its sender is behind: what became of it is on the chain.
                    return Ok(());
                }
                tracing::info!(
                    proposal = %id,
                    by = %kept.ballot.proposer(),
                    "a member proposes a change: silsila channel proposals"
                );
                self.keep(&mut desk, id, kept, now)?;
            }
        }
        Ok(())
    }

    /// Keeps a ballot durably, then says so.
    pub(super) fn keep(
        &self,
        desk: &mut Desk,
        id: ProposalId,
        kept: Kept,
        now: u64,
    ) -> Result<(), StoreError> {
        kept::write(&self.store, &id, &kept)?;
        desk.kept.insert(id, kept);
        self.say_what_is_open(desk, now);
        Ok(())
    }

    pub(super) fn say_what_is_open(&self, desk: &mut Desk, now: u64) {
        desk.said_ms = now;
        let open = desk.kept.iter().filter(|(_, kept)| kept.is_open());
        let open = open.map(|(id, kept)| (*id, kept.ballot.digest())).collect();
        self.handle.tell(None, Note::Open(open).encode());
    }
}
