// SPDX-License-Identifier: Apache-2.0
//! The authority's signed word that a member is one no longer. It takes effect where a chain commits it.

use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::merkle::leaf_hash;
use silsila_chain::{Change, PublicKey, Signature};

use super::{CertificateFault, CertificateKey, Fingerprint, IssuingCertificate, key};

const LABEL: &str = "silsila/revocation/1";
const CONTEXT: &[u8; 32] = b"silsila revokes a member 1      ";

/// Why a member is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevocationReason {
    /// The authority says no more.
    Unspecified,
    /// Its key is, or may be, in other hands.
    KeyCompromise,
    /// It left the network.
    Left,
    /// It broke the network's rules.
    Misconduct,
}

impl RevocationReason {
    const ALL: [Self; 4] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::Left,
        Self::Misconduct,
    ];

    /// The word that stands for it in commands.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "key-compromise",
            Self::Left => "left",
            Self::Misconduct => "misconduct",
        }
    }

    /// From its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.word() == word)
    }

    /// Its number among the reasons of RFC 5280, section 5.3.1, which the ledger's entries use too:
    /// unspecified, keyCompromise, cessationOfOperation, privilegeWithdrawn.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::Left => 5,
            Self::Misconduct => 9,
        }
    }
}

/// `["silsila/revocation/1", network, member's key, time, reason, signature]`; the signature is over a
/// context of 32 bytes and the RFC 9162 leaf hash of the same array without it. It names the key, not
/// one certificate: all that were issued to the key end with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// Of which network.
    pub network: Fingerprint,
    /// Whose.
    pub member: PublicKey,
    /// When the authority decided, in milliseconds since 1970.
    pub time_ms: u64,
    /// Why.
    pub reason: RevocationReason,
    signature: Signature,
}

impl Revocation {
    /// Signs one.
    #[must_use]
    pub fn sign(
        key: &CertificateKey,
        network: Fingerprint,
        member: PublicKey,
        time_ms: u64,
        reason: RevocationReason,
    ) -> Self {
        let mut revocation = Self {
            network,
            member,
            time_ms,
            reason,
            signature: Signature([0; 64]),
        };
        revocation.signature = key.sign(&revocation.message());
        revocation
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = self.head(6);
        writer.bytes(&self.signature.0);
        writer.into_bytes()
    }

    /// Reads one; who signed it is judged by [`super::Trust::revocation`].
    ///
    /// # Errors
    /// [`CertificateFault::Encoding`].
    pub fn decode(bytes: &[u8]) -> Result<Self, CertificateFault> {
        Self::read(bytes).map_err(CertificateFault::encoding("revocation"))
    }

    fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        reader.tuple(6)?;
        reader.label(LABEL)?;
        let (network, member) = (Fingerprint(reader.fixed()?), PublicKey(reader.fixed()?));
        let time_ms = reader.uint()?;
        let unknown = reader.error("a reason that is not known");
        let number = reader.byte()?;
        let reason = RevocationReason::ALL
            .into_iter()
            .find(|reason| reason.number() == number)
            .ok_or(unknown)?;
        let signature = Signature(reader.fixed()?);
        reader.finish()?;
        Ok(Self {
            network,
            member,
            time_ms,
            reason,
            signature,
        })
    }

    /// What the members propose on a channel because of it.
    #[must_use]
    pub const fn change(&self) -> Change {
        Change::Revoke {
            reason: self.reason.number(),
        }
    }

    /// Whether this issuer signed it.
    #[must_use]
    pub fn is_signed_by(&self, issuer: &IssuingCertificate) -> bool {
        key::verifies(&issuer.key(), &self.message(), &self.signature)
    }

    fn head(&self, len: u64) -> Writer {
        let mut writer = Writer::new();
        writer.array(len).text(LABEL).bytes(&self.network.0);
        writer.bytes(&self.member.0).uint(self.time_ms);
        writer.uint(u64::from(self.reason.number()));
        writer
    }

    fn message(&self) -> [u8; 64] {
        let mut message = [0; 64];
        message[..32].copy_from_slice(CONTEXT);
        message[32..].copy_from_slice(&leaf_hash(&self.head(5).into_bytes()));
        message
    }
}
