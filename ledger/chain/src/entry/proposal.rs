// SPDX-License-Identifier: Apache-2.0
//! What members decide together: a proposal, and the signatures of those who endorse it.
//!
//! A member signs a proposal without knowing which transaction will carry it. Nothing can be carried out
//! twice: a proposal names the revision that it makes of a member or the number that it gives the
//! contract, and the last block that may hold it.

use crate::cbor::{DecodeError, Reader, Writer};
use crate::key::SignedAs;
use crate::{
    ChannelId, Identity, MemberKey, ProposalId, PublicKey, Reason, Scheme, Signature, merkle,
};

/// The most endorsements of one proposal.
pub const MAX_ENDORSEMENTS: u64 = 128;

pub(super) const ITEMS: u64 = 3;
const LABEL: &str = "silsila/proposal/1";

/// What members decide together.
pub trait Proposal: Sized {
    /// The number of the entry that carries it.
    const KIND: u64;

    /// Writes it as one array.
    fn write(&self, writer: &mut Writer);

    /// Reads it.
    ///
    /// # Errors
    /// Where the bytes are none, or not in the deterministic form.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// What endorsers sign.
    fn id(&self, channel: &ChannelId) -> ProposalId {
        let mut writer = Writer::new();
        writer
            .array(4)
            .text(LABEL)
            .bytes(&channel.0)
            .uint(Self::KIND);
        self.write(&mut writer);
        ProposalId(merkle::leaf_hash(writer.as_bytes()))
    }
}

/// One member's signature over a [`ProposalId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endorsement {
    /// Who.
    pub member: Identity,
    /// The signature.
    pub signature: Signature,
}

impl Endorsement {
    /// Endorses a proposal.
    #[must_use]
    pub fn sign(key: &MemberKey, proposal: &ProposalId) -> Self {
        Self {
            member: Identity::ed25519(key.public()),
            signature: key.sign(SignedAs::Endorsement, &proposal.0),
        }
    }

    /// Whether the signature is the member's over this proposal.
    #[must_use]
    pub fn verifies(&self, proposal: &ProposalId) -> bool {
        let key = &self.member.key;
        key.verifies(SignedAs::Endorsement, &proposal.0, &self.signature)
    }
}

/// A proposal and who endorses it, besides the member that signs the transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endorsed<P> {
    /// What is proposed.
    pub proposal: P,
    /// In ascending order of the members.
    pub endorsements: Vec<Endorsement>,
}

impl<P: Proposal> Endorsed<P> {
    /// A proposal with its endorsements put in order.
    #[must_use]
    pub fn new(proposal: P, mut endorsements: Vec<Endorsement>) -> Self {
        endorsements.sort_by_key(|endorsement| endorsement.member);
        endorsements.dedup_by_key(|endorsement| endorsement.member);
        Self {
            proposal,
            endorsements,
        }
    }

    /// Checks every signature.
    ///
    /// # Errors
    /// [`Reason::Endorsement`] where one does not verify.
    pub fn check_signatures(&self, channel: &ChannelId) -> Result<(), Reason> {
        let id = self.proposal.id(channel);
        let mut endorsements = self.endorsements.iter();
        if endorsements.all(|endorsement| endorsement.verifies(&id)) {
            Ok(())
        } else {
            Err(Reason::Endorsement)
        }
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        writer.array(ITEMS).uint(P::KIND);
        self.proposal.write(writer);
        writer.array(self.endorsements.len() as u64);
        for Endorsement { member, signature } in &self.endorsements {
            writer
                .array(3)
                .uint(u64::from(member.scheme.0))
                .bytes(&member.key.0)
                .bytes(&signature.0);
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let proposal = P::read(reader)?;
        let before = reader.error("endorsements of an unknown scheme, or not in ascending order");
        let mut endorsements: Vec<Endorsement> = Vec::new();
        for _ in 0..reader.array(MAX_ENDORSEMENTS)? {
            reader.tuple(3)?;
            let member = Identity {
                scheme: Scheme(reader.byte()?),
                key: PublicKey(reader.fixed()?),
            };
            let last = endorsements.last().map(|endorsement| endorsement.member);
            if member.scheme != Scheme::ED25519 || last >= Some(member) {
                return Err(before);
            }
            let signature = Signature(reader.fixed()?);
            endorsements.push(Endorsement { member, signature });
        }
        Ok(Self {
            proposal,
            endorsements,
        })
    }
}
