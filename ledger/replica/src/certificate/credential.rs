// SPDX-License-Identifier: Apache-2.0
//! What a member shows to prove that it is one: nothing in it is secret.

use silsila_chain::cbor::{Reader, Writer};
use silsila_chain::{Admission, Change, Founder, Identity};

use super::profile::MAX_CERTIFICATE;
use super::{CertificateFault, IssuingCertificate, MemberCertificate, Network, Trust};

const LABEL: &str = "silsila/credential/1";
const WHAT: &str = "credential";

/// A network, the certificate of the authority that issued, and the member's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The network.
    pub network: Network,
    /// Who issued.
    pub issuing: IssuingCertificate,
    /// The member.
    pub member: MemberCertificate,
}

impl Credential {
    /// `["silsila/credential/1", network document, issuing certificate, member certificate]`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        writer.array(4).text(LABEL);
        writer.bytes(&self.network.encode());
        writer.bytes(self.issuing.der()).bytes(self.member.der());
        writer.into_bytes()
    }

    /// Reads a credential and verifies both signatures up to the root that stands in it. Whether that is
    /// the right network, and whether anything is valid now, is for the caller to ask.
    ///
    /// # Errors
    /// A [`CertificateFault`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateFault> {
        let fault = CertificateFault::encoding(WHAT);
        let mut reader = Reader::new(bytes);
        reader.tuple(4).map_err(&fault)?;
        reader.label(LABEL).map_err(&fault)?;
        let network = Network::decode(reader.bytes(2 * MAX_CERTIFICATE).map_err(&fault)?)?;
        let issuing = reader.bytes(MAX_CERTIFICATE).map_err(&fault)?;
        let issuing = IssuingCertificate::parse(issuing)?;
        let member = reader.bytes(MAX_CERTIFICATE).map_err(&fault)?;
        let member = MemberCertificate::parse(member)?;
        reader.finish().map_err(&fault)?;
        issuing.is_from(network.root())?;
        member.is_from(&issuing)?;
        Ok(Self {
            network,
            issuing,
            member,
        })
    }

    /// How the member stands in a channel's genesis or in the entry that admits it: the certificate's bytes
    /// are the member's and, behind it, its issuer's; it may act until the first of the chain's ends.
    #[must_use]
    pub fn founder(&self) -> Founder {
        let subject = self.member.subject();
        let ends = [
            self.member.validity().until_ms(),
            self.issuing.validity().until_ms(),
            self.network.root().validity().until_ms(),
        ];
        Founder {
            identity: Identity::ed25519(subject.ledger_key),
            admission: Admission {
                sealing_key: subject.sealing_key,
                organization: subject.organization,
                role: subject.role.word().to_owned(),
                certificate: [self.member.der(), self.issuing.der()].concat(),
                not_after_ms: ends.into_iter().fold(u64::MAX, u64::min),
            },
        }
    }

    /// What a member proposes on its channels once its certificate was renewed.
    #[must_use]
    pub fn renewal(&self) -> Change {
        let admission = self.founder().admission;
        Change::Renew {
            certificate: admission.certificate,
            not_after_ms: admission.not_after_ms,
        }
    }

    /// What somebody who takes this network for the right one relies on.
    ///
    /// # Errors
    /// Where the root did not sign the issuer.
    pub fn trust(&self) -> Result<Trust, CertificateFault> {
        Trust::new(self.network.clone(), vec![self.issuing.clone()])
    }
}
