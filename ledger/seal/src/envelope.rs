// SPDX-License-Identifier: Apache-2.0
//! Payload suite 2: envelopes, by which a content key reaches its recipients.
//!
//! ```text
//! byte 0    suite: 2
//! bytes 1-  ["silsila/envelopes/1", key check (32 bytes), [[recipient (32), encapsulated key (32), sealed (48)], ...]]
//! ```
//!
//! One HPKE envelope (RFC 9180, base mode, X25519-HKDF-SHA256, HKDF-SHA256, ChaCha20-Poly1305) for each
//! recipient, who is named by the ed25519 key of its membership, in ascending order. `info` is the CBOR array
//! `["silsila/envelope/1", channel, custodian, subject tag, label class, key period, recipient]`; the
//! associated data is the key check. An envelope therefore opens for one recipient, one compartment and one
//! key only, and whoever opens one knows that every other recipient was given the same key or can tell.

use hpke::{Deserializable as _, OpModeR, OpModeS, Serializable as _};
use silsila_chain::cbor::{DecodeError, Reader, Writer};
use silsila_chain::{MAX_RECIPIENTS, PublicKey};
use zeroize::Zeroizing;

use crate::suites::{Aead, Encapsulated, Kdf, Kem};
use crate::{Compartment, ContentKey, KeyCheck, SealError, SealingKey, SealingPublic};

const SUITE: u8 = 2;
const LABEL: &str = "silsila/envelopes/1";

/// A content key, sealed to each of several members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelopes {
    check: KeyCheck,
    each: Vec<Envelope>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Envelope {
    recipient: PublicKey,
    encapsulated: [u8; 32],
    sealed: [u8; 48],
}

impl Envelopes {
    /// Seals the key of a compartment to each recipient; the order does not matter.
    ///
    /// # Errors
    /// Where a recipient has no sealing key, is named twice, or there are too many.
    pub fn seal(
        key: &ContentKey,
        compartment: &Compartment,
        recipients: &[(PublicKey, SealingPublic)],
    ) -> Result<Self, SealError> {
        let mut sorted = recipients.to_vec();
        sorted.sort_unstable();
        if sorted.len() as u64 > MAX_RECIPIENTS
            || sorted.array_windows().any(|[one, next]| one.0 == next.0)
        {
            return Err(SealError::Recipient);
        }
        let check = key.check(compartment);
        let each = sorted
            .iter()
            .map(|(recipient, public)| Envelope::seal(key, compartment, check, *recipient, public));
        Ok(Self {
            check,
            each: each.collect::<Result<_, _>>()?,
        })
    }

    /// Names the key that is inside.
    #[must_use]
    pub const fn check(&self) -> KeyCheck {
        self.check
    }

    /// Who can open, ascending.
    pub fn recipients(&self) -> impl Iterator<Item = PublicKey> {
        self.each.iter().map(|one| one.recipient)
    }

    /// Opens one's own envelope; `None` where there is none for `me`.
    ///
    /// # Errors
    /// Where it does not open, or holds another key than all were promised.
    pub fn open(
        &self,
        compartment: &Compartment,
        me: PublicKey,
        sealing: &SealingKey,
    ) -> Result<Option<ContentKey>, SealError> {
        let Some(mine) = self.each.iter().find(|one| one.recipient == me) else {
            return Ok(None);
        };
        let key = mine.open(compartment, self.check, sealing)?;
        if key.check(compartment) == self.check {
            Ok(Some(key))
        } else {
            Err(SealError::Unopened)
        }
    }

    /// The bytes to store.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::append_to(vec![SUITE]);
        writer.array(3).text(LABEL).bytes(&self.check.0);
        writer.array(self.each.len() as u64);
        for one in &self.each {
            writer
                .array(3)
                .bytes(&one.recipient.0)
                .bytes(&one.encapsulated)
                .bytes(&one.sealed);
        }
        writer.into_bytes()
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// Where they are not in the format.
    pub fn decode(stored: &[u8]) -> Result<Self, SealError> {
        match stored.split_first() {
            Some((&SUITE, rest)) => read(rest).map_err(|error| SealError::Format {
                reason: error.reason,
            }),
            _ => Err(SealError::Format {
                reason: "no envelopes",
            }),
        }
    }
}

fn read(bytes: &[u8]) -> Result<Envelopes, DecodeError> {
    let mut reader = Reader::new(bytes);
    reader.tuple(3)?;
    reader.label(LABEL)?;
    let check = KeyCheck(reader.fixed()?);
    let disorder = reader.error("envelopes that are not in ascending order");
    let mut each: Vec<Envelope> = Vec::new();
    for _ in 0..reader.array(MAX_RECIPIENTS)? {
        reader.tuple(3)?;
        let one = Envelope {
            recipient: PublicKey(reader.fixed()?),
            encapsulated: reader.fixed()?,
            sealed: reader.fixed()?,
        };
        if each
            .last()
            .is_some_and(|last| last.recipient >= one.recipient)
        {
            return Err(disorder);
        }
        each.push(one);
    }
    reader.finish()?;
    Ok(Envelopes { check, each })
}

impl Envelope {
    fn seal(
        key: &ContentKey,
        compartment: &Compartment,
        check: KeyCheck,
        recipient: PublicKey,
        public: &SealingPublic,
    ) -> Result<Self, SealError> {
        let info = info(compartment, &recipient);
        let (encapsulated, mut context) =
            hpke::setup_sender::<Aead, Kdf, Kem>(&OpModeS::Base, &public.key()?, &info)
                .map_err(|_| SealError::Recipient)?;
        let sealed = context
            .seal(key.secret(), &check.0)
            .map_err(|_| SealError::Recipient)?;
        Ok(Self {
            recipient,
            encapsulated: encapsulated.to_bytes().into(),
            sealed: sealed.try_into().map_err(|_| SealError::Recipient)?,
        })
    }

    fn open(
        &self,
        compartment: &Compartment,
        check: KeyCheck,
        sealing: &SealingKey,
    ) -> Result<ContentKey, SealError> {
        let encapsulated =
            Encapsulated::from_bytes(&self.encapsulated).map_err(|_| SealError::Unopened)?;
        let info = info(compartment, &self.recipient);
        let mut context = hpke::setup_receiver::<Aead, Kdf, Kem>(
            &OpModeR::Base,
            sealing.private(),
            &encapsulated,
            &info,
        )
        .map_err(|_| SealError::Unopened)?;
        let secret = context
            .open(&self.sealed, &check.0)
            .map(Zeroizing::new)
            .map_err(|_| SealError::Unopened)?;
        let secret: &[u8; 32] = secret
            .as_slice()
            .try_into()
            .map_err(|_| SealError::Unopened)?;
        Ok(ContentKey::new(secret))
    }
}

fn info(compartment: &Compartment, recipient: &PublicKey) -> Vec<u8> {
    let mut writer = compartment.bind("silsila/envelope/1", 1);
    writer.bytes(&recipient.0);
    writer.into_bytes()
}
