// SPDX-License-Identifier: Apache-2.0
//! What the members have agreed on: who they are, by which contract they act, and who orders.

use std::collections::BTreeSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::cbor::{DecodeError, Reader, Writer};
use crate::entry::Endorsed;
use crate::merkle::Hash;
use crate::rules::{Action, Claim, Epochs, Member, Members, Policy, Question, Standing};
use crate::{
    Admission, Change, ChannelId, Contract, ContractChange, Endorsement, Entry, EpochChange,
    Genesis, Height, Identity, MemberChange, Reason, StateHash,
};

const ROOT_CONTEXT: &[u8] = b"silsila/state/2";

/// Members and contract at one point of the chain. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    genesis: Arc<Founding>,
    members: Arc<Members>,
    contract: Arc<Contract>,
    number: u64,
    hash: Hash,
    epochs: Epochs,
}

/// What stays as it was founded.
#[derive(Debug, PartialEq, Eq)]
struct Founding {
    channel: ChannelId,
    network: [u8; 32],
    root: Vec<u8>,
    alone: bool,
}

/// When something is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// The height of the block that would hold it.
    pub(super) height: u64,
    /// The time of the block before.
    pub(super) parent_ms: u64,
}

impl Agreement {
    pub(super) fn at_genesis(genesis: &Genesis) -> Self {
        Self {
            genesis: Arc::new(Founding {
                channel: genesis.id(),
                network: genesis.network,
                root: genesis.root.clone(),
                alone: genesis.is_alone(),
            }),
            members: Arc::new(Members::at_genesis(genesis)),
            contract: Arc::new(genesis.contract.clone()),
            number: 1,
            hash: genesis.contract.hash(),
            epochs: Epochs::at_genesis(genesis),
        }
    }

    /// Whether this is the channel of a gateway alone.
    #[must_use]
    pub fn is_alone(&self) -> bool {
        self.genesis.alone
    }

    /// The members.
    #[must_use]
    pub fn members(&self) -> &Members {
        &self.members
    }

    /// The contract in force.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The contract's hash.
    #[must_use]
    pub const fn contract_hash(&self) -> &Hash {
        &self.hash
    }

    /// The contract's number: 1 for the founding one.
    #[must_use]
    pub const fn contract_number(&self) -> u64 {
        self.number
    }

    /// Who certifies which blocks.
    #[must_use]
    pub const fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The root that a block header names, over this and the sum of newest versions.
    #[must_use]
    pub fn state_root(&self, sum: &StateHash) -> Hash {
        Sha256::new()
            .chain_update(ROOT_CONTEXT)
            .chain_update(sum.to_bytes())
            .chain_update(self.members.hash())
            .chain_update(self.number.to_be_bytes())
            .chain_update(self.hash)
            .chain_update(self.epochs.root_part())
            .finalize()
            .into()
    }

    /// Asks the contract; a gateway alone may do what the formats allow.
    pub(super) fn permits(
        &self,
        policy: &dyn Policy,
        identity: &Identity,
        action: Action<'_>,
    ) -> Result<(), Reason> {
        if self.is_alone() {
            return Ok(());
        }
        let member = self.members.get(identity).ok_or(Reason::NotMember)?;
        self.ask(policy, (identity, member), (action, None), (1, 1), false)
    }

    /// Whether the contract lets a member open what an organization seals in a class, while no patient has
    /// said anything: to whom a custodian envelopes its keys unasked.
    #[must_use]
    pub fn may_open(
        &self,
        policy: &dyn Policy,
        reader: &Identity,
        custodian: &str,
        label_class: u8,
    ) -> bool {
        let action = Action::Open {
            label_class,
            custodian,
        };
        self.permits(policy, reader, action).is_ok()
    }

