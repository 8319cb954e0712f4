// SPDX-License-Identifier: Apache-2.0
//! Proposals as people see them.

use silsila_chain::{
    ChainState, Change, Contract, Identity, Limits, MemberChange, ProposalId, PublicKey,
};
use silsila_replica::ballot::Proposed;

use super::booth::Booth;
use super::fault::VoteFault;
use super::kept::{Kept, Outcome};
use super::report::{BallotReport, State, Texts};

impl Booth {
    /// What this gateway said to a proposal.
    pub(super) fn says(&self, kept: &Kept) -> Option<&'static str> {
        if kept.ballot.is_endorsed_by(&self.me.key) {
            Some("endorsed")
        } else if kept.ballot.is_declined_by(&self.me.key) {
            Some("declined")
        } else {
            None
        }
    }

    pub(super) fn reports(&self, all: bool) -> Result<Vec<BallotReport>, VoteFault> {
        let chain = self.chain();
        let desk = self.desk();
        let shown = desk.kept.iter().filter(|(_, kept)| all || kept.is_open());
        Ok(shown
            .map(|(id, kept)| self.report(&chain, id, kept))
            .collect())
    }

    pub(super) fn report_of(&self, id: &ProposalId) -> Result<BallotReport, VoteFault> {
        let chain = self.chain();
        let desk = self.desk();
        let kept = desk
            .kept
            .get(id)
            .ok_or_else(|| VoteFault::NoProposal { id: id.to_string() })?;
        let mut report = self.report(&chain, id, kept);
        if let Proposed::Contract(change) = kept.ballot.proposed() {
            let hash = change.contract.hash();
            report.texts = Some(Texts {
                present: text(chain.agreement().contract()),
                proposed: text(&change.contract),
                hash: PublicKey(hash).to_string(),
            });
        }
        Ok(report)
    }

    fn report(&self, chain: &ChainState, id: &ProposalId, kept: &Kept) -> BallotReport {
        let ballot = &kept.ballot;
        let proposer = ballot.proposer();
        // As its proposer would submit it: who looks at a proposal has not voted for it.
        let weighed = self.weigh(chain, &Identity::ed25519(proposer), ballot);
        let named = |key: &PublicKey| (key.to_string(), Self::organization(chain, key));
        let mut report = BallotReport {
            channel: self.genesis.name.clone(),
            id: id.to_string(),
            what: "contract".to_owned(),
            member: String::new(),
            organization: String::new(),
            role: String::new(),
            revision: 0,
            not_after_ms: None,
            reason: None,
            authority: false,
            until: ballot.proposed().until().0,
            height: chain.height().0,
            proposer: named(&proposer),
            endorsed: ballot.endorsers().map(named).collect(),
            declined: ballot.objectors().map(named).collect(),
            votes: weighed.votes,
            organizations: weighed.organizations,
            needed: weighed.needed,
            state: State::Open,
            committed: None,
            code: weighed.answer.err().map(|reason| reason.code().to_owned()),
            own: self.says(kept).map(ToOwned::to_owned),
            seen_ms: kept.seen_ms,
            validators: Vec::new(),
            texts: None,
        };
        match &kept.outcome {
            Outcome::Open => {}
            Outcome::Committed(height) => {
                (report.state, report.committed, report.code) =
                    (State::Committed, Some(height.0), None);
            }
            Outcome::Refused(code) => {
                (report.state, report.code) = (State::Refused, Some(code.clone()));
            }
            Outcome::Expired => (report.state, report.code) = (State::Expired, None),
        }
        match ballot.proposed() {
            Proposed::Contract(change) => report.revision = change.number,
            Proposed::Epoch(change) => {
                "validators".clone_into(&mut report.what);
                report.revision = change.number;
                let validators = change.validators.iter();
                report.validators = validators.map(|one| named(&one.key)).collect();
            }
            Proposed::Member(change) => self.describe(&mut report, chain, change),
        }
        report
    }

    fn describe(&self, report: &mut BallotReport, chain: &ChainState, change: &MemberChange) {
        report.member = change.subject.key.to_string();
        report.revision = change.revision;
        if let Some(member) = chain.members().get(&change.subject) {
            report.organization.clone_from(&member.organization);
            report.role.clone_from(&member.role);
        }
        let what = match &change.change {
            Change::Admit(admission) => {
                report.organization.clone_from(&admission.organization);
                report.role.clone_from(&admission.role);
                report.not_after_ms = Some(admission.not_after_ms);
                report.authority = !admission.certificate.is_empty();
                "admit"
            }
            Change::Renew {
                certificate,
                not_after_ms,
            } => {
                report.not_after_ms = Some(*not_after_ms);
                report.authority = !certificate.is_empty();
                "renew"
            }
            Change::Suspend { reason } => {
                report.reason = Some(*reason);
                "suspend"
            }
            Change::Reinstate => "reinstate",
            Change::Revoke { reason } => {
                report.reason = Some(*reason);
                report.authority = self.learned.is_revoked(&change.subject.key);
                "revoke"
            }
        };
        what.clone_into(&mut report.what);
    }
}

/// A contract as people read it: its policies, and its limits in one line each.
fn text(contract: &Contract) -> String {
    let Limits {
        entries,
        bytes,
        horizon,
        max_staleness_ms,
    } = contract.limits;
    format!(
        "{}\n// limits\n// entries = {entries}\n// bytes = {bytes}\n// horizon = {horizon}\n// max_staleness = {} s\n",
        contract.policies.trim_end(),
        max_staleness_ms / 1000
    )
}
