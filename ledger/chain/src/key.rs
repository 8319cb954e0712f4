// SPDX-License-Identifier: Apache-2.0
//! Secrets of a member and of a custodian, and what is derived from them for one channel.
//!
//! A signature covers a context and an identifier, so that one made for a transaction can never pass
//! for a block. A tag covers a derived key for its use and its channel, so that nothing links a
//! resource's tag with a subject's, or one channel's with another's.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::cbor::{DecodeError, Reader, Writer};
use crate::{ChannelId, EntryHash, EventId, Scheme, Tag};

/// What a signature is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedAs {
    /// A member's transaction, over its id.
    Transaction,
    /// A lone validator's block, over its hash.
    Block,
    /// A request to the registration authority, over its hash and the connection it came by.
    Registration,
    /// A member's consent to what others propose, over the proposal's id.
    Endorsement,
    /// That a member is who proposes, over the proposal's id.
    Proposal,
    /// A member's refusal of what others propose, over the proposal's id.
    Objection,
}

impl SignedAs {
    fn message(self, identifier: &[u8; 32]) -> [u8; 64] {
        let context: &[u8; 32] = match self {
            Self::Transaction => b"silsila signs a transaction 1   ",
            Self::Block => b"silsila signs a block alone 1   ",
            Self::Registration => b"silsila asks the authority 1    ",
            Self::Endorsement => b"silsila endorses a proposal 1   ",
            Self::Proposal => b"silsila makes a proposal 1      ",
            Self::Objection => b"silsila declines a proposal 1   ",
        };
        let mut message = [0; 64];
        message[..32].copy_from_slice(context);
        message[32..].copy_from_slice(identifier);
        message
    }
}

/// The ed25519 key with which a member signs transactions and, alone, validates blocks.
#[derive(Clone)]
pub struct MemberKey(SigningKey);

impl MemberKey {
    /// The key grown from a 32-byte secret seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs an identifier.
    #[must_use]
    pub fn sign(&self, signed_as: SignedAs, identifier: &[u8; 32]) -> Signature {
        Signature(self.0.sign(&signed_as.message(identifier)).to_bytes())
    }

    /// Signs bytes of a foreign format, which must begin with what no other signed format begins with.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MemberKey(of {})", self.public())
    }
}

/// An ed25519 public key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey(pub [u8; 32]);

impl PublicKey {
    /// Whether this key signed this identifier for this use. Strict: a key of small order and a
    /// signature that is not in its canonical form are refused.
    #[must_use]
    pub fn verifies(
        &self,
        signed_as: SignedAs,
        identifier: &[u8; 32],
        signature: &Signature,
    ) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| {
            key.verify_strict(&signed_as.message(identifier), &signature)
                .is_ok()
        })
    }

    /// Whether this key signed these bytes of a foreign format; strict.
    pub(crate) fn verifies_bytes(&self, message: &[u8], signature: &Signature) -> bool {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(message, &signature).is_ok())
    }
}

impl std::str::FromStr for PublicKey {
    type Err = crate::HexError;
    fn from_str(text: &str) -> Result<Self, crate::HexError> {
        crate::id::read_hex(text).map(Self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::id::write_hex(f, &self.0)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// An ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::id::write_hex(f, &self.0)
    }
}

/// Who acts on a channel: a key, and how it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    /// How it signs.
    pub scheme: Scheme,
    /// Its public key.
    pub key: PublicKey,
}

impl Identity {
    /// A key that signs with ed25519.
    #[must_use]
    pub const fn ed25519(key: PublicKey) -> Self {
        Self {
            scheme: Scheme::ED25519,
            key,
        }
    }
}

pub(crate) fn write_identity(writer: &mut Writer, identity: &Identity) {
    writer
        .array(2)
        .uint(u64::from(identity.scheme.0))
        .bytes(&identity.key.0);
}

pub(crate) fn read_identity(reader: &mut Reader<'_>) -> Result<Identity, DecodeError> {
    let before = reader.error("an identity of an unknown scheme");
    reader.tuple(2)?;
    let scheme = Scheme(reader.byte()?);
    let key = PublicKey(reader.fixed()?);
    if scheme == Scheme::ED25519 {
        Ok(Identity { scheme, key })
    } else {
        Err(before)
    }
}

pub(crate) fn write_identities(writer: &mut Writer, identities: &[Identity]) {
    writer.array(identities.len() as u64);
    for identity in identities {
        write_identity(writer, identity);
    }
}

/// Reads at least one identity, in ascending order.
pub(crate) fn read_identities(
    reader: &mut Reader<'_>,
    most: u64,
) -> Result<Vec<Identity>, DecodeError> {
    let before = reader.error("identities that are none, or not in ascending order");
    let mut identities = Vec::new();
    for _ in 0..reader.array(most)? {
        let identity = read_identity(reader)?;
        if identities.last() >= Some(&identity) {
            return Err(before);
        }
        identities.push(identity);
    }
    if identities.is_empty() {
        Err(before)
    } else {
        Ok(identities)
    }
}

