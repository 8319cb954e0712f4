// SPDX-License-Identifier: Apache-2.0
//! What the rules ask of a contract's language and of certificates, neither of which is known here.

use std::fmt;

use crate::merkle::Hash;
use crate::rules::Member;
use crate::{Admission, Contract, Genesis, Identity, Reason};

/// Judges what the formats do not. An implementation is pure: equal questions have equal answers on every
/// member, at any time.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Whether a certificate says what is claimed of its member, leads to the network's root, and is valid.
    ///
    /// # Errors
    /// [`Reason::MemberCertificate`].
    fn certificate(&self, claim: &Claim<'_>) -> Result<(), Reason>;

    /// Whether this is a contract by which can be judged.
    ///
    /// # Errors
    /// [`Reason::Contract`].
    fn contract(&self, contract: &Contract) -> Result<(), Reason>;

    /// Whether a contract permits an action.
    ///
    /// # Errors
    /// [`Reason::NotPermitted`], also where the contract cannot be evaluated.
    fn permits(&self, question: &Question<'_>) -> Result<(), Reason>;
}

/// What a certificate is said to say.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The channel's network, as its genesis names it.
    pub network: &'a [u8; 32],
    /// The network's root, as genesis holds it.
    pub root: &'a [u8],
    /// Whose certificate.
    pub identity: &'a Identity,
    /// What it says of them, and its bytes.
    pub admission: &'a Admission,
    /// The time by which it is judged, in milliseconds since 1970: the parent block's.
    pub at_ms: u64,
}

/// What somebody would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action<'a> {
    /// Append a version of a resource, or its deletion.
    Append {
        /// The kind of the resource.
        kind: &'a str,
        /// Its compartment.
        label_class: u8,
        /// Whether it is deleted.
        deletes: bool,
    },
    /// Envelope the keys of a compartment to members.
    Grant {
        /// The compartment.
        label_class: u8,
    },
    /// Be given the keys of a compartment without a word of the patient's. No transaction asks this; a
    /// custodian does before it envelopes keys.
    Open {
        /// The compartment.
        label_class: u8,
        /// The organization that seals it.
        custodian: &'a str,
    },
    /// Admit a member.
    Admit(&'a Admission),
    /// Let a member act for longer.
    Renew(&'a Member),
    /// Keep a member from acting for a while.
    Suspend(&'a Member),
    /// End a suspension.
    Reinstate(&'a Member),
    /// Keep a member from acting for good.
    Revoke(&'a Member),
    /// Put another contract in the present one's place.
    ChangeContract(&'a Contract),
    /// Let others order; a contract is asked as for [`Action::ChangeContract`].
    ChangeValidators(&'a [Identity]),
}

/// A question to the contract.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// Its hash.
    pub contract_hash: &'a Hash,
    /// Who signs the transaction.
    pub identity: &'a Identity,
    /// Who that is.
    pub member: &'a Member,
    /// What they would do.
    pub action: Action<'a>,
    /// Whom that is about, where it is about a member.
    pub subject: Option<&'a Identity>,
    /// How many organizations are for it: the signer's and those that endorse.
    pub votes: u32,
    /// How many organizations have a say.
    pub organizations: u32,
    /// Whether a certificate of the network's authority speaks for it.
    pub certified: bool,
}

/// Takes what certified blocks did for right: those who certified them judged it. For whoever follows a
/// chain and knows no contract language, such as an auditor's verifier. Everything else is still judged:
/// signatures, sequences, versions, members and their standing, limits. Never for a validator.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsCertified;

impl Policy for AsCertified {
    fn certificate(&self, _: &Claim<'_>) -> Result<(), Reason> {
        Ok(())
    }

    fn contract(&self, _: &Contract) -> Result<(), Reason> {
        Ok(())
    }

    fn permits(&self, _: &Question<'_>) -> Result<(), Reason> {
        Ok(())
    }
}

/// For a gateway alone, which has neither contract nor certificates: refuses whatever is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Alone;

impl Policy for Alone {
    fn certificate(&self, _: &Claim<'_>) -> Result<(), Reason> {
        Err(Reason::MemberCertificate)
    }

    fn contract(&self, _: &Contract) -> Result<(), Reason> {
        Err(Reason::Contract)
    }

    fn permits(&self, _: &Question<'_>) -> Result<(), Reason> {
        Err(Reason::NotPermitted)
    }
}

/// Checks what a channel is founded on: rules that are known, certificates by the time of block 0, the
/// contract.
///
/// # Errors
/// Names the reason.
pub fn judge_founding(genesis: &Genesis, policy: &dyn Policy) -> Result<(), Reason> {
    if genesis.rules_version != super::RULES_VERSION {
        return Err(Reason::RulesVersion);
    }
    if genesis.is_alone() {
        return Ok(());
    }
    policy.contract(&genesis.contract)?;
    for founder in &genesis.members {
        let admission = &founder.admission;
        if admission.certificate.is_empty() && genesis.root.is_empty() {
            continue;
        }
        policy.certificate(&Claim {
            network: &genesis.network,
            root: &genesis.root,
            identity: &founder.identity,
            admission,
            at_ms: genesis.time_ms,
        })?;
    }
    Ok(())
}
