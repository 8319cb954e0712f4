// SPDX-License-Identifier: Apache-2.0
//! Why a certificate, or what is made of certificates, is not accepted.

use silsila_chain::cbor::DecodeError;

/// Why a certificate is not accepted. The texts hold no part of the certificate, which may be hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFault {
    /// Not a certificate, or not written as the profile writes it.
    #[error("CRT0001 this is no certificate of the network's profile: {0}")]
    Profile(&'static str),
    /// A name that cannot stand in a certificate.
    #[error("CRT0002 the name cannot stand in a certificate: {0}")]
    Name(&'static str),
    /// A role that is not known.
    #[error("CRT0003 the role is not known")]
    Role,
    /// A key with which nothing could be proved or sealed.
    #[error("CRT0004 the certificate's {0} key is unusable")]
    Key(&'static str),
    /// A beginning after the end, or a time that a certificate cannot say.
    #[error("CRT0005 the time of validity is none")]
    Validity,
    /// Made by another authority.
    #[error("CRT0006 the certificate was issued by another authority")]
    Issuer,
    /// Altered, or signed by somebody else in the authority's name.
    #[error("CRT0007 the certificate's signature does not verify")]
    Signature,
    /// Judged before its first second.
    #[error("CRT0008 the certificate is not valid yet")]
    NotYet,
    /// Judged after its last second.
    #[error("CRT0009 the certificate has expired")]
    Expired,
    /// Not a network document, a credential or a revocation.
    #[error("CRT0010 the bytes are no {what}: {reason}")]
    Encoding {
        /// What they should have been.
        what: &'static str,
        /// What is wrong, and where.
        reason: DecodeError,
    },
    /// A network document of another network.
    #[error("CRT0011 this is another network: its fingerprint is not the expected one")]
    Fingerprint,
    /// A network document that contradicts its own root certificate.
    #[error("CRT0012 the network document does not agree with its root certificate")]
    Network,
    /// Text that is no fingerprint.
    #[error(
        "CRT0013 a fingerprint is 64 hexadecimal digits, with or without spaces between groups"
    )]
    FingerprintText,
    /// A revocation that no authority of this network signed.
    #[error("CRT0014 the revocation is not signed by this network's authority")]
    Revocation,
}

impl CertificateFault {
    /// The stable code, such as `CRT0007`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Profile(_) => "CRT0001",
            Self::Name(_) => "CRT0002",
            Self::Role => "CRT0003",
            Self::Key(_) => "CRT0004",
            Self::Validity => "CRT0005",
            Self::Issuer => "CRT0006",
            Self::Signature => "CRT0007",
            Self::NotYet => "CRT0008",
            Self::Expired => "CRT0009",
            Self::Encoding { .. } => "CRT0010",
            Self::Fingerprint => "CRT0011",
            Self::Network => "CRT0012",
            Self::FingerprintText => "CRT0013",
            Self::Revocation => "CRT0014",
        }
    }

    /// A decoder's fault in the bytes of `what`.
    pub(super) const fn encoding(what: &'static str) -> impl Fn(DecodeError) -> Self {
        move |reason| Self::Encoding { what, reason }
    }
}
