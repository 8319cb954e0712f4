// SPDX-License-Identifier: Apache-2.0
//! Ballots: a proposal on its way between members, with everything that was said to it so far.
//!
//! ```text
//! ballot = ["silsila/ballot/1", entry, proposer, signature, [objection, ...]]
//! ```
//!
//! `entry` is a byte string: the entry of kind 7, 8 or 9 that would go on the chain, with the endorsements so
//! far, among them the proposer's. `proposer` is a public key, `signature` its own over the proposal's id as
//! [`SignedAs::Proposal`]; an objection is `[key, signature]`, over the id as [`SignedAs::Objection`], in
//! ascending order of the keys. Whoever endorses does not object: an endorsement cannot be taken back.
//!
//! Every part is signed by whom it names, so that a ballot may come from anybody; two ballots of one
//! proposal are joined, whatever the order. An objection counts for nothing on the chain; it is shown.

mod note;

use std::collections::BTreeMap;

use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::{
    ChannelId, ContractChange, Endorsed, Endorsement, Entry, EpochChange, Height, Identity,
    MAX_ENDORSEMENTS, MAX_ENTRY, MemberChange, MemberKey, Proposal, ProposalId, PublicKey,
    Signature, SignedAs, sha256,
};

pub use note::{MAX_NAMED, Note};

const LABEL: &str = "silsila/ballot/1";

/// The longest ballot, in bytes.
pub const MAX_BALLOT: usize = MAX_ENTRY + (16 << 10);

/// What can be proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// A change of a member.
    Member(MemberChange),
    /// Another contract.
    Contract(ContractChange),
    /// Other validators.
    Epoch(EpochChange),
}

impl Proposed {
    /// What endorsers sign.
    #[must_use]
    pub fn id(&self, channel: &ChannelId) -> ProposalId {
        match self {
            Self::Member(change) => change.id(channel),
            Self::Contract(change) => change.id(channel),
            Self::Epoch(change) => change.id(channel),
        }
    }

    /// The last block that may hold it.
    #[must_use]
    pub const fn until(&self) -> Height {
        match self {
            Self::Member(change) => change.until,
            Self::Contract(change) => change.until,
            Self::Epoch(change) => change.until,
        }
    }

    /// Whether both would do the same, whatever their last blocks.
    #[must_use]
    pub fn does_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Member(one), Self::Member(two)) => {
                let until = two.until;
                MemberChange {
                    until,
                    ..one.clone()
                } == *two
            }
            (Self::Contract(one), Self::Contract(two)) => {
                one.number == two.number && one.contract == two.contract
            }
            (Self::Epoch(one), Self::Epoch(two)) => {
                one.number == two.number && one.validators == two.validators
            }
            _ => false,
        }
    }

    fn endorsed(&self, endorsements: Vec<Endorsement>) -> Entry {
        match self {
            Self::Member(change) => {
                Entry::Member(Box::new(Endorsed::new(change.clone(), endorsements)))
            }
            Self::Contract(change) => {
                Entry::Contract(Box::new(Endorsed::new(change.clone(), endorsements)))
            }
            Self::Epoch(change) => {
                Entry::Epoch(Box::new(Endorsed::new(change.clone(), endorsements)))
            }
        }
    }
}

/// Why a ballot is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BallotFault {
    /// A signature that is not of whom it names.
    #[error("a signature on the ballot does not verify")]
    Signature,
    /// Its proposer does not endorse it.
    #[error("the ballot's proposer does not endorse it")]
    Proposer,
    /// The change itself cannot be made, whatever the chain holds.
    #[error("the ballot's change is none that a chain takes")]
    Change,
}

/// A proposal, and what members said to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ballot {
    proposed: Proposed,
    proposer: PublicKey,
    signature: Signature,
    endorsements: BTreeMap<PublicKey, Signature>,
    objections: BTreeMap<PublicKey, Signature>,
}

impl Ballot {
    /// Proposes, and endorses what is proposed.
    #[must_use]
    pub fn propose(key: &MemberKey, channel: &ChannelId, proposed: Proposed) -> Self {
        let id = proposed.id(channel);
        let mut ballot = Self {
            proposer: key.public(),
            signature: key.sign(SignedAs::Proposal, &id.0),
            proposed,
            endorsements: BTreeMap::new(),
            objections: BTreeMap::new(),
        };
        ballot.endorse(key, channel);
        ballot
    }

    /// What is proposed.
    #[must_use]
    pub const fn proposed(&self) -> &Proposed {
        &self.proposed
    }

    /// Who proposes it.
    #[must_use]
    pub const fn proposer(&self) -> PublicKey {
        self.proposer
    }

    /// Who endorses it, in ascending order.
    pub fn endorsers(&self) -> impl Iterator<Item = &PublicKey> {
        self.endorsements.keys()
    }

    /// Who declined it, in ascending order.
    pub fn objectors(&self) -> impl Iterator<Item = &PublicKey> {
        self.objections.keys()
    }

    /// Whether a member endorses it.
    #[must_use]
    pub fn is_endorsed_by(&self, key: &PublicKey) -> bool {
        self.endorsements.contains_key(key)
    }

    /// Whether a member declined it.
    #[must_use]
    pub fn is_declined_by(&self, key: &PublicKey) -> bool {
        self.objections.contains_key(key)
    }

