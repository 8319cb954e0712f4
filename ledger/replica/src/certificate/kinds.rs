// SPDX-License-Identifier: Apache-2.0
//! The three certificates, as types of their own.

use silsila_chain::{PublicKey, Signature};

use super::names::check_name;
use super::profile::{Body, Kind, Name, certificate, key_id};
use super::read::read;
use super::{CertificateFault, CertificateKey, Role, Serial, Validity, key};

/// What every kind has in common.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Signed {
    body: Body,
    signature: Signature,
    der: Vec<u8>,
}

impl Signed {
    fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let (body, signature) = read(der)?;
        Ok(Self {
            body,
            signature,
            der: der.to_vec(),
        })
    }

    /// Signs, and reads what was written: nothing leaves that this room would not take.
    fn issue(body: &Body, key: &CertificateKey) -> Result<Self, CertificateFault> {
        let bytes = body.encode();
        Self::parse(&certificate(&bytes, &key.sign(&bytes)))
    }

    fn is_signed_by(&self, key: &PublicKey) -> Result<(), CertificateFault> {
        if self.body.issuer_key_id != key_id(key) {
            Err(CertificateFault::Issuer)
        } else if key::verifies(key, &self.body.encode(), &self.signature) {
            Ok(())
        } else {
            Err(CertificateFault::Signature)
        }
    }
}

macro_rules! certificate_kind {
    ($kind:ident) => {
        impl $kind {
            /// The certificate's bytes.
            #[must_use]
            pub fn der(&self) -> &[u8] {
                &self.0.der
            }

            /// The key that it certifies.
            #[must_use]
            pub const fn key(&self) -> PublicKey {
                self.0.body.key
            }

            /// Its number.
            #[must_use]
            pub const fn serial(&self) -> Serial {
                self.0.body.serial
            }

            /// From when until when.
            #[must_use]
            pub const fn validity(&self) -> Validity {
                self.0.body.validity
            }

            /// The name of its network.
            #[must_use]
            pub fn network(&self) -> &str {
                match &self.0.body.issuer {
                    Name::Root(network) | Name::Issuer(network) => network,
                    // The reader refuses a certificate whose issuer is a member.
                    Name::Member { organization, .. } => organization,
                }
            }
        }
    };
}

/// A network's root certificate, which signs itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootCertificate(Signed);

/// The certificate of an authority that issues to members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuingCertificate(Signed);

/// A member's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberCertificate(Signed);

certificate_kind!(RootCertificate);
certificate_kind!(IssuingCertificate);
certificate_kind!(MemberCertificate);

/// Whom a member certificate is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The organization's name.
    pub organization: String,
    /// What it is.
    pub role: Role,
    /// The ed25519 key with which it signs on the ledger.
    pub ledger_key: PublicKey,
    /// The X25519 key to which others seal.
    pub sealing_key: [u8; 32],
}

impl RootCertificate {
    /// Makes a network's root.
    ///
    /// # Errors
    /// Where the name cannot stand in a certificate.
    pub fn found(
        network: &str,
        key: &CertificateKey,
        serial: Serial,
        validity: Validity,
    ) -> Result<Self, CertificateFault> {
        check_name(network)?;
        let body = Body {
            serial,
            issuer: Name::Root(network.to_owned()),
            validity,
            subject: Name::Root(network.to_owned()),
            key: key.public(),
            issuer_key_id: key_id(&key.public()),
            kind: Kind::Root,
        };
        Signed::issue(&body, key).map(Self)
    }

    /// Reads a root certificate and verifies that it signed itself.
    ///
    /// # Errors
    /// A [`CertificateFault`].
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let signed = Signed::parse(der)?;
        if signed.body.kind != Kind::Root {
            return Err(CertificateFault::Profile("it is not a root's"));
        }
        signed.is_signed_by(&signed.body.key)?;
        Ok(Self(signed))
    }
}

