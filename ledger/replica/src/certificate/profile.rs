// SPDX-License-Identifier: Apache-2.0
//! The encoding: what each of the three certificates consists of, in the one order there is.

use std::fmt;

use silsila_chain::{PublicKey, Signature, sha256};

use super::der::{BOOLEAN, OCTET_STRING, OID, SEQUENCE, SET, UTF8_STRING, bits, integer, value};
use super::time::{self, LAST_SECOND};
use super::{CertificateFault, Role};

/// The longest certificate, in bytes. The longest that the profile can write has fewer.
pub const MAX_CERTIFICATE: usize = 1024;

/// The extension that carries the X25519 sealing key: the UUID 85daf275-923a-4e64-8df3-a6d4509c6100 in
/// the arc that ITU-T X.667 gives to everybody. Its content is an octet string of 32 bytes.
pub const SEALING_KEY_OID: &str = "2.25.177924161812628800723338883235246268672";

pub(super) const SEALING_KEY: &[u8] = &[
    0x69, 0x82, 0x8b, 0xda, 0xf9, 0x9d, 0xb2, 0xa3, 0xd2, 0xb9, 0xc9, 0x8d, 0xf9, 0xe9, 0xda, 0xc5,
    0x84, 0xf1, 0xc2, 0x00,
];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ORGANIZATION: &[u8] = &[0x55, 4, 10];
const ORGANIZATIONAL_UNIT: &[u8] = &[0x55, 4, 11];
const COMMON_NAME: &[u8] = &[0x55, 4, 3];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 29, 14];
const KEY_USAGE: &[u8] = &[0x55, 29, 15];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 29, 19];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 29, 35];

pub(super) const ROOT_NAME: &str = "Silsila root";
pub(super) const ISSUER_NAME: &str = "Silsila issuer";

/// A certificate's number: 16 bytes, the first from 1 to 127.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Serial([u8; 16]);

impl Serial {
    /// The number made of random bytes.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Self {
        bytes[0] = (bytes[0] & 0x7f).max(1);
        Self(bytes)
    }

    /// These bytes, where they are such a number.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Option<Self> {
        (1..=0x7f).contains(&bytes[0]).then_some(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

/// From when until when: whole seconds since 1970, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    not_before: u64,
    not_after: u64,
}

impl Validity {
    /// From the second in which `from_ms` lies to the one in which `until_ms` lies, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`CertificateFault::Validity`] where the end is not after the beginning, or after the year 9999.
    pub const fn new(from_ms: u64, until_ms: u64) -> Result<Self, CertificateFault> {
        Self::of_seconds(from_ms / 1000, until_ms / 1000)
    }

    pub(super) const fn of_seconds(
        not_before: u64,
        not_after: u64,
    ) -> Result<Self, CertificateFault> {
        if not_before < not_after && not_after <= LAST_SECOND {
            Ok(Self {
                not_before,
                not_after,
            })
        } else {
            Err(CertificateFault::Validity)
        }
    }

    /// The first millisecond.
    #[must_use]
    pub const fn from_ms(&self) -> u64 {
        self.not_before * 1000
    }

    /// The last millisecond.
    #[must_use]
    pub const fn until_ms(&self) -> u64 {
        self.not_after * 1000 + 999
    }

    /// Whether a time lies within.
    ///
    /// # Errors
    /// [`CertificateFault::NotYet`] or [`CertificateFault::Expired`].
    pub const fn judge(&self, at_ms: u64) -> Result<(), CertificateFault> {
        if at_ms < self.from_ms() {
            Err(CertificateFault::NotYet)
        } else if at_ms > self.until_ms() {
            Err(CertificateFault::Expired)
        } else {
            Ok(())
        }
    }
}

/// Who a certificate names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    /// The root of a network.
    Root(String),
    /// The issuing authority of a network.
    Issuer(String),
    /// A member.
    Member { organization: String, role: Role },
}

/// What the certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    Issuing,
    Member { sealing_key: [u8; 32] },
}

/// All that a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) serial: Serial,
    pub(super) issuer: Name,
    pub(super) validity: Validity,
    pub(super) subject: Name,
    pub(super) key: PublicKey,
    pub(super) issuer_key_id: [u8; 20],
    pub(super) kind: Kind,
}