/// The secret from which a custodian derives its tags and event ids, channel by channel.
#[derive(Clone)]
pub struct CustodianKey([u8; 32]);

impl CustodianKey {
    /// Takes the 32 secret bytes.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// The keys for one channel.
    #[must_use]
    pub fn on(&self, channel: &ChannelId) -> ChannelKeys {
        let derive = |label: &str| {
            let mut mac = keyed(&self.0);
            mac.update(label.as_bytes());
            mac.update(&channel.0);
            keyed(&mac.finalize().into_bytes().into())
        };
        ChannelKeys {
            resource: derive("silsila resource tag 1"),
            subject: derive("silsila subject tag 1"),
            event: derive("silsila event id 1"),
            local: derive("silsila local seal 1"),
        }
    }
}

impl Drop for CustodianKey {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl fmt::Debug for CustodianKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CustodianKey(..)")
    }
}

/// What a custodian derives for one channel.
#[derive(Clone)]
pub struct ChannelKeys {
    resource: Hmac<Sha256>,
    subject: Hmac<Sha256>,
    event: Hmac<Sha256>,
    local: Hmac<Sha256>,
}

impl ChannelKeys {
    /// The tag of a resource.
    #[must_use]
    pub fn resource_tag(&self, name: &str) -> Tag {
        Tag(cut(self.resource.clone().chain_update(name.as_bytes())))
    }

    /// The tag of a subject; another than the tag of the same name as a resource.
    #[must_use]
    pub fn subject_tag(&self, name: &str) -> Tag {
        Tag(cut(self.subject.clone().chain_update(name.as_bytes())))
    }

    /// The id of the event that turned a resource's version `previous` into this plaintext, given by
    /// its SHA-256; a deletion has no plaintext.
    #[must_use]
    pub fn event_id(
        &self,
        resource: &Tag,
        previous: Option<&EntryHash>,
        plaintext: Option<&[u8; 32]>,
    ) -> EventId {
        let mut mac = self.event.clone().chain_update(resource.0);
        mac.update(previous.map_or(&[0; 32], |hash| &hash.0));
        mac.update(plaintext.map_or(&[0; 32], |digest| digest));
        EventId(cut(mac))
    }

    /// Seals what this gateway wrote for itself alone, such as a checkpoint of its own file.
    #[must_use]
    pub fn local_seal(&self, bytes: &[u8]) -> [u8; 32] {
        self.local
            .clone()
            .chain_update(bytes)
            .finalize()
            .into_bytes()
            .into()
    }
}

impl fmt::Debug for ChannelKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChannelKeys(..)")
    }
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length")
}

fn cut(mac: Hmac<Sha256>) -> [u8; 16] {
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    *whole.first_chunk().expect("16 is at most 32")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(channel: u8) -> ChannelKeys {
        CustodianKey::new([7; 32]).on(&ChannelId([channel; 32]))
    }

    #[test]
    fn tags_differ_by_use_by_channel_and_by_custodian() {
        let tag = keys(1).resource_tag("Patient/a");
        assert_eq!(tag, keys(1).resource_tag("Patient/a"));
        assert_ne!(tag, keys(1).resource_tag("Patient/b"));
        assert_ne!(tag, keys(1).subject_tag("Patient/a"));
        assert_ne!(tag, keys(2).resource_tag("Patient/a"));
        let other = CustodianKey::new([8; 32]).on(&ChannelId([1; 32]));
        assert_ne!(tag, other.resource_tag("Patient/a"));
    }

    #[test]
    fn a_b_a_is_three_events_and_a_replay_is_one() {
        let (keys, tag) = (keys(1), Tag([1; 16]));
        let first = keys.event_id(&tag, None, Some(&[1; 32]));
        let third = keys.event_id(&tag, Some(&EntryHash([9; 32])), Some(&[1; 32]));
        assert_ne!(first, third);
        assert_eq!(first, keys.event_id(&tag, None, Some(&[1; 32])));
        assert_ne!(first, keys.event_id(&tag, None, None));
    }

    #[test]
    fn a_signature_for_one_use_is_refused_for_another() {
        let key = MemberKey::from_seed(&[1; 32]);
        let signature = key.sign(SignedAs::Transaction, &[5; 32]);
        assert!(
            key.public()
                .verifies(SignedAs::Transaction, &[5; 32], &signature)
        );
        assert!(!key.public().verifies(SignedAs::Block, &[5; 32], &signature));
        assert!(
            !key.public()
                .verifies(SignedAs::Transaction, &[6; 32], &signature)
        );
        let other = MemberKey::from_seed(&[2; 32]).public();
        assert!(!other.verifies(SignedAs::Transaction, &[5; 32], &signature));
    }

    #[test]
    fn secrets_do_not_print() {
        let printed = format!("{:?} {:?}", CustodianKey::new([0xaa; 32]), keys(1));
        assert_eq!(printed, "CustodianKey(..) ChannelKeys(..)");
        let member = format!("{:?}", MemberKey::from_seed(&[0xaa; 32]));
        assert!(!member.contains("aaaa"), "{member}");
    }
}
