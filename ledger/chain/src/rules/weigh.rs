// SPDX-License-Identifier: Apache-2.0
//! What the present contract would say of a change that members are still voting on.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::rules::{Claim, Policy, Question};
use crate::{ChainState, Contract, Entry, Identity, Reason};

/// What would become of a change if it were submitted behind the chain as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weighed {
    /// The answer: taken, or refused for a reason.
    pub answer: Result<(), Reason>,
    /// How many organizations are for it: the signer's and those that endorse. 0 where it does not come to
    /// a vote.
    pub votes: u32,
    /// How many organizations have a say.
    pub organizations: u32,
    /// With how many organizations the contract permits it; `None` where no number would do.
    pub needed: Option<u32>,
}

impl ChainState {
    /// Weighs a change of a member or of the contract, with the endorsements that it carries, as if `signer`
    /// submitted it now; `None` for other entries. Signatures are not verified.
    #[must_use]
    pub fn weigh(&self, policy: &dyn Policy, signer: &Identity, entry: &Entry) -> Option<Weighed> {
        if !matches!(
            entry,
            Entry::Member(_) | Entry::Contract(_) | Entry::Epoch(_)
        ) {
            return None;
        }
        let asked = Supposing::new(policy, None);
        let answer = self.try_change(&asked, signer, entry);
        let (votes, organizations) = asked.seen();
        let supposed = |votes: &u32| {
            let supposing = Supposing::new(policy, Some(*votes));
            self.try_change(&supposing, signer, entry).is_ok()
        };
        let needed = match answer {
            Ok(()) | Err(Reason::NotPermitted) => (1..=organizations).find(supposed),
            Err(_) => None,
        };
        Some(Weighed {
            answer,
            votes,
            organizations,
            needed,
        })
    }

    fn try_change(
        &self,
        policy: &dyn Policy,
        signer: &Identity,
        entry: &Entry,
    ) -> Result<(), Reason> {
        entry.check()?;
        let mut agreement = self.agreement().clone();
        let member = agreement.members().get(signer).ok_or(Reason::NotMember)?;
        member.may_submit([entry], self.time_ms())?;
        agreement.change(policy, self.moment(), signer, entry)
    }
}

/// Asks as if so many organizations were for it, and remembers how many there were.
#[derive(Debug)]
struct Supposing<'p> {
    policy: &'p dyn Policy,
    votes: Option<u32>,
    seen: [AtomicU32; 2],
}

impl<'p> Supposing<'p> {
    fn new(policy: &'p dyn Policy, votes: Option<u32>) -> Self {
        Self {
            policy,
            votes,
            seen: Default::default(),
        }
    }

    fn seen(&self) -> (u32, u32) {
        let [votes, organizations] = &self.seen;
        (
            votes.load(Ordering::Relaxed),
            organizations.load(Ordering::Relaxed),
        )
    }
}

impl Policy for Supposing<'_> {
    fn certificate(&self, claim: &Claim<'_>) -> Result<(), Reason> {
        self.policy.certificate(claim)
    }

    fn contract(&self, contract: &Contract) -> Result<(), Reason> {
        self.policy.contract(contract)
    }

    fn permits(&self, question: &Question<'_>) -> Result<(), Reason> {
        let [votes, organizations] = &self.seen;
        votes.store(question.votes, Ordering::Relaxed);
        organizations.store(question.organizations, Ordering::Relaxed);
        self.policy.permits(&Question {
            votes: self.votes.unwrap_or(question.votes),
            ..*question
        })
    }
}
