// SPDX-License-Identifier: Apache-2.0
//! The chain from a member's certificate to the pinned root.

use super::{
    CertificateFault, Fingerprint, IssuingCertificate, MemberCertificate, Network, Revocation,
};

/// What a member of a network relies on: the network itself, known by its fingerprint, and the issuing
/// certificates that its root signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    network: Network,
    issuers: Vec<IssuingCertificate>,
}

impl Trust {
    /// Relies on a network and its issuers.
    ///
    /// # Errors
    /// [`CertificateFault::Issuer`] or [`CertificateFault::Signature`] where the root did not sign an issuer.
    pub fn new(
        network: Network,
        issuers: Vec<IssuingCertificate>,
    ) -> Result<Self, CertificateFault> {
        for issuer in &issuers {
            issuer.is_from(network.root())?;
        }
        Ok(Self { network, issuers })
    }

    /// Relies on a network that came from outside, if it is the expected one.
    ///
    /// # Errors
    /// As [`Trust::new`], and [`CertificateFault::Fingerprint`] where it is another network.
    pub fn pinned(
        fingerprint: &Fingerprint,
        network: Network,
        issuers: Vec<IssuingCertificate>,
    ) -> Result<Self, CertificateFault> {
        if network.fingerprint() != *fingerprint {
            return Err(CertificateFault::Fingerprint);
        }
        Self::new(network, issuers)
    }

    /// The network.
    #[must_use]
    pub const fn network(&self) -> &Network {
        &self.network
    }

    /// Its issuing certificates.
    #[must_use]
    pub fn issuers(&self) -> &[IssuingCertificate] {
        &self.issuers
    }

    /// Judges a member's certificate at a time: its form, its signature up to the pinned root, and that
    /// every certificate of the chain is valid then. Revocation is the chain's to know.
    ///
    /// # Errors
    /// The first [`CertificateFault`].
    pub fn judge(&self, der: &[u8], at_ms: u64) -> Result<MemberCertificate, CertificateFault> {
        let member = MemberCertificate::parse(der)?;
        self.judge_parsed(&member, at_ms)?;
        Ok(member)
    }

    /// As [`Trust::judge`], for a certificate that was read already.
    ///
    /// # Errors
    /// The first [`CertificateFault`].
    pub fn judge_parsed(
        &self,
        member: &MemberCertificate,
        at_ms: u64,
    ) -> Result<(), CertificateFault> {
        let mut fault = CertificateFault::Issuer;
        for issuer in &self.issuers {
            match member.is_from(issuer) {
                Ok(()) => {
                    self.network.root().validity().judge(at_ms)?;
                    issuer.validity().judge(at_ms)?;
                    return member.validity().judge(at_ms);
                }
                Err(CertificateFault::Issuer) => {}
                Err(other) => fault = other,
            }
        }
        Err(fault)
    }

    /// Reads a revocation and verifies that one of the issuers signed it for this network.
    ///
    /// # Errors
    /// [`CertificateFault::Encoding`] or [`CertificateFault::Revocation`].
    pub fn revocation(&self, bytes: &[u8]) -> Result<Revocation, CertificateFault> {
        let revocation = Revocation::decode(bytes)?;
        let known = revocation.network == self.network.fingerprint()
            && self
                .issuers
                .iter()
                .any(|issuer| revocation.is_signed_by(issuer));
        if known {
            Ok(revocation)
        } else {
            Err(CertificateFault::Revocation)
        }
    }
}