    fn ask(
        &self,
        policy: &dyn Policy,
        (identity, member): (&Identity, &Member),
        (action, subject): (Action<'_>, Option<&Identity>),
        (votes, organizations): (u32, u32),
        certified: bool,
    ) -> Result<(), Reason> {
        policy.permits(&Question {
            contract: &self.contract,
            contract_hash: &self.hash,
            identity,
            member,
            action,
            subject,
            votes,
            organizations,
            certified,
        })
    }

    /// Makes a change that members vote on.
    ///
    /// # Errors
    /// [`Reason::Kind`] for other entries; else why it is not made.
    pub(super) fn change(
        &mut self,
        policy: &dyn Policy,
        moment: Moment,
        signer: &Identity,
        entry: &Entry,
    ) -> Result<(), Reason> {
        match entry {
            Entry::Member(change) => self.change_member(policy, moment, signer, change),
            Entry::Contract(change) => self.change_contract(policy, moment, signer, change),
            Entry::Epoch(change) => self.change_validators(policy, moment, signer, change),
            Entry::Record(_) | Entry::Grant(_) => Err(Reason::Kind),
        }
    }

    /// Makes a change of a member, if it follows, is in time, and the contract permits it with the votes
    /// that it has.
    fn change_member(
        &mut self,
        policy: &dyn Policy,
        moment: Moment,
        signer: &Identity,
        change: &Endorsed<MemberChange>,
    ) -> Result<(), Reason> {
        let Endorsed {
            proposal,
            endorsements,
        } = change;
        self.in_time(moment, proposal.until.0)?;
        self.members.check(proposal)?;
        let certified = self.certified(policy, moment, proposal)?;
        let subject = self.members.get(&proposal.subject);
        let action = match (&proposal.change, subject) {
            (Change::Admit(admission), _) => Action::Admit(admission),
            (Change::Renew { .. }, Some(subject)) => Action::Renew(subject),
            (Change::Suspend { .. }, Some(subject)) => Action::Suspend(subject),
            (Change::Reinstate, Some(subject)) => Action::Reinstate(subject),
            (Change::Revoke { .. }, Some(subject)) => Action::Revoke(subject),
            (_, None) => return Err(Reason::NotMember),
        };
        // Whoever's time has ended may still help to extend it, so that a network whose authority is gone
        // cannot lock itself out.
        let renews = matches!(proposal.change, Change::Renew { .. });
        let at_ms = (!renews).then_some(moment.parent_ms);
        let about = (action, Some(&proposal.subject));
        self.put_to_vote(policy, (signer, endorsements), at_ms, about, certified)?;
        Arc::make_mut(&mut self.members).apply(proposal)
    }

    /// Puts another contract in the present one's place, if the present one permits it.
    fn change_contract(
        &mut self,
        policy: &dyn Policy,
        moment: Moment,
        signer: &Identity,
        change: &Endorsed<ContractChange>,
    ) -> Result<(), Reason> {
        let Endorsed {
            proposal,
            endorsements,
        } = change;
        self.in_time(moment, proposal.until.0)?;
        if proposal.number != self.number + 1 {
            return Err(Reason::ContractNumber);
        }
        policy.contract(&proposal.contract)?;
        let about = (Action::ChangeContract(&proposal.contract), None);
        let at_ms = Some(moment.parent_ms);
        self.put_to_vote(policy, (signer, endorsements), at_ms, about, false)?;
        self.number = proposal.number;
        self.hash = proposal.contract.hash();
        self.contract = Arc::new(proposal.contract.clone());
        Ok(())
    }

    /// Lets others order behind a boundary, if the contract permits it as it would permit another contract.
    fn change_validators(
        &mut self,
        policy: &dyn Policy,
        moment: Moment,
        signer: &Identity,
        change: &Endorsed<EpochChange>,
    ) -> Result<(), Reason> {
        let Endorsed {
            proposal,
            endorsements,
        } = change;
        self.in_time(moment, proposal.until.0)?;
        self.epochs.check(proposal.number, &proposal.validators)?;
        self.may_validate(&proposal.validators, moment.parent_ms)?;
        let about = (Action::ChangeValidators(&proposal.validators), None);
        let at_ms = Some(moment.parent_ms);
        self.put_to_vote(policy, (signer, endorsements), at_ms, about, false)?;
        let height = Height(moment.height);
        self.epochs.decide(height, proposal.validators.clone());
        Ok(())
    }

    /// Active members, each of another organization: one with two would have two votes.
    fn may_validate(&self, validators: &[Identity], at_ms: u64) -> Result<(), Reason> {
        let mut organizations = BTreeSet::new();
        let fits = validators.iter().all(|validator| {
            self.members.get(validator).is_some_and(|member| {
                member.standing == Standing::Active
                    && !member.is_expired(at_ms)
                    && organizations.insert(&member.organization)
            })
        });
        if fits { Ok(()) } else { Err(Reason::Validator) }
    }

    /// What the end of a block changes.
    pub(super) fn turn(&mut self, height: Height) {
        if !self.is_alone() {
            self.epochs.turn(height, &self.members);
        }
    }

    pub(super) fn advance(&mut self, identity: &Identity, sequence: u64) {
        Arc::make_mut(&mut self.members).advance(identity, sequence);
    }

    /// A proposal belongs to a channel with a contract, and into a block no later than it says.
    fn in_time(&self, moment: Moment, until: u64) -> Result<(), Reason> {
        if self.is_alone() {
            Err(Reason::NotPermitted)
        } else if moment.height > until {
            Err(Reason::ProposalExpired)
        } else {
            Ok(())
        }
    }

    /// Asks whether the signer may make a change with its own vote and those of who endorses it, as far as
    /// they have a say at `at_ms`.
    fn put_to_vote(
        &self,
        policy: &dyn Policy,
        (signer, endorsements): (&Identity, &[Endorsement]),
        at_ms: Option<u64>,
        about: (Action<'_>, Option<&Identity>),
        certified: bool,
    ) -> Result<(), Reason> {
        let member = self.members.get(signer).ok_or(Reason::NotMember)?;
        let endorsers = endorsements.iter().map(|endorsement| &endorsement.member);
        let all = endorsers.chain(std::iter::once(signer));
        let votes = (
            self.members.votes(all, at_ms),
            self.members.organizations(at_ms),
        );
        self.ask(policy, (signer, member), about, votes, certified)
    }

    /// Judges the certificate that a change carries; says whether there is one.
    fn certified(
        &self,
        policy: &dyn Policy,
        moment: Moment,
        proposal: &MemberChange,
    ) -> Result<bool, Reason> {
        let renewed;
        let admission = match (&proposal.change, self.members.get(&proposal.subject)) {
            (Change::Admit(admission), _) => admission,
            (
                Change::Renew {
                    certificate,
                    not_after_ms,
                },
                Some(member),
            ) => {
                renewed = Admission {
                    sealing_key: member.sealing_key,
                    organization: member.organization.clone(),
                    role: member.role.clone(),
                    certificate: certificate.clone(),
                    not_after_ms: *not_after_ms,
                };
                &renewed
            }
            _ => return Ok(false),
        };
        if admission.certificate.is_empty() {
            return Ok(false);
        }
        policy.certificate(&Claim {
            network: &self.genesis.network,
            root: &self.genesis.root,
            identity: &proposal.subject,
            admission,
            at_ms: moment.parent_ms,
        })?;
        Ok(true)
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        self.members.write(writer);
        writer.uint(self.number);
        self.contract.write(writer);
        self.epochs.write(writer);
    }

    /// Reads what [`Agreement::write`] wrote, over the channel's founding.
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DecodeError> {
        self.members = Arc::new(Members::read(reader)?);
        self.number = reader.uint()?;
        self.contract = Arc::new(Contract::read(reader)?);
        self.hash = self.contract.hash();
        self.epochs = Epochs::read(reader)?;
        Ok(())
    }
}
