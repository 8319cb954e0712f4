// SPDX-License-Identifier: Apache-2.0
//! What a gateway does without a person's word: it proposes its own renewed certificate, endorses those of
//! others that the authority certified, and proposes the revocation of whom the authority revoked.

use silsila_chain::{
    ChainState, Change, Height, Identity, Member, MemberChange, PublicKey, Reason, Standing,
};
use silsila_replica::ballot::Proposed;
use silsila_replica::certificate::Revocation;
use silsila_store::StoreError;

use super::booth::{Booth, Desk};
use super::fault::VoteFault;
use super::kept::Kept;

/// For how many blocks such a proposal stays open.
const TERM: u64 = 50_000;
/// The keys folder is looked into once in so many milliseconds.
const LOOK_MS: u64 = 2_000;
/// Every gateway learns of a revocation; they propose it one after the other, so many milliseconds apart,
/// unless one of them did.
const APART_MS: u64 = 4_000;

impl Booth {
    pub(super) fn act_by_itself(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let Some(own) = chain.members().get(&self.me) else {
            return Ok(());
        };
        if own.standing == Standing::Revoked {
            return Ok(());
        }
        if now >= desk.looked_ms + LOOK_MS {
            desk.looked_ms = now;
            self.renew_itself(desk, chain, own, now)?;
        }
        self.endorse_renewals(desk, chain, now)?;
        for revocation in self.learned.revoked() {
            self.propose_revocation(desk, chain, &revocation, now)?;
        }
        Ok(())
    }

    /// Proposes the certificate in the keys folder where it lasts longer than the one on the chain.
    fn renew_itself(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        own: &Member,
        now: u64,
    ) -> Result<(), StoreError> {
        let Some(credential) = self.learned.credential() else {
            return Ok(());
        };
        let (change, certificate) = (credential.renewal(), &credential.member);
        let Change::Renew { not_after_ms, .. } = &change else {
            return Ok(());
        };
        if *not_after_ms <= own.not_after_ms || certificate.key() != self.me.key {
            return Ok(());
        }
        let proposed = self.change(chain, &self.me, own, change);
        self.propose_once(desk, chain, proposed, now, |kept| kept.is_open())
    }

    /// A renewal of a member's own that the authority certified needs no person's vote.
    fn endorse_renewals(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        now: u64,
    ) -> Result<(), StoreError> {
        let mut certified = Vec::new();
        for (id, kept) in desk.kept.iter().filter(|(_, kept)| kept.is_open()) {
            let ballot = &kept.ballot;
            let renews = matches!(ballot.proposed(), Proposed::Member(MemberChange {
                subject, change: Change::Renew { certificate, .. }, ..
            }) if subject.key == ballot.proposer() && !certificate.is_empty());
            if !renews || ballot.is_endorsed_by(&self.me.key) || ballot.is_declined_by(&self.me.key)
            {
                continue;
            }
            // The certificate is judged before the contract is asked.
            let answer = self.weigh(chain, &self.me, ballot).answer;
            if matches!(answer, Ok(()) | Err(Reason::NotPermitted)) {
                certified.push(*id);
            }
        }
        for id in certified {
            self.endorse(desk, &id, now)?;
        }
        Ok(())
    }

    /// Proposes once what the authority decided; by which votes it is carried out is the contract's.
    fn propose_revocation(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        revocation: &Revocation,
        now: u64,
    ) -> Result<(), StoreError> {
        let subject = Identity::ed25519(revocation.member);
        let Some(member) = chain.members().get(&subject) else {
            return Ok(());
        };
        if member.standing == Standing::Revoked || subject == self.me {
            desk.revoked_ms.remove(&revocation.member);
            return Ok(());
        }
        let first = *desk.revoked_ms.entry(revocation.member).or_insert(now);
        if now < first + self.place(chain, &revocation.member) * APART_MS {
            return Ok(());
        }
        let change = Change::Revoke {
            reason: revocation.reason.number(),
        };
        let proposed = self.change(chain, &subject, member, change);
        self.propose_once(desk, chain, proposed, now, |_| true)
    }

    /// How manieth this member is among those that may act, `without` one.
    fn place(&self, chain: &ChainState, without: &PublicKey) -> u64 {
        let members = chain.members().iter();
        let before = members.filter(|(identity, member)| {
            let acts = member.may_act(chain.time_ms()).is_ok();
            acts && identity.key != *without && identity.key < self.me.key
        });
        before.count() as u64
    }

    fn change(
        &self,
        chain: &ChainState,
        subject: &Identity,
        member: &Member,
        change: Change,
    ) -> Proposed {
        Proposed::Member(MemberChange {
            subject: *subject,
            revision: member.revision + 1,
            until: Height(chain.height().0 + TERM),
            change,
        })
    }

    /// Proposes, unless the same was proposed and still `counts`.
    fn propose_once(
        &self,
        desk: &mut Desk,
        chain: &ChainState,
        proposed: Proposed,
        now: u64,
        counts: impl Fn(&Kept) -> bool,
    ) -> Result<(), StoreError> {
        let mut same = desk.kept.values().filter(|kept| counts(kept));
        if same.any(|kept| kept.ballot.proposed().does_the_same(&proposed)) {
            return Ok(());
        }
        match self.propose(desk, chain, proposed, now) {
            Ok(id) => {
                tracing::info!(proposal = %id, "proposed to the channel what the authority certified");
                Ok(())
            }
            Err(VoteFault::Store(error)) => Err(error),
            Err(fault) => {
                tracing::debug!(%fault, "nothing was proposed");
                Ok(())
            }
        }
    }
}
