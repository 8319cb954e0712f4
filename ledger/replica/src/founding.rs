// SPDX-License-Identifier: Apache-2.0
//! From certified members to the genesis of a channel, and the judgement of one that somebody else made.

use std::collections::BTreeSet;

use silsila_chain::cbor::DecodeError;
use silsila_chain::{
    Claim, Contract, Genesis, Identity, MAX_NAME, Policy as _, RULES_VERSION, Reason,
    judge_founding,
};

use crate::Rules;
use crate::certificate::{CertificateFault, Credential, Fingerprint};
use crate::contract::ContractFault;

/// Why a channel is not founded, or not joined.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FoundingFault {
    /// Not a channel file.
    #[error("CRT0015 this is no channel file: {0}")]
    Encoding(DecodeError),
    /// A name that is empty, too long, or not on one line.
    #[error(
        "CRT0016 the channel's name is empty, longer than {MAX_NAME} bytes, or not on one line"
    )]
    Name,
    /// A member of another network than the others, or than this gateway.
    #[error(
        "CRT0017 {organization} is not certified by the network, or not at this time: {reason}"
    )]
    Member {
        /// The organization, as its certificate says.
        organization: String,
        /// What is wrong.
        reason: String,
    },
    /// One member named twice.
    #[error("CRT0018 {organization} is named twice")]
    Twice {
        /// The organization.
        organization: String,
    },
    /// A set of validators that cannot serve.
    #[error("CRT0019 {0}")]
    Validators(&'static str),
    /// A contract that is not taken.
    #[error("CRT0020 the contract is not accepted: {0}")]
    Contract(String),
    /// A channel of another network.
    #[error("CRT0021 the channel belongs to another network than this gateway")]
    Network,
    /// This gateway is not among the members.
    #[error("CRT0022 this gateway is not a member of the channel")]
    NotMember,
    /// Something else that the ledger's rules do not take.
    #[error("CRT0023 the ledger's rules do not take the channel: {0}")]
    Rules(Reason),
}

/// What a channel is founded on.
pub struct Founding<'f> {
    /// Its name, for its members.
    pub name: &'f str,
    /// The members, all of one network, in any order.
    pub members: &'f [Credential],
    /// Whose keys certify blocks: one, or four and more.
    pub validators: &'f [Identity],
    /// The founding contract.
    pub contract: Contract,
    /// Random bytes, so that two channels of one name and time differ.
    pub nonce: [u8; 16],
    /// Now, in milliseconds since 1970: the time of block 0.
    pub time_ms: u64,
}

impl Founding<'_> {
    /// The genesis, judged as every member will judge it.
    ///
    /// # Errors
    /// A [`FoundingFault`].
    pub fn genesis(self) -> Result<Genesis, FoundingFault> {
        let first = self.members.first().ok_or(FoundingFault::NotMember)?;
        let network = first.network.fingerprint();
        if let Some(stranger) = self
            .members
            .iter()
            .find(|member| member.network.fingerprint() != network)
        {
            return Err(member_fault(
                stranger.member.organization(),
                &CertificateFault::Fingerprint,
            ));
        }
        let mut members: Vec<_> = self.members.iter().map(Credential::founder).collect();
        members.sort_by_key(|founder| founder.identity);
        if let Some(pair) = members
            .windows(2)
            .find(|pair| pair[0].identity == pair[1].identity)
        {
            return Err(FoundingFault::Twice {
                organization: pair[0].admission.organization.clone(),
            });
        }
        let validators: BTreeSet<Identity> = self.validators.iter().copied().collect();
        let genesis = Genesis {
            network: network.0,
            name: self.name.to_owned(),
            nonce: self.nonce,
            time_ms: self.time_ms,
            rules_version: RULES_VERSION,
            members,
            validators: validators.into_iter().collect(),
            root: first.network.encode(),
            contract: self.contract,
        };
        judge(&genesis, &network, self.time_ms)?;
        // What was made is also what will be read.
        Genesis::decode(&genesis.encode()).map_err(FoundingFault::Encoding)
    }
}

/// Reads a channel file and judges it as a member must, before it takes part: the network is the pinned
/// one, every member is certified by it at the channel's founding, the validators can serve, the contract
/// is one, and the gateway itself is a member.
///
/// # Errors
/// A [`FoundingFault`].
pub fn read_channel(
    bytes: &[u8],
    network: &Fingerprint,
    own: &Identity,
) -> Result<Genesis, FoundingFault> {
    let genesis = read_channel_for_later(bytes, network)?;
    if genesis.founder(own).is_none() {
        return Err(FoundingFault::NotMember);
    }
    Ok(genesis)
}

/// As [`read_channel`], for a gateway that is no founder: its members admitted it later, or will.
///
/// # Errors
/// A [`FoundingFault`].
pub fn read_channel_for_later(
    bytes: &[u8],
    network: &Fingerprint,
) -> Result<Genesis, FoundingFault> {
    let genesis = Genesis::decode(bytes).map_err(FoundingFault::Encoding)?;
    judge(&genesis, network, genesis.time_ms)?;
    Ok(genesis)
}

fn judge(genesis: &Genesis, network: &Fingerprint, at_ms: u64) -> Result<(), FoundingFault> {
    let name = &genesis.name;
    if name.is_empty() || name.len() > MAX_NAME || name.contains(char::is_control) {
        return Err(FoundingFault::Name);
    }
    if genesis.network != network.0 || genesis.is_alone() {
        return Err(FoundingFault::Network);
    }
    Rules::check(&genesis.contract).map_err(|faults| contract_fault(&faults))?;
    for founder in &genesis.members {
        let claim = Claim {
            network: &genesis.network,
            root: &genesis.root,
            identity: &founder.identity,
            admission: &founder.admission,
            at_ms,
        };
        Rules::default()
            .certificate(&claim)
            .map_err(|reason| member_fault(&founder.admission.organization, &reason))?;
    }
    validators(genesis)?;
    // The words above are for people; this is what the ledger itself will say.
    judge_founding(genesis, &Rules::default()).map_err(FoundingFault::Rules)
}

/// One validator orders alone; two or three would stop at the first power cut and guard against nothing.
fn validators(genesis: &Genesis) -> Result<(), FoundingFault> {
    let fault = |text| Err(FoundingFault::Validators(text));
    if matches!(genesis.validators.len(), 0 | 2 | 3) {
        return fault(
            "a channel has one validator, or four and more: two or three would stop at one power cut and bear no fault",
        );
    }
    let known = |validator: &Identity| genesis.founder(validator);
    let organizations: Option<BTreeSet<&str>> = genesis
        .validators
        .iter()
        .map(|validator| known(validator).map(|founder| founder.admission.organization.as_str()))
        .collect();
    match organizations {
        None => fault("a validator is not a member of the channel"),
        Some(organizations) if organizations.len() < genesis.validators.len() => {
            fault("two validators belong to one organization, which would have two votes")
        }
        Some(_) => Ok(()),
    }
}

fn contract_fault(faults: &[ContractFault]) -> FoundingFault {
    FoundingFault::Contract(faults.first().map_or_else(String::new, ToString::to_string))
}

fn member_fault(organization: &str, reason: &impl ToString) -> FoundingFault {
    FoundingFault::Member {
        organization: organization.to_owned(),
        reason: reason.to_string(),
    }
}