impl IssuingCertificate {
    /// Certifies an issuing key.
    ///
    /// # Errors
    /// [`CertificateFault::Issuer`] where `key` is not the root's, [`CertificateFault::Key`] where the
    /// issuing key is unusable.
    pub fn issue(
        root: &RootCertificate,
        key: &CertificateKey,
        issuing_key: PublicKey,
        serial: Serial,
        validity: Validity,
    ) -> Result<Self, CertificateFault> {
        if key.public() != root.key() {
            return Err(CertificateFault::Issuer);
        }
        let body = Body {
            serial,
            issuer: Name::Root(root.network().to_owned()),
            validity,
            subject: Name::Issuer(root.network().to_owned()),
            key: issuing_key,
            issuer_key_id: key_id(&root.key()),
            kind: Kind::Issuing,
        };
        Signed::issue(&body, key).map(Self)
    }

    /// Reads an issuing certificate; who signed it is judged by [`IssuingCertificate::is_from`].
    ///
    /// # Errors
    /// A [`CertificateFault`].
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let signed = Signed::parse(der)?;
        match signed.body.kind {
            Kind::Issuing => Ok(Self(signed)),
            _ => Err(CertificateFault::Profile(
                "it is not an issuing authority's",
            )),
        }
    }

    /// Whether this root signed it.
    ///
    /// # Errors
    /// [`CertificateFault::Issuer`] or [`CertificateFault::Signature`].
    pub fn is_from(&self, root: &RootCertificate) -> Result<(), CertificateFault> {
        if self.network() != root.network() {
            return Err(CertificateFault::Issuer);
        }
        self.0.is_signed_by(&root.key())
    }
}

impl MemberCertificate {
    /// Certifies a member.
    ///
    /// # Errors
    /// [`CertificateFault::Issuer`] where `key` is not the issuer's; where a name or a key cannot stand in
    /// a certificate.
    pub fn issue(
        issuing: &IssuingCertificate,
        key: &CertificateKey,
        subject: &Subject,
        serial: Serial,
        validity: Validity,
    ) -> Result<Self, CertificateFault> {
        if key.public() != issuing.key() {
            return Err(CertificateFault::Issuer);
        }
        check_name(&subject.organization)?;
        let body = Body {
            serial,
            issuer: Name::Issuer(issuing.network().to_owned()),
            validity,
            subject: Name::Member {
                organization: subject.organization.clone(),
                role: subject.role,
            },
            key: subject.ledger_key,
            issuer_key_id: key_id(&issuing.key()),
            kind: Kind::Member {
                sealing_key: subject.sealing_key,
            },
        };
        Signed::issue(&body, key).map(Self)
    }

    /// Reads a member certificate; who signed it is judged by [`super::Trust::judge`].
    ///
    /// # Errors
    /// A [`CertificateFault`].
    pub fn parse(der: &[u8]) -> Result<Self, CertificateFault> {
        let signed = Signed::parse(der)?;
        match signed.body.kind {
            Kind::Member { .. } => Ok(Self(signed)),
            _ => Err(CertificateFault::Profile("it is not a member's")),
        }
    }

    /// Whether this issuer signed it.
    ///
    /// # Errors
    /// [`CertificateFault::Issuer`] or [`CertificateFault::Signature`].
    pub fn is_from(&self, issuing: &IssuingCertificate) -> Result<(), CertificateFault> {
        if self.network() != issuing.network() {
            return Err(CertificateFault::Issuer);
        }
        self.0.is_signed_by(&issuing.key())
    }

    /// The organization.
    #[must_use]
    pub fn organization(&self) -> &str {
        match &self.0.body.subject {
            // The kind is a member's only where the subject is.
            Name::Member { organization, .. }
            | Name::Root(organization)
            | Name::Issuer(organization) => organization,
        }
    }

    /// What the organization is.
    #[must_use]
    pub const fn role(&self) -> Role {
        match &self.0.body.subject {
            Name::Member { role, .. } => *role,
            Name::Root(_) | Name::Issuer(_) => Role::Authority,
        }
    }

    /// The X25519 key to which others seal.
    #[must_use]
    pub const fn sealing_key(&self) -> [u8; 32] {
        match self.0.body.kind {
            Kind::Member { sealing_key } => sealing_key,
            Kind::Root | Kind::Issuing => [0; 32],
        }
    }

    /// All that it says of the member.
    #[must_use]
    pub fn subject(&self) -> Subject {
        Subject {
            organization: self.organization().to_owned(),
            role: self.role(),
            ledger_key: self.key(),
            sealing_key: self.sealing_key(),
        }
    }
}