/// The identifier of a key: the first 20 bytes of the SHA-256 of its SubjectPublicKeyInfo (RFC 7093,
/// section 2, method 4, shortened).
pub(super) fn key_id(key: &PublicKey) -> [u8; 20] {
    let digest = sha256(&public_key_info(key));
    *digest.first_chunk().expect("20 is at most 32")
}

impl Body {
    /// What is signed.
    pub(super) fn encode(&self) -> Vec<u8> {
        let version = value(0xa0, &[&integer(&[2])]);
        let extensions = value(0xa3, &[&value(SEQUENCE, &[&self.extensions()])]);
        value(
            SEQUENCE,
            &[
                &version,
                &integer(self.serial.bytes()),
                &algorithm(),
                &self.issuer.encode(),
                &self.validity.encode(),
                &self.subject.encode(),
                &public_key_info(&self.key),
                &extensions,
            ],
        )
    }

    fn extensions(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if self.kind != Kind::Root {
            let id = value(0x80, &[&self.issuer_key_id]);
            out.extend(extension(AUTHORITY_KEY_ID, false, &value(SEQUENCE, &[&id])));
        }
        // digitalSignature (bit 0) of members, keyCertSign (bit 5) of authorities.
        let usage: &[u8] = match self.kind {
            Kind::Member { .. } => &[BIT, 2, 7, 0x80],
            Kind::Root | Kind::Issuing => &[BIT, 2, 2, 0x04],
        };
        out.extend(extension(KEY_USAGE, true, usage));
        let own = value(OCTET_STRING, &[&key_id(&self.key)]);
        out.extend(extension(SUBJECT_KEY_ID, false, &own));
        let constraints = match self.kind {
            Kind::Root => authority(1),
            Kind::Issuing => authority(0),
            Kind::Member { .. } => value(SEQUENCE, &[]),
        };
        out.extend(extension(BASIC_CONSTRAINTS, true, &constraints));
        if let Kind::Member { sealing_key } = &self.kind {
            let content = value(OCTET_STRING, &[sealing_key]);
            out.extend(extension(SEALING_KEY, false, &content));
        }
        out
    }
}

const BIT: u8 = super::der::BIT_STRING;

impl Name {
    fn encode(&self) -> Vec<u8> {
        let (organization, oid, text) = match self {
            Self::Root(network) => (network, COMMON_NAME, ROOT_NAME),
            Self::Issuer(network) => (network, COMMON_NAME, ISSUER_NAME),
            Self::Member { organization, role } => (organization, ORGANIZATIONAL_UNIT, role.word()),
        };
        let first = attribute(ORGANIZATION, organization);
        value(SEQUENCE, &[&first, &attribute(oid, text)])
    }
}

impl Validity {
    fn encode(&self) -> Vec<u8> {
        let moment = |seconds| {
            let (tag, digits) = time::digits(seconds);
            value(tag, &[digits.as_bytes()])
        };
        value(
            SEQUENCE,
            &[&moment(self.not_before), &moment(self.not_after)],
        )
    }
}

/// The whole certificate.
pub(super) fn certificate(body: &[u8], signature: &Signature) -> Vec<u8> {
    value(SEQUENCE, &[body, &algorithm(), &bits(&signature.0)])
}

fn algorithm() -> Vec<u8> {
    value(SEQUENCE, &[&value(OID, &[ED25519])])
}

fn public_key_info(key: &PublicKey) -> Vec<u8> {
    value(SEQUENCE, &[&algorithm(), &bits(&key.0)])
}

fn attribute(oid: &[u8], text: &str) -> Vec<u8> {
    let pair = [value(OID, &[oid]), value(UTF8_STRING, &[text.as_bytes()])].concat();
    value(SET, &[&value(SEQUENCE, &[&pair])])
}

fn authority(path: u8) -> Vec<u8> {
    value(SEQUENCE, &[&value(BOOLEAN, &[&[0xff]]), &integer(&[path])])
}

fn extension(oid: &[u8], critical: bool, content: &[u8]) -> Vec<u8> {
    let flag = value(BOOLEAN, &[&[0xff]]);
    let flag: &[u8] = if critical { &flag } else { &[] };
    value(
        SEQUENCE,
        &[&value(OID, &[oid]), flag, &value(OCTET_STRING, &[content])],
    )
}