    /// The entry that would go on the chain, with all endorsements.
    #[must_use]
    pub fn entry(&self) -> Entry {
        let endorsements = self.endorsements.iter();
        let endorsements = endorsements.map(|(key, signature)| Endorsement {
            member: Identity::ed25519(*key),
            signature: *signature,
        });
        self.proposed.endorsed(endorsements.collect())
    }

    /// Endorses it; an objection of the same member falls.
    pub fn endorse(&mut self, key: &MemberKey, channel: &ChannelId) {
        let (public, id) = (key.public(), self.proposed.id(channel));
        let endorsement = Endorsement::sign(key, &id);
        self.objections.remove(&public);
        self.endorsements.insert(public, endorsement.signature);
    }

    /// Declines it. Says whether that is possible: an endorsement cannot be taken back.
    pub fn decline(&mut self, key: &MemberKey, channel: &ChannelId) -> bool {
        let (public, id) = (key.public(), self.proposed.id(channel));
        if self.is_endorsed_by(&public) {
            return false;
        }
        let signature = key.sign(SignedAs::Objection, &id.0);
        self.objections.insert(public, signature);
        true
    }

    /// Takes over what another ballot of the same proposal holds, of members alone. Says whether that was
    /// anything.
    pub fn join(&mut self, other: &Self, is_member: impl Fn(&PublicKey) -> bool) -> bool {
        let before = (self.endorsements.len(), self.objections.len());
        let room = |held: usize| (held as u64) < MAX_ENDORSEMENTS;
        for (key, signature) in &other.endorsements {
            if is_member(key) && room(self.endorsements.len()) {
                self.endorsements.entry(*key).or_insert(*signature);
                self.objections.remove(key);
            }
        }
        for (key, signature) in &other.objections {
            if is_member(key) && !self.is_endorsed_by(key) && room(self.objections.len()) {
                self.objections.entry(*key).or_insert(*signature);
            }
        }
        before != (self.endorsements.len(), self.objections.len())
    }

    /// Leaves out what is not of members.
    pub fn retain(&mut self, is_member: impl Fn(&PublicKey) -> bool) {
        self.endorsements.retain(|key, _| is_member(key));
        self.objections.retain(|key, _| is_member(key));
    }

    /// Verifies every signature, and what the change says of itself.
    ///
    /// # Errors
    /// A [`BallotFault`].
    pub fn check(&self, channel: &ChannelId) -> Result<(), BallotFault> {
        let id = self.proposed.id(channel);
        if !self.is_endorsed_by(&self.proposer) {
            return Err(BallotFault::Proposer);
        }
        let verifies =
            |used, (key, signature): (&PublicKey, &Signature)| key.verifies(used, &id.0, signature);
        let holds = verifies(SignedAs::Proposal, (&self.proposer, &self.signature))
            && (self.endorsements.iter()).all(|one| verifies(SignedAs::Endorsement, one))
            && (self.objections.iter()).all(|one| verifies(SignedAs::Objection, one));
        if !holds {
            return Err(BallotFault::Signature);
        }
        self.entry().check().map_err(|_| BallotFault::Change)
    }

    /// Names what was said so far: two members whose digests are equal hold the same ballot.
    #[must_use]
    pub fn digest(&self) -> [u8; 8] {
        *sha256(&self.encode())
            .first_chunk()
            .expect("eight of thirty-two")
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(5).text(LABEL).bytes(&self.entry().encode());
        writer.bytes(&self.proposer.0).bytes(&self.signature.0);
        writer.array(self.objections.len() as u64);
        for (key, signature) in &self.objections {
            writer.array(2).bytes(&key.0).bytes(&signature.0);
        }
        writer.into_bytes()
    }

    /// Reads one; whether it holds, [`Ballot::check`] says.
    ///
    /// # Errors
    /// Where the bytes are none, or not in their one form.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(5)?;
        reader.label(LABEL)?;
        let before = reader.error("an entry that is no proposal");
        let entry = Entry::decode(reader.bytes(MAX_ENTRY)?)?;
        let (proposed, endorsements) = match entry {
            Entry::Member(change) => (Proposed::Member(change.proposal), change.endorsements),
            Entry::Contract(change) => (Proposed::Contract(change.proposal), change.endorsements),
            Entry::Epoch(change) => (Proposed::Epoch(change.proposal), change.endorsements),
            Entry::Record(_) | Entry::Grant(_) => return Err(before),
        };
        let endorsements = endorsements
            .into_iter()
            .map(|one| (one.member.key, one.signature))
            .collect();
        let (proposer, signature) = (PublicKey(reader.fixed()?), Signature(reader.fixed()?));
        let mut ballot = Self {
            proposed,
            proposer,
            signature,
            endorsements,
            objections: BTreeMap::new(),
        };
        let before = reader.error("objections that are not in ascending order, or of endorsers");
        for _ in 0..reader.array(MAX_ENDORSEMENTS)? {
            reader.tuple(2)?;
            let (key, signature) = (PublicKey(reader.fixed()?), Signature(reader.fixed()?));
            let follows = ballot.objectors().last().is_none_or(|last| *last < key);
            if !follows || ballot.is_endorsed_by(&key) {
                return Err(before);
            }
            ballot.objections.insert(key, signature);
        }
        reader.finish()?;
        Ok(ballot)
    }
}
